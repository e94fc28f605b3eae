/**
 * Graph → what it costs: operations, and bytes if every node read and wrote memory.
 *
 * `%2 = contract(%0, %1) : f32 [t=T, e=8]` over k=4 at T=16 → 1024 flops, 4·(64 + 32) bytes read, 512 written
 */
import { createBuilder } from "./builder.js";
import { expand } from "./expand.js";
import type { Graph, Node, NodeOf, ValueType } from "./graph.js";
import { rowOf } from "./ops/index.js";
import { turnsAt } from "./ops/regions.js";
import { topological } from "./rewrite.js";
import type { Size } from "./shape.js";
import { elementCount, evaluateSize } from "./shape.js";

export interface Cost {
  /** Additions, multiplications, comparisons and function values, one each. */
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface GraphCost extends Cost {
  /** A region's cost is that of all its turns. Composites are counted as their expansion, under its nodes. */
  readonly nodes: ReadonlyMap<Node, Cost>;
}

/** Every element type takes four bytes. */
const BYTES = 4;
const FREE: Cost = { flops: 0, bytesRead: 0, bytesWritten: 0 };

const plus = (x: Cost, y: Cost, times = 1): Cost => ({
  flops: x.flops + times * y.flops,
  bytesRead: x.bytesRead + times * y.bytesRead,
  bytesWritten: x.bytesWritten + times * y.bytesWritten,
});

export function countGraph(graph: Graph, lengths: Readonly<Record<string, number>>): GraphCost {
  const size = (of: Size): number => evaluateSize(of, { P: 0, ...lengths });
  return count(expand(graph, createBuilder()), size);
}

type Elements = (type: ValueType) => number;

function count(graph: Graph, size: (of: Size) => number): GraphCost {
  const nodes = new Map<Node, Cost>();
  for (const node of topological(graph)) nodes.set(node, costOf(node, size));
  return { ...[...nodes.values()].reduce((sum, cost) => plus(sum, cost), FREE), nodes };
}

function costOf(node: Node, size: (of: Size) => number): Cost {
  const elements: Elements = (type) => size(elementCount(type.shape));
  if (node.op === "repeat")
    return plus(FREE, count(node.attributes.body, size), turnsAt(node.attributes.count, size));
  if (node.op === "fused") return count(node.attributes.body, size);
  if (node.op === "update") {
    const rows = BYTES * elements(node.inputs[1]!);
    return { flops: 0, bytesRead: rows, bytesWritten: rows };
  }
  const flops = flopsOf(node, elements);
  const moves = node.op === "gather" || node.op === "random" || node.op === "concat" || node.op === "pad";
  if (flops === 0 && !moves) return FREE;
  const bytesRead =
    node.op === "gather" ? gathered(node, elements) : node.inputs.reduce((sum, x) => sum + elements(x), 0);
  return { flops, bytesRead: BYTES * bytesRead, bytesWritten: BYTES * elements(node) };
}

const gathered = (node: NodeOf<"gather">, elements: Elements): number =>
  elements(node) + elements(node.inputs[1]!);

function flopsOf(node: Node, elements: Elements): number {
  if (node.op === "contract") return 2 * elements(node) * terms(node, elements);
  if (node.op === "reduce") return elements(node.inputs[0]!);
  if (node.op === "scatter_add") return elements(node.inputs[1]!);
  return rowOf(node.op).kind === "map" ? elements(node) : 0;
}

/** How many products each element of a contraction sums. */
function terms({ inputs, attributes: { a, out } }: NodeOf<"contract">, elements: Elements): number {
  const shape = inputs[0]!.shape.filter((_, n) => !out.includes(a[n]!));
  return elements({ shape, dtype: "f32" });
}
