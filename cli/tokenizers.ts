/**
 * `--tokenizer` → a Tokenizer, and a run's tokenizer.json → the same one.
 *
 * ```
 * bytes | chars | chars:unknown | bpe:4000 | a tokenizer.json | a folder that has one
 * ```
 */
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { RuntimeError } from "../runtime/errors.js";
import type { SpecialName, Tokenizer } from "../runtime/tokenizer.js";
import { byteTokenizer, characterTokenizer, tokenizerFromJson } from "../runtime/tokenizer.js";
import { closest } from "./closest.js";
import { fail } from "./failure.js";
import { exists, isFolder, limits, readText } from "./files.js";
import { messageOf } from "./runtime-failure.js";
import { smallestBpe, trainBpe } from "./tokenizers/bpe.js";
import { huggingFaceTokenizer } from "./tokenizers/hugging-face.js";

/** Ids of a vocabulary that a text can still fill. */
const largestBpe = 1_000_000;
const choices = "bytes, chars, chars:unknown, bpe:N (such as bpe:4000), or the path of a tokenizer.json";

/** The option's text, where it can name a tokenizer. */
export function tokenizerChoice(text: string): string {
  if (["bytes", "chars", "chars:unknown"].includes(text) || isPath(text)) return text;
  const [, size] = /^bpe:(.*)$/.exec(text) ?? [];
  if (size !== undefined && /^\d+$/.test(size) && Number(size) <= largestBpe) return text;
  if (size !== undefined || text === "bpe")
    throw new InvalidArgumentError("After `bpe:` stands the number of tokens, such as `bpe:4000`.");
  const near = closest(text, ["bytes", "chars", "bpe:4000"]);
  throw new InvalidArgumentError(`It is one of ${choices}. There is no file \`${text}\`; is it \`${near}\`?`);
}

const isPath = (text: string): boolean => exists(text) || /[/\\]|\.json$/.test(text);

/** Texts are read where the tokenizer is made of them; special tokens that are wanted and missing come after all other ids. */
export function openTokenizer(
  choice: string,
  texts: Iterable<string>,
  wanted: readonly SpecialName[] = [],
): Tokenizer {
  if (choice === "bytes") return byteTokenizer({ specials: wanted });
  if (choice === "chars") return characterTokenizer([...texts].join(""), { specials: wanted });
  if (choice === "chars:unknown")
    return characterTokenizer([...texts].join(""), { specials: wanted, unknown: true });
  if (choice.startsWith("bpe:")) return trainBpe(texts, bpeSize(choice, wanted), wanted);
  return readTokenizer(choice).withSpecials(wanted);
}

function bpeSize(choice: string, wanted: readonly SpecialName[]): number {
  const [size, least] = [Number(choice.slice("bpe:".length)), smallestBpe(wanted)];
  if (!Number.isInteger(size) || size < least || size > largestBpe)
    fail(
      "usage",
      `\`--tokenizer ${choice}\` is not a number of tokens from ${least} to ${largestBpe}`,
      `every byte is a token, and so ${wanted.length > 0 ? `are ${wanted.join(", ")}` : "256 are the least"}`,
    );
  return size;
}

function readTokenizer(path: string): Tokenizer {
  const folder = isFolder(path) ? path : join(path, "..");
  const file = isFolder(path) ? join(path, "tokenizer.json") : path;
  return parseTokenizer(readText(file, limits.text), file, filesBeside(folder));
}

/** What the files beside a tokenizer.json say. */
export const filesBeside = (folder: string): readonly unknown[] =>
  ["tokenizer_config.json", "special_tokens_map.json"]
    .map((name) => join(folder, name))
    .filter(exists)
    .map((name) => parseJson(readText(name, limits.text), name));

/** What a tokenizer.json says, in our form or in Hugging Face's; `name` is the file in messages. */
export function parseTokenizer(
  text: string,
  name = "tokenizer.json",
  beside: readonly unknown[] = [],
): Tokenizer {
  const json = parseJson(text, name);
  const isOther = typeof json === "object" && json !== null && "model" in json;
  try {
    return isOther ? huggingFaceTokenizer(json, beside) : tokenizerFromJson(json);
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "TFM6202") throw error;
    throw new RuntimeError("TFM6202", `\`${name}\`: ${messageOf(error)}`, error.hint, { cause: error });
  }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RuntimeError("TFM6202", `\`${name}\` is not JSON.`, undefined, { cause });
  }
}
