/**
 * A tile of pairs (i, j) of one batch and head → the products of its pairs, which of them count, and the values of formulas there.
 *
 * ```
 * 4 queries, 4 keys → loop c by 4: 16 sums of q[i, c] · k[j, c]; 16 conditions j ≤ i, unless all hold; 16 times exp(s · 0.125 − l[i])
 * ```
 */
import type { Graph, Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Size } from "../../ir/shape.js";
import { divideSize, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { maskKey } from "../../ir/streaming.js";
import type { Range } from "../intervals.js";
import { truthOfMask } from "../intervals.js";
import type { Expr } from "../kernel.js";
import { add, binary, bool, extent, f32, fma, grid, i32, isConst, lane, lanes, mul } from "../kernel.js";
import { isMap, mapRules } from "../maps.js";
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
}

/** By i, then by j. */
export type Pairs<T> = readonly (readonly T[])[];

const mapPairs = <T>(tile: Tile, make: (i: number, j: number) => T): Pairs<T> =>
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

export function strip({ scope }: Context, first: Expr, count: number, size: Size): Strip {
  const exact = typeof size === "number" && size % count === 0;
  const at = Array.from({ length: count }, (_, n) => {
    const position = add(first, i32(n));
    return exact ? position : scope.name(binary("min", position, add(extent(size), i32(-1))));
  });
  return { first, at, size, exact };
}

export const isInside = ({ first, size, exact }: Strip, n: number): Expr =>
  exact ? bool(true) : binary("lt", add(first, i32(n)), extent(size));

/** The last position of a strip that exists. */
const lastOf = ({ at }: Strip): Expr => at[at.length - 1]!;

/**
 * A constant number of turns that no compiler of kernels sees: a software driver would write the loop out, and takes as long as its
 * loads are many.
 */
export const turns = ({ scope }: Context, { zero }: Pick<Tile, "zero">, count: number): Expr =>
  scope.name(add(zero, i32(count)));

/** 0 that is computed from what a kernel learns when it runs; of an index that is always 0 a compiler would know. */
export const runtimeZero = ({ scope }: Context, depth: Size): Expr =>
  scope.name(binary("min", grid(depth === 1 ? 0 : 2), i32(0)));

// ---- Products

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
      addProducts(context, tile, heads, product, pairs, scope.name(mul(n, i32(width))), width);
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
  c: Expr,
  width: 1 | 4,
): void {
  const { scope, values } = context;
  const axis = left.shape.length - 1;
  const value = (node: Node, at: Expr): Expr => {
    const position = sideAt(context, tile, heads, node, at, c);
    return width === 4 ? values.at4(node, position, axis) : values.at(node, position);
  };
  const part = (x: Expr, n: 0 | 1 | 2 | 3): Expr => (width === 4 ? lane(x, n) : x);
  const rows = tile.i.at.map((at) => value(left, at));
  for (const [j, at] of tile.j.at.entries()) {
    const column = value(right, at);
    for (const [i, row] of rows.entries())
      for (const n of lanes.slice(0, width))
        scope.assign(sums[i]![j]!, fma(part(row, n), part(column, n), sums[i]![j]!));
  }
}

// ---- Masks

const ends = (tile: Tile, offset: Size, side: "i" | "j"): Range => ({
  lo: add(tile[side].first, extent(offset)),
  hi: add(lastOf(tile[side]), extent(offset)),
});

/** The ranges of a mask's arguments over the tile. */
export const argumentsOver =
  (tile: Tile, offset: Size) =>
  (name: string): Range | undefined => {
    if (name === "h") return { lo: tile.head, hi: tile.head };
    return name === "i" || name === "j" ? ends(tile, offset, name) : undefined;
  };

/** Whether some pair of the tile may count. */
export function isPossible({ scope }: Context, tile: Tile, nodes: readonly Pairwise[]): Expr {
  const each = nodes.map(({ attributes: { mask, offset } }) =>
    mask ? truthOfMask(mask, argumentsOver(tile, offset), scope.name).possible : bool(true),
  );
  return each.reduce((x, y) => (isConst(x, 1) || isConst(y, 1) ? bool(true) : binary("or", x, y)));
}

