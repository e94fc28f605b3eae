/** Nodes as numbers: a formula over them builds graph. */
import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";
import type { DType } from "../shape.js";
import type { Scalar } from "./scalar.js";

const convert = (b: Builder, x: Node, to: DType): Node => {
  if (x.dtype === to) return x;
  return to === "f32" ? b.to_f32(x) : to === "i32" ? b.to_i32(x) : b.to_bool(x);
};

export const graphScalar = (b: Builder): Scalar<Node> => ({
  constant: (value, like) => b.full(value, like.shape, like.dtype),
  add: b.add,
  sub: b.sub,
  mul: b.mul,
  div: b.div,
  pow: b.pow,
  min: b.min,
  max: b.max,
  neg: b.neg,
  abs: b.abs,
  exp: b.exp,
  log: b.log,
  sqrt: b.sqrt,
  sin: b.sin,
  cos: b.cos,
  tanh: b.tanh,
  erf: b.erf,
  floor: b.floor,
  round: b.round,
  eq: b.eq,
  lt: b.lt,
  le: b.le,
  not: b.not,
  and: b.and,
  or: b.or,
  select: b.select,
  convert: (x, to) => convert(b, x, to),
  detach: b.stop_gradient,
  hash: b.hash,
  straightThrough: b.straight_through,
});
