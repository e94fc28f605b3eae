/**
 * Pointwise ops: one formula each, and its pullback.
 *
 * All operands have the same sizes; nothing is broadcast here. The result keeps the axis names of the first operand.
 */
import type { Node } from "../graph.js";
import type { Scalar } from "../numbers/scalar.js";
import type { DType } from "../shape.js";
import { sameSizes } from "../shape.js";
import type { BinaryMap, MapOp, OpName, TernaryMap, UnaryMap } from "../vocabulary.js";
import type { MapRow } from "./row.js";
import { demandCount, misuse, value } from "./row.js";

const REAL: readonly DType[] = ["f32"];
const NUMBER: readonly DType[] = ["f32", "i32"];
const INTEGER: readonly DType[] = ["i32"];
const LOGICAL: readonly DType[] = ["bool"];
const ANY: readonly DType[] = ["f32", "i32", "bool"];

type Meaning = Pick<MapRow<MapOp>, "doc" | "formula" | "slope">;

/** Operands of one type out of `allowed`, and the result's (undefined: the operands'). */
function row<K extends MapOp>(
  op: K,
  arity: number,
  allowed: readonly DType[],
  result: DType | undefined,
  meaning: Meaning,
) {
  const type = (inputs: readonly Node[]) => {
    demandCount(op, inputs, arity);
    const typed = op === "select" ? inputs.slice(1) : inputs;
    if (op === "select" && inputs[0]!.dtype !== "bool") misuse(op, inputs, "the condition is no bool");
    if (!inputs.every((input) => sameSizes(input.shape, inputs[0]!.shape)))
      misuse(op, inputs, "sizes differ");
    if (!typed.every((input) => input.dtype === typed[0]!.dtype)) misuse(op, inputs, "element types differ");
    if (!allowed.includes(typed[0]!.dtype)) misuse(op, inputs, `wants ${allowed.join(" or ")}`);
    return value(inputs[0]!.shape, result ?? typed[0]!.dtype);
  };
  return {
    kind: "map",
    arity,
    attributes: {} as MapRow<K>["attributes"],
    type,
    ...meaning,
  } satisfies MapRow<K> as MapRow<K>;
}

const none = (): readonly undefined[] => [];

