/** What the fuse pass asks of a node: its kind, and what computing it again would cost. */
import type { Node } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";

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
export const isContraction = (node: Node): node is Extract<Node, { op: "contract" }> =>
  node.op === "contract";
export const isRegion = (node: Node): boolean => node.op === "repeat" || node.op === "fused";

/** The value that a chain of layout ops reads. */
export function stripLayout(node: Node): Node {
  let source = node;
  while (isLayout(source)) source = source.inputs[0]!;
  return source;
}
