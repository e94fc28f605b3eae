/**
 * Sums over pairs of positions → a kernel in which one invocation owns some positions of one side and walks the other side's.
 *
 * ```
 * l = logsumexp_j F, y = Σ_j exp(F − l) · v_j → for 4 queries: { for 4 keys: products; m' = max(m, F); z, y = z, y · exp(m − m') + … } y / z
 * ```
 * Nothing of a pair is stored. Positions that the mask excludes for the whole tile are not walked.
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Size } from "../../ir/shape.js";
import { divideSize, product, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { pairwiseOf } from "../family.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, f32, fma, grid, i32, mul, select, splat, unary } from "../kernel.js";
import { loopBounds } from "../loop-bounds.js";
import { decompose, sizes } from "../position.js";
import { largest } from "../values.js";
import type { Context, Launch } from "./context.js";
import { tiles } from "./context.js";
import { lowerPairsOfBatch } from "./pairwise-batch.js";
import { finish } from "./pairwise-results.js";
import { finishTogether } from "./pairwise-split.js";
import type { Running, Stream, Sum } from "./pairwise-stream.js";
import { clear, started } from "./pairwise-stream.js";
import type { Pairs, Strip, Tile } from "./pairwise-tile.js";
import {
  allowedPairs,
  argumentsOver,
  dots,
  formulasAt,
  isPossible,
  otherTile,
  ownTile,
  productsOf,
  runtimeZero,
  sideAt,
  strip,
  turns,
} from "./pairwise-tile.js";
import { createTeam } from "./team.js";

export function lowerPairwise(context: Context): Launch {
  const nodes = pairwiseOf(context.body);
  if (nodes[0]!.attributes.over === "batch") return lowerPairsOfBatch(context, nodes);
  const { size, depth } = ownSide(nodes);
  const count = ownTile(size);
  const own = strip(context, context.scope.name(mul(grid(0), i32(count))), count, size);
  const stream = opened(context, nodes, own, runtimeZero(context, product(depth)));
  clear(stream);
  overHeads(stream, (head) => walk(stream, head));
  finish(stream);
  return { grid: [tiles(size, count), 1, tiles(product(depth), 1)], workgroup: [32, 1, 1] };
}

/** Few positions of this side: the invocations of a workgroup share one, and its sums meet in workgroup memory. */
export function lowerPairwiseSplit(context: Context, invocations: number): Launch {
  const nodes = pairwiseOf(context.body);
  const { size, depth } = ownSide(nodes);
  const team = createTeam(context.scope, invocations, 1);
  const own = strip(context, grid(0), 1, size);
  const stream = { ...opened(context, nodes, own, i32(0)), team };
  clear(stream);
  overHeads(stream, (head) => walk(stream, head));
  finishTogether(stream, team);
  return {
    grid: [tiles(size, 1), 1, tiles(product(depth), 1)],
    workgroup: [invocations, 1, 1],
    cooperative: true,
  };
}

/** How many positions the summing side has, and how often. */
function ownSide(nodes: readonly Pairwise[]): { readonly size: Size; readonly depth: readonly Size[] } {
  const { space, over, heads } = nodes[0]!.attributes;
  const rank = space.length;
  const { size } = space[over === "columns" ? rank - 2 : rank - 1]!;
  return { size, depth: [...sizes(space.slice(0, rank - 3)), heads] };
}

function opened(context: Context, nodes: readonly Pairwise[], own: Strip, zero: Expr): Stream {
  const place = decompose(context.scope, grid(2), ownSide(nodes).depth);
  return {
    ...{ context, nodes, columns: nodes[0]!.attributes.over === "columns", own, zero },
    ...{ products: productsOf(nodes), batch: place.slice(0, -1), group: place[place.length - 1]! },
    ...started(context, nodes, own.at.length),
  };
}

/** Over rows the heads of a group add up. */
function overHeads({ context, nodes, group }: Stream, body: (head: Expr) => void): void {
  const { space, heads } = nodes[0]!.attributes;
  const share = divideSize(space[space.length - 3]!.size, heads)!;
  if (sizeEquals(share, 1)) body(group);
  else
    context.scope.loop(i32(0), extent(share), 1, (n) =>
      body(context.scope.name(add(mul(group, extent(share)), n))),
    );
}

