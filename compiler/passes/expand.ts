/**
 * expand: Graph → equal Graph without composites.
 *
 * ```
 * %1 = softmax(%0) axis=1   →   %1 = reduce(%0) kind="max" axes=[1]; %2 = exp(sub(%0, broadcast(%1))); …
 * ```
 */
import { expand as expandGraph } from "../ir/expand.js";
import type { Pass } from "./pass.js";

export const expand: Pass = {
  name: "expand",
  says: "composite(x) => its expansion",
  from: 0,
  run: (graph, { builder }) => expandGraph(graph, builder),
};
