/**
 * factor_reductions: one long reduction to a few elements → short ones after each other, each with rows to run in parallel.
 *
 * ```
 * %1 = reduce(%0) kind="sum" axes=[0, 1] : f32 []            %0 : f32 [d=768, f=3072]
 *   →
 * %1 = reduce(%0) kind="sum" axes=[1] : f32 [d=768]
 * %2 = reshape(%1) : f32 [d.outer=32, d=24]
 * %3 = reduce(%2) kind="sum" axes=[1] : f32 [d.outer=32]
 * %4 = reduce(%3) kind="sum" axes=[0] : f32 []
 * ```
 * What becomes one number is first summed to a row of 512, so that sums of sums meet there: the norm of all gradients is one
 * short kernel a leaf, and one for all of them.
 *
 * ```
 * %4 = add(reduce(%x, all), reduce(%y, all)) : f32 []
 *   →
 * %4 = reduce(add(reduce(reshape(%x) : [512, 18], [1]), reduce(reshape(%y) : [512, 4], [1])), [0])
 * ```
 * Partial sums also round less than one long sum. An axis whose size is a length, or has no divisor near its root, stays whole.
 */
import type { Builder } from "../ir/builder.js";
import type { Node, NodeOf } from "../ir/graph.js";
import { elementCount } from "../ir/shape.js";
import { applyRules } from "./apply_rules.js";
import { broadcastTo, estimatedElements, isUnit, reshaped, summed, upTo, without } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, mapRule, rule } from "./rule.js";

/** Results up to this many are too few rows to keep a device busy. */
const FEW_RESULTS = 64;
/** A row this short is not worth another kernel; longer sums to one number become as many. */
const SHORT_ROW = 512;
/** Each of these is the sum of at most so many. */
const LONG_ROW = 2048;

/** The divisor of `size` nearest its root (in ratio), or undefined where none leaves both parts worth having. */
export function balancedDivisor(size: number): number | undefined {
  for (let divisor = Math.floor(Math.sqrt(size)); divisor >= 4; divisor--)
    if (size % divisor === 0) return divisor;
  return undefined;
}

type Reduce = NodeOf<"reduce">;

const isFew = (node: Node): boolean => {
  const count = elementCount(node.shape);
  return typeof count === "number" && count <= FEW_RESULTS;
};

/** Splits the last reduced axis off, or the last reduced axis in two. */
function split(node: Reduce, b: Builder): Node | undefined {
  const { kind, axes } = node.attributes;
  const x = node.inputs[0]!;
  if (kind === "argmax" || !isFew(node)) return undefined;
  const long = axes.filter((axis) => !isUnit(x.shape[axis]!.size));
  const total = estimatedElements(long.map((axis) => x.shape[axis]!));
  if (total <= SHORT_ROW) return undefined;
  if (kind === "sum" && total <= SHORT_ROW * LONG_ROW && isKnownSum(node)) return summed(b, rowOf(x, b), [0]);
  const reduce = (input: Node, over: readonly number[]): Node =>
    b.make("reduce", [input], { kind, axes: over });
  if (long.length > 1) {
    const last = long[long.length - 1]!;
    const rest = axes.filter((axis) => axis !== last).map((axis) => (axis > last ? axis - 1 : axis));
    return reduce(reduce(x, [last]), rest);
  }
  const axis = long[0]!;
  const { name, size } = x.shape[axis]!;
  const divisor = typeof size === "number" ? balancedDivisor(size) : undefined;
  if (typeof size !== "number" || divisor === undefined) return undefined;
  const parts = [
    { name: `${name}.outer`, size: size / divisor },
    { name, size: divisor },
  ];
  const tiled = reshaped(b, x, [...x.shape.slice(0, axis), ...parts, ...x.shape.slice(axis + 1)]);
  // The outer part takes the place of the axis.
  return reduce(reduce(tiled, [axis + 1]), axes);
}

/** The sum of all elements, whose number is known, in f32. */
function isKnownSum(node: Node): node is Reduce & Node {
  if (!isOp(node, "reduce") || node.attributes.kind !== "sum" || node.dtype !== "f32") return false;
  return node.shape.length === 0 && typeof elementCount(node.inputs[0]!.shape) === "number";
}

/** 512 numbers that sum to the same as `x`. */
function rowOf(x: Node, b: Builder): Node {
  const count = elementCount(x.shape) as number;
  const each = Math.max(1, Math.ceil(count / SHORT_ROW));
  const flat = b.pad(reshaped(b, x, [{ name: "sum", size: count }]), 0, 0, SHORT_ROW * each - count);
  if (each === 1) return flat;
  const rows = reshaped(b, flat, [
    { name: "sum", size: SHORT_ROW },
    { name: "each", size: each },
  ]);
  return summed(b, rows, [1]);
}

/** Two sums to one number become one; each was a row of 512 before, or is short enough to be made one at its load. */
function joinSums(node: Node, { builder: b, uses }: RuleContext): Node | undefined {
  const [x, y] = node.inputs as readonly [Node, Node];
  const isJoined = (sum: Node): boolean =>
    isKnownSum(sum) && estimatedElements(sum.inputs[0]!.shape) <= SHORT_ROW && (uses(sum.key) ?? 1) === 1;
  if (!isJoined(x) || !isJoined(y)) return undefined;
  return summed(b, b.add(rowOf(x.inputs[0]!, b), rowOf(y.inputs[0]!, b)), [0]);
}

/** A dot product has no tiles: it is a sum of products. */
function dotProduct(node: NodeOf<"contract">, b: Builder): Node | undefined {
  const { a, b: right, out } = node.attributes;
  if (!isFew(node as Node) || a.length !== right.length || !a.every((label) => right.includes(label)))
    return undefined;
  const [x, y] = node.inputs as readonly [Node, Node];
  const aligned = broadcastTo(
    b,
    y,
    x.shape,
    a.map((label) => right.indexOf(label)),
  );
  const axes = upTo(a.length).filter((axis) => !out.includes(a[axis]!));
  const kept = without(a, axes);
  const sum = b.make("reduce", [b.make("mul", [x, aligned], {}) as Node], { kind: "sum", axes }) as Node;
  return b.transpose(
    sum,
    out.map((label) => kept.indexOf(label)),
  );
}

export const factoringRules: readonly Rule[] = [
  rule("reduce", "reduce(x, [i, j]) => reduce(reduce(x, [j]), [i])", (node, { builder }) =>
    split(node, builder),
  ),
  rule("contract", "contract(x[k], y[k]) => sum(mul(x, y))", (node, { builder }) =>
    dotProduct(node, builder),
  ),
  mapRule("add", "add(sum(x), sum(y)) => sum(add(x, y)), of 512 parts each", joinSums),
];

export const factorReductions: Pass = {
  name: "factor_reductions",
  says: "Σᵢⱼ x => Σᵢ Σⱼ x, where the result has few elements",
  from: 1,
  run: (graph, context) => applyRules(graph, factoringRules, context),
};
