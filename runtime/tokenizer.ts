/**
 * Text ↔ token ids. Two tokenizers that need no training: the bytes of UTF-8, and the characters of a text.
 *
 *   characterTokenizer("hello").encode("hole") = [1, 3, 2, 0]      (its characters in order: e h l o)
 */
import { RuntimeError } from "./errors.js";

/** What `tokenizer.json` of a run folder holds. */
export type TokenizerJson =
  | { readonly type: "bytes" }
  | {
      readonly type: "characters";
      /** Character n has id n. */
      readonly characters: readonly string[];
      /** The id of every other character, or null: then encoding one is an error. */
      readonly unknown: number | null;
    };

export interface Tokenizer {
  readonly type: string;
  /** Ids are below it: the model's vocabulary is at least so large. */
  readonly size: number;
  encode(text: string): Int32Array;
  /** Ids that begin or end inside a character decode to U+FFFD there. */
  decode(ids: Iterable<number>): string;
  toJSON(): TokenizerJson;
}

/** Ids 0…255 are the bytes of UTF-8. */
export function byteTokenizer(): Tokenizer {
  return {
    type: "bytes",
    size: 256,
    encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
    decode: (ids) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids, (id) => checkId(id, 256))),
    toJSON: () => ({ type: "bytes" }),
  };
}

/** Ids are the code points of `text` in order; with `unknown`, one more id stands for every other one. */
export function characterTokenizer(text: string, options: { readonly unknown?: boolean } = {}): Tokenizer {
  const sorted = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  return charactersFrom(sorted, options.unknown ? sorted.length : null);
}

function charactersFrom(characters: readonly string[], unknown: number | null): Tokenizer {
  const ids = new Map(characters.map((character, id) => [character, id]));
  const size = characters.length + (unknown === null ? 0 : 1);
  const idOf = (character: string, position: number): number => {
    const id = ids.get(character) ?? unknown;
    if (id !== null) return id;
    throw new RuntimeError(
      "TFM6201",
      `The tokenizer has no character ${JSON.stringify(character)} (position ${position}).`,
      "Train on a text that has it, or use the bytes tokenizer.",
    );
  };
  return {
    type: "characters",
    size,
    encode: (text) => Int32Array.from([...text], idOf),
    decode: (given) => Array.from(given, (id) => characters[checkId(id, size)] ?? "\ufffd").join(""),
    toJSON: () => ({ type: "characters", characters, unknown }),
  };
}

function checkId(id: number, size: number): number {
  if (Number.isInteger(id) && id >= 0 && id < size) return id;
  throw new RuntimeError("TFM6201", `${id} is no token of this tokenizer: its ids lie in [0, ${size}).`);
}

/** The inverse of `toJSON`; anything else is an error. */
export function tokenizerFromJson(json: unknown): Tokenizer {
  const { type, characters, unknown } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (type === "bytes") return byteTokenizer();
  if (type !== "characters")
    throw new RuntimeError(
      "TFM6202",
      `\`type\` is ${JSON.stringify(type) ?? "missing"}.`,
      "Known: bytes, characters.",
    );
  if (!Array.isArray(characters) || !characters.every(isCharacter))
    throw new RuntimeError("TFM6202", "`characters` is not a list of single characters.");
  if (new Set(characters).size !== characters.length)
    throw new RuntimeError("TFM6202", "`characters` names a character twice.");
  if (unknown !== null && unknown !== characters.length)
    throw new RuntimeError("TFM6202", `\`unknown\` is null or ${characters.length}, the first free id.`);
  return charactersFrom(characters as string[], unknown);
}

const isCharacter = (value: unknown): boolean => typeof value === "string" && [...value].length === 1;
