/**
 * Numbers that carry a bound of their own rounding error: what tolerances of comparisons are derived from.
 *
 * A result is v with |v − exact| ≤ e, to first order. Where a comparison depends on rounding, the outcome is `undecided`.
 */

import { erf } from "../../../compiler/ir/numbers/erf.js";
import { roundEven } from "../../../compiler/ir/numbers/f64.js";
import { hash } from "../../../compiler/ir/numbers/random.js";
import type { Numbers } from "../../../compiler/ir/numbers/scalar.js";

export interface Bounded {
  readonly v: number;
  readonly e: number;
}

const EPSILON = 2 ** -52;

export class Undecided extends Error {}

const exact = (v: number): Bounded => ({ v, e: 0 });
const rounded = (v: number, e: number): Bounded => ({ v, e: e + 4 * EPSILON * Math.abs(v) });
const truth = (holds: boolean): Bounded => exact(holds ? 1 : 0);

/** The sign of x − y, where rounding leaves one. */
function order(x: Bounded, y: Bounded): number {
  const slack = x.e + y.e;
  if (slack > 0 && Math.abs(x.v - y.v) <= slack) throw new Undecided();
  return x.v - y.v;
}

const through =
  (f: (x: number) => number, slope: (x: number, y: number) => number) =>
  (x: Bounded): Bounded => {
    const y = f(x.v);
    // The steepest of both ends and the middle stands for the interval: errors are tiny beside the scale of f.
    const steepest = Math.max(...[x.v - x.e, x.v, x.v + x.e].map((at) => Math.abs(slope(at, f(at)))));
    return rounded(y, x.e === 0 ? 0 : 2 * steepest * x.e);
  };

export const bounded: Numbers<Bounded> = {
  allocate: (length) => new Array<Bounded>(length).fill(exact(0)),
  of: exact,
  valueOf: (x) => x.v,
  constant: exact,
  add: (x, y) => rounded(x.v + y.v, x.e + y.e),
  sub: (x, y) => rounded(x.v - y.v, x.e + y.e),
  mul: (x, y) => rounded(x.v * y.v, Math.abs(x.v) * y.e + Math.abs(y.v) * x.e + x.e * y.e),
  div: (x, y) => {
    if (y.e >= Math.abs(y.v) / 2 && y.e > 0) throw new Undecided();
    if (x.e === 0 && y.e === 0 && (x.v / y.v) * y.v === x.v && Number.isInteger(x.v / y.v))
      return exact(x.v / y.v);
    return rounded(x.v / y.v, (2 * (x.e + Math.abs(x.v / y.v) * y.e)) / Math.abs(y.v));
  },
  pow: (x, y) => {
    if (y.e === 0 && x.e === 0) return rounded(x.v ** y.v, 0);
    const v = x.v ** y.v;
    const byBase = x.e === 0 ? 0 : Math.abs(y.v * x.v ** (y.v - 1)) * x.e;
    return rounded(v, 2 * (byBase + (y.e === 0 ? 0 : Math.abs(v * Math.log(Math.abs(x.v))) * y.e)));
  },
  min: (x, y) => ({ v: Math.min(x.v, y.v), e: Math.max(x.e, y.e) }),
  max: (x, y) => ({ v: Math.max(x.v, y.v), e: Math.max(x.e, y.e) }),
  neg: (x) => ({ v: -x.v, e: x.e }),
  abs: (x) => ({ v: Math.abs(x.v), e: x.e }),
  exp: through(Math.exp, (_, y) => y),
  log: through(Math.log, (x) => 1 / x),
  sqrt: (x) =>
    rounded(Math.sqrt(x.v), x.e === 0 ? 0 : Math.min(Math.sqrt(x.e), x.e / Math.sqrt(Math.abs(x.v)))),
  sin: through(Math.sin, () => 1),
  cos: through(Math.cos, () => 1),
  tanh: through(Math.tanh, () => 1),
  erf: (x) => rounded(erf(x.v), 1.13 * x.e + 1e-15),
  floor: (x) => {
    if (x.e > 0 && Math.floor(x.v - x.e) !== Math.floor(x.v + x.e)) throw new Undecided();
    return exact(Math.floor(x.v));
  },
  round: (x) => {
    if (x.e > 0 && roundEven(x.v - x.e) !== roundEven(x.v + x.e)) throw new Undecided();
    return exact(roundEven(x.v));
  },
  eq: (x, y) => truth(order(x, y) === 0),
  lt: (x, y) => truth(order(x, y) < 0),
  le: (x, y) => truth(order(x, y) <= 0),
  not: (x) => truth(x.v === 0),
  and: (x, y) => truth(x.v !== 0 && y.v !== 0),
  or: (x, y) => truth(x.v !== 0 || y.v !== 0),
  select: (condition, then, otherwise) => (condition.v !== 0 ? then : otherwise),
  convert: (x, to) => {
    if (to === "f32") return x;
    if (x.e > 0) throw new Undecided();
    return exact(to === "i32" ? Math.trunc(x.v) : x.v !== 0 ? 1 : 0);
  },
  detach: (x) => x,
  hash: (x, y) => exact(hash(x.v, y.v)),
  straightThrough: (value) => value,
};
