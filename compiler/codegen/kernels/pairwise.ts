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
import { divideSize, product, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { pairwiseOf } from "../family.js";
import type { Expr } from "../kernel.js";
import {
  add,
  binary,
  exprKey,
  extent,
  f32,
  fma,
  grid,
  i32,
  lane,
  lanes,
  mul,
  select,
  splat,
  unary,
  vector,
} from "../kernel.js";
import { loopBounds } from "../loop-bounds.js";
import type { Position } from "../position.js";
import { decompose, shifted, sizes } from "../position.js";
import { zero } from "../scope.js";
import { largest } from "../values.js";
import type { Context, Launch, Target } from "./context.js";
import { storeAt, tiles } from "./context.js";
import { lowerPairsOfBatch } from "./pairwise-batch.js";
import type { Pairs, Product, Strip, Tile } from "./pairwise-tile.js";
import {
  allowedPairs,
  argumentsOver,
  dots,
  formulasAt,
  isInside,
  isPossible,
  otherTile,
  ownTile,
  productsOf,
  runtimeZero,
  sideAt,
  strip,
  turns,
  widthOf,
} from "./pairwise-tile.js";

interface Stream {
  readonly context: Context;
  readonly nodes: readonly Pairwise[];
  readonly products: readonly Product[];
  readonly columns: boolean;
  readonly batch: Position;
  /** The head, or the group of heads, whose sums the invocation owns. */
  readonly group: Expr;
  readonly own: Strip;
  readonly zero: Expr;
  readonly maxima: ReadonlyMap<Node, Running>;
  readonly sums: ReadonlyMap<Pairwise, Sum>;
}

/** Of a logsumexp: by own position the largest score so far, and the sum of exp(score − largest). */
interface Running {
  readonly largest: readonly Expr[];
  readonly total: readonly Expr[];
}

/** By own position a local, or the rows of an array. */
interface Sum {
  readonly node: Pairwise;
  /** What the sum is relative to. */
  readonly relative: Running | undefined;
  readonly locals: readonly Expr[];
  readonly rows: { readonly array: Expr; readonly width: 1 | 4; readonly steps: number } | undefined;
}

export function lowerPairwise(context: Context): Launch {
  const nodes = pairwiseOf(context.body);
  const { space, over, heads } = nodes[0]!.attributes;
  if (over === "batch") return lowerPairsOfBatch(context, nodes);
  const { scope } = context;
  const rank = space.length;
  const columns = over === "columns";
  const { size } = space[columns ? rank - 2 : rank - 1]!;
  const depth = [...sizes(space.slice(0, rank - 3)), heads];
  const place = decompose(scope, grid(2), depth);
  const count = ownTile(size);
  const own = strip(context, scope.name(mul(grid(0), i32(count))), count, size);
  const stream: Stream = {
    ...{ context, nodes, columns, own, zero: runtimeZero(context, product(depth)) },
    ...{ products: productsOf(nodes), batch: place.slice(0, -1), group: place[rank - 3]! },
    ...started(context, nodes, count),
  };
  clear(stream);
  overHeads(stream, (head) => walk(stream, head));
  finish(stream);
  return { grid: [tiles(size, count), 1, tiles(product(depth), 1)], workgroup: [32, 1, 1] };
}

function started(
  { scope }: Context,
  nodes: readonly Pairwise[],
  count: number,
): Pick<Stream, "maxima" | "sums"> {
  const locals = (value: Expr): readonly Expr[] => Array.from({ length: count }, () => scope.mutable(value));
  const maxima = new Map<Node, Running>();
  for (const node of nodes)
    if (node.attributes.reduce === "logsumexp")
      maxima.set(node as Node, { largest: locals(f32(-largest)), total: locals(f32(0)) });
  const sums = new Map<Pairwise, Sum>();
  for (const node of nodes.filter(({ attributes }) => attributes.reduce === "sum")) {
    const { x, fields } = pairwiseParts(node);
    const relative = fields.map((field) => maxima.get(field)).find((found) => found !== undefined);
    const channels = Number(x?.shape.at(-1)?.size ?? 0);
    const width = widthOf(channels);
    const steps = channels / width;
    const array = (): Expr => scope.array(width === 4 ? "f32x4" : "f32", count * steps);
    sums.set(node, {
      ...{ node, relative, locals: x ? [] : locals(f32(0)) },
      rows: x && { array: array(), width, steps },
    });
  }
  return { maxima, sums };
}

function clear(stream: Stream): void {
  const { context, sums, own } = stream;
  for (const { rows } of sums.values())
    if (rows)
      context.scope.loop(i32(0), turns(context, stream, own.at.length * rows.steps), 1, (n) =>
        context.scope.put(rows.array, n, zero(rows.array.type)),
      );
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
  scope.loop(from, to, count, (first) => {
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

// ---- Results

function finish(stream: Stream): void {
  const { context, maxima, sums, own } = stream;
  const { scope } = context;
  const scales = new Map<Running, readonly Expr[]>();
  for (const running of maxima.values())
    scales.set(
      running,
      running.total.map((total) => {
        const sum = scope.read(total);
        return scope.name(select(binary("lt", f32(0), sum), binary("div", f32(1), sum), f32(0)));
      }),
    );
  for (const target of context.outputs) {
    const running = maxima.get(target.node);
    const sum = sums.get(target.node as Pairwise);
    const scale = sum?.relative && scales.get(sum.relative);
    if (running)
      storeOwn(
        stream,
        target,
        own.at.map((_, n) => logarithm(stream, running, n)),
      );
    else if (sum?.rows) storeRows(stream, target, sum, scale);
    else if (sum)
      storeOwn(
        stream,
        target,
        sum.locals.map((local, n) =>
          scope.name(scale ? mul(scope.read(local), scale[n]!) : scope.read(local)),
        ),
      );
  }
}

/** log Σ exp F; 0 of nothing. */
function logarithm({ context: { scope } }: Stream, { largest: most, total }: Running, n: number): Expr {
  const sum = scope.read(total[n]!);
  const some = scope.name(binary("lt", f32(0), sum));
  const log = add(scope.read(most[n]!), unary("log", scope.name(select(some, sum, f32(1)))));
  return scope.name(select(some, scope.name(log), f32(0)));
}

function storeOwn({ context, batch, group, own }: Stream, target: Target, found: readonly Expr[]): void {
  own.at.forEach((at, n) => {
    const position = [...batch, group, at];
    context.values.bind(
      target.node,
      boundAt(position, () => found[n]!),
    );
    context.scope.when(isInside(own, n), () => storeAt(context, [target], position));
  });
}

function storeRows(stream: Stream, target: Target, { rows }: Sum, scale: readonly Expr[] | undefined): void {
  const { context, batch, group, own } = stream;
  const { scope, values } = context;
  const { array, width, steps } = rows!;
  const factors = scale && scope.array("f32", own.at.length);
  scale?.forEach((value, n) => scope.put(factors!, i32(n), value));
  scope.loop(i32(0), turns(context, stream, own.at.length), 1, (r) => {
    const row = scope.name(add(own.first, r));
    const isThere = own.exact
      ? ({ tag: "const", type: "bool", value: 1 } as const)
      : binary("lt", row, extent(own.size));
    scope.when(isThere, () => {
      const factor = factors && scope.element(factors, r);
      scope.loop(i32(0), turns(context, stream, steps), 1, (n) => {
        const position = [...batch, group, row, scope.name(mul(n, i32(width)))];
        const sum = scope.element(array, scope.name(add(mul(r, i32(steps)), n)));
        const value = factor ? scope.name(mul(sum, width === 4 ? splat(factor) : factor)) : sum;
        values.bind(
          target.node,
          boundAt(position, () => value),
        );
        storeAt(context, [target], position, width === 4 ? position.length - 1 : undefined);
      });
    });
  });
}

/** A value at one position, or, a vector, at it and the three behind it. */
function boundAt(position: Position, value: () => Expr) {
  const axis = position.length - 1;
  const keyOf = (at: Position): string => at.map((x) => exprKey(x)).join();
  const keys = lanes.map((n) => keyOf(shifted(position, axis, n)));
  const at = (asked: Position): Expr => {
    const n = keys.indexOf(keyOf(asked));
    const found = value();
    if (n < 0) throw new Error("internal: a sum over pairs is read at another element");
    return found.type === "f32x4" ? lane(found, lanes[n]!) : found;
  };
  return {
    at,
    at4: (asked: Position, along: number): Expr =>
      value().type === "f32x4" && along === axis && keyOf(asked) === keys[0]
        ? value()
        : vector((n) => at(shifted(asked, along, n))),
  };
}
