/**
 * What one turn lets out → the stacks of all turns, under the same names.
 *
 * ```
 * probe weights = p      weights: [layer=12, batch=B, heads=4, t=T, t=T]
 * ```
 */
import type { Node } from "../graph.js";
import type { Emission } from "./paths.js";

export function stackEmissions(emissions: readonly Emission[], stacks: readonly Node[]): readonly Emission[] {
  let at = 0;
  return emissions.map((e) => {
    const nodes = stacks.slice(at, at + e.nodes.length);
    at += e.nodes.length;
    return { ...e, nodes };
  });
}
