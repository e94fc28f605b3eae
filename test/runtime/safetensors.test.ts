import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RuntimeError } from "../../runtime/errors.js";
import type { StoredType, TensorToWrite } from "../../runtime/index.js";
import {
  bfloatToNumber,
  halfToNumber,
  readSafetensors,
  toFloat32,
  toInt32,
  writeSafetensors,
} from "../../runtime/safetensors.js";
import { elementBytes } from "../../runtime/safetensors-header.js";

/** A file with this header text (padded to 8) and so many bytes of data. */
function fileOf(header: string | Uint8Array, data: Uint8Array | number = 0): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes, 8 + text.length);
  return file;
}

function refusal(file: Uint8Array): string {
  try {
    readSafetensors(file);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "TFM6101") return error.message;
    throw error;
  }
  throw new Error("the file was accepted");
}

const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offsets}]}`;

describe("hostile headers", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(0), /0 bytes/],
    ["seven bytes", new Uint8Array(7), /7 bytes/],
    [
      "a header length past 100 MB",
      Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 123),
      /at most 100000000/,
    ],
    ["a header longer than the file", Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0, 123, 125), /claims 100 bytes/],
    ["a header of nothing", fileOf(""), /begin with `{`/],
    ["a header that begins with a space", fileOf(" {}"), /begin with `{`/],
    ["a byte order mark", fileOf("\ufeff{}"), /begin with `{`/],
    ["bytes that are no UTF-8", fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /UTF-8/],
    ["an array", fileOf("[]"), /begin with `{`/],
    ["a header cut short", fileOf('{"w":'), /its end/],
    ["text after the object", fileOf("{} {}"), /the end of the header/],
    ["zero bytes as padding", fileOf("{}\0\0"), /the end of the header/],
    ["a trailing comma", fileOf("{,}"), /a string/],
    [
      "one tensor twice",
      fileOf(`{"w":${entry("F32", "1", "0,4")},"w":${entry("F32", "1", "4,8")}}`, 8),
      /`w` twice/,
    ],
    [
      "one tensor twice, once escaped",
      fileOf(`{"w":${entry("U8", "", "0,1")},"\\u0077":${entry("U8", "", "1,2")}}`, 2),
      /twice/,
    ],
    ["one field twice", fileOf('{"w":{"dtype":"F32","dtype":"F32"}}'), /`dtype` twice/],
    ["metadata twice", fileOf('{"__metadata__":{},"__metadata__":{}}'), /twice/],
    ["metadata that is a number", fileOf('{"__metadata__":{"a":1}}'), /a string/],
    ["nested metadata", fileOf('{"__metadata__":{"a":{}}}'), /a string/],
    ["an unknown field", fileOf('{"w":{"dtype":"F32","color":[]}}'), /unknown field `color`/],
    ["a missing field", fileOf('{"w":{"dtype":"F32","shape":[]}}'), /lacks one of/],
    ["an unknown type", fileOf(`{"w":${entry("F31", "1", "0,4")}}`, 4), /unknown type `F31`/],
    ["a type of Object's", fileOf(`{"w":${entry("constructor", "1", "0,4")}}`, 4), /unknown type/],
    ["a negative size", fileOf(`{"w":${entry("F32", "-1", "0,4")}}`, 4), /a size/],
    ["a fraction", fileOf(`{"w":${entry("F32", "1.5", "0,4")}}`, 4), /"\."/],
    ["an exponent", fileOf(`{"w":${entry("F32", "1e3", "0,4")}}`, 4), /"e"/],
    ["a leading zero", fileOf(`{"w":${entry("F32", "01", "0,4")}}`, 4), /"1"/],
    ["a size past 2⁵³", fileOf(`{"w":${entry("F32", "9007199254740993", "0,4")}}`, 4), /a size/],
    ["sizes that overflow", fileOf(`{"w":${entry("F32", "4294967296,4294967296", "0,0")}}`), /overflows/],
    [
      "sizes that overflow before a zero",
      fileOf(`{"w":${entry("F32", "4294967296,4294967296,0", "0,0")}}`),
      /overflows/,
    ],
    ["three offsets", fileOf(`{"w":${entry("F32", "1", "0,4,8")}}`, 4), /two rising/],
    ["falling offsets", fileOf(`{"w":${entry("F32", "1", "4,0")}}`, 4), /two rising/],
    ["a shape of other size", fileOf(`{"w":${entry("F32", "2", "0,4")}}`, 4), /has 4 bytes; 8 are due/],
    ["a hole at the start", fileOf(`{"w":${entry("F32", "1", "4,8")}}`, 8), /begins at byte 4/],
    [
      "a hole between",
      fileOf(`{"a":${entry("U8", "1", "0,1")},"b":${entry("U8", "1", "2,3")}}`, 3),
      /`b` begins at byte 2/,
    ],
    [
      "an overlap",
      fileOf(`{"a":${entry("U8", "2", "0,2")},"b":${entry("U8", "2", "1,3")}}`, 3),
      /`b` begins at byte 1/,
    ],
    ["bytes after the last tensor", fileOf(`{"a":${entry("U8", "1", "0,1")}}`, 2), /the file has 2/],
    ["data that ends early", fileOf(`{"a":${entry("U8", "4", "0,4")}}`, 3), /take 4 bytes/],
    ["an endless string", fileOf(`{"${"a".repeat(100_000)}`), /a string/],
    ["deep nesting", fileOf(`{"w":${"[".repeat(1_000_000)}`), /`{`/],
  ])("%s", (_, file, message) => {
    expect(refusal(file)).toMatch(message);
  });

  test("what the format allows is read", () => {
    const header = `{ "__metadata__" : {"__proto__":"x"},\n"b":${entry("F32", "", "0,4")}, "e":${entry("F32", "0,7", "4,4")} }   `;
    const { tensors, metadata } = readSafetensors(fileOf(header, 4));
    expect([...tensors.keys()]).toEqual(["b", "e"]);
    expect(tensors.get("b")!.shape).toEqual([]);
    expect(tensors.get("e")!.bytes.length).toBe(0);
    expect(Object.entries(metadata)).toEqual([["__proto__", "x"]]);
    expect(readSafetensors(fileOf("{}")).tensors.size).toBe(0);
  });
});

/** JSON as the standard parser sees it: what we accept, it accepts, and both see the same. */
function agreesWithJson(file: Uint8Array): boolean {
  try {
    const { tensors, metadata } = readSafetensors(file);
    const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
    const json = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, never>;
    const { __metadata__ = {}, ...entries } = json as Record<string, { dtype: string; shape: number[] }>;
    expect(Object.keys(entries).sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { dtype, shape }] of Object.entries(entries)) {
      expect([tensors.get(name)!.dtype, tensors.get(name)!.shape]).toEqual([dtype, shape]);
    }
    expect(metadata).toEqual(__metadata__);
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "TFM6101") return false;
    throw error;
  }
}

