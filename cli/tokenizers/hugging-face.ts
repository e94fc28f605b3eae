/**
 * A `tokenizer.json` in Hugging Face's format → a Tokenizer, and back: the one place that knows @huggingface/tokenizers.
 *
 *   huggingFaceTokenizer(JSON.parse(text)).encode("Hello world") = [15496, 995]      (GPT-2's file)
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { RuntimeError } from "../../runtime/errors.js";
import type { SpecialName, Specials, Tokenizer } from "../../runtime/tokenizer.js";
import { specialNames } from "../../runtime/tokenizer.js";
import { words } from "./bpe-train.js";
import { findSpecials } from "./special-tokens.js";

/** What this file reads of a tokenizer.json; the rest is the library's. */
export interface TokenizerFile {
  readonly added_tokens: readonly AddedToken[];
  readonly model: { readonly type?: string };
  readonly normalizer?: object | null;
  readonly pre_tokenizer?: {
    readonly type?: string;
    readonly use_regex?: boolean;
    readonly add_prefix_space?: boolean;
  } | null;
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  /** Which special tokens it is. An addition to the format: other readers take no notice of it. */
  readonly roles?: readonly SpecialName[];
}

/** Larger vocabularies are no tokenizers. */
const largestId = 2 ** 24;
const wordsKept = 1 << 16;

const spelling: Readonly<Record<SpecialName, string>> = {
  unknown: "<unk>",
  bos: "<s>",
  eos: "</s>",
  mask: "<mask>",
};

/** `beside` are the files tokenizer_config.json and special_tokens_map.json, which say what the special tokens are. */
export function huggingFaceTokenizer(json: unknown, beside: readonly unknown[] = []): Tokenizer {
  const [file, library] = load(json);
  const size = library.model!.vocab.length;
  const specials = findSpecials(file, beside, (token) => library.token_to_id(token));
  return {
    type: file.model.type?.toLowerCase() ?? "tokenizer",
    size,
    specials,
    encode: encoder(library, file),
    decode: decoder(library, file, specials),
    withSpecials: (wanted) => withSpecials(file, library, specials, wanted),
    toJSON: () => withRoles(file, library, specials),
  };
}

// ---------------------------------------------------------------- reading

function load(json: unknown): readonly [TokenizerFile, Library] {
  const file = json as TokenizerFile;
  try {
    const library = new Library(file, {});
    check(file, library);
    return [file, library];
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("TFM6202", `It does not read as a \`tokenizer.json\`: ${why}.`, undefined, {
      cause,
    });
  }
}

/** What the library takes on trust. */
function check({ added_tokens, model }: TokenizerFile, library: Library): void {
  const refuse = (what: string): never => {
    throw new RuntimeError("TFM6202", what);
  };
  if (!["BPE", "WordPiece", "Unigram"].includes(model.type ?? "BPE"))
    refuse(`Its model is ${JSON.stringify(model.type)}; BPE, WordPiece and Unigram are known.`);
  for (const [token, id] of library.model!.tokens_to_ids)
    if (!Number.isInteger(id) || id < 0 || id >= largestId)
      refuse(`The token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}.`);
  const ids = new Set(added_tokens.map(({ id }) => id));
  if (ids.size !== added_tokens.length) refuse("Two added tokens have one id.");
}

// ---------------------------------------------------------------- text ↔ ids

type Encode = (text: string) => readonly (number | undefined)[];

/** The library's encoder; where words are encoded one by one, each is encoded once. */
function encoder(library: Library, file: TokenizerFile): (text: string) => Int32Array {
  const plain: Encode = (text) =>
    text === "" ? [] : library.encode(text, { add_special_tokens: false }).ids;
  const encode = isByteLevel(file) ? byWords(plain, file.added_tokens) : plain;
  return (text) => {
    const ids = encode(text);
    const lost = ids.indexOf(undefined);
    if (lost >= 0)
      throw new RuntimeError(
        "TFM6201",
        `The tokenizer has no token for a part of the text, after ${lost} tokens.`,
        "It has no token for what it does not know.",
      );
    return Int32Array.from(ids as readonly number[]);
  };
}

