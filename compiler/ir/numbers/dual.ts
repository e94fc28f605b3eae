/**
 * Dual numbers x + x'ε with ε² = 0: forward-mode derivatives, to check reverse mode.
 *
 * `exp(x + x'ε) = eˣ + eˣ x'ε`
 */
import { f64 } from "./f64.js";
import type { Numbers, Tensor } from "./scalar.js";

export interface Dual {
  readonly value: number;
  readonly tangent: number;
}

const make = (value: number, tangent: number): Dual => ({ value, tangent });
const constant = (value: number): Dual => make(value, 0);
/** 0 · ∞ counts as 0: a number without a tangent has none afterwards. */
const times = (slope: number, tangent: number): number => (tangent === 0 ? 0 : slope * tangent);
const along = (x: Dual, value: number, slope: number): Dual => make(value, times(slope, x.tangent));
const truth = (holds: number): Dual => constant(holds);

function pow(x: Dual, y: Dual): Dual {
  const value = x.value ** y.value;
  const toX = x.value === 0 && y.value < 1 ? 0 : y.value * x.value ** (y.value - 1);
  const toY = x.value > 0 ? value * Math.log(x.value) : 0;
  return make(value, times(toX, x.tangent) + times(toY, y.tangent));
}

export const dual: Numbers<Dual> = {
  allocate: (length) => new Array<Dual>(length).fill(constant(0)),
  of: constant,
  valueOf: (x) => x.value,
  constant,
  add: (x, y) => make(x.value + y.value, x.tangent + y.tangent),
  sub: (x, y) => make(x.value - y.value, x.tangent - y.tangent),
  mul: (x, y) => make(x.value * y.value, times(y.value, x.tangent) + times(x.value, y.tangent)),
  div: (x, y) =>
    make(x.value / y.value, times(1 / y.value, x.tangent) - times(x.value / (y.value * y.value), y.tangent)),
  pow,
  min: (x, y) => (x.value <= y.value ? x : y),
  max: (x, y) => (y.value <= x.value ? x : y),
  neg: (x) => make(-x.value, -x.tangent),
  abs: (x) => along(x, Math.abs(x.value), Math.sign(x.value)),
  exp: (x) => along(x, Math.exp(x.value), Math.exp(x.value)),
  log: (x) => along(x, Math.log(x.value), 1 / x.value),
  sqrt: (x) => along(x, Math.sqrt(x.value), x.value === 0 ? 0 : 0.5 / Math.sqrt(x.value)),
  sin: (x) => along(x, Math.sin(x.value), Math.cos(x.value)),
  cos: (x) => along(x, Math.cos(x.value), -Math.sin(x.value)),
  tanh: (x) => along(x, Math.tanh(x.value), 1 - Math.tanh(x.value) ** 2),
  erf: (x) => along(x, f64.erf(x.value), (2 / Math.sqrt(Math.PI)) * Math.exp(-x.value * x.value)),
  floor: (x) => constant(Math.floor(x.value)),
  round: (x) => constant(f64.round(x.value)),
  eq: (x, y) => truth(f64.eq(x.value, y.value)),
  lt: (x, y) => truth(f64.lt(x.value, y.value)),
  le: (x, y) => truth(f64.le(x.value, y.value)),
  not: (x) => truth(f64.not(x.value)),
  and: (x, y) => truth(f64.and(x.value, y.value)),
  or: (x, y) => truth(f64.or(x.value, y.value)),
  select: (condition, then, otherwise) => (condition.value !== 0 ? then : otherwise),
  convert: (x, to) => (to === "f32" ? x : constant(f64.convert(x.value, to))),
  detach: (x) => constant(x.value),
  hash: (x, y) => constant(f64.hash(x.value, y.value)),
  straightThrough: (x, slope) => make(x.value, slope.tangent),
};

/** Values with a direction: the tangents of the outputs are the derivative along it. */
export function dualTensor(value: Tensor<number>, direction?: Tensor<number>): Tensor<Dual> {
  const data = Array.from({ length: value.data.length }, (_, n) =>
    make(value.data[n]!, direction?.data[n] ?? 0),
  );
  return { sizes: value.sizes, data };
}
