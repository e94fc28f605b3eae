/** The reference number system: IEEE double precision. */
import { erf } from "./erf.js";
import { hash } from "./random.js";
import type { Numbers, Tensor } from "./scalar.js";

/** `Math.round` takes 2.5 up; the even neighbour is IEEE's default, and WGSL's. */
export function roundEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

export const f64: Numbers<number> = {
  allocate: (length) => new Float64Array(length),
  of: (value) => value,
  valueOf: (x) => x,
  constant: (value) => value,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow: (x, y) => x ** y,
  min: Math.min,
  max: Math.max,
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  floor: Math.floor,
  round: roundEven,
  eq: (x, y) => (x === y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  not: (x) => (x === 0 ? 1 : 0),
  and: (x, y) => (x !== 0 && y !== 0 ? 1 : 0),
  or: (x, y) => (x !== 0 || y !== 0 ? 1 : 0),
  select: (condition, then, otherwise) => (condition !== 0 ? then : otherwise),
  convert: (x, to) => (to === "f32" ? x : to === "i32" ? Math.trunc(x) : x !== 0 ? 1 : 0),
  detach: (x) => x,
  sumOfProducts(x, y) {
    const [a, b] = [x.data as Float64Array, y.data as Float64Array];
    const [p, q] = [x.places, y.places];
    let sum = 0;
    for (let n = 0; n < p.length; n++) sum += a[x.from + p[n]!]! * b[y.from + q[n]!]!;
    return sum;
  },
  hash,
  straightThrough: (value) => value,
};

/** A tensor of the given row-major values. */
export const tensor = (sizes: readonly number[], values: ArrayLike<number>): Tensor<number> => ({
  sizes,
  data: Float64Array.from(values),
});
