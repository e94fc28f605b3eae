/**
 * What the training loop and `eval` know of data: batches by number, and all of it in order.
 *
 *   dataset.batch(0)  →  { inputs: { source, target, "target.next" }, tokens: 212, places: 256 }
 */
import type { Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";

export interface DataBatch {
  /** Tensors with their shapes. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Tokens (of pictures: the pictures) that are there … */
  readonly tokens: number;
  /** … and with padding. */
  readonly places: number;
}

export interface Dataset {
  /** For people: "32,100 tokens". */
  readonly description: string;
  /** Windows, pairs, texts or pictures. */
  readonly size: number;
  /** Batch n of training, from 0: it depends on (seed, n) alone, so that the number is the whole data cursor. */
  batch(n: number): DataBatch;
  /** Each example once, `batch` at a time; `limit` stops after about so many examples. */
  inOrder(options: { readonly batch: number; readonly limit?: number | undefined }): Iterable<DataBatch>;
}

export const idsOf = ({ inputs }: DataBatch, name: string): Tensor<Int32Array> =>
  inputs[name] as Tensor<Int32Array>;

/** The rows of an input of ids. */
export function rowsOf(batch: DataBatch, name: string): readonly Int32Array[] {
  const ids = idsOf(batch, name);
  const [rows = 0, width = 0] = ids.shape;
  return Array.from({ length: rows }, (_, n) => ids.subarray(n * width, (n + 1) * width));
}

/** Rows of different lengths under each other, `fill` where they end. */
export function padded(
  rows: readonly ArrayLike<number>[],
  width: number,
  fill: number,
  from = 0,
): Tensor<Int32Array> {
  const data = new Int32Array(rows.length * width).fill(fill);
  rows.forEach((row, n) => {
    data.set(row, n * width + from);
  });
  return tensor(data, [rows.length, width]);
}

/** 1 where a row is, 0 where its padding is. */
export function validity(lengths: readonly number[], width: number): Tensor<Int32Array> {
  const data = new Int32Array(lengths.length * width);
  lengths.forEach((length, n) => {
    data.fill(1, n * width, n * width + length);
  });
  return tensor(data, [lengths.length, width]);
}

/**
 * Lengths are rounded up to a quarter of the power of two below them: 9 … 16 become even, 17 … 32 multiples of four. A
 * session plans once for each combination of lengths and keeps some, so there shall be few. Measured on 29,000 pairs of
 * sentences, batches of 64: 12 % padding in 17 shapes; without rounding 7 % in 30, to multiples of eight 22 % in 9.
 */
export function roundUp(length: number, most: number): number {
  const step = Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, length - 1))) / 4);
  return Math.min(most, Math.ceil(length / step) * step);
}
