/**
 * A workgroup's own positions → tiles of the other side's operands in workgroup memory, which all of its invocations walk.
 *
 * ```
 * for 16 keys: { 16 × 64 of k and of v → workgroup memory; barrier; each invocation: its tiles of 4 keys among them; barrier }
 * ```
 * Loops around barriers go where the mask leaves something to one of the workgroup's positions; each invocation walks those of its own.
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Size } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, i32, local, mul, select } from "../kernel.js";
import type { Stream } from "./pairwise-stream.js";
import type { Held, Strip, Tile } from "./pairwise-tile.js";
import { channelsInMemory, isInside, productsOf, strip, widthOf } from "./pairwise-tile.js";
import { addWhere, otherSide, overHeads, pairsOf, readOwn, visited } from "./pairwise-walk.js";

export interface PairTile {
  readonly invocations: number;
  /** Positions of an invocation. */
  readonly own: number;
  /** Positions of the other side in workgroup memory: whole tiles of an invocation's loop. */
  readonly other: number;
  /** Whether an invocation keeps what it reads at its own positions. */
  readonly keepsOwn: boolean;
}

/** What is read at each of the other side's positions, and what at the own ones. */
export function operandsOf(nodes: readonly Pairwise[]): {
  readonly other: readonly Node[];
  readonly own: readonly Node[];
} {
  const columns = nodes[0]!.attributes.over === "columns";
  const products = productsOf(nodes);
  const [left, right] = [products.map((one) => one.left), products.map((one) => one.right)];
  const values = nodes.flatMap((node) => pairwiseParts(node).x ?? []);
  const other = new Set([...(columns ? right : left), ...values]);
  return { other: [...other], own: [...new Set(columns ? left : right)] };
}

export const channelsOf = (node: Node): number => Number(node.shape[node.shape.length - 1]!.size);

/** An array of some positions' channels. */
interface Kept {
  readonly array: Expr;
  readonly steps: number;
}

export function walkStaged(stream: Stream, block: Strip, tile: PairTile): void {
  const { context, nodes } = stream;
  const { own, other } = operandsOf(nodes);
  const keep = (node: Node, positions: number, space: "local" | "workgroup"): Kept => {
    const width = widthOf(channelsOf(node));
    const steps = channelsOf(node) / width;
    return { array: context.scope.array(width === 4 ? "f32x4" : "f32", positions * steps, space), steps };
  };
  const staged = new Map(other.map((node) => [node, keep(node, tile.other, "workgroup")]));
  const mine = new Map(tile.keepsOwn ? own.map((node) => [node, keep(node, tile.own, "local")]) : []);
  overHeads(stream, (head) => {
    overTiles(stream, head, block, tile, { staged, mine });
  });
}

interface Near {
  readonly staged: ReadonlyMap<Node, Kept>;
  readonly mine: ReadonlyMap<Node, Kept>;
}

function overTiles(stream: Stream, head: Expr, block: Strip, sizes: PairTile, near: Near): void {
  const { context, own } = stream;
  const { scope } = context;
  const { other, count } = otherSide(stream);
  const whole = pairsOf(stream, head, own, other);
  readOwn(stream, whole);
  keepOwn(stream, whole, near);
  const all = visited(stream, pairsOf(stream, head, block, other), sizes.other);
  const some = visited(stream, whole, count);
  const end = scope.name(select(isInside(own, 0), some.to, i32(0)));
  scope.loop(all.from, all.to, sizes.other, (start) => {
    stage(stream, whole, start, other.size, sizes, near);
    scope.barrier();
    const from = scope.name(binary("max", start, some.from));
    const to = scope.name(binary("min", add(start, i32(sizes.other)), end));
    scope.loop(from, to, count, (first) => {
      const pairs = pairsOf(stream, head, own, strip(context, first, count, other.size));
      addWhere(stream, { ...pairs, held: heldBy(stream, near, start) }, some.isWhole);
    });
    scope.barrier();
  });
}

const headsOf = ({ nodes }: Stream): Size => {
  const { space } = nodes[0]!.attributes;
  return space[space.length - 3]!.size;
};

function keepOwn(stream: Stream, whole: Tile, { mine }: Near): void {
  const { context, own } = stream;
  const { scope } = context;
  for (const [node, { array, steps }] of mine)
    scope.loop(i32(0), i32(steps), 1, (n) => {
      own.at.forEach((at, k) => {
        const value = channelsInMemory(context, whole, headsOf(stream), node, at, n);
        scope.put(array, scope.name(add(n, i32(k * steps))), value);
      });
    });
}

/** All invocations together, side by side in memory. */
function stage(
  stream: Stream,
  whole: Tile,
  start: Expr,
  size: Size,
  { invocations, other }: PairTile,
  { staged }: Near,
): void {
  const { context } = stream;
  const { scope } = context;
  const exact = typeof size === "number" && size % other === 0;
  for (const [node, { array, steps }] of staged)
    scope.loop(local, i32(other * steps), invocations, (item) => {
      const wanted = scope.name(add(start, scope.name(binary("quotient", item, i32(steps)))));
      const at = exact ? wanted : scope.name(binary("min", wanted, add(extent(size), i32(-1))));
      const n = scope.name(binary("remainder", item, i32(steps)));
      scope.put(array, item, channelsInMemory(context, whole, headsOf(stream), node, at, n));
    });
}

function heldBy({ context: { scope }, columns }: Stream, { staged, mine }: Near, start: Expr): Held {
  const rowOf = (kept: Kept, row: Expr, n: Expr): Expr =>
    scope.element(kept.array, scope.name(add(scope.name(mul(row, i32(kept.steps))), n)));
  return (node, side, k, at, n) => {
    const isOther = (side === "j") === columns;
    const kept = (isOther ? staged : mine).get(node);
    return kept && rowOf(kept, isOther ? scope.name(binary("sub", at, start)) : i32(k), n);
  };
}