test("mutated files are read as JSON would be, or refused: never anything else", () => {
  const seeds = [
    fileOf(
      `{"__metadata__":{"format":"pt"},"a":${entry("F32", "2,1", "0,8")},"b":${entry("BOOL", "3", "8,11")}}`,
      11,
    ),
    fileOf(`{"x\\n\\u00e9":${entry("I64", "", "0,8")}}  `, 8),
    fileOf("{}"),
  ];
  const alphabet = [...'{}[]",:\\ 0123456789-.eEntu\0\u007f']
    .map((c) => c.charCodeAt(0))
    .concat([0x80, 0xff]);
  const edit = fc.record({
    kind: fc.constantFrom("set", "insert", "remove", "copy"),
    at: fc.nat(400),
    byte: fc.constantFrom(...alphabet),
    count: fc.integer({ min: 1, max: 12 }),
  });
  let accepted = 0;
  let tried = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 3 }), (seed, edits) => {
      const bytes = [...seed];
      for (const { kind, at: raw, byte, count } of edits) {
        const at = raw % (bytes.length + 1);
        if (kind === "set") bytes[at % bytes.length] = byte;
        if (kind === "insert") bytes.splice(at, 0, byte);
        if (kind === "remove") bytes.splice(at, count);
        if (kind === "copy") bytes.splice(at, 0, ...bytes.slice(at, at + count));
        if (bytes.length < 1) bytes.push(byte);
      }
      tried++;
      if (agreesWithJson(Uint8Array.from(bytes))) accepted++;
    }),
    { numRuns: 100_000, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
  );
  expect(accepted).toBeGreaterThan(tried / 1000); // the mutations are not all trivially broken
});

