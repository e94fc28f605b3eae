/**
 * The gradients of `pairwise`: sums over the same pairs, which compute their formula again.
 *
 * ```
 * y_i = Σ_j f x_j        t = dy · x as a further product        over rows, with x_i:  t = x · dy
 *   dx_j     = Σ_i f dy_i                                       (over rows)
 *   dleft_i  = Σ_j ∂f/∂s t right_j                              (over columns)
 *   dright_j = Σ_i ∂f/∂s t left_i                               (over rows, heads that share it summed)
 *   dfield   = Σ ∂f/∂field t                                    (over what the field lacks)
 * l_i = log Σ_j exp f:  the same with t = dl_i exp(f − l_i), and no x
 * ```
 * Where ∂f/∂field is a multiple c of f itself and the field is of the row, its gradient is c Σ_e dy∘y: that of attention by its
 * logsumexp, with c = −1 (Dao et al., 2022). The gradients are `pairwise` nodes again and have gradients of their own.
 */
import type { Builder } from "../builder.js";
import type { Algebra } from "../formulas/algebra.js";
import { createAlgebra, ownFormula } from "../formulas/algebra.js";
import { ratioOf } from "../formulas/factors.js";
import { slopesOf } from "../formulas/slopes.js";
import type { Node, NodeOf } from "../graph.js";
import type { Axis } from "../shape.js";
import { repeatHeads } from "./heads.js";
import type { PairField, PairProduct, Pairs } from "./pair-sums.js";
import { pairSum } from "./pair-sums.js";
import type { Cotangents } from "./row.js";

type Pairwise = NodeOf<"pairwise">;

/** The operands by what they are. */
interface Parts {
  readonly products: readonly PairProduct[];
  readonly x: Node | undefined;
  readonly fields: readonly PairField[];
}

/** What multiplies ∂f in every gradient, and the pairs with what it reads. */
interface Seed {
  readonly pairs: Pairs;
  readonly t: Node;
}

export function pairwiseVjp(b: Builder, dy: Node, node: Pairwise, parts: Parts): Cotangents {
  const m = createAlgebra(b);
  const f = ownFormula(b, node.attributes.formula);
  const seed = seedOf(b, m, dy, node, parts);
  const slopes = slopesOf(b, f);
  const through = (name: string): Node | undefined => {
    const slope = slopes.get(name);
    return slope && m.mul(slope, seed.t);
  };
  return [
    ...parts.products.flatMap((product, n) => productGradients(b, node, seed, product, through(`s${n}`))),
    ...(parts.x ? [valueGradient(b, dy, node, parts, f)] : []),
    ...parts.fields.map(
      (field, n) =>
        shortGradient(b, dy, node, field, slopes.get(`field${n}`)) ??
        fieldGradient(b, node, seed, field, through(`field${n}`)),
    ),
  ];
}

const maskOf = (b: Builder, { attributes: { mask } }: Pairwise): Node | undefined =>
  mask && ownFormula(b, mask);

function seedOf(b: Builder, m: Algebra, dy: Node, node: Pairwise, { products, x, fields }: Parts): Seed {
  const { space, offset, over, reduce, kept, formula } = node.attributes;
  const rank = space.length;
  const scalar = (name: string): Node => b.input("fixed", name, [], "f32");
  const product = (left: Node, right: Node): Seed => ({
    pairs: { space, offset, products: [...products, { left, right }], fields },
    t: scalar(`s${products.length}`),
  });
  const field = (...more: readonly PairField[]): Seed => ({
    pairs: { space, offset, products, fields: [...fields, ...more] },
    t: scalar(`field${fields.length}`),
  });
  const rows = space.flatMap((_, axis) => (axis === rank - 1 ? [] : [axis]));
  if (reduce === "logsumexp") {
    const { pairs, t } = field({ x: dy, axes: rows }, { x: node as Node, axes: rows });
    return { pairs, t: m.mul(m.exp(m.sub(ownFormula(b, formula), scalar(`field${fields.length + 1}`))), t) };
  }
  switch (over) {
    case "columns":
      return x ? product(dy, x) : field({ x: dy, axes: rows });
    case "rows":
      if (x) return product(x, dy);
      return field({
        x: wholeHeads(b, dy, space[rank - 3]!),
        axes: space.flatMap((_, axis) => (axis === rank - 2 ? [] : [axis])),
      });
    case "batch":
      return field({ x: dy, axes: kept });
    default:
      return over satisfies never;
  }
}