const unary: { readonly [K in UnaryMap]: MapRow<K> } = {
  neg: row("neg", 1, NUMBER, undefined, {
    doc: "y = -x",
    formula: (m, x) => m.neg(x),
    slope: (m, dy) => [m.neg(dy)],
  }),
  exp: row("exp", 1, REAL, undefined, {
    doc: "y = eˣ",
    formula: (m, x) => m.exp(x),
    slope: (m, dy, y) => [m.mul(dy, y)],
  }),
  log: row("log", 1, REAL, undefined, {
    doc: "y = ln x",
    formula: (m, x) => m.log(x),
    slope: (m, dy, _, x) => [m.div(dy, x)],
  }),
  sqrt: row("sqrt", 1, REAL, undefined, {
    doc: "y = √x; dy/dx = 1 / (2y), and 0 at 0",
    formula: (m, x) => m.sqrt(x),
    slope: (m, dy, y) => {
      const zero = m.eq(y, m.constant(0, y));
      const half = m.div(m.constant(0.5, y), m.select(zero, m.constant(1, y), y));
      return [m.select(zero, m.constant(0, y), m.mul(dy, half))];
    },
  }),
  rsqrt: row("rsqrt", 1, REAL, undefined, {
    doc: "y = 1 / √x",
    formula: (m, x) => m.div(m.constant(1, x), m.sqrt(x)),
    slope: (m, dy, y) => [m.mul(m.mul(dy, m.constant(-0.5, y)), m.mul(y, m.mul(y, y)))],
  }),
  tanh: row("tanh", 1, REAL, undefined, {
    doc: "y = tanh x",
    formula: (m, x) => m.tanh(x),
    slope: (m, dy, y) => [m.mul(dy, m.sub(m.constant(1, y), m.mul(y, y)))],
  }),
  erf: row("erf", 1, REAL, undefined, {
    doc: "y = 2/√π ∫₀ˣ exp(-t²) dt",
    formula: (m, x) => m.erf(x),
    slope: (m, dy, _, x) => [
      m.mul(m.mul(dy, m.constant(2 / Math.sqrt(Math.PI), x)), m.exp(m.neg(m.mul(x, x)))),
    ],
  }),
  sigmoid: row("sigmoid", 1, REAL, undefined, {
    doc: "y = 1 / (1 + exp(-x))",
    formula: (m, x) => m.div(m.constant(1, x), m.add(m.constant(1, x), m.exp(m.neg(x)))),
    slope: (m, dy, y) => [m.mul(dy, m.mul(y, m.sub(m.constant(1, y), y)))],
  }),
  sin: row("sin", 1, REAL, undefined, {
    doc: "y = sin x",
    formula: (m, x) => m.sin(x),
    slope: (m, dy, _, x) => [m.mul(dy, m.cos(x))],
  }),
  cos: row("cos", 1, REAL, undefined, {
    doc: "y = cos x",
    formula: (m, x) => m.cos(x),
    slope: (m, dy, _, x) => [m.neg(m.mul(dy, m.sin(x)))],
  }),
  abs: row("abs", 1, NUMBER, undefined, {
    doc: "y = |x|; dy/dx = sign x, and 0 at 0",
    formula: (m, x) => m.abs(x),
    slope: (m, dy, _, x) => {
      const zero = m.constant(0, x);
      return [m.select(m.lt(zero, x), dy, m.select(m.lt(x, zero), m.neg(dy), zero))];
    },
  }),
  floor: row("floor", 1, REAL, undefined, { doc: "y = ⌊x⌋", formula: (m, x) => m.floor(x), slope: none }),
  round: row("round", 1, REAL, undefined, {
    doc: "y = the whole number nearest to x, the even one of two",
    formula: (m, x) => m.round(x),
    slope: none,
  }),
  not: row("not", 1, LOGICAL, undefined, { doc: "y = ¬x", formula: (m, x) => m.not(x), slope: none }),
  to_f32: row("to_f32", 1, ANY, "f32", {
    doc: "y = x as f32; a bool is 0 or 1",
    formula: (m, x) => m.convert(x, "f32"),
    slope: (_, dy) => [dy],
  }),
  to_i32: row("to_i32", 1, ANY, "i32", {
    doc: "y = x, truncated",
    formula: (m, x) => m.convert(x, "i32"),
    slope: none,
  }),
  to_bool: row("to_bool", 1, ANY, "bool", {
    doc: "y = x ≠ 0",
    formula: (m, x) => m.convert(x, "bool"),
    slope: none,
  }),
  stop_gradient: row("stop_gradient", 1, ANY, undefined, {
    doc: "y = x, dx = 0",
    formula: (m, x) => m.detach(x),
    slope: none,
  }),
};

