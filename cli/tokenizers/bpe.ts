/**
 * Texts → a tokenizer of our own: byte-level BPE, as a `tokenizer.json` in Hugging Face's format.
 *
 *   trainBpe(["low lower lowest"], 300, ["bos", "eos"]).encode("low") = [257]
 */
import type { SpecialName, Tokenizer } from "../../runtime/tokenizer.js";
import type { Merge } from "./bpe-train.js";
import { alphabet, spellings, trainMerges } from "./bpe-train.js";
import { huggingFaceTokenizer } from "./hugging-face.js";

/** At most `size` ids, the special tokens among them; fewer where the texts give no more merges. */
export function trainBpe(
  texts: Iterable<string>,
  size: number,
  wanted: readonly SpecialName[] = [],
): Tokenizer {
  const specials = wanted.filter((name) => name !== "unknown"); // bytes spell everything
  const merges = trainMerges(texts, size - alphabet.length - new Set(specials).size);
  return huggingFaceTokenizer(fileOf(merges)).withSpecials(specials);
}

/** The smallest `size` that leaves room for every byte. */
export const smallestBpe = (wanted: readonly SpecialName[]): number =>
  alphabet.length + new Set(wanted.filter((name) => name !== "unknown")).size;

function fileOf(merges: readonly Merge[]): object {
  const tokens = spellings(merges);
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      // Not by assignment: a text may hold "__proto__".
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => [tokens[left], tokens[right]]),
    },
  };
}
