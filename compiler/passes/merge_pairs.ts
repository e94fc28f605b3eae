/**
 * merge_pairs: Graph → equal Graph, sums over the same pairs that are added are one sum of both formulas.
 *
 * ```
 * %5 = pairwise(%q, %k, %dy, %v, %k, %l) formula={ p·s1·0.125 } …
 * %6 = pairwise(%q, %k, %k, %l, %d) formula={ p·field1·0.125 } …
 * %7 = add(%5, %6)      →      %7 = pairwise(%q, %k, %dy, %v, %k, %l, %d) formula={ p·(s1 + field1)·0.125 } …
 * ```
 * So the two ways of a gradient through attention, by the weights and by their logsumexp, are one pass over the pairs.
 */
import type { Builder } from "../ir/builder.js";
import { createAlgebra, ownFormula, rootOf } from "../ir/formulas/algebra.js";
import { sumOf } from "../ir/formulas/factors.js";
import type { Node, NodeOf } from "../ir/graph.js";
import type { PairField, PairProduct } from "../ir/ops/pair-sums.js";
import { pairSum, renamedArguments } from "../ir/ops/pair-sums.js";
import { pairwiseParts } from "../ir/ops/pairwise-parts.js";
import { sameSizes, sizeEquals } from "../ir/shape.js";
import { applyRules } from "./apply_rules.js";
import { summed } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule } from "./rule.js";
import { isOp, rule } from "./rule.js";

type Pairwise = NodeOf<"pairwise">;

const fieldsOf = (node: Pairwise): readonly PairField[] =>
  pairwiseParts(node).fields.map((x, n) => ({ x, axes: node.attributes.fields[n]! }));

/** `items` and those of `more` that are not among them, and where each of `more` is. */
function united<T>(items: readonly T[], more: readonly T[], isSame: (a: T, b: T) => boolean) {
  const all = [...items];
  const places = more.map((one) => {
    const at = all.findIndex((known) => isSame(known, one));
    return at >= 0 ? at : all.push(one) - 1;
  });
  return { all, places };
}

const isSameProduct = (a: PairProduct, b: PairProduct): boolean =>
  a.left.key === b.left.key && a.right.key === b.right.key;
const isSameField = (a: PairField, b: PairField): boolean =>
  a.x.key === b.x.key && a.axes.join() === b.axes.join();

function addPairs(b: Builder, first: Pairwise, second: Pairwise): Node | undefined {
  const [p, q] = [first.attributes, second.attributes];
  const [own, other] = [pairwiseParts(first), pairwiseParts(second)];
  const isSame =
    p.reduce === "sum" &&
    q.reduce === "sum" &&
    p.over === q.over &&
    sameSizes(p.space, q.space) &&
    sizeEquals(p.offset, q.offset) &&
    sizeEquals(p.heads, q.heads) &&
    p.kept.join() === q.kept.join() &&
    own.x?.key === other.x?.key;
  if (!isSame) return undefined;
  const products = united(own.products, other.products, isSameProduct);
  const fields = united(fieldsOf(first), fieldsOf(second), isSameField);
  const names = new Map([
    ...products.places.map((to, n): [string, string] => [`s${n}`, `s${to}`]),
    ...fields.places.map((to, n): [string, string] => [`field${n}`, `field${to}`]),
  ]);
  const [mask, otherMask] = [
    p.mask && ownFormula(b, p.mask),
    q.mask && renamedArguments(b, rootOf(q.mask), names),
  ];
  if (mask?.key !== otherMask?.key) return undefined;
  const formula = sumOf(
    createAlgebra(b),
    ownFormula(b, p.formula),
    renamedArguments(b, rootOf(q.formula), names),
  );
  const pairs = { space: p.space, offset: p.offset, products: products.all, fields: fields.all };
  return pairSum(b, pairs, { formula, mask, over: p.over, x: own.x, heads: p.heads, kept: p.kept });
}

/** The sum of both, where they are sums over the same pairs, or over the same axes of such. */
function merged(b: Builder, x: Node, y: Node): Node | undefined {
  if (isOp(x, "pairwise") && isOp(y, "pairwise")) return addPairs(b, x, y);
  const isSums = isOp(x, "reduce") && isOp(y, "reduce") && x.attributes.kind === "sum";
  if (!isSums || y.attributes.kind !== "sum" || x.attributes.axes.join() !== y.attributes.axes.join())
    return undefined;
  const inner = merged(b, x.inputs[0]!, y.inputs[0]!);
  return inner && summed(b, inner, x.attributes.axes);
}

const termsOf = (x: Node): readonly Node[] => (isOp(x, "add") ? x.inputs.flatMap(termsOf) : [x]);

const isSum = (x: Node): boolean => isOp(x, "pairwise") || (isOp(x, "reduce") && isSum(x.inputs[0]!));

function mergeTerms(b: Builder, root: NodeOf<"add">): Node | undefined {
  const terms = [...termsOf(root as Node)];
  if (terms.filter(isSum).length < 2) return undefined;
  for (let n = 0; n < terms.length; n++)
    for (let k = n + 1; k < terms.length; k++) {
      const both = merged(b, terms[n]!, terms[k]!);
      if (!both) continue;
      const rest = terms.filter((_, at) => at !== n && at !== k);
      return rest.reduce((sum, term) => b.add(sum, term), both);
    }
  return undefined;
}

export const mergePairsRules: readonly Rule[] = [
  rule("add", "Σ f·x + Σ g·x => Σ (f + g)·x", (root, { builder }) => mergeTerms(builder, root)),
];

export const mergePairs: Pass = {
  name: "merge_pairs",
  says: "Σ f·x + Σ g·x => Σ (f + g)·x, over the same pairs",
  from: 1,
  run: (graph, context) => applyRules(graph, mergePairsRules, context),
};
