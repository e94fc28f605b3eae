/**
 * Model ↔ its packed text: JSON in which a span is two numbers, as its file is the model's.
 *
 * ```
 * { file: "tfmc/library/layers.tfm", start: 84, end: 88 }   ↔   [84, 88]
 * ```
 * The library comes packed, since JSON is read in a fraction of the time that the grammar takes. Only what is `undefined` is lost.
 */
import type { Model, Span } from "./model.js";

/** `of`: the hash of the text that the model was read from; of another text it says nothing. */
export interface Packed {
  readonly of: string;
  readonly model: string;
}

export const packModel = (model: Model): string =>
  JSON.stringify(model, (_, value: unknown) => {
    if (!isSpan(value)) return value;
    if (value.file !== model.file) throw new Error(`internal: ${model.file} holds a place in ${value.file}`);
    return [value.start, value.end];
  });

export const unpackModel = (text: string, file: string): Model => unpacked(JSON.parse(text), file) as Model;

/** A Model holds no other pair of numbers, and no null: JSON writes that for what is left out of a list. */
function unpacked(value: unknown, file: string): unknown {
  if (value === null) return undefined;
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) {
    const [start, end] = value as readonly unknown[];
    if (value.length === 2 && typeof start === "number" && typeof end === "number")
      return { file, start, end };
    return value.map((item) => unpacked(item, file));
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpacked(item, file)]));
}

const isSpan = (value: unknown): value is Span =>
  typeof value === "object" &&
  value !== null &&
  "file" in value &&
  "start" in value &&
  "end" in value &&
  Object.keys(value).length === 3;
