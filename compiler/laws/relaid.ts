/**
 * Values of the leaves of a model → those of the same model after a pass that packs, and back.
 *
 * ```
 * wq [8, 8], wk [8, 4], m/wq, m/wk   →   wq+wk [8, 12], m/wq+wk
 * ```
 * What a pass computes from parameters before they are used (`prepared` leaves) is added here: nothing else says what a leaf holds.
 */
import type { Built } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { headOf, unstacked } from "./unstack.js";
import type { Values } from "./values.js";
import { leavesOf } from "./values.js";

type Layout = Pick<Built, "parameters">;

/** Of parameters, their gradients and their states; all other names keep what they have. */
export function relaid(values: Values, from: Layout, to: Layout): Values {
  if (from.parameters === to.parameters) return values;
  const names = new Set(to.parameters.map(({ name }) => name));
  const others: Record<string, Tensor<number>> = {};
  const heads = new Map<string, Map<string, Tensor<number>>>();
  for (const [name, value] of Object.entries(unstacked(values, from))) {
    const { head, rest } = headOf(name);
    if (names.has(rest)) heads.set(head, (heads.get(head) ?? new Map()).set(rest, value));
    else others[name] = value;
  }
  for (const [head, held] of heads)
    for (const [leaf, value] of Object.entries(leavesOf(present(to, held), held)))
      others[head + leaf] = value;
  return others;
}

/** Some have no gradient or no state. */
const present = ({ parameters }: Layout, held: ReadonlyMap<string, unknown>): Layout => ({
  parameters: parameters.filter(({ name }) => held.has(name)),
});