function walk(stream: Stream, head: Expr): void {
  const { context, nodes, columns, batch, own, zero: none } = stream;
  const { scope } = context;
  const { space } = nodes[0]!.attributes;
  const { size } = space[space.length - (columns ? 1 : 2)]!;
  const count = otherTile(size);
  const at = (other: Strip): Tile => ({
    ...{ batch, head, zero: none },
    ...(columns ? { i: own, j: other } : { i: other, j: own }),
  });
  const whole = at({ first: i32(0), at: [i32(0), add(extent(size), i32(-1))], size, exact: true });
  readOwn(stream, whole);
  const { from, to, isWhole } = visited(stream, whole, count);
  const { team } = stream;
  const start = team ? scope.name(add(from, scope.name(mul(team.lane, i32(count))))) : from;
  scope.loop(start, to, count * (team?.lanes ?? 1), (first) => {
    const tile = at(strip(context, first, count, size));
    const possible = isWhole ? undefined : isPossible(context, tile, nodes);
    if (!possible) addTile(stream, tile);
    // A loop, since software adapters run both branches of a condition.
    else scope.loop(i32(0), scope.name(select(possible, i32(1), i32(0))), 1, () => addTile(stream, tile));
  });
}

/** Fields that stay the same all along are read before. */
function readOwn({ context, nodes, columns }: Stream, tile: Tile): void {
  for (const node of nodes) {
    const { space, fields } = node.attributes;
    const other = space.length - (columns ? 1 : 2);
    const own = columns ? tile.i : tile.j;
    pairwiseParts(node).fields.forEach((field, n) => {
      if (fields[n]!.includes(other) || nodes.includes(field as Pairwise)) return;
      for (const at of own.at) {
        const place = [...tile.batch, tile.head, at, at];
        context.values.at(
          field,
          fields[n]!.map((axis) => place[axis]!),
        );
      }
    });
  }
}

/** The positions of the other side that some mask may allow, from a multiple of the tile's. */
function visited(
  { context, nodes, columns }: Stream,
  tile: Tile,
  count: number,
): { readonly from: Expr; readonly to: Expr; readonly isWhole: boolean } {
  const { scope } = context;
  const side = columns ? tile.j : tile.i;
  const end = extent(side.size);
  const each = nodes.map(({ attributes: { mask, offset } }) => {
    if (!mask) return { whole: true };
    const found = loopBounds(mask, columns ? "j" : "i", argumentsOver(tile, offset), scope.name);
    const moved = (x: Expr | undefined): Expr | undefined => x && binary("sub", x, extent(offset));
    return { from: moved(found.from), to: moved(found.to), whole: found.whole };
  });
  const [froms, tos] = [each.map(({ from }) => from), each.map(({ to }) => to)];
  const from = froms.every((x) => x !== undefined)
    ? scope.name(
        binary(
          "max",
          froms.reduce((x, y) => binary("min", x, y)),
          i32(0),
        ),
      )
    : i32(0);
  const aligned = mul(binary("quotient", from, i32(count)), i32(count));
  const to = tos.every((x) => x !== undefined)
    ? binary(
        "min",
        tos.reduce((x, y) => binary("max", x, y)),
        end,
      )
    : end;
  return { from: scope.name(aligned), to: scope.name(to), isWhole: each.every(({ whole }) => whole) };
}

function addTile(stream: Stream, tile: Tile): void {
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
  const { scope, values } = context;
  const { space } = node.attributes;
  const { x } = pairwiseParts(node);
  const { array, width, steps } = rows!;
  const other = columns ? tile.j : tile.i;
  scope.loop(i32(0), turns(context, tile, steps), 1, (n) => {
    const c = scope.name(mul(n, i32(width)));
    const read = other.at.map((at) => {
      const position = sideAt(context, tile, space[space.length - 3]!.size, x!, at, c);
      return width === 4 ? values.at4(x!, position, position.length - 1) : values.at(x!, position);
    });
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
