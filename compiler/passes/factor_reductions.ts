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
 * Partial sums also round less than one long sum. An axis whose size is a length, or has no divisor near its root, stays whole.
 */
import type { Builder } from "../ir/builder.js";
import type { Node, NodeOf } from "../ir/graph.js";
import { elementCount } from "../ir/shape.js";
import { applyRules } from "./apply_rules.js";
import { broadcastTo, estimatedElements, isUnit, reshaped, upTo, without } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule } from "./rule.js";
import { rule } from "./rule.js";

/** Results up to this many are too few rows to keep a device busy. */
const FEW_RESULTS = 64;
/** A row this short is not worth another kernel. */
const SHORT_ROW = 512;

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
];

export const factorReductions: Pass = {
  name: "factor_reductions",
  says: "Σᵢⱼ x => Σᵢ Σⱼ x, where the result has few elements",
  from: 1,
  run: (graph, context) => applyRules(graph, factoringRules, context),
};
