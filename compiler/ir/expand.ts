/**
 * Graph → Graph without composites: each is replaced by its row's expansion.
 *
 * ```
 * %1 = softmax(%0) axis=1   →   %1 = reduce(%0) kind="max" axes=[1]
 *                               …
 *                               %7 = div(%4, %6)
 * ```
 */
import type { Builder } from "./builder.js";
import type { Graph, Node } from "./graph.js";
import { rowOf } from "./ops/index.js";
import { rewrite } from "./rewrite.js";

/** Expands the composites that `which` names (all of them), in bodies too, until none is left. */
export function expand(graph: Graph, b: Builder, which: (node: Node) => boolean = () => true): Graph {
  for (let current = graph; ; ) {
    let expanded = false;
    current = rewrite(
      current,
      b,
      (node, inputs) => {
        const row = rowOf(node.op);
        if (row.kind !== "composite" || !which(node)) return undefined;
        expanded = true;
        return row.expand(b, b.remake(node, inputs));
      },
      { bodies: true },
    );
    if (!expanded) return current;
  }
}
