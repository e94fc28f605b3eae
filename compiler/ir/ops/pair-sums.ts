/**
 * Sums over the pairs of one space: `pairwise` nodes of which each reads what its own formula asks for.
 *
 * `pairSum(b, { products: [qk, dyv], fields: [l], … }, { formula: exp(s0 − field0), over: "rows", x: dy })` → a `pairwise` of q, k, dy and l
 */
import type { Builder } from "../builder.js";
import { argumentsOf, formulaOf, substituted } from "../formulas/algebra.js";
import type { Node } from "../graph.js";
import type { Shape, Size } from "../shape.js";
import type { Vocabulary } from "../vocabulary.js";

/** Two operands whose contraction a formula reads as s0, s1, …: [...batch, h, i, c] and [...batch, g, j, c]. */
export interface PairProduct {
  readonly left: Node;
  readonly right: Node;
}

/** A tensor that a formula reads as field0, field1, …, and its axes in the space. */
export interface PairField {
  readonly x: Node;
  readonly axes: readonly number[];
}

/** What formulas over one space may read. */
export interface Pairs {
  /** [...batch, h, i, j] */
  readonly space: Shape;
  readonly offset: Size;
  readonly products: readonly PairProduct[];
  readonly fields: readonly PairField[];
}

export interface PairSum {
  readonly formula: Node;
  readonly mask: Node | undefined;
  readonly over: Vocabulary["pairwise"]["over"];
  readonly reduce?: "sum" | "logsumexp";
  readonly x?: Node | undefined;
  /** Over rows: how many heads the result has; as many as the space where nothing is said. */
  readonly heads?: Size | undefined;
  readonly kept?: readonly number[];
}

export function pairSum(b: Builder, pairs: Pairs, sum: PairSum): Node {
  const { space, offset } = pairs;
  const { formula, mask, over, reduce = "sum", x, heads = space[space.length - 3]!.size, kept = [] } = sum;
  const read = argumentsOf(formula, mask);
  const products = numbers(pairs.products, (n) => read.has(`s${n}`));
  const fields = numbers(pairs.fields, (n) => read.has(`field${n}`));
  const names = new Map([
    ...products.map((n, to): [string, string] => [`s${n}`, `s${to}`]),
    ...fields.map((n, to): [string, string] => [`field${n}`, `field${to}`]),
  ]);
  const renamed = (root: Node): Node => renamedArguments(b, root, names);
  const inputs = [
    ...products.flatMap((n) => [pairs.products[n]!.left, pairs.products[n]!.right]),
    ...(x ? [x] : []),
    ...fields.map((n) => pairs.fields[n]!.x),
  ];
  return b.make("pairwise", inputs, {
    space,
    products: products.length,
    formula: formulaOf("formula", renamed(formula)),
    mask: mask && formulaOf("mask", renamed(mask)),
    reduce,
    over,
    valued: x !== undefined,
    heads,
    kept,
    fields: fields.map((n) => pairs.fields[n]!.axes),
    offset,
  }) as Node;
}

const numbers = (items: readonly unknown[], which: (n: number) => boolean): readonly number[] =>
  items.flatMap((_, n) => (which(n) ? [n] : []));

/** The formula with other names for some of its arguments. */
export const renamedArguments = (b: Builder, root: Node, names: ReadonlyMap<string, string>): Node =>
  substituted(b, root, (name, { dtype }) => {
    const to = names.get(name);
    return to === undefined ? undefined : b.input("fixed", to, [], dtype);
  });
