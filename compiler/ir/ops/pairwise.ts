/**
 * The row of `pairwise`: sums over pairs of positions.
 *
 * ```
 * %l = pairwise(%q, %k) products=1 formula={ s0 · 0.125 } mask={ j ≤ i } reduce="logsumexp" over="columns"      [b, h, i]
 * %y = pairwise(%q, %k, %v, %l) products=1 valued formula={ exp(s0 · 0.125 − field0) } mask={ j ≤ i } over="columns" [b, h, i, e]
 * ```
 * is attention: softmax in two sums, which one kernel computes in one pass over the keys (Milakov and Gimelshein, 2018; Dao et al., 2022).
 */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import type { Axis, Shape } from "../shape.js";
import { divideSize, sameSizes, sizeEquals } from "../shape.js";
import { instantiate } from "./formula.js";
import { alongKept, repeatHeads, sharedHeads } from "./heads.js";
import { pairwiseParts } from "./pairwise-parts.js";
import { pairwiseVjp } from "./pairwise-vjp.js";
import type { OpRow } from "./row.js";
import { demandCount, misuse, value } from "./row.js";

type Pairwise = NodeOf<"pairwise">;

export const pairwise: OpRow<"pairwise"> = {
  kind: "composite",
  doc: "y = Σ_j (over columns), Σ_i (over rows) or Σ over the batch of formula(left[h, i] · right[h // group, j], h, i, j, …) x where mask(h, i, j)",
  attributes: {
    space: "space",
    products: "number",
    formula: "graph",
    mask: "optional graph",
    reduce: "string",
    over: "string",
    valued: "boolean",
    heads: "size",
    kept: "numbers",
    fields: "lists",
    offset: "size",
  },
  type(inputs, attributes) {
    return value(resultShape(inputs, attributes), "f32");
  },
  expand,
  vjp: (b, dy, node) => {
    const { products, x, fields } = pairwiseParts(node);
    const placed = fields.map((field, n) => ({ x: field, axes: node.attributes.fields[n]! }));
    return pairwiseVjp(b, dy, node, { products, x, fields: placed });
  },
};

function resultShape(inputs: readonly Node[], attributes: Pairwise["attributes"]): Shape {
  const { space, products, formula, mask, reduce, over, valued, heads, kept, fields } = attributes;
  const fail = (what: string): never => misuse("pairwise", inputs, what);
  demandCount("pairwise", inputs, 2 * products + (valued ? 1 : 0) + fields.length);
  const { products: pairs, x, fields: given } = pairwiseParts({ inputs, attributes });
  const rank = space.length;
  const [h, i, j] = space.slice(rank - 3) as [Axis, Axis, Axis];
  const isSide = (node: Node, position: Axis): boolean =>
    node.shape.length === rank &&
    sameSizes(node.shape.slice(0, rank - 3), space.slice(0, rank - 3)) &&
    divideSize(h.size, node.shape[rank - 3]!.size) !== undefined &&
    sizeEquals(node.shape[rank - 2]!.size, position.size);
  if (rank < 3) fail("the space has [...batch, h, i, j]");
  for (const { left, right } of pairs) {
    if (!isSide(left, i) || !sizeEquals(left.shape[rank - 3]!.size, h.size))
      fail("a left side has other axes");
    if (!isSide(right, j)) fail("a right side has other axes");
    if (!sizeEquals(left.shape[rank - 1]!.size, right.shape[rank - 1]!.size))
      fail("the channels of a product differ");
  }
  given.forEach((field, n) => {
    const axes = fields[n]!;
    const inOrder = axes.every((axis, m) => space[axis] && (m === 0 || axes[m - 1]! < axis));
    if (
      !inOrder ||
      !sameSizes(
        field.shape,
        axes.map((axis) => space[axis]!),
      )
    )
      fail(`field ${n} does not have the axes [${axes}] of the space`);
  });
  if (formula.outputs.length !== 1 || formula.outputs[0]!.node.dtype !== "f32")
    fail("the formula is one f32");
  if (mask && (mask.outputs.length !== 1 || mask.outputs[0]!.node.dtype !== "bool"))
    fail("the mask is one bool");
  if (reduce === "logsumexp" && (over !== "columns" || valued))
    fail("a logsumexp is over columns, without x");
  if (divideSize(h.size, heads) === undefined) fail("the groups do not divide the heads");
  const lead = space.slice(0, rank - 3);
  const head = { ...h, size: heads };
  switch (over) {
    case "columns":
      if (!sizeEquals(heads, h.size)) fail("over columns every head has its own result");
      if (!x) return [...lead, h, i];
      if (!isSide(x, j)) fail("x has other axes");
      return [...lead, h, i, x.shape[rank - 1]!];
    case "rows":
      if (!x) return [...lead, head, j];
      if (!isSide(x, i) || !sizeEquals(x.shape[rank - 3]!.size, h.size)) fail("x has other axes");
      return [...lead, head, j, x.shape[rank - 1]!];
    case "batch":
      if (valued || kept.at(-1) !== rank - 1 || kept.at(-2) !== rank - 2)
        fail("over the batch, i and j are kept");
      return kept.map((axis) => space[axis]!);
    default:
      return over satisfies never;
  }
}

