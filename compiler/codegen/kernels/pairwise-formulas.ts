/**
 * A tile of pairs (i, j) and the formulas of nodes → which of its pairs count, and the formulas' values there.
 *
 * ```
 * 4 queries, 4 keys, j ≤ i → 16 conditions, unless all hold; 16 times exp(s · 0.125 − l[i])
 * ```
 */
import type { Graph, Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Size } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { maskKey } from "../../ir/streaming.js";
import type { Range } from "../intervals.js";
import { truthOfMask } from "../intervals.js";
import type { Expr } from "../kernel.js";
import { add, binary, bool, extent, isConst } from "../kernel.js";
import { isMap, mapRules } from "../maps.js";
import type { Context } from "./context.js";
import type { Pairs, Product, Tile } from "./pairwise-tile.js";
import { isInside, lastOf, mapPairs } from "./pairwise-tile.js";

const rangeOf = (tile: Tile, offset: Size, side: "i" | "j"): Range => ({
  lo: add(tile[side].first, extent(offset)),
  hi: add(lastOf(tile[side]), extent(offset)),
});

/** The ranges of a mask's arguments over the tile. */
export const argumentsOver =
  (tile: Tile, offset: Size) =>
  (name: string): Range | undefined => {
    if (name === "h") return { lo: tile.head, hi: tile.head };
    return name === "i" || name === "j" ? rangeOf(tile, offset, name) : undefined;
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

const nothing = (): undefined => undefined;

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
