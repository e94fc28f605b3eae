/**
 * A tile of pairs (i, j) of one batch and head → the products of its pairs.
 *
 * ```
 * 4 queries, 4 keys → loop c by 4: 16 sums of q[i, c] · k[j, c]
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Size } from "../../ir/shape.js";
import { divideSize, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import { add, binary, bool, extent, f32, fma, grid, i32, lane, lanes, mul } from "../kernel.js";
import type { Position } from "../position.js";
import type { Context } from "./context.js";

/** Neighbouring positions of one side; those beyond the end repeat the last one. */
export interface Strip {
  readonly first: Expr;
  readonly at: readonly Expr[];
  readonly size: Size;
  /** Every strip of this many positions lies inside. */
  readonly exact: boolean;
}

export interface Tile {
  /** Of the axes before the heads. */
  readonly batch: Position;
  readonly head: Expr;
  readonly i: Strip;
  readonly j: Strip;
  readonly zero: Expr;
  /** What is read of an operand at the k-th position of a side, where that lies nearer than in memory. */
  readonly held?: Held;
}

/** Turn `n` over the channels of `node` at a position of a side. */
export type Held = (node: Node, side: "i" | "j", k: number, at: Expr, n: Expr) => Expr | undefined;

/** By i, then by j. */
export type Pairs<T> = readonly (readonly T[])[];

export const mapPairs = <T>(tile: Tile, make: (i: number, j: number) => T): Pairs<T> =>
  tile.i.at.map((_, i) => tile.j.at.map((_, j) => make(i, j)));

/**
 * Positions that an invocation owns, and how many of the other side it takes at a time. With 4 × 4 instead a software driver compiled for
 * 1.7 times as long, and neither it nor V8 was faster by more than a tenth.
 */
const OWN = 2;
const OTHER = 4;
const tileOf = (size: Size, most: number): number =>
  typeof size !== "number" ? most : ([4, 2].find((n) => n <= size && n <= most) ?? 1);
export const ownTile = (size: Size): number => tileOf(size, OWN);
export const otherTile = (size: Size): number => tileOf(size, OTHER);

/** `span`: `first` is a multiple of it, plus whole strips. */
export function strip({ scope }: Context, first: Expr, count: number, size: Size, span = count): Strip {
  const exact = typeof size === "number" && size % span === 0;
  const at = Array.from({ length: count }, (_, n) => {
    const position = add(first, i32(n));
    return exact ? position : scope.name(binary("min", position, add(extent(size), i32(-1))));
  });
  return { first, at, size, exact };
}

/** The first and the last of a long strip. */
export function ends({ scope }: Context, first: Expr, count: number, size: Size): Strip {
  const last = scope.name(binary("min", add(first, i32(count - 1)), add(extent(size), i32(-1))));
  return { first, at: [first, last], size, exact: false };
}

export const isInside = ({ first, size, exact }: Strip, n: number): Expr =>
  exact ? bool(true) : binary("lt", add(first, i32(n)), extent(size));

/** The last position of a strip that exists. */
export const lastOf = ({ at }: Strip): Expr => at[at.length - 1]!;

/**
 * A constant number of turns that no compiler of kernels sees: a software driver would write the loop out, and takes as long as its
 * loads are many.
 */
export const turns = ({ scope }: Context, { zero }: Pick<Tile, "zero">, count: number): Expr =>
  scope.name(add(zero, i32(count)));

/** 0 that is computed from what a kernel learns when it runs; of an index that is always 0 a compiler would know. */
export const runtimeZero = ({ scope }: Context, depth: Size): Expr =>
  scope.name(binary("min", grid(depth === 1 ? 0 : 2), i32(0)));

export interface Product {
  readonly left: Node;
  readonly right: Node;
}

export function productsOf(nodes: readonly Pairwise[]): readonly Product[] {
  const found: Product[] = [];
  for (const node of nodes)
    for (const { left, right } of pairwiseParts(node).products)
      if (!found.some((known) => known.left === left && known.right === right)) found.push({ left, right });
  return found;
}

const channelsOf = ({ left }: Product): number => Number(left.shape[left.shape.length - 1]!.size);
export const widthOf = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

/** The position of channel `c` of one side; heads share where that side has fewer. */
export function sideAt({ scope }: Context, tile: Tile, heads: Size, node: Node, at: Expr, c: Expr): Position {
  const own = node.shape[tile.batch.length]!.size;
  const shared = sizeEquals(own, heads)
    ? tile.head
    : scope.name(binary("quotient", tile.head, extent(divideSize(heads, own)!)));
  return [...tile.batch, sizeEquals(own, 1) ? i32(0) : shared, at, c];
}

/** Σ_c left · right for each pair; each product has its loop, since the sums of two are too many for V8's registers. */
export function dots(
  context: Context,
  tile: Tile,
  heads: Size,
  products: readonly Product[],
): ReadonlyMap<Product, Pairs<Expr>> {
  const { scope } = context;
  const sums = new Map(products.map((product) => [product, mapPairs(tile, () => scope.mutable(f32(0)))]));
  for (const [product, pairs] of sums) {
    const channels = channelsOf(product);
    const width = widthOf(channels);
    scope.loop(i32(0), turns(context, tile, channels / width), 1, (n) => {
      addProducts(context, tile, heads, product, pairs, n);
    });
  }
  return new Map([...sums].map(([key, pairs]) => [key, pairs.map((row) => row.map(scope.read))]));
}

function addProducts(
  context: Context,
  tile: Tile,
  heads: Size,
  { left, right }: Product,
  sums: Pairs<Expr>,
  n: Expr,
): void {
  const { scope } = context;
  const wide = widthOf(channelsOf({ left, right })) === 4;
  const part = (x: Expr, c: 0 | 1 | 2 | 3): Expr => (wide ? lane(x, c) : x);
  const rows = tile.i.at.map((_, k) => channelsAt(context, tile, heads, left, "i", k, n));
  for (const [j] of tile.j.at.entries()) {
    const column = channelsAt(context, tile, heads, right, "j", j, n);
    for (const [i, row] of rows.entries())
      for (const c of wide ? lanes : lanes.slice(0, 1))
        scope.assign(sums[i]![j]!, fma(part(row, c), part(column, c), sums[i]![j]!));
  }
}

/** One channel of an operand at the k-th position of a side, or four where their number allows it. */
export function channelsAt(
  context: Context,
  tile: Tile,
  heads: Size,
  node: Node,
  side: "i" | "j",
  k: number,
  n: Expr,
): Expr {
  const at = tile[side].at[k]!;
  return tile.held?.(node, side, k, at, n) ?? channelsInMemory(context, tile, heads, node, at, n);
}

export function channelsInMemory(
  context: Context,
  tile: Tile,
  heads: Size,
  node: Node,
  at: Expr,
  n: Expr,
): Expr {
  const { scope, values } = context;
  const axis = node.shape.length - 1;
  const width = widthOf(Number(node.shape[axis]!.size));
  const position = sideAt(context, tile, heads, node, at, scope.name(mul(n, i32(width))));
  return width === 4 ? values.at4(node, position, axis) : values.at(node, position);
}
