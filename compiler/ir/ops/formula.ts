/**
 * Scalar formulas → nodes over a shape: every node of the formula becomes the same op over tensors.
 *
 * `add(s, mul(slope, sub(j, i)))` over [h, i, j] with s, slope, i, j bound to tensors of that shape.
 */
import type { Builder } from "../builder.js";
import type { Graph, Node } from "../graph.js";
import { topological } from "../rewrite.js";
import type { Shape } from "../shape.js";

export function instantiate(
  b: Builder,
  formula: Graph,
  shape: Shape,
  argument: (name: string) => Node,
): Node {
  const made = new Map<Node, Node>();
  for (const node of topological(formula)) {
    if (node.op === "input" && node.attributes.kind === "fixed")
      made.set(node, argument(node.attributes.name));
    else if (node.inputs.length === 0) made.set(node, b.broadcastTo(node, shape, []));
    else
      made.set(
        node,
        b.remake(
          node,
          node.inputs.map((input) => made.get(input)!),
        ),
      );
  }
  return made.get(formula.outputs[0]!.node)!;
}
