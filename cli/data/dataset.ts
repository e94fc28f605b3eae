/**
 * What the training loop and `eval` know of data: batches by number, and all of it in order.
 *
 *   dataset.batch(0)  →  { inputs: { source, target, "target.next" }, tokens: 212, places: 256 }
 */
import type { Inputs, Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";

export interface DataBatch {
  readonly inputs: Inputs;
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
 * Lengths are rounded up to multiples of this: a session plans once for each combination of lengths that it meets, and
 * keeps few.
 */
export const lengthStep = 8;

export const roundUp = (length: number, most: number): number =>
  Math.min(most, Math.ceil(length / lengthStep) * lengthStep);
