/**
 * Small questions about nodes, and small makers, that several passes share.
 */
import type { Builder } from "../ir/builder.js";
import type { Node } from "../ir/graph.js";
import { ops } from "../ir/ops/index.js";
import type { DType, Shape, Size } from "../ir/shape.js";
import { elementCount, evaluateSize, sizeEquals, symbolsIn } from "../ir/shape.js";
import type { MapOp, OpName } from "../ir/vocabulary.js";
import { isOp } from "./rule.js";

/** The names of the rows that are maps. */
export const mapOps: readonly MapOp[] = (Object.keys(ops) as OpName[]).filter(
  (op): op is MapOp => ops[op].kind === "map",
);

export const mapOf = (b: Builder, op: MapOp, inputs: readonly Node[]): Node => b.make(op, inputs, {}) as Node;

const commutative: ReadonlySet<OpName> = new Set(["add", "mul", "min", "max", "eq", "ne", "and", "or"]);
export const isCommutative = (op: OpName): boolean => commutative.has(op);

/** The value that every element of `node` has, where it is a constant or the broadcast of one. */
export function splatValue(node: Node): number | undefined {
  if (isOp(node, "const")) return node.attributes.value;
  return isOp(node, "broadcast") || isOp(node, "reshape") || isOp(node, "transpose")
    ? splatValue(node.inputs[0]!)
    : undefined;
}

/** `node`, a scalar, in every element of `shape`. */
export const spread = (b: Builder, node: Node, shape: Shape): Node =>
  shape.length === 0 ? node : b.make("broadcast", [node], { shape, from: shape.map(() => -1) });

/** A constant tensor. */
export const splat = (b: Builder, value: number, dtype: DType, shape: Shape): Node =>
  spread(b, b.make("const", [], { value, dtype }), shape);

/** The scalar under a constant's or a scalar's broadcast. */
export function scalarUnder(node: Node): Node | undefined {
  if (node.shape.length === 0) return node;
  return isOp(node, "broadcast") ? scalarUnder(node.inputs[0]!) : undefined;
}

/** What one symbol stands for where two costs are compared: a sequence of middling length. */
const representative = 128;

/** A size as a number to compare by: exact for constants and for lengths that are given. */
export const estimate = (size: Size, lengths: Readonly<Record<string, number>> = {}): number =>
  typeof size === "number"
    ? size
    : evaluateSize(
        size,
        Object.fromEntries(symbolsIn(size).map((name) => [name, lengths[name] ?? representative])),
      );
export const estimatedElements = (shape: Shape): number => estimate(elementCount(shape));

export const isUnit = (size: Size): boolean => sizeEquals(size, 1);
/** At least one, whatever the lengths are. */
export const isPositive = (size: Size): boolean => typeof size === "number" && size > 0;
export const sameOrder = (order: readonly number[]): boolean => order.every((from, to) => from === to);

/** `x` broadcast to `shape`, axis n of which is axis `from[n]` of x; x itself where nothing changes. */
export function broadcastTo(b: Builder, x: Node, shape: Shape, from: readonly number[]): Node {
  const unchanged = x.shape.length === shape.length && sameOrder(from);
  return unchanged ? x : b.make("broadcast", [x], { shape, from });
}

/** `x` with its axes in another order. */
export const transposed = (b: Builder, x: Node, order: readonly number[]): Node =>
  sameOrder(order) ? x : b.make("transpose", [x], { order });

/** `x` under another shape of as many elements. */
export const reshaped = (b: Builder, x: Node, shape: Shape): Node => b.make("reshape", [x], { shape });

/** The sum over some axes; x itself where there are none. */
export const summed = (b: Builder, x: Node, axes: readonly number[]): Node =>
  axes.length === 0 ? x : b.make("reduce", [x], { kind: "sum", axes });

export const without = <T>(items: readonly T[], places: readonly number[]): readonly T[] =>
  items.filter((_, n) => !places.includes(n));

/** 0, 1, …, count − 1. */
export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);