/** With a tensor of all pairs: what it means. */
function expand(b: Builder, node: Pairwise): Node {
  const { space, formula, mask, reduce, over, heads, kept } = node.attributes;
  const { x } = pairwiseParts(node);
  const rank = space.length;
  const argument = (name: string): Node => pairArgument(b, node, name);
  const f = instantiate(b, formula, space, argument); // [...batch, h, i, j]
  const allowed = mask && instantiate(b, mask, space, argument); // [...batch, h, i, j]
  if (reduce === "logsumexp") return b.logsumexp(f, rank - 1, allowed);
  const terms = allowed ? b.select(allowed, f, b.full(0, space, "f32")) : f;
  const labels = [...space.slice(0, rank - 3).map((_, n) => `b${n}`), "h", "i", "j"];
  const outer = labels.slice(0, -3);
  if (over === "batch")
    return b.sum(
      terms,
      space.flatMap((_, axis) => (kept.includes(axis) ? [] : [axis])),
    );
  if (over === "columns") {
    if (!x) return b.sum(terms, [rank - 1]);
    return b.contract(terms, repeatHeads(b, x, space[rank - 3]!.size), {
      a: labels,
      b: [...outer, "h", "j", "e"],
      out: [...outer, "h", "i", "e"],
    }); // [...batch, h, i, e]
  }
  const whole = x
    ? b.contract(terms, x, { a: labels, b: [...outer, "h", "i", "e"], out: [...outer, "h", "j", "e"] })
    : b.sum(terms, [rank - 2]); // [...batch, h, j(, e)]
  return sharedHeads(b, whole, rank - 3, heads);
}

/** What the argument s0, …, h, i, j or field0, … of a formula is over the space. Positions are absolute. */
function pairArgument(b: Builder, node: Pairwise, name: string): Node {
  const { space, fields, offset } = node.attributes;
  const parts = pairwiseParts(node);
  const rank = space.length;
  const outer = space.slice(0, rank - 3).map((_, n) => `b${n}`);
  if (name === "h") return b.iota(space, rank - 3);
  if (name === "i") return b.iota(space, rank - 2, offset);
  if (name === "j") return b.iota(space, rank - 1, offset);
  const [, kind, number] = /^(s|field)(\d+)$/.exec(name) ?? [];
  const product = kind === "s" ? parts.products[Number(number)] : undefined;
  if (product)
    return b.contract(product.left, repeatHeads(b, product.right, space[rank - 3]!.size), {
      a: [...outer, "h", "i", "c"],
      b: [...outer, "h", "j", "c"],
      out: [...outer, "h", "i", "j"],
    });
  const field = kind === "field" ? parts.fields[Number(number)] : undefined;
  if (!field) throw new Error(`internal: pairwise has no argument ${name}`);
  return alongKept(b, field, fields[Number(number)]!, space);
}
