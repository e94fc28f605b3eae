/** What the fuse pass asks of a node: its kind, and what computing it again would cost. */
import type { Node } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";
import type { MapOp } from "../../ir/vocabulary.js";

/** Known without reading memory: constants, indices, lengths, random bits, call scalars, the turn. */
export function isFree(node: Node): boolean {
  if (node.op === "input") return node.attributes.kind === "scalar" || node.attributes.kind === "turn";
  return node.op === "const" || node.op === "iota" || node.op === "length" || node.op === "random";
}
export const isMap = (node: Node): boolean => ops[node.op].kind === "map";
/** Layout ops are index arithmetic inside whatever kernel reads them. */
export const isLayout = (node: Node): boolean =>
  node.op === "broadcast" ||
  node.op === "transpose" ||
  node.op === "reshape" ||
  node.op === "slice" ||
  node.op === "pad" ||
  node.op === "window" ||
  node.op === "unwindow";
/** A gather that reads at indices which need no memory: like layout, but for what lies outside. */
export const isPlainGather = (node: Node): boolean => node.op === "gather" && needsNoMemory(node.inputs[1]!);

function needsNoMemory(node: Node): boolean {
  return isFree(node) || ((isMap(node) || isLayout(node)) && node.inputs.every(needsNoMemory));
}

export const isReduction = (node: Node): node is Extract<Node, { op: "reduce" }> => node.op === "reduce";
export const isContraction = (node: Node): boolean => node.op === "contract";
export const isRegion = (node: Node): boolean => node.op === "repeat" || node.op === "fused";

/** The value that a chain of layout ops reads. */
export function stripLayout(node: Node): Node {
  let source = node;
  while (isLayout(source)) source = source.inputs[0]!;
  return source;
}

/** Simple operations an element; maps that are not listed cost 1. */
const COST: Partial<Record<MapOp, number>> = {
  exp: 6,
  log: 6,
  tanh: 8,
  erf: 10,
  sigmoid: 8,
  sin: 8,
  cos: 8,
  pow: 12,
  sqrt: 3,
  rsqrt: 3,
  div: 3,
  floordiv: 3,
  mod: 3,
};

export interface RecomputeCosts {
  /** Operations an element from stored values, counting shared parts once for each use. */
  cost(node: Node): number;
  /** How many distinct stored values that reads. */
  sources(node: Node): number;
}

export function recomputeCosts(order: readonly Node[]): RecomputeCosts {
  const costs = new Map<Node, number>();
  const sources = new Map<Node, ReadonlySet<Node>>();
  for (const node of order) {
    if (isPlainGather(node)) {
      costs.set(node, 1 + (costs.get(stripLayout(node.inputs[1]!)) ?? 0));
      sources.set(node, new Set([stripLayout(node.inputs[0]!)]));
    }
    if (!isMap(node)) continue;
    const inputs = node.inputs.map(stripLayout).filter((input) => !isFree(input));
    costs.set(
      node,
      inputs.reduce((sum, input) => sum + (costs.get(input) ?? 0), COST[node.op as MapOp] ?? 1),
    );
    sources.set(node, new Set(inputs.flatMap((input) => [...(sources.get(input) ?? [input])])));
  }
  return {
    cost: (node) => costs.get(node) ?? Number.POSITIVE_INFINITY,
    sources: (node) => sources.get(node)?.size ?? Number.POSITIVE_INFINITY,
  };
}
