/**
 * What callers hand in and get back: typed arrays that know their shape.
 *
 *   tensor(Int32Array.of(1, 2, 3, 4), [2, 2]).shape = [2, 2]
 */
import { RuntimeError } from "./errors.js";
import { elementsOf } from "./sizes.js";

export type TensorData = Float32Array | Int32Array | Uint32Array;
/** A typed array in row-major order with its shape. */
export type Tensor<D extends TensorData = TensorData> = D & { readonly shape: readonly number[] };

export type NestedNumbers = readonly number[] | readonly NestedNumbers[];
type AnyNumbers = TensorData | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array;
/**
 * A tensor as callers may write it: a typed array with `shape`, `{ data, shape }`, nested arrays of numbers, or a bare
 * typed array, which is one example (batch 1) of an input with at most one other open length.
 */
export type TensorLike =
  | NestedNumbers
  | (AnyNumbers & { readonly shape?: readonly number[] })
  | { readonly data: AnyNumbers | readonly number[]; readonly shape: readonly number[] };

/** Input name → tensor. */
export type Inputs = Readonly<Record<string, TensorLike>>;

export function tensor<D extends TensorData>(data: D, shape: readonly number[]): Tensor<D> {
  if (elementsOf(shape) !== data.length)
    throw new RuntimeError("TFM6005", `A shape [${shape.join(", ")}] does not hold ${data.length} elements.`);
  return Object.defineProperty(data, "shape", { value: [...shape], configurable: true }) as Tensor<D>;
}

export interface Numbers {
  readonly data: ArrayLike<number>;
  /** Absent where a bare typed array left it open. */
  readonly shape: readonly number[] | undefined;
}

/** The numbers of any way to write a tensor. */
export function numbersOf(value: TensorLike, name: string): Numbers {
  if (Array.isArray(value)) return nested(value as NestedNumbers, name);
  if (ArrayBuffer.isView(value))
    return { data: value as AnyNumbers, shape: (value as Partial<Tensor>).shape };
  const { data, shape } = (value ?? {}) as {
    readonly data?: ArrayLike<number>;
    readonly shape?: readonly number[];
  };
  if (!data || !shape)
    throw new RuntimeError(
      "TFM6005",
      `Input \`${name}\` is not a tensor.`,
      "Give a typed array, or { data, shape }.",
    );
  return { data, shape };
}

function nested(value: NestedNumbers, name: string): Numbers {
  const shape: number[] = [];
  for (let at: unknown = value; Array.isArray(at); at = at[0]) shape.push(at.length);
  const data = (value as readonly unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
  if (!isRegular(value, shape, 0) || data.length !== elementsOf(shape))
    throw new RuntimeError(
      "TFM6005",
      `The rows of input \`${name}\` differ in length.`,
      "Pad them to one length.",
    );
  return { data, shape };
}

const isRegular = (value: unknown, shape: readonly number[], depth: number): boolean =>
  depth === shape.length
    ? typeof value === "number"
    : Array.isArray(value) &&
      value.length === shape[depth] &&
      value.every((row) => isRegular(row, shape, depth + 1));
