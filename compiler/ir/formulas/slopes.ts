/**
 * A scalar formula → its derivatives by its arguments, as formulas.
 *
 * ```
 * exp(s0·0.125 − field0)   →   s0: exp(s0·0.125 − field0)·0.125,  field0: −exp(s0·0.125 − field0)
 * ```
 */
import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";
import { mapRowOf } from "../ops/map.js";
import { topologicalFrom } from "../rewrite.js";
import { constantOf, createAlgebra } from "./algebra.js";
import { sumOf } from "./factors.js";

/** By name; an argument on which nothing depends, and one that is no real number, is missing. */
export function slopesOf(b: Builder, root: Node): ReadonlyMap<string, Node> {
  const m = createAlgebra(b);
  const slopes = new Map<Node, Node>([[root, b.const(1, "f32")]]);
  const named = new Map<string, Node>();
  for (const node of [...topologicalFrom([root])].reverse()) {
    const dy = slopes.get(node);
    if (!dy || constantOf(dy) === 0) continue;
    if (node.op === "input") named.set(node.attributes.name, dy);
    const row = mapRowOf(node.op);
    if (!row) continue;
    row.slope(m, dy, node, ...node.inputs).forEach((dx, n) => {
      const x = node.inputs[n]!;
      if (!dx || x.dtype !== "f32" || constantOf(dx) === 0) return;
      const known = slopes.get(x);
      slopes.set(x, known ? sumOf(m, known, dx) : dx);
    });
  }
  return named;
}
