/**
 * Scalar: what a formula may do with an abstract number. A map op's formula is written once over it; with T = number it is the
 * reference, with T = Node it builds graph, with T = Expr it prints kernels, with a dual number it carries its derivative.
 *
 * Booleans are T too: comparisons give them, `not`, `and`, `or` and `select` take them.
 */
import type { DType } from "../shape.js";

export interface Scalar<T> {
  /** The number `value` in the type (and, for graph, the shape) of `like`. */
  constant(value: number, like: T): T;
  add(x: T, y: T): T;
  sub(x: T, y: T): T;
  mul(x: T, y: T): T;
  div(x: T, y: T): T;
  pow(x: T, y: T): T;
  min(x: T, y: T): T;
  max(x: T, y: T): T;
  neg(x: T): T;
  abs(x: T): T;
  exp(x: T): T;
  log(x: T): T;
  sqrt(x: T): T;
  sin(x: T): T;
  cos(x: T): T;
  tanh(x: T): T;
  erf(x: T): T;
  floor(x: T): T;
  /** To the nearest whole number, to the even one of two. */
  round(x: T): T;
  eq(x: T, y: T): T;
  lt(x: T, y: T): T;
  le(x: T, y: T): T;
  not(x: T): T;
  and(x: T, y: T): T;
  or(x: T, y: T): T;
  /** `then` where the condition holds, else `otherwise`; the other one has no effect, NaN included. */
  select(condition: T, then: T, otherwise: T): T;
  /** To f32: a bool becomes 0 or 1. To i32: truncates. To bool: is not 0. */
  convert(x: T, to: DType): T;
  /** The same number; no derivative flows through it. */
  detach(x: T): T;
  /** 32 bits of two integers, as an integer. */
  hash(x: T, y: T): T;
  /** The number `value`; its derivative is that of `slope`. */
  straightThrough(value: T, slope: T): T;
}

/** Flat storage of numbers. */
export interface Storage<T> {
  readonly length: number;
  [index: number]: T;
}

/** A number system that tensors can be made of. */
export interface Numbers<T> extends Scalar<T> {
  /** `length` zeros. */
  allocate(length: number): Storage<T>;
  of(value: number): T;
  /** What decides comparisons, indices and argmax. */
  valueOf(x: T): number;
  /** Σ x · y over pairs of places, in order: what `add` and `mul` give, said in one call where that is faster. */
  sumOfProducts?(x: Terms<T>, y: Terms<T>): T;
}

/** Elements of a tensor: `data[from + places[n]]`. */
export interface Terms<T> {
  readonly data: Storage<T>;
  readonly from: number;
  readonly places: Int32Array;
}

/** Row-major elements. */
export interface Tensor<T> {
  readonly sizes: readonly number[];
  readonly data: Storage<T>;
}