describe("values", () => {
  const stored = (dtype: StoredType, bytes: Uint8Array) => ({
    dtype,
    shape: [bytes.length / elementBytes[dtype]],
    bytes,
  });
  const raw = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

  test("every type that converts does so exactly", () => {
    expect([
      ...toFloat32(stored("F16", raw(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000)))),
    ]).toEqual([1, -2, 2 ** -24, 65504, -0]);
    expect([...toFloat32(stored("BF16", raw(Uint16Array.of(0x3f80, 0xff80, 0x4049))))]).toEqual([
      1,
      Number.NEGATIVE_INFINITY,
      3.140625,
    ]);
    expect([...toFloat32(stored("F64", raw(Float64Array.of(0.1, -3))))]).toEqual([Math.fround(0.1), -3]);
    expect([...toInt32(stored("I64", raw(BigInt64Array.of(-5n, 2n ** 31n - 1n))))]).toEqual([
      -5,
      2 ** 31 - 1,
    ]);
    expect([...toInt32(stored("U8", Uint8Array.of(0, 255)))]).toEqual([0, 255]);
    expect([...toInt32(stored("BOOL", Uint8Array.of(0, 1)))]).toEqual([0, 1]);
    expect([...toFloat32(stored("I32", raw(Int32Array.of(-7))))]).toEqual([-7]);
    expect([...toFloat32(stored("I16", raw(Int16Array.of(-7, 300))))]).toEqual([-7, 300]);
  });

  test("all 2¹⁶ halves: ordered, symmetric, and infinite or not a number where they must be", () => {
    for (let bits = 1; bits <= 0x7c00; bits++) {
      expect(halfToNumber(bits)).toBeGreaterThan(halfToNumber(bits - 1));
      expect(halfToNumber(bits | 0x8000)).toBe(-halfToNumber(bits));
    }
    expect(halfToNumber(0x7c00)).toBe(Number.POSITIVE_INFINITY);
    for (let bits = 0x7c01; bits < 0x8000; bits++) expect(halfToNumber(bits)).toBeNaN();
    expect(bfloatToNumber(0x7fc0)).toBeNaN();
  });

  test("what is no 32-bit integer, and F8, are TFM6103", () => {
    const wide = stored("I64", raw(BigInt64Array.of(2n ** 31n)));
    expect(() => toInt32(wide, "ids")).toThrow(/TFM6103: `ids` holds 2147483648 at element 0/);
    expect(() => toInt32(stored("F32", raw(Float32Array.of(1.5))))).toThrow(/TFM6103/);
    expect(() => toFloat32(stored("F8_E4M3", Uint8Array.of(1)), "w")).toThrow(
      /TFM6103: `w` is stored as F8_E4M3/,
    );
  });

  test("write → read is the identity, at any offset in memory; equal tensors are equal files", () => {
    const name = fc
      .string({ unit: "binary" })
      .filter((text) => text !== "__metadata__" && !/[\ud800-\udfff]/.test(text));
    const data = fc.oneof(
      fc.float32Array().map((values): TensorToWrite => ({ data: values, shape: [values.length] })),
      fc.int32Array().map((values): TensorToWrite => ({ data: values, shape: [1, values.length] })),
      fc
        .uint8Array()
        .map((values): TensorToWrite => ({ data: values, shape: [values.length, 1], dtype: "U8" })),
    );
    fc.assert(
      fc.property(
        fc.dictionary(name, data),
        fc.dictionary(name, fc.string()),
        fc.nat(9),
        (given, metadata, shift) => {
          const tensors = new Map(Object.entries(given));
          const file = writeSafetensors(tensors, metadata);
          expect(writeSafetensors(new Map([...tensors].reverse()), metadata)).toEqual(file);
          const moved = new Uint8Array(file.length + shift);
          moved.set(file, shift);
          const read = readSafetensors(moved.subarray(shift));
          expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
          for (const [key, { data: written, shape }] of tensors) {
            expect(read.tensors.get(key)!.shape).toEqual(shape);
            expect(raw(read.tensors.get(key)!.bytes)).toEqual(raw(written));
          }
          expect({ ...read.metadata }).toEqual({ ...metadata });
        },
      ),
      { numRuns: 300 },
    );
  });
});