/** Which pairs count, by mask: where a whole tile does, the mask is not asked. */
export function allowedPairs(
  context: Context,
  tile: Tile,
  nodes: readonly Pairwise[],
): (node: Pairwise) => Pairs<Expr> {
  const made = new Map<string, Pairs<Expr>>();
  for (const node of nodes) {
    const key = maskKey(node);
    if (!made.has(key)) made.set(key, allowedBy(context, tile, node));
  }
  return (node) => made.get(maskKey(node))!;
}

function allowedBy(context: Context, tile: Tile, node: Pairwise): Pairs<Expr> {
  const { scope } = context;
  const { mask, offset } = node.attributes;
  const exists = mapPairs(tile, (i, j) => inside(context, tile, i, j));
  if (!mask) return exists;
  const { certain } = truthOfMask(mask, argumentsOver(tile, offset), scope.name);
  const whole = [tile.i, tile.j].reduce(
    (so, side) => binary("and", so, isInside(side, side.at.length - 1)),
    bool(true),
  );
  const all = isConst(certain, 0) ? certain : scope.name(binary("and", whole, certain));
  const allowed = mapPairs(tile, () => scope.mutable(bool(true)));
  const asks = (): void => {
    for (const [i, row] of allowed.entries())
      for (const [j, local] of row.entries()) {
        const holds = formulaAt(context, mask, argumentAt(context, tile, node, [i, j], nothing, nothing));
        scope.assign(local, scope.name(binary("and", exists[i]![j]!, holds)));
      }
  };
  scope.when(all, () => undefined, asks);
  return allowed.map((row) => row.map(scope.read));
}

function inside({ scope }: Context, tile: Tile, i: number, j: number): Expr {
  const [x, y] = [isInside(tile.i, i), isInside(tile.j, j)];
  return scope.name(binary("and", scope.name(x), scope.name(y)));
}

// ---- Formulas

const nothing = (): undefined => undefined;

type Argument = (name: string) => Expr;

/** The formula of a node at every pair; `own` gives, by i, fields that the kernel itself computes. */
export function formulasAt(
  context: Context,
  tile: Tile,
  node: Pairwise,
  values: ReadonlyMap<Product, Pairs<Expr>>,
  own: ReadonlyMap<Node, readonly Expr[]>,
): Pairs<Expr> {
  const mine = pairwiseParts(node).products.map(
    ({ left, right }) => [...values.keys()].find((known) => known.left === left && known.right === right)!,
  );
  return mapPairs(tile, (i, j) => {
    const field = (of: Node): Expr | undefined => own.get(of)?.[i];
    const dot = (n: number): Expr => values.get(mine[n]!)![i]![j]!;
    return formulaAt(context, node.attributes.formula, argumentAt(context, tile, node, [i, j], field, dot));
  });
}

/** What the argument s0, h, i, j or field0 is at a pair. */
function argumentAt(
  { scope, values }: Context,
  tile: Tile,
  node: Pairwise,
  [i, j]: readonly [number, number],
  own: (field: Node) => Expr | undefined,
  dot: (product: number) => Expr | undefined,
): Argument {
  const { fields } = pairwiseParts(node);
  const { offset } = node.attributes;
  const [row, column] = [tile.i.at[i]!, tile.j.at[j]!];
  const place = [...tile.batch, tile.head, row, column];
  return (name) => {
    if (name === "h") return tile.head;
    if (name === "i") return scope.name(add(row, extent(offset)));
    if (name === "j") return scope.name(add(column, extent(offset)));
    const n = Number(name.replace(/^\D+/, ""));
    const field = name.startsWith("field") ? fields[n] : undefined;
    const value = field
      ? (own(field) ??
        values.at(
          field,
          node.attributes.fields[n]!.map((axis) => place[axis]!),
        ))
      : dot(n);
    if (!value) throw new Error(`internal: a pair has no ${name}`);
    return value;
  };
}

/** The value of a scalar formula for its arguments. */
function formulaAt({ scope, values }: Context, formula: Graph, argument: Argument): Expr {
  const known = new Map<Node, Expr>();
  const at = (node: Node): Expr => {
    const seen = known.get(node) ?? made(node);
    known.set(node, seen);
    return seen;
  };
  const made = (node: Node): Expr => {
    if (node.op === "input" && node.attributes.kind === "fixed") return argument(node.attributes.name);
    if (node.inputs.length === 0) return values.at(node, []);
    if (!isMap(node.op)) throw new Error(`internal: ${node.op} in a formula of pairs`);
    return scope.name(mapRules[node.op](node.inputs.map(at), scope.name));
  };
  return at(formula.outputs[0]!.node);
}
