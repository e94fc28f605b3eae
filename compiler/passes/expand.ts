/**
 * expand: Graph → equal Graph without composites.
 *
 * ```
 * %1 = softmax(%0) axis=1   →   %1 = reduce(%0) kind="max" axes=[1]; %2 = exp(sub(%0, broadcast(%1))); …
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";
import { rowOf } from "../ir/ops/index.js";
import type { Pass } from "./pass.js";
import { mapBody, mapNodes } from "./walk.js";

/** A composite as other ops, and those of them that are composites likewise. */
function expanded(node: Node, b: Builder): Node {
  const row = rowOf(node.op);
  if (row.kind !== "composite") return node;
  const primitive = expandGraph({ name: node.op, outputs: [{ name: "out", node: row.expand(b, node as never) }] }, b);
  return primitive.outputs[0]!.node;
}

const expandGraph = (graph: Graph, b: Builder): Graph =>
  mapNodes(graph, b, (node) => expanded(mapBody(b, node, (body) => expandGraph(body, b)), b));

export const expand: Pass = {
  name: "expand",
  says: "composite(x) => its expansion",
  from: 0,
  run: (graph, { builder }) => expandGraph(graph, builder),
};
