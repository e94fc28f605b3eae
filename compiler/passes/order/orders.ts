/**
 * A product of several tensors → the order of multiplying them that needs fewest operations: all orders are tried.
 *
 * ```
 * Σ q[i,c] · k[j,c] · v[j,e]   →   q · (k · v): 4·T·c·e operations;   (q · k) · v: 2·T²·c + 2·T²·e
 * ```
 */
import { estimate } from "../nodes.js";
import type { Chain, Factor } from "./chain.js";

export type Lengths = Readonly<Record<string, number>>;

/** An order of some of the factors: itself, or the product of two such. */
export interface Order {
  readonly labels: readonly string[];
  readonly operations: number;
  readonly parts?: readonly [Order, Order];
  readonly factor?: Factor;
}

const union = (x: readonly string[], y: readonly string[]): readonly string[] => [
  ...x,
  ...y.filter((label) => !x.includes(label)),
];

export interface Weighed {
  readonly best: Order | undefined;
  readonly written: number;
}

/** The best order whose intermediates have at most `room` times the elements of the largest tensor as written. */
export function weigh(chain: Chain, lengths: Lengths, room: number): Weighed {
  const { factors, axes, written } = chain;
  const points = (labels: readonly string[]): number =>
    labels.reduce((all, label) => all * estimate(axes.get(label)!.size, lengths), 1);
  const tensors = [...factors.map(({ labels }) => labels), ...written.map(({ result }) => result)];
  const most = room * Math.max(...tensors.map(points));
  const all = 2 ** factors.length - 1;
  /** By the set of factors, a bit each. */
  const orders = new Map<number, Order>();
  for (let set = 1; set <= all; set++) {
    const single = Math.log2(set);
    if (Number.isInteger(single)) {
      const factor = factors[single]!;
      orders.set(set, { labels: factor.labels, operations: 0, factor });
      continue;
    }
    const kept = set === all ? chain.out : keptLabels(chain, set);
    if (set !== all && points(kept) > most) continue;
    const best = cheapest(orders, set, kept, points);
    if (best) orders.set(set, best);
  }
  return {
    best: orders.get(all),
    written: written.reduce((sum, one) => sum + 2 * points(one.points), 0),
  };
}

/** Labels of a product of some factors that the result or another factor has too. */
function keptLabels({ factors, out }: Chain, set: number): readonly string[] {
  const isIn = (n: number): boolean => (set & (1 << n)) !== 0;
  const outside = factors.filter((_, n) => !isIn(n)).flatMap(({ labels }) => labels);
  return factors
    .filter((_, n) => isIn(n))
    .reduce((labels: readonly string[], factor) => union(labels, factor.labels), [])
    .filter((label) => out.includes(label) || outside.includes(label));
}

/** Of all ways to part the set in two that sum over something. */
function cheapest(
  orders: ReadonlyMap<number, Order>,
  set: number,
  labels: readonly string[],
  points: (labels: readonly string[]) => number,
): Order | undefined {
  let best: Order | undefined;
  // The part with the first factor stands on the left, so every pair comes once.
  const first = set & -set;
  for (let one = (set - 1) & set; one > 0; one = (one - 1) & set) {
    const [left, right] = [orders.get(one), orders.get(set - one)];
    if (!left || !right || (one & first) === 0) continue;
    const both = union(left.labels, right.labels);
    if (both.length === labels.length) continue;
    const operations = left.operations + right.operations + 2 * points(both);
    if (!best || operations < best.operations) best = { labels, operations, parts: [left, right] };
  }
  return best;
}
