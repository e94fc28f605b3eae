/**
 * expand: Graph → equal Graph without composites.
 *
 * ```
 * %1 = softmax(%0) axis=1   →   %1 = reduce(%0) kind="max" axes=[1]; %2 = exp(sub(%0, broadcast(%1))); …
 * ```
 */
import { expand as expandGraph } from "../ir/expand.js";
import type { Node } from "../ir/graph.js";
import { isPairwise, isStreamed } from "../ir/streaming.js";
import type { Pass } from "./pass.js";

/** Whether a kernel computes the composite as it is. */
export const isClaimed = (node: Node): boolean => isPairwise(node) && isStreamed(node);

export const expand: Pass = {
  name: "expand",
  says: "composite(x) => its expansion",
  from: 0,
  run: (graph, { builder, level }) => expandGraph(graph, builder, (node) => level === 0 || !isClaimed(node)),
};
