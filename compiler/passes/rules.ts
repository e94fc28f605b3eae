/**
 * Identities of maps, as text: left => right, for values that are numbers.
 *
 * ```
 * add(mul(x, 2), mul(x, 3))   →   mul(x, 5)
 * ```
 * What an identity promises: where the left side is a finite number, the right side is the same real number. So 0·x is 0
 * (an infinite x is lost there, and seen wherever else x is read), x − x is 0, and exp(log(x)) is x also where log(x) is
 * none. Gradients have been taken, so stop_gradient(x) and straight_through(x, y) are x. Signs of zero and the last bits of rounding may change; compensated sums therefore fold away. Each identity makes
 * the term smaller by `weight`, which is why rewriting ends.
 */
import type { DType } from "../ir/shape.js";
import type { Identity, Pattern } from "./pattern.js";
import { readIdentity } from "./pattern.js";

const anywhere = [
  "add(?x, 0) => ?x",
  "sub(?x, 0) => ?x",
  "sub(0, ?x) => neg(?x)",
  "sub(?x, ?x) => 0",
  "mul(?x, 1) => ?x",
  "mul(?x, 0) => 0",
  "mul(?x, -1) => neg(?x)",
  "stop_gradient(?x) => ?x",
  "neg(neg(?x)) => ?x",
  "neg(sub(?x, ?y)) => sub(?y, ?x)",
  "neg(mul(?x, #a)) => mul(?x, neg(#a))",
  "add(?x, neg(?y)) => sub(?x, ?y)",
  "sub(?x, neg(?y)) => add(?x, ?y)",
  "mul(neg(?x), neg(?y)) => mul(?x, ?y)",
  "mul(neg(?x), #a) => mul(?x, neg(#a))",
  "abs(neg(?x)) => abs(?x)",
  "abs(abs(?x)) => abs(?x)",
  "min(?x, ?x) => ?x",
  "max(?x, ?x) => ?x",
  "min(min(?x, #a), #b) => min(?x, min(#a, #b))",
  "max(max(?x, #a), #b) => max(?x, max(#a, #b))",
  "add(sub(?x, ?y), ?y) => ?x",
  "sub(add(?x, ?y), ?y) => ?x",
  "sub(?x, add(?x, ?y)) => neg(?y)",
  "sub(?x, sub(?x, ?y)) => ?y",
  "sub(sub(?x, ?y), ?x) => neg(?y)",
  "add(add(?x, #a), #b) => add(?x, add(#a, #b))",
  "add(sub(?x, #a), #b) => add(?x, sub(#b, #a))",
  "sub(add(?x, #a), #b) => add(?x, sub(#a, #b))",
  "sub(sub(?x, #a), #b) => sub(?x, add(#a, #b))",
  "sub(#a, sub(?x, #b)) => sub(add(#a, #b), ?x)",
  "sub(#a, add(?x, #b)) => sub(sub(#a, #b), ?x)",
  "mul(mul(?x, #a), #b) => mul(?x, mul(#a, #b))",
  "mul(mul(?x, #a), mul(?y, #b)) => mul(mul(?x, ?y), mul(#a, #b))",
  "add(mul(?x, #a), mul(?x, #b)) => mul(?x, add(#a, #b))",
  "sub(mul(?x, #a), mul(?x, #b)) => mul(?x, sub(#a, #b))",
  "add(mul(?x, #a), mul(?y, #a)) => mul(add(?x, ?y), #a)",
  "sub(mul(?x, #a), mul(?y, #a)) => mul(sub(?x, ?y), #a)",
  "add(mul(?x, #a), ?x) => mul(?x, add(#a, 1))",
  "select(?c, ?x, ?x) => ?x",
  "select(true, ?x, ?y) => ?x",
  "select(false, ?x, ?y) => ?y",
  "select(not(?c), ?x, ?y) => select(?c, ?y, ?x)",
  "select(?c, select(?c, ?x, ?y), ?z) => select(?c, ?x, ?z)",
  "select(?c, ?x, select(?c, ?y, ?z)) => select(?c, ?x, ?z)",
  "and(?x, true) => ?x",
  "and(?x, false) => false",
  "and(?x, ?x) => ?x",
  "and(?x, not(?x)) => false",
  "or(?x, false) => ?x",
  "or(?x, true) => true",
  "or(?x, ?x) => ?x",
  "or(?x, not(?x)) => true",
  "not(not(?x)) => ?x",
  "not(lt(?x, ?y)) => le(?y, ?x)",
  "not(le(?x, ?y)) => lt(?y, ?x)",
  "not(eq(?x, ?y)) => ne(?x, ?y)",
  "not(ne(?x, ?y)) => eq(?x, ?y)",
  "eq(?x, ?x) => true",
  "le(?x, ?x) => true",
  "ne(?x, ?x) => false",
  "lt(?x, ?x) => false",
  "to_bool(to_f32(?x)) => to_bool(?x)",
  "to_bool(to_i32(to_bool(?x))) => to_bool(?x)",
] as const;

