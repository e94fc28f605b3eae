/**
 * stream: Graph → equal Graph, attention becomes sums over pairs of positions, of which none is kept.
 *
 * ```
 * %3 = mix(%q, %k, %v) score={ s·0.125 } mask={ j ≤ i } weight="softmax"      →
 *   %3 = pairwise(%q, %k) formula={ s0·0.125 } mask={ j ≤ i } reduce="logsumexp" over="columns"                     [b, h, i]
 *   %4 = pairwise(%q, %k, %v, %3) formula={ exp(s0·0.125 − field0) } mask={ j ≤ i } reduce="sum" over="columns"     [b, h, i, e]
 * ```
 * softmax: Σ_j exp(s − l) v_j with l = logsumexp s (Rabe and Staats, 2021; Dao et al., 2022). l1: (Σ_j s v_j) / w with w = Σ_j s,
 * or 1 where that is 0. identity: Σ_j s v_j. A formula behind the weights joins the sum; what of it depends on the row alone
 * stands behind the sum (`stream/rows.ts`). Its gradients compute score and weight of a pair again: some per cent of operations for memory
 * that is linear in the length, at every level that optimises at all.
 */
import type { Builder } from "../ir/builder.js";
import type { Algebra } from "../ir/formulas/algebra.js";
import {
  argumentsOf,
  constantOf,
  createAlgebra,
  formulaOf,
  ownFormula,
  substituted,
} from "../ir/formulas/algebra.js";
import type { Node, NodeOf } from "../ir/graph.js";
import { instantiate } from "../ir/ops/formula.js";
import { alongKept } from "../ir/ops/heads.js";
import { mixParts } from "../ir/ops/mix.js";
import type { PairField, Pairs } from "../ir/ops/pair-sums.js";
import { pairSum, renamedArguments } from "../ir/ops/pair-sums.js";
import type { Shape } from "../ir/shape.js";
import { applyRules } from "./apply_rules.js";
import { upTo } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule } from "./rule.js";
import { rule } from "./rule.js";
import { splitRows } from "./stream/rows.js";

/** A `mix` on its way: its space, and the tensors that its formulas read, by name. */
interface Site {
  readonly b: Builder;
  readonly m: Algebra;
  readonly node: NodeOf<"mix">;
  /** [...batch, h, i, j] */
  readonly space: Shape;
  readonly score: Node;
  readonly mask: Node | undefined;
  readonly named: ReadonlyMap<string, PairField>;
}

function siteOf(b: Builder, node: NodeOf<"mix">): Site {
  const { score, mask, fields } = node.attributes;
  const [q, k] = node.inputs as readonly [Node, Node];
  return {
    b,
    m: createAlgebra(b),
    node,
    space: mixParts(q, k).scores,
    score: ownFormula(b, score),
    mask: mask && allowed(ownFormula(b, mask)),
    named: new Map(fields.map((axes, n) => [`field${n}`, { x: node.inputs[3 + n]!, axes }])),
  };
}

/** A mask that allows everything is none. */
const allowed = (mask: Node): Node | undefined => (constantOf(mask) === 1 ? undefined : mask);

const isField = (name: string): boolean => name.length > 1;
const argument = (b: Builder, name: string): Node => b.input("fixed", name, [], "f32");

/** The axes of a row: all but the columns. */
const rowAxes = ({ space }: Site): readonly number[] => upTo(space.length - 1);

/** The site with [...batch, h, i] as an argument. */
const withRow = (site: Site, name: string, x: Node): Site => ({
  ...site,
  named: new Map([...site.named, [name, { x, axes: rowAxes(site) }]]),
});

interface Sum {
  readonly formula: Node;
  readonly masked: boolean;
  readonly reduce?: "sum" | "logsumexp";
  readonly x?: Node;
}

/** Over columns: [...batch, h, i], with x [...batch, h, i, e]. */
function sumOver(
  { b, node, space, named, ...site }: Site,
  { formula, masked, reduce = "sum", x }: Sum,
): Node {
  const [left, right] = node.inputs as readonly [Node, Node];
  const fields = [...named.keys()];
  const names = new Map([["s", "s0"], ...fields.map((name, n): [string, string] => [name, `field${n}`])]);
  const pairs: Pairs = {
    space,
    offset: node.attributes.offset,
    products: [{ left, right }],
    fields: fields.map((name) => named.get(name)!),
  };
  const mask = masked && site.mask ? renamedArguments(b, site.mask, names) : undefined;
  return pairSum(b, pairs, {
    formula: renamedArguments(b, formula, names),
    mask,
    reduce,
    x,
    over: "columns",
  });
}

