/**
 * A tile of pairs → added to the sums of the own positions.
 *
 * ```
 * m, z, y and 4 more keys: m' = max(m, F); z, y = z, y · exp(m − m') + Σ exp(F − m') · (1, v)
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import { add, binary, f32, fma, i32, mul, select, splat, unary } from "../kernel.js";
import { largest } from "../values.js";
import { allowedPairs, formulasAt } from "./pairwise-formulas.js";
import type { Running, Stream, Sum } from "./pairwise-stream.js";
import type { Pairs, Tile } from "./pairwise-tile.js";
import { channelsAt, dots, turns } from "./pairwise-tile.js";

/** The pairs of a tile, added to what the own positions have. */
export function addTile(stream: Stream, tile: Tile): void {
  const { context, nodes, products, columns } = stream;
  const { space } = nodes[0]!.attributes;
  const values = dots(context, tile, space[space.length - 3]!.size, products);
  const allowed = allowedPairs(context, tile, nodes);
  const newest = new Map<Node, readonly Expr[]>();
  const factors = new Map<Running, readonly Expr[]>();
  const formula = (node: Pairwise): Pairs<Expr> => formulasAt(context, tile, node, values, newest);
  for (const node of nodes) {
    const running = stream.maxima.get(node as Node);
    if (!running) continue;
    const moved = grow(stream, running, formula(node), allowed(node));
    newest.set(node as Node, moved.largest);
    factors.set(running, moved.factor);
  }
  for (const sum of stream.sums.values()) {
    const counted = masked(stream, formula(sum.node), allowed(sum.node));
    const weights = columns ? counted : transposed(counted);
    const factor = sum.relative && factors.get(sum.relative);
    if (sum.rows) addRows(stream, tile, sum, weights, factor);
    else addLocals(stream, sum, weights, factor);
  }
}

const transposed = <T>(pairs: Pairs<T>): Pairs<T> => pairs[0]!.map((_, n) => pairs.map((row) => row[n]!));

const masked = ({ context: { scope } }: Stream, values: Pairs<Expr>, allowed: Pairs<Expr>): Pairs<Expr> =>
  values.map((row, i) => row.map((x, j) => scope.name(select(allowed[i]![j]!, x, f32(0)))));

/** The largest score so far becomes larger; what was summed relative to it shrinks by `factor`. */
function grow(
  { context: { scope } }: Stream,
  { largest: locals, total }: Running,
  scores: Pairs<Expr>,
  allowed: Pairs<Expr>,
): { readonly largest: readonly Expr[]; readonly factor: readonly Expr[] } {
  const grown = locals.map((local, i) => {
    const before = scope.read(local);
    const row = scores[i]!.map((x, j) => scope.name(select(allowed[i]![j]!, x, f32(-largest))));
    const now = scope.name(row.reduce((x, y) => binary("max", x, y), before));
    const factor = scope.name(unary("exp", scope.name(binary("sub", before, now))));
    const weights = scores[i]!.map((x, j) =>
      scope.name(select(allowed[i]![j]!, unaryNamed(scope.name, binary("sub", x, now)), f32(0))),
    );
    scope.assign(local, now);
    scope.assign(total[i]!, weights.reduce(add, mul(total[i]!, factor)));
    return { now, factor };
  });
  return { largest: grown.map(({ now }) => now), factor: grown.map(({ factor }) => factor) };
}

const unaryNamed = (name: (x: Expr) => Expr, x: Expr): Expr => name(unary("exp", name(x)));

function addLocals(
  { context: { scope } }: Stream,
  { locals }: Sum,
  weights: Pairs<Expr>,
  factor: readonly Expr[] | undefined,
): void {
  locals.forEach((local, n) => {
    const before = factor ? mul(local, factor[n]!) : local;
    scope.assign(local, weights[n]!.reduce(add, before));
  });
}

/** Σ over the other positions of the tile: weight · x. */
function addRows(
  { context, columns, own }: Stream,
  tile: Tile,
  { node, rows }: Sum,
  weights: Pairs<Expr>,
  factor: readonly Expr[] | undefined,
): void {
  const { scope } = context;
  const { space } = node.attributes;
  const { x } = pairwiseParts(node);
  const { array, width, steps } = rows!;
  const side = columns ? "j" : "i";
  scope.loop(i32(0), turns(context, tile, steps), 1, (n) => {
    const heads = space[space.length - 3]!.size;
    const read = tile[side].at.map((_, k) => channelsAt(context, tile, heads, x!, side, k, n));
    const wide = (value: Expr): Expr => (width === 4 ? splat(value) : value);
    own.at.forEach((_, r) => {
      const at = scope.name(add(n, i32(r * steps)));
      const before = scope.element(array, at);
      const kept = factor ? mul(before, wide(factor[r]!)) : before;
      const sum = read.reduce((total, value, k) => fma(wide(weights[r]![k]!), value, total), kept);
      scope.put(array, at, sum);
    });
  });
}
