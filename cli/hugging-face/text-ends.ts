/**
 * What an imported folder says of the tokens around a text → its tokenizer with them.
 *
 * ```
 * config.json "eos_token_id": 2                     specials.eos = 2
 * config.json "decoder_start_token_id": 0           specials.bos = 0, where a target is begun
 * tokenizer.json, template "<s> $A"                 encode("a") = [1, …]
 * ```
 */
import { join } from "node:path";
import type { Specials, Tokenizer } from "../../runtime/tokenizer.js";
import { exists, limits, readText } from "../files.js";

type Json = Readonly<Record<string, unknown>>;

const property = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Json)[key] : undefined;

function readJson(path: string): unknown {
  if (!exists(path)) return undefined;
  try {
    return JSON.parse(readText(path, limits.text)) as unknown;
  } catch {
    return undefined;
  }
}

/** `pairs`: a source and a target. */
export function withEnds(
  tokenizer: Tokenizer,
  folder: string,
  { pairs }: { readonly pairs: boolean },
): Tokenizer {
  const configs = ["generation_config.json", "config.json"].map((name) => readJson(join(folder, name)));
  const id = (key: string): number | undefined =>
    configs
      .map((config) => firstId(property(config, key)))
      .find((one) => one !== undefined && one < tokenizer.size);
  const eos = id("eos_token_id");
  const start = pairs ? id("decoder_start_token_id") : undefined;
  const specials: Specials = {
    ...tokenizer.specials,
    ...(eos !== undefined && { eos }),
    ...(start !== undefined && { bos: start }),
  };
  const opening = pairs ? [] : openingOf(readJson(join(folder, "tokenizer.json")));
  return { ...tokenizer, specials, ...(opening.length > 0 && { encode: joined(opening, tokenizer) }) };
}

/** Several ids end a text as well as the first: only that one is known here. */
const firstId = (value: unknown): number | undefined => {
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === "number" && Number.isInteger(one) && one >= 0 ? one : undefined;
};

const joined =
  (opening: readonly number[], tokenizer: Tokenizer): Tokenizer["encode"] =>
  (text) => {
    const ids = tokenizer.encode(text);
    const all = new Int32Array(opening.length + ids.length);
    all.set(opening);
    all.set(ids, opening.length);
    return all;
  };

/** The ids that the template puts before a text. */
function openingOf(json: unknown): readonly number[] {
  const processor = property(json, "post_processor");
  const inner = property(processor, "processors");
  const template = [processor, ...(Array.isArray(inner) ? inner : [])].find(
    (one) => property(one, "type") === "TemplateProcessing",
  );
  const single = property(template, "single");
  const tokens = property(template, "special_tokens");
  const ids: number[] = [];
  for (const piece of Array.isArray(single) ? single : []) {
    const name = property(property(piece, "SpecialToken"), "id");
    if (typeof name !== "string") break;
    const found = property(property(tokens, name), "ids");
    if (Array.isArray(found)) ids.push(...found.filter((id) => Number.isInteger(id)));
  }
  return ids;
}