const binary: { readonly [K in BinaryMap]: MapRow<K> } = {
  add: row("add", 2, NUMBER, undefined, {
    doc: "z = x + y",
    formula: (m, x, y) => m.add(x, y),
    slope: (_, dz) => [dz, dz],
  }),
  sub: row("sub", 2, NUMBER, undefined, {
    doc: "z = x - y",
    formula: (m, x, y) => m.sub(x, y),
    slope: (m, dz) => [dz, m.neg(dz)],
  }),
  mul: row("mul", 2, NUMBER, undefined, {
    doc: "z = x · y",
    formula: (m, x, y) => m.mul(x, y),
    slope: (m, dz, _, x, y) => [m.mul(dz, y), m.mul(dz, x)],
  }),
  div: row("div", 2, REAL, undefined, {
    doc: "z = x / y",
    formula: (m, x, y) => m.div(x, y),
    slope: (m, dz, z, _, y) => [m.div(dz, y), m.neg(m.div(m.mul(dz, z), y))],
  }),
  pow: row("pow", 2, REAL, undefined, {
    doc: "z = xʸ; dz/dx = y·xʸ⁻¹, and 0 where x = 0 and y < 1; dz/dy = z·ln x, and 0 where x ≤ 0",
    formula: (m, x, y) => m.pow(x, y),
    slope: (m, dz, z, x, y) => {
      const zero = m.constant(0, x);
      const one = m.constant(1, x);
      const pole = m.and(m.eq(x, zero), m.lt(y, one));
      const toX = m.mul(m.mul(dz, y), m.pow(m.select(pole, one, x), m.sub(y, one)));
      const positive = m.lt(zero, x);
      const toY = m.mul(m.mul(dz, z), m.log(m.select(positive, x, one)));
      return [m.select(pole, zero, toX), m.select(positive, toY, zero)];
    },
  }),
  min: row("min", 2, NUMBER, undefined, {
    doc: "z = min(x, y); the gradient goes to x where x ≤ y",
    formula: (m, x, y) => m.min(x, y),
    slope: (m, dz, _, x, y) => split(m, m.le(x, y), dz),
  }),
  max: row("max", 2, NUMBER, undefined, {
    doc: "z = max(x, y); the gradient goes to x where y ≤ x",
    formula: (m, x, y) => m.max(x, y),
    slope: (m, dz, _, x, y) => split(m, m.le(y, x), dz),
  }),
  floordiv: row("floordiv", 2, NUMBER, undefined, {
    doc: "z = ⌊x / y⌋",
    formula: (m, x, y) => m.floor(m.div(x, y)),
    slope: none,
  }),
  mod: row("mod", 2, NUMBER, undefined, {
    doc: "z = x - y·⌊x / y⌋",
    formula: (m, x, y) => m.sub(x, m.mul(y, m.floor(m.div(x, y)))),
    slope: (m, dz, _, x, y) => [dz, m.neg(m.mul(dz, m.floor(m.div(x, y))))],
  }),
  eq: row("eq", 2, ANY, "bool", { doc: "z = (x = y)", formula: (m, x, y) => m.eq(x, y), slope: none }),
  ne: row("ne", 2, ANY, "bool", { doc: "z = (x ≠ y)", formula: (m, x, y) => m.not(m.eq(x, y)), slope: none }),
  lt: row("lt", 2, NUMBER, "bool", { doc: "z = (x < y)", formula: (m, x, y) => m.lt(x, y), slope: none }),
  le: row("le", 2, NUMBER, "bool", { doc: "z = (x ≤ y)", formula: (m, x, y) => m.le(x, y), slope: none }),
  and: row("and", 2, LOGICAL, undefined, {
    doc: "z = x ∧ y",
    formula: (m, x, y) => m.and(x, y),
    slope: none,
  }),
  or: row("or", 2, LOGICAL, undefined, { doc: "z = x ∨ y", formula: (m, x, y) => m.or(x, y), slope: none }),
  hash: row("hash", 2, INTEGER, undefined, {
    doc: "z = mix(mix(x + 0x9e3779b9) xor y), 32 bits: see numerics.md",
    formula: (m, x, y) => m.hash(x, y),
    slope: none,
  }),
  straight_through: row("straight_through", 2, REAL, undefined, {
    doc: "z = x, bit for bit; dz/dx = 0 and dz/dy = 1",
    formula: (m, x, y) => m.straightThrough(x, y),
    slope: (_, dz) => [undefined, dz],
  }),
};

const ternary: { readonly [K in TernaryMap]: MapRow<K> } = {
  select: row("select", 3, ANY, undefined, {
    doc: "y = a where c, else b",
    formula: (m, c, a, b) => m.select(c, a, b),
    slope: (m, dy, _, c) => [undefined, ...split(m, c, dy)],
  }),
};

/** The gradient to one of two operands, zero to the other. */
function split<T>(m: Scalar<T>, toFirst: T, dy: T): readonly T[] {
  const zero = m.constant(0, dy);
  return [m.select(toFirst, dy, zero), m.select(toFirst, zero, dy)];
}

export const maps: { readonly [K in MapOp]: MapRow<K> } = { ...unary, ...binary, ...ternary };

/** A map's row whose op is known only at run time; undefined for an op that is none. */
export const mapRowOf = (op: OpName): Pick<MapRow<MapOp>, "formula" | "slope"> | undefined =>
  (maps as { readonly [K in OpName]?: unknown })[op] as Pick<MapRow<MapOp>, "formula" | "slope"> | undefined;