/** Of f32 alone: real division, roots, exponentials. */
const ofReals = [
  "straight_through(?x, ?y) => ?x",
  "div(?x, 1) => ?x",
  "div(0, ?x) => 0",
  "div(?x, -1) => neg(?x)",
  "div(neg(?x), neg(?y)) => div(?x, ?y)",
  "div(neg(?x), #a) => div(?x, neg(#a))",
  "neg(div(?x, #a)) => div(?x, neg(#a))",
  "div(div(?x, #a), #b) => div(?x, mul(#a, #b))",
  "div(mul(?x, #a), #b) => mul(?x, div(#a, #b))",
  "mul(div(?x, #a), #b) => mul(?x, div(#b, #a))",
  "mul(div(#a, ?x), #b) => div(mul(#a, #b), ?x)",
  "mul(?x, div(1, ?y)) => div(?x, ?y)",
  "div(?x, div(1, ?y)) => mul(?x, ?y)",
  "div(?x, sqrt(?y)) => mul(?x, rsqrt(?y))",
  "div(?x, rsqrt(?y)) => mul(?x, sqrt(?y))",
  "mul(sqrt(?x), sqrt(?x)) => ?x",
  "sqrt(mul(?x, ?x)) => abs(?x)",
  "exp(log(?x)) => ?x",
  "log(exp(?x)) => ?x",
  "div(1, add(exp(neg(?x)), 1)) => sigmoid(?x)",
  "div(exp(?x), add(exp(?x), 1)) => sigmoid(?x)",
  "tanh(neg(?x)) => neg(tanh(?x))",
  "erf(neg(?x)) => neg(erf(?x))",
  "sin(neg(?x)) => neg(sin(?x))",
  "cos(neg(?x)) => cos(?x)",
  "pow(?x, 0) => 1",
  "pow(?x, 1) => ?x",
  "pow(?x, 2) => mul(?x, ?x)",
  "pow(?x, 3) => mul(mul(?x, ?x), ?x)",
  "pow(?x, -1) => div(1, ?x)",
  "pow(?x, 0.5) => sqrt(?x)",
  "pow(?x, -0.5) => rsqrt(?x)",
  "floor(floor(?x)) => floor(?x)",
] as const;

/** Of i32 alone: floor division and remainder. */
const ofIntegers = [
  "floordiv(?x, 1) => ?x",
  "mod(?x, 1) => 0",
  "mod(mod(?x, #a), #a) => mod(?x, #a)",
] as const;

const read = (texts: readonly string[], dtype?: DType): readonly Identity[] =>
  texts.map((text) => readIdentity(text, dtype));

/** The table, read. */
export const readIdentities = (): readonly Identity[] => [
  ...read(anywhere),
  ...read(ofReals, "f32"),
  ...read(ofIntegers, "i32"),
];

const heavy: Readonly<Record<string, number>> = { neg: 1.5, div: 4, pow: 9, sub: 3, not: 1, mul: 3 };

/**
 * The weight of a term, its variables weighing `leaf`: odd maps weigh their inputs double when they stand above a neg, so
 * that moving the neg outwards counts as progress; constants are computed, so a map of constants is one. A polynomial with positive coefficients: smaller parts make smaller wholes.
 */
export function weight(pattern: Pattern, leaf: (name: string) => number): number {
  switch (pattern.tag) {
    case "any":
      return leaf(pattern.name);
    case "constant":
    case "number":
      return 1;
    case "map": {
      if (pattern.inputs.every((input) => input.tag === "constant" || input.tag === "number")) return 1;
      const inner = pattern.inputs.map((input) => weight(input, leaf));
      const sum = inner.reduce((total, one) => total + one, 0);
      if (pattern.op === "pow") return 9 + 4 * sum;
      if (["tanh", "erf", "sin"].includes(pattern.op)) return 2 + 2 * sum;
      return (heavy[pattern.op] ?? 2) + sum;
    }
    default:
      return pattern satisfies never;
  }
}
