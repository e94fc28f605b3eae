/**
 * Sums over the batch, or over batch and heads, for every pair → a kernel in which one invocation owns a tile of pairs.
 *
 * ```
 * y[h, i, j] = Σ_b f → for 4 × 4 pairs: { for b: products; 16 sums += f } store 16
 * ```
 */
import { product } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, f32, grid, i32, mul, select } from "../kernel.js";
import type { Position } from "../position.js";
import { decompose, sizes } from "../position.js";
import type { Context, Launch } from "./context.js";
import { storeAt, tiles } from "./context.js";
import { allowedPairs, formulasAt, isPossible } from "./pairwise-formulas.js";
import type { Pairs, Tile } from "./pairwise-tile.js";
import { dots, isInside, otherTile, productsOf, runtimeZero, strip } from "./pairwise-tile.js";

export function lowerPairsOfBatch(context: Context, nodes: readonly Pairwise[]): Launch {
  const { scope } = context;
  const { space, kept } = nodes[0]!.attributes;
  const rank = space.length;
  const of = sizes(space);
  const lead = kept.slice(0, -2);
  const depth = lead.map((axis) => of[axis]!);
  const place = decompose(scope, grid(2), depth);
  const [i, j] = [rank - 2, rank - 1].map((axis, n) => {
    const count = otherTile(of[axis]!);
    return strip(context, scope.name(mul(grid(n === 0 ? 1 : 0), i32(count))), count, of[axis]!);
  }) as [Tile["i"], Tile["j"]];
  const none = runtimeZero(context, product(depth));
  const sums = nodes.map(() => i.at.map(() => j.at.map(() => scope.mutable(f32(0)))));
  const outer: Expr[] = of.slice(0, rank - 2).map((_, axis) => place[lead.indexOf(axis)] ?? i32(0));
  const over = (axis: number): void => {
    if (axis === rank - 2) {
      const tile: Tile = { batch: outer.slice(0, -1), head: outer[rank - 3]!, i, j, zero: none };
      addWhere(context, tile, nodes, sums);
    } else if (lead.includes(axis)) over(axis + 1);
    else
      scope.loop(i32(0), extent(of[axis]!), 1, (index) => {
        outer[axis] = index;
        over(axis + 1);
      });
  };
  over(0);
  store(
    context,
    [i, j],
    lead.map((_, n) => place[n]!),
    nodes,
    sums,
  );
  const columns = tiles(of[rank - 1]!, j.at.length);
  return {
    grid: [columns, tiles(of[rank - 2]!, i.at.length), tiles(product(depth), 1)],
    workgroup: [8, 8, 1],
  };
}

function addWhere(
  context: Context,
  tile: Tile,
  nodes: readonly Pairwise[],
  sums: readonly Pairs<Expr>[],
): void {
  const { scope } = context;
  const possible = scope.name(select(isPossible(context, tile, nodes), i32(1), i32(0)));
  scope.loop(i32(0), possible, 1, () => {
    const { space } = nodes[0]!.attributes;
    const products = productsOf(nodes);
    const values = dots(context, tile, space[space.length - 3]!.size, products);
    const allowed = allowedPairs(context, tile, nodes);
    nodes.forEach((node, k) => {
      const terms = formulasAt(context, tile, node, values, new Map());
      for (const [i, row] of sums[k]!.entries())
        for (const [j, sum] of row.entries())
          scope.assign(sum, add(sum, select(allowed(node)[i]![j]!, terms[i]![j]!, f32(0))));
    });
  });
}

function store(
  context: Context,
  [i, j]: readonly [Tile["i"], Tile["j"]],
  lead: Position,
  nodes: readonly Pairwise[],
  sums: readonly Pairs<Expr>[],
): void {
  const { scope, values } = context;
  nodes.forEach((node, k) => {
    const targets = context.outputs.filter((target) => target.node === node);
    for (const [row, at] of i.at.entries())
      for (const [column, to] of j.at.entries()) {
        const value = scope.read(sums[k]![row]![column]!);
        const elsewhere = (): never => {
          throw new Error("internal: a pair is stored in fours");
        };
        values.bind(node, { at: () => value, at4: elsewhere });
        const isThere = binary("and", isInside(i, row), isInside(j, column));
        scope.when(isThere, () => storeAt(context, targets, [...lead, at, to]));
      }
  });
}