const logsumexpOf = (site: Site): Node =>
  sumOver(site, { formula: site.score, masked: true, reduce: "logsumexp" });

/** The weights as a formula of a pair that the mask allows, over a site that knows what they ask for. */
function weighed(site: Site): { readonly site: Site; readonly weight: Node } {
  const { b, m, score, node } = site;
  switch (node.attributes.weight) {
    case "softmax": {
      const known = withRow(site, "row.l", logsumexpOf(site));
      return { site: known, weight: m.exp(m.sub(score, argument(b, "row.l"))) };
    }
    case "l1": {
      const sum = sumOver(site, { formula: score, masked: true }); // [...batch, h, i]
      const [zero, one] = [b.full(0, sum.shape, "f32"), b.full(1, sum.shape, "f32")];
      const known = withRow(site, "row.w", b.select(b.eq(sum, zero), one, sum));
      return { site: known, weight: m.div(score, argument(b, "row.w")) };
    }
    case "identity":
      return { site, weight: score };
    default:
      throw new Error(`internal: mix has no weight ${node.attributes.weight satisfies never}`);
  }
}

/** Forbidden pairs get nothing, and nothing of theirs reaches exp, so that no gradient becomes 0 · ∞. */
function maskedWeight({ m, mask }: Site, weight: Node): Node {
  if (!mask) return weight;
  const zero = m.constant(0, weight);
  const safe = weight.op === "exp" ? m.exp(m.select(mask, weight.inputs[0]!, zero)) : weight;
  return m.select(mask, safe, zero);
}

function streamed(b: Builder, node: NodeOf<"mix">): Node {
  const plain = weighed(siteOf(b, node));
  const { post } = node.attributes;
  if (!post) return behind(plain.site, plain.weight, true);
  const root = ownFormula(b, post);
  const zero = b.const(0, "f32");
  // Where a weight of 0 becomes something else, forbidden pairs count as well.
  const vanishes = constantOf(substituted(b, root, (name) => (name === "a" ? zero : undefined))) === 0;
  const weight = vanishes ? plain.weight : maskedWeight(plain.site, plain.weight);
  const asks = argumentsOf(root).has("l") && !plain.site.named.has("row.l");
  const site = asks ? withRow(plain.site, "row.l", logsumexpOf(plain.site)) : plain.site;
  const whole = substituted(b, root, (name) =>
    name === "a" ? weight : name === "l" ? argument(b, "row.l") : undefined,
  );
  return behind(site, whole, vanishes);
}

/** Σ_j formula · v_j, with the factors of the row behind the sum: [...batch, h, i, e]. */
function behind(site: Site, formula: Node, masked: boolean): Node {
  const { b, m, node, space, named } = site;
  const column = space.length - 1;
  const isOfRow = (x: Node): boolean =>
    [...argumentsOf(x)].every(
      (name) => name === "h" || name === "i" || (isField(name) && !named.get(name)!.axes.includes(column)),
    );
  const { inside, factors, divisors } = splitRows(m, formula, isOfRow);
  const sum = sumOver(site, { formula: inside, masked, x: node.inputs[2]! });
  const along = (factor: Node): Node =>
    b.broadcastTo(overRows(site, factor), sum.shape, [...rowAxes(site), -1]);
  const multiplied = factors.reduce((y, factor) => b.mul(y, along(factor)), sum);
  return divisors.reduce((y, divisor) => b.div(y, along(divisor)), multiplied);
}

/** A formula of the row: [...batch, h, i]. */
function overRows({ b, node, space, named }: Site, formula: Node): Node {
  const rows = space.slice(0, -1);
  return instantiate(b, formulaOf("row", formula), rows, (name) => {
    if (name === "h") return b.iota(rows, rows.length - 2);
    if (name === "i") return b.iota(rows, rows.length - 1, node.attributes.offset);
    const { x, axes } = named.get(name)!;
    return alongKept(b, x, axes, rows);
  });
}

export const streamRules: readonly Rule[] = [
  rule("mix", "mix(q, k, v) => Σⱼ exp(score − logsumexpⱼ score)·v", (node, { builder }) =>
    streamed(builder, node),
  ),
];

export const stream: Pass = {
  name: "stream",
  says: "mix(q, k, v) => Σⱼ exp(score − logsumexpⱼ score)·v, pair by pair",
  from: 1,
  run: (graph, context) => applyRules(graph, streamRules, context),
};