/** [...batch, g, j] → [...batch, h, j] */
function wholeHeads(b: Builder, x: Node, head: Axis): Node {
  const wide = b.reshape(x, [...x.shape, { name: "e", size: 1 }]);
  const whole = repeatHeads(b, wide, head.size);
  return b.reshape(whole, whole.shape.slice(0, -1));
}

/** Of left and right. */
function productGradients(
  b: Builder,
  node: Pairwise,
  { pairs }: Seed,
  { left, right }: PairProduct,
  formula: Node | undefined,
): Cotangents {
  if (!formula) return [undefined, undefined];
  const mask = maskOf(b, node);
  return [
    pairSum(b, pairs, { formula, mask, over: "columns", x: right }),
    pairSum(b, pairs, { formula, mask, over: "rows", x: left, heads: right.shape.at(-3)!.size }),
  ];
}

/** Of x: over rows what was over columns, and the other way round. */
function valueGradient(
  b: Builder,
  dy: Node,
  node: Pairwise,
  { products, fields, x }: Parts,
  formula: Node,
): Node {
  const { space, offset, over } = node.attributes;
  const pairs = { space, offset, products, fields };
  const mask = maskOf(b, node);
  if (over === "rows") return pairSum(b, pairs, { formula, mask, over: "columns", x: dy });
  return pairSum(b, pairs, { formula, mask, over: "rows", x: dy, heads: x!.shape.at(-3)!.size });
}

/** The sum over those of `axes` that a field lacks. */
function reduced(b: Builder, sum: Node, axes: readonly number[], field: PairField): Node {
  return b.sum(
    sum,
    axes.flatMap((axis, n) => (field.axes.includes(axis) ? [] : [n])),
  );
}

function fieldGradient(
  b: Builder,
  node: Pairwise,
  { pairs }: Seed,
  field: PairField,
  formula: Node | undefined,
): Node | undefined {
  if (!formula || field.x.dtype !== "f32") return undefined;
  const mask = maskOf(b, node);
  const all = pairs.space.map((_, axis) => axis);
  const [i, j] = [all.length - 2, all.length - 1];
  const [hasRow, hasColumn] = [field.axes.includes(i), field.axes.includes(j)];
  if (hasRow && hasColumn) return pairSum(b, pairs, { formula, mask, over: "batch", kept: field.axes });
  const over = hasColumn ? "rows" : "columns";
  const left = all.filter((axis) => axis !== (hasColumn ? i : j));
  return reduced(b, pairSum(b, pairs, { formula, mask, over }), left, field);
}

/** c Σ_e dy∘y where the slope is c f, over the columns of a sum; undefined elsewhere. */
function shortGradient(
  b: Builder,
  dy: Node,
  node: Pairwise,
  field: PairField,
  slope: Node | undefined,
): Node | undefined {
  const { over, reduce, formula, space, valued } = node.attributes;
  const column = space.length - 1;
  if (!slope || over !== "columns" || reduce !== "sum" || field.axes.includes(column)) return undefined;
  const c = ratioOf(slope, ownFormula(b, formula));
  if (c === undefined) return undefined;
  const each = b.mul(dy, node as Node); // [...batch, h, i(, e)]
  const rows = valued ? b.sum(each, [each.shape.length - 1]) : each; // [...batch, h, i]
  const scaled = c === 1 ? rows : c === -1 ? b.neg(rows) : b.mul(rows, b.const(c, "f32"));
  return reduced(
    b,
    scaled,
    space.slice(0, -1).map((_, axis) => axis),
    field,
  );
}
