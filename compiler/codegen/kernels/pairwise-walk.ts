/**
 * Own positions → tiles of the other side's positions, those that a mask leaves.
 *
 * ```
 * j ≤ i, own queries 6 and 7 → keys 0 … 3, then 4 … 7
 * ```
 */
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import { divideSize, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, i32, mul, select } from "../kernel.js";
import { loopBounds } from "../loop-bounds.js";
import { argumentsOver, isPossible } from "./pairwise-formulas.js";
import type { Stream } from "./pairwise-stream.js";
import { addTile } from "./pairwise-sums.js";
import type { Strip, Tile } from "./pairwise-tile.js";
import { otherTile, strip } from "./pairwise-tile.js";

/** Over rows the heads of a group add up. */
export function overHeads({ context, nodes, group }: Stream, body: (head: Expr) => void): void {
  const { space, heads } = nodes[0]!.attributes;
  const share = divideSize(space[space.length - 3]!.size, heads)!;
  if (sizeEquals(share, 1)) body(group);
  else
    context.scope.loop(i32(0), extent(share), 1, (n) =>
      body(context.scope.name(add(mul(group, extent(share)), n))),
    );
}

export function walk(stream: Stream, head: Expr): void {
  const { scope } = stream.context;
  const { other, count } = otherSide(stream);
  const whole = pairsOf(stream, head, stream.own, other);
  readOwn(stream, whole);
  const { from, to, isWhole } = visited(stream, whole, count);
  const { team } = stream;
  const start = team ? scope.name(add(from, scope.name(mul(team.lane, i32(count))))) : from;
  scope.loop(start, to, count * (team?.lanes ?? 1), (first) => {
    const next = strip(stream.context, first, count, other.size);
    addWhere(stream, pairsOf(stream, head, stream.own, next), isWhole);
  });
}

/** All positions of the side that is walked, and how many are taken at a time. */
export function otherSide({ nodes, columns }: Stream): { readonly other: Strip; readonly count: number } {
  const { space } = nodes[0]!.attributes;
  const { size } = space[space.length - (columns ? 1 : 2)]!;
  const other = { first: i32(0), at: [i32(0), add(extent(size), i32(-1))], size, exact: true };
  return { other, count: otherTile(size) };
}

export function pairsOf(stream: Stream, head: Expr, own: Strip, other: Strip): Tile {
  const { batch, zero, columns } = stream;
  return { batch, head, zero, ...(columns ? { i: own, j: other } : { i: other, j: own }) };
}

/** The pairs of a tile, unless none of them counts. */
export function addWhere(stream: Stream, tile: Tile, isWhole: boolean): void {
  const { context, nodes } = stream;
  const possible = isWhole ? undefined : isPossible(context, tile, nodes);
  if (!possible) addTile(stream, tile);
  else {
    // A loop, since software adapters run both branches of a condition.
    const times = context.scope.name(select(possible, i32(1), i32(0)));
    context.scope.loop(i32(0), times, 1, () => addTile(stream, tile));
  }
}

/** Fields that stay the same all along are read before. */
export function readOwn({ context, nodes, columns }: Stream, tile: Tile): void {
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

export interface Visited {
  readonly from: Expr;
  readonly to: Expr;
  readonly isWhole: boolean;
}

/** The positions of the other side that some mask may allow, from a multiple of the tile's. */
export function visited({ context, nodes, columns }: Stream, tile: Tile, count: number): Visited {
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
