/** Which nodes a change of others reaches. */
import type { Node } from "../graph.js";

/** The nodes of `order` that depend on one of `wrt`. */
export function dependents(order: readonly Node[], wrt: ReadonlySet<Node>): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of order)
    if (wrt.has(node) || node.inputs.some((input) => found.has(input))) found.add(node);
  return found;
}
