/**
 * A tokenizer.json and the files beside it → which ids are bos, eos, mask and unknown.
 *
 * First what tfmc wrote into the file itself, then tokenizer_config.json and special_tokens_map.json, then the names
 * that are customary.
 */
import type { SpecialName, Specials } from "../../runtime/tokenizer.js";
import { specialNames } from "../../runtime/tokenizer.js";
import type { AddedToken, TokenizerFile } from "./hugging-face.js";

/** In the files beside a tokenizer.json: a spelling, or an object that has it as `content`. */
const keys: Readonly<Record<SpecialName, string>> = {
  unknown: "unk_token",
  bos: "bos_token",
  eos: "eos_token",
  mask: "mask_token",
};

/** Earlier ones come first where a file has several. T5 and Marian begin a translation with `<pad>`. */
const customary: Readonly<Record<SpecialName, readonly string[]>> = {
  unknown: ["<unk>", "[UNK]"],
  bos: [
    "<s>",
    "<bos>",
    "[BOS]",
    "<|begin_of_text|>",
    "<|startoftext|>",
    "[CLS]",
    "<cls>",
    "<|endoftext|>",
    "<pad>",
  ],
  eos: ["</s>", "<eos>", "[EOS]", "<|end_of_text|>", "<|endoftext|>", "[SEP]", "<sep>"],
  mask: ["<mask>", "[MASK]"],
};

type IdOf = (token: string) => number | undefined;

export function findSpecials(file: TokenizerFile, beside: readonly unknown[], idOf: IdOf): Specials {
  const own = rolesOf(file.added_tokens);
  if (Object.keys(own).length > 0) return own;
  const found = specialNames.flatMap((name) => {
    const id = said(beside, name, idOf) ?? usual(file, name);
    return id === undefined ? [] : [[name, id] as const];
  });
  const specials = Object.fromEntries(found) as Specials;
  // GPT-2 names one token for everything; what it cannot spell, it has bytes for.
  const { unknown, ...others } = specials;
  return unknown !== undefined && Object.values(others).includes(unknown) ? others : specials;
}

const rolesOf = (tokens: readonly AddedToken[]): Specials =>
  Object.fromEntries(tokens.flatMap(({ id, roles }) => (roles ?? []).map((role) => [role, id])));

function said(beside: readonly unknown[], name: SpecialName, idOf: IdOf): number | undefined {
  for (const file of beside) {
    const value = property(file, keys[name]);
    const token = typeof value === "string" ? value : property(value, "content");
    const id = typeof token === "string" ? idOf(token) : undefined;
    if (id !== undefined) return id;
  }
  return undefined;
}

const property = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;

const usual = ({ added_tokens }: TokenizerFile, name: SpecialName): number | undefined =>
  customary[name]
    .map((content) => added_tokens.find((token) => token.content === content)?.id)
    .find((id) => id !== undefined);