/** GPT-2's way and nothing before it: text is cut into words by one pattern, each word stands for itself. */
function isByteLevel({ normalizer, pre_tokenizer: cut, added_tokens }: TokenizerFile): boolean {
  const whole = added_tokens.every(({ lstrip, rstrip }) => !lstrip && !rstrip);
  return (
    !normalizer && cut?.type === "ByteLevel" && cut.use_regex !== false && !cut.add_prefix_space && whole
  );
}

function byWords(encode: Encode, added: readonly AddedToken[]): Encode {
  const kept = new Map<string, readonly (number | undefined)[]>();
  const ids = (word: string): readonly (number | undefined)[] => {
    const known = kept.get(word) ?? encode(word);
    if (kept.size < wordsKept) kept.set(word, known);
    return known;
  };
  const pieces = splitterOf(added);
  return (text) => {
    const result: (number | undefined)[] = [];
    for (const piece of pieces(text)) {
      if (typeof piece === "number") result.push(piece);
      else for (const [word] of piece.matchAll(words)) for (const id of ids(word)) result.push(id);
    }
    return result;
  };
}

/** Text → pieces without added tokens, and the ids of the added tokens between them; of several the longest. */
function splitterOf(added: readonly AddedToken[]): (text: string) => readonly (string | number)[] {
  if (added.length === 0) return (text) => [text];
  const idOf = new Map(added.map(({ content, id }) => [content, id]));
  const longestFirst = [...idOf.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${longestFirst.map(escaped).join("|")})`, "u");
  return (text) => text.split(pattern).map((piece, n) => (n % 2 === 1 ? idOf.get(piece)! : piece));
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function decoder(library: Library, file: TokenizerFile, { unknown }: Specials): Tokenizer["decode"] {
  const silent = new Set(file.added_tokens.filter(({ special }) => special).map(({ id }) => id));
  if (unknown !== undefined) silent.delete(unknown);
  return (given) => {
    const ids = Array.from(given);
    const stranger = ids.find((id) => library.id_to_token(id) === undefined);
    if (stranger !== undefined)
      throw new RuntimeError(
        "TFM6201",
        `${stranger} is no token of this tokenizer: its ids lie in [0, ${library.model!.vocab.length}).`,
      );
    const shown = ids.filter((id) => !silent.has(id));
    return shown.length === 0 ? "" : library.decode(shown, { clean_up_tokenization_spaces: false });
  };
}

// ---------------------------------------------------------------- special tokens

/** `unknown` is the model's own matter and is not added: what the model cannot spell it drops, or has bytes for. */
function withSpecials(
  file: TokenizerFile,
  library: Library,
  specials: Specials,
  wanted: readonly SpecialName[],
): Tokenizer {
  let next = library.model!.vocab.length;
  const added = specialNames
    .filter((name) => name !== "unknown" && wanted.includes(name) && specials[name] === undefined)
    .map((name) => [name, library.token_to_id(spelling[name]) ?? next++] as const);
  return huggingFaceTokenizer(withRoles(file, library, { ...specials, ...Object.fromEntries(added) }));
}

/** The file, with each special token's roles written beside it; those that were ordinary tokens, or none, are added. */
function withRoles(file: TokenizerFile, library: Library, specials: Specials): TokenizerFile {
  const rolesOf = (id: number): readonly SpecialName[] =>
    specialNames.filter((name) => specials[name] === id);
  const tokens = file.added_tokens.map((token) => {
    const roles = rolesOf(token.id);
    return roles.length > 0 ? { ...token, roles } : token;
  });
  const ids = new Set(tokens.map(({ id }) => id));
  const others = [...new Set(Object.values(specials))].filter((id) => !ids.has(id)).sort((a, b) => a - b);
  const added = others.map((id): AddedToken => {
    const roles = rolesOf(id);
    return {
      ...plainToken,
      id,
      content: library.id_to_token(id) ?? spelling[roles[0]!],
      special: true,
      roles,
    };
  });
  return { ...file, added_tokens: [...tokens, ...added] };
}

const plainToken = { single_word: false, lstrip: false, rstrip: false, normalized: false };
