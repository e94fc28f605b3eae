/**
 * Text ↔ token ids. Two tokenizers that need no training: the bytes of UTF-8, and the characters of a text.
 *
 *   characterTokenizer("hello").encode("hole") = [1, 3, 2, 0]      (its characters in order: e h l o)
 */
import { RuntimeError } from "./errors.js";

/** Tokens that stand for no text: where a sequence begins and ends, what is to be guessed, what is not known. */
export const specialNames = ["unknown", "bos", "eos", "mask"] as const;
export type SpecialName = (typeof specialNames)[number];
export type Specials = Readonly<Partial<Record<SpecialName, number>>>;

/** What `tokenizer.json` of a run folder holds for the two tokenizers of this file. */
export type TokenizerJson =
  | { readonly type: "bytes"; readonly specials?: Specials }
  | {
      readonly type: "characters";
      /** Character n has id n. */
      readonly characters: readonly string[];
      /** The id of every other character, or null: then encoding one is an error. */
      readonly unknown: number | null;
      readonly specials?: Specials;
    };

export interface Tokenizer {
  readonly type: string;
  /** Ids are below it, those of special tokens too: the model's vocabulary is at least so large. */
  readonly size: number;
  /** The ids of the special tokens that it has. */
  readonly specials: Specials;
  /** Special tokens are never among the ids of a text, `unknown` apart, unless the tokenizer's own file gives them a spelling. */
  encode(text: string): Int32Array;
  /** Special tokens give no text, `unknown` gives U+FFFD; ids that begin or end inside a character give U+FFFD there. */
  decode(ids: Iterable<number>): string;
  /** The same ids, and after them one for each wanted special token that is not there yet. */
  withSpecials(wanted: readonly SpecialName[]): Tokenizer;
  /** What its file holds. */
  toJSON(): object;
}

export interface TokenizerOptions {
  readonly specials?: readonly SpecialName[] | undefined;
}

/** Ids 0…255 are the bytes of UTF-8; special tokens follow. Every text can be encoded, so there is no `unknown`. */
export const byteTokenizer = ({ specials = [] }: TokenizerOptions = {}): Tokenizer =>
  bytesFrom(extended({}, 256, withoutUnknown(specials)));

/** Ids are the code points of `text` in order; with `unknown`, one more id stands for every other one. */
export function characterTokenizer(
  text: string,
  { unknown = false, specials = [] }: TokenizerOptions & { readonly unknown?: boolean | undefined } = {},
): Tokenizer {
  const sorted = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const wanted = unknown ? [...specials, "unknown" as const] : specials;
  return charactersFrom(sorted, extended({}, sorted.length, wanted));
}

const withoutUnknown = (names: readonly SpecialName[]): readonly SpecialName[] =>
  names.filter((name) => name !== "unknown");

/** The wanted that are missing get the next free ids, in one order however they were asked for. */
function extended(specials: Specials, ordinary: number, wanted: readonly SpecialName[]): Specials {
  const missing = specialNames.filter((name) => wanted.includes(name) && specials[name] === undefined);
  const free = ordinary + Object.keys(specials).length;
  return { ...specials, ...Object.fromEntries(missing.map((name, n) => [name, free + n])) };
}

function bytesFrom(specials: Specials): Tokenizer {
  const size = 256 + Object.keys(specials).length;
  const bytesOf = (ids: Iterable<number>): Uint8Array =>
    Uint8Array.from(Array.from(ids, (id) => checkId(id, size)).filter((id) => id < 256));
  return {
    type: "bytes",
    size,
    specials,
    encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
    decode: (ids) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(ids)),
    withSpecials: (wanted) => bytesFrom(extended(specials, 256, withoutUnknown(wanted))),
    toJSON: (): TokenizerJson => ({ type: "bytes", ...written(specials) }),
  };
}

function charactersFrom(characters: readonly string[], specials: Specials): Tokenizer {
  const ids = new Map(characters.map((character, id) => [character, id]));
  const size = characters.length + Object.keys(specials).length;
  const { unknown, ...others } = specials;
  const idOf = (character: string, position: number): number => {
    const id = ids.get(character) ?? unknown;
    if (id !== undefined) return id;
    throw new RuntimeError(
      "TFM6201",
      `The tokenizer has no character ${JSON.stringify(character)} (position ${position}).`,
      "Train on a text that has it, or use the bytes tokenizer.",
    );
  };
  const characterOf = (id: number): string =>
    characters[checkId(id, size)] ?? (id === unknown ? "\ufffd" : "");
  return {
    type: "characters",
    size,
    specials,
    encode: (text) => Int32Array.from([...text], idOf),
    decode: (given) => Array.from(given, characterOf).join(""),
    withSpecials: (wanted) => charactersFrom(characters, extended(specials, characters.length, wanted)),
    toJSON: (): TokenizerJson => ({
      type: "characters",
      characters,
      unknown: unknown ?? null,
      ...written(others),
    }),
  };
}

/** Files of tokenizers without special tokens look as they did before there were any. */
const written = (specials: Specials): { readonly specials?: Specials } =>
  Object.keys(specials).length === 0 ? {} : { specials };

function checkId(id: number, size: number): number {
  if (Number.isInteger(id) && id >= 0 && id < size) return id;
  throw new RuntimeError("TFM6201", `${id} is no token of this tokenizer: its ids lie in [0, ${size}).`);
}

// ---------------------------------------------------------------- from a file

/** The inverse of `toJSON` of the two tokenizers above; anything else is an error. */
export function tokenizerFromJson(json: unknown): Tokenizer {
  const { type, characters, unknown, specials = {} } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (type === "bytes") return bytesFrom(checkSpecials(specials, 256, ["bos", "eos", "mask"]));
  if (type !== "characters")
    throw invalid(`\`type\` is ${JSON.stringify(type) ?? "missing"}.`, "Known: bytes, characters.");
  if (!Array.isArray(characters) || !characters.every(isCharacter))
    throw invalid("`characters` is not a list of single characters.");
  if (new Set(characters).size !== characters.length) throw invalid("`characters` names a character twice.");
  if (unknown !== null && typeof unknown !== "number")
    throw invalid("`unknown` is neither null nor an id after those of the characters.");
  const all = { ...(isRecord(specials) && specials), ...(unknown !== null && { unknown }) };
  if (!isRecord(specials) || "unknown" in specials) throw invalid("`specials` is not ids by name.");
  return charactersFrom(characters as string[], checkSpecials(all, characters.length, specialNames));
}

const invalid = (what: string, hint?: string): RuntimeError => new RuntimeError("TFM6202", what, hint);
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Special tokens have the ids right after the ordinary ones, each another. */
function checkSpecials(specials: unknown, ordinary: number, known: readonly SpecialName[]): Specials {
  if (!isRecord(specials)) throw invalid("`specials` is not ids by name.");
  for (const name of Object.keys(specials))
    if (!known.includes(name as SpecialName))
      throw invalid(`\`specials\` has no token \`${name}\`.`, `Known: ${known.join(", ")}.`);
  const ids = (Object.values(specials) as number[]).sort((a, b) => a - b);
  if (!ids.every((id, n) => id === ordinary + n))
    throw invalid(
      `\`unknown\` and \`specials\` are ${ids.join(", ")}: they are the first free ids, from ${ordinary} on.`,
    );
  return specials as Specials;
}

const isCharacter = (value: unknown): boolean => typeof value === "string" && [...value].length === 1;
