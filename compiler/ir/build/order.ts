/**
 * What has to do with the order of a row, and keeps its axis: running sums, ranks, sorting.
 *
 * ```
 * x = 3 1 3 2     cumsum 3 4 7 9     rank 0 3 1 2     sort 1 2 3 3     argsort 1 3 0 2
 * ```
 * Sorting is by ranks: position p takes the one element of rank p, so that gradients follow the elements.
 */
import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";

export const ordered = ["cumsum", "rank", "sort", "argsort"] as const;
export type Ordered = (typeof ordered)[number];

export function inOrder(b: Builder, name: Ordered, x: Node, axis: number): Node {
  switch (name) {
    case "cumsum":
      return b.cumsum(x, axis);
    case "rank":
      return b.rank(x, axis);
    case "sort":
      return atRanks(b, ascending(b, x, axis), x, axis);
    case "argsort":
      return b.to_i32(atRanks(b, ascending(b, x, axis), b.to_f32(b.iota(x.shape, axis)), axis));
    default:
      return name satisfies never;
  }
}

const ascending = (b: Builder, x: Node, axis: number): Node => b.rank(b.neg(x), axis);

/** y_p = the x_i whose rank is p. */
function atRanks(b: Builder, ranks: Node, x: Node, axis: number): Node {
  const pairs = [...x.shape.slice(0, axis), x.shape[axis]!, ...x.shape.slice(axis)]; // [..., p, i, ...]
  const spread = (node: Node): Node =>
    b.broadcastTo(
      node,
      pairs,
      pairs.map((_, n) => (n === axis ? -1 : n > axis ? n - 1 : n)),
    );
  const chosen = b.eq(spread(ranks), b.iota(pairs, axis));
  return b.sum(b.select(chosen, spread(x), b.const(0, "f32")), [axis + 1]);
}
