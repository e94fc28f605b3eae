/**
 * safetensors bytes ↔ named tensors, with every rule of the format enforced: a hostile file is an error, never a crash
 * or an allocation out of proportion to it.
 *
 *   [u64 header length][JSON header][data], header {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
 *
 * Format: https://huggingface.co/docs/safetensors
 */
import { RuntimeError } from "./errors.js";
import type { StoredType } from "./safetensors-header.js";
import { elementBytes, readHeader } from "./safetensors-header.js";

/** One tensor of a file; `bytes` is a view of the file. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's bound. */
const maxHeader = 100_000_000;

const bad = (message: string): RuntimeError => new RuntimeError("TFM6101", message);

export function readSafetensors(file: Uint8Array): TensorFile {
  if (file.length < 8) throw bad(`The file has ${file.length} bytes; the header's length alone takes 8.`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > maxHeader) throw bad(`The header claims ${length} bytes; at most ${maxHeader} are allowed.`);
  const start = 8 + Number(length);
  if (start > file.length)
    throw bad(`The header claims ${length} bytes; the file has ${file.length - 8} after it.`);
  const { entries, metadata } = readHeader(decodeHeader(file.subarray(8, start)));
  checkCover(entries, file.length - start);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries)
    tensors.set(name, { dtype, shape, bytes: file.subarray(start + begin, start + end) });
  return { tensors, metadata };
}

function decodeHeader(bytes: Uint8Array): string {
  if (bytes[0] !== 0x7b) throw bad("The header does not begin with `{`.");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad("The header is not valid UTF-8.");
  }
}

/** Tensors cover the data without holes or overlaps. */
function checkCover(
  entries: readonly { readonly name: string; readonly begin: number; readonly end: number }[],
  size: number,
): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw bad(`Tensor \`${name}\` begins at byte ${begin} of the data where ${at} is due.`);
    at = end;
  }
  if (at !== size) throw bad(`The tensors take ${at} bytes of data; the file has ${size}.`);
}

// ---- values

const convertible = [
  "F32",
  "F16",
  "BF16",
  "F64",
  "I8",
  "U8",
  "I16",
  "U16",
  "I32",
  "U32",
  "I64",
  "U64",
  "BOOL",
];

const cannot = (name: string, dtype: StoredType, to: string): RuntimeError =>
  new RuntimeError("TFM6103", `\`${name}\` is stored as ${dtype}, which is not converted to ${to}.`);

/** The elements as f32, rounded to nearest. */
export function toFloat32({ dtype, bytes }: StoredTensor, name = "tensor"): Float32Array {
  const count = bytes.length / elementBytes[dtype];
  if (!convertible.includes(dtype)) throw cannot(name, dtype, "f32");
  if (dtype === "F32") return new Float32Array(aligned(bytes));
  const read = reader(dtype, bytes);
  const values = new Float32Array(count);
  for (let n = 0; n < count; n++) values[n] = read(n);
  return values;
}

/** The elements as i32; a value that is no i32 is an error. */
export function toInt32({ dtype, bytes }: StoredTensor, name = "tensor"): Int32Array {
  if (!convertible.includes(dtype)) throw cannot(name, dtype, "i32");
  if (dtype === "I32") return new Int32Array(aligned(bytes));
  const read = reader(dtype, bytes);
  return Int32Array.from({ length: bytes.length / elementBytes[dtype] }, (_, n) => {
    const value = read(n);
    if (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31) return value;
    throw new RuntimeError(
      "TFM6103",
      `\`${name}\` holds ${value} at element ${n}, which is no 32-bit integer.`,
    );
  });
}

/** A copy; not `slice`, which shares memory where the bytes are a Buffer of Node. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function reader(dtype: StoredType, bytes: Uint8Array): (n: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case "F32":
      return (n) => view.getFloat32(4 * n, true);
    case "F64":
      return (n) => view.getFloat64(8 * n, true);
    case "F16":
      return (n) => halfToNumber(view.getUint16(2 * n, true));
    case "BF16":
      return (n) => bfloatToNumber(view.getUint16(2 * n, true));
    case "I8":
      return (n) => view.getInt8(n);
    case "U8":
      return (n) => bytes[n]!;
    case "BOOL":
      return (n) => Number(bytes[n] !== 0);
    case "I16":
      return (n) => view.getInt16(2 * n, true);
    case "U16":
      return (n) => view.getUint16(2 * n, true);
    case "I32":
      return (n) => view.getInt32(4 * n, true);
    case "U32":
      return (n) => view.getUint32(4 * n, true);
    case "I64":
      return (n) => Number(view.getBigInt64(8 * n, true));
    case "U64":
      return (n) => Number(view.getBigUint64(8 * n, true));
    case "F8_E4M3":
    case "F8_E5M2":
      throw cannot("tensor", dtype, "numbers");
    default:
      return dtype satisfies never;
  }
}

export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const word = new DataView(new ArrayBuffer(4));
export function bfloatToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

// ---- writing

export interface TensorToWrite {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  /** Needed for 8-bit data only, which is U8 unless said otherwise. */
  readonly dtype?: "BOOL" | "U8";
}

function storedType({ data, dtype }: TensorToWrite): StoredType {
  if (data instanceof Float32Array) return "F32";
  return data instanceof Int32Array ? "I32" : (dtype ?? "U8");
}

/** Wide elements first, then by name, so that equal tensors are equal files and every tensor is aligned. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => elementBytes[storedType(y)] - elementBytes[storedType(x)] || (a < b ? -1 : 1),
  );
  const stored = sorted.map(([name, tensor]): [string, StoredTensor] => {
    const { data, shape } = tensor;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype: storedType(tensor), shape, bytes }];
  });
  return packSafetensors(stored, metadata);
}

/** Tensors in the order given. */
export function packSafetensors(
  tensors: readonly (readonly [string, StoredTensor])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let size = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    if (name === "__metadata__") throw bad("No tensor may be named `__metadata__`.");
    header.push([name, { dtype, shape, data_offsets: [size, size + bytes.length] }]);
    size += bytes.length;
  }
  const text = new TextEncoder().encode(
    `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
  );
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + size).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  let at = 8 + length;
  for (const [, { bytes }] of tensors) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
