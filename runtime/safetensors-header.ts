/**
 * The JSON header of a safetensors file → its entries. A parser for this one schema: it refuses the first byte that
 * does not belong, and sees duplicate keys, which JSON.parse hides.
 *
 *   {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}} → [{ name: "w", dtype: "F32", shape: [2], begin: 0, end: 8 }]
 */
import { listNames, RuntimeError } from "./errors.js";

/** Bytes of one element. */
export const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;
export type StoredType = keyof typeof elementBytes;

export interface HeaderEntry {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  /** Byte offsets in the data that follows the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface Cursor {
  readonly text: string;
  at: number;
}

export function readHeader(text: string): Header {
  const cursor: Cursor = { text, at: 0 };
  const entries: HeaderEntry[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  readObject(cursor, (name) => {
    if (name === "__metadata__") metadata = readMetadata(cursor);
    else entries.push(readEntry(cursor, name));
  });
  skipSpace(cursor);
  if (cursor.at < text.length) throw unexpected(cursor, "the end of the header");
  return { entries, metadata };
}

function readMetadata(cursor: Cursor): Readonly<Record<string, string>> {
  const pairs: [string, string][] = [];
  readObject(cursor, (key) => {
    pairs.push([key, readString(cursor)]);
  });
  return Object.fromEntries(pairs);
}

function readEntry(cursor: Cursor, name: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: readonly number[] | undefined;
  let offsets: readonly number[] | undefined;
  readObject(cursor, (key) => {
    if (key === "dtype") dtype = readString(cursor);
    else if (key === "shape") shape = readIntegers(cursor);
    else if (key === "data_offsets") offsets = readIntegers(cursor);
    else throw bad(`Tensor \`${name}\` has the unknown field \`${key}\`.`);
  });
  if (dtype === undefined || !shape || !offsets)
    throw bad(`Tensor \`${name}\` lacks one of \`dtype\`, \`shape\`, \`data_offsets\`.`);
  return checkEntry(name, dtype, shape, offsets);
}

function checkEntry(
  name: string,
  dtype: string,
  shape: readonly number[],
  offsets: readonly number[],
): HeaderEntry {
  if (!Object.hasOwn(elementBytes, dtype))
    throw bad(
      `Tensor \`${name}\` has the unknown type \`${dtype}\`; known are ${listNames(Object.keys(elementBytes), 99)}.`,
    );
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2 || begin > end)
    throw bad(`Tensor \`${name}\` has \`data_offsets\` [${offsets.join(", ")}]; two rising numbers are due.`);
  const stored = dtype as StoredType;
  const bytes = byteCount(name, shape, elementBytes[stored]);
  if (bytes !== end - begin)
    throw bad(
      `Tensor \`${name}\` of ${dtype} [${shape.join(", ")}] has ${end - begin} bytes; ${bytes} are due.`,
    );
  return { name, dtype: stored, shape, begin, end };
}

function byteCount(name: string, shape: readonly number[], element: number): number {
  let bytes = element;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) throw bad(`The size of tensor \`${name}\` overflows.`);
  }
  return bytes;
}

// ---- JSON, as far as a header needs it

const bad = (message: string): RuntimeError => new RuntimeError("TFM6101", message);

function unexpected({ text, at }: Cursor, wanted: string): RuntimeError {
  const found = at < text.length ? JSON.stringify(text[at]) : "its end";
  return bad(`The header has ${found} at character ${at} where ${wanted} is due.`);
}

const space = /[ \t\r\n]*/y;
function skipSpace(cursor: Cursor): void {
  space.lastIndex = cursor.at;
  space.test(cursor.text);
  cursor.at = space.lastIndex;
}

/** Steps over `token` where it comes next. */
function take(cursor: Cursor, token: string): boolean {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== token) return false;
  cursor.at++;
  return true;
}

function expect(cursor: Cursor, token: string): void {
  if (!take(cursor, token)) throw unexpected(cursor, `\`${token}\``);
}

function readObject(cursor: Cursor, field: (key: string) => void): void {
  expect(cursor, "{");
  const seen = new Set<string>();
  if (take(cursor, "}")) return;
  do {
    const key = readString(cursor);
    if (seen.has(key)) throw bad(`The header names \`${key}\` twice.`);
    seen.add(key);
    expect(cursor, ":");
    field(key);
  } while (take(cursor, ","));
  expect(cursor, "}");
}

/** Plain characters, or a backslash and what it escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
function readString(cursor: Cursor): string {
  skipSpace(cursor);
  const end = stringEnd(cursor);
  string.lastIndex = 0;
  const token = cursor.text.slice(cursor.at, end);
  if (!string.test(token) || string.lastIndex !== token.length) throw unexpected(cursor, "a string");
  cursor.at = end;
  return JSON.parse(token) as string;
}

/** Names and values are short: a longer string is refused before anything is matched against it. */
const maxString = 1 << 16;
function stringEnd({ text, at }: Cursor): number {
  let end = at + 1;
  while (end < text.length && end - at < maxString && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

const integer = /0|[1-9][0-9]{0,15}/y;
function readInteger(cursor: Cursor): number {
  skipSpace(cursor);
  integer.lastIndex = cursor.at;
  const [digits] = integer.exec(cursor.text) ?? [];
  const value = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(value)) throw unexpected(cursor, "a size");
  cursor.at += digits.length;
  return value;
}

function readIntegers(cursor: Cursor): readonly number[] {
  const values: number[] = [];
  expect(cursor, "[");
  if (take(cursor, "]")) return values;
  do values.push(readInteger(cursor));
  while (take(cursor, ","));
  expect(cursor, "]");
  return values;
}
