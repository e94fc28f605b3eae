/** Ops whose meaning is their expansion. */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import type { Shape } from "../shape.js";
import { divideSize, sameSizes, sizeEquals } from "../shape.js";
import { keptAxes } from "./arithmetic.js";
import { expandMix, mixParts } from "./mix.js";
import { pairwise } from "./pairwise.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";

/** The most negative f32: below every score, and finite. */
const LOWEST = -3.4028234663852886e38;

function demandRow(op: "softmax" | "logsumexp", inputs: readonly Node[], axis: number): Node {
  demandCount(op, inputs, 1, 2);
  demandAxis(op, inputs, axis);
  const [x, mask] = inputs as readonly [Node, Node?];
  if (x.dtype !== "f32") misuse(op, inputs, "wants f32");
  if (mask && (mask.dtype !== "bool" || !sameSizes(mask.shape, x.shape)))
    misuse(op, inputs, "the mask is a bool for each element");
  return x;
}

/** Every element against every other one of its row; counts are exact in f32 below 2²⁴ elements. */
function expandRank(b: Builder, node: NodeOf<"rank">): Node {
  const x = node.inputs[0]!;
  const { axis } = node.attributes;
  const own = x.shape[axis]!;
  const pairs = [...x.shape.slice(0, axis + 1), own, ...x.shape.slice(axis + 1)]; // [..., i, j, ...]
  const spread = (skipped: number): Node =>
    b.broadcastTo(
      x,
      pairs,
      pairs.map((_, n) => (n === skipped ? -1 : n > skipped ? n - 1 : n)),
    );
  const [mine, other] = [spread(axis + 1), spread(axis)];
  const earlier = b.lt(b.iota(pairs, axis + 1), b.iota(pairs, axis));
  const before = b.or(b.lt(mine, other), b.and(b.eq(mine, other), earlier));
  return b.to_i32(b.sum(b.to_f32(before), [axis + 1]));
}

interface Exponentials {
  /** e^(x - max), 0 where masked out. */
  readonly exponentials: Node;
  /** Σ of them: at least 1, and 0 for an empty row. */
  readonly sum: Node;
  /** The largest allowed element of each row. */
  readonly max: Node;
  spread(row: Node): Node;
}

/** Nothing that is masked out reaches exp, so that no gradient becomes 0 · ∞. */
function exponentials(b: Builder, x: Node, mask: Node | undefined, axis: number): Exponentials {
  const spread = (row: Node): Node => b.broadcastTo(row, x.shape, keptAxes(x.shape, [axis]));
  const allowed = mask ? b.select(mask, x, b.full(LOWEST, x.shape, "f32")) : x;
  const max = b.stop_gradient(b.reduce("max", allowed, [axis]));
  const centered = b.sub(x, spread(max));
  const zero = (): Node => b.full(0, x.shape, "f32");
  const powers = b.exp(mask ? b.select(mask, centered, zero()) : centered);
  const kept = mask ? b.select(mask, powers, zero()) : powers;
  return { exponentials: kept, sum: b.sum(kept, [axis]), max, spread };
}

export const composites: {
  readonly [K in "rank" | "softmax" | "logsumexp" | "mix" | "pairwise"]: OpRow<K>;
} = {
  rank: {
    kind: "composite",
    doc: "y_i = how many j have x_j > x_i, or x_j = x_i and j < i; no gradient",
    attributes: { axis: "number" },
    type(inputs, { axis }) {
      demandCount("rank", inputs, 1);
      demandAxis("rank", inputs, axis);
      if (inputs[0]!.dtype === "bool") misuse("rank", inputs, "wants numbers");
      return value(inputs[0]!.shape, "i32");
    },
    expand: expandRank,
    vjp: () => [],
  },
  softmax: {
    kind: "composite",
    doc: "y = e^(x - max x) / Σ e^(x - max x) over the allowed elements, 0 elsewhere; dx = y ∘ (dy - Σ y ∘ dy)",
    attributes: { axis: "number" },
    type(inputs, { axis }) {
      const x = demandRow("softmax", inputs, axis);
      return value(x.shape, "f32");
    },
    expand(b, node) {
      const [x, mask] = node.inputs as readonly [Node, Node?];
      const { exponentials: powers, sum, spread } = exponentials(b, x, mask, node.attributes.axis);
      // A row with an allowed element sums to at least 1.
      const total = mask ? b.max(sum, b.full(1, sum.shape, "f32")) : sum;
      return b.div(powers, spread(total));
    },
    vjp(b, dy, node) {
      const { axis } = node.attributes;
      const inner = b.sum(b.mul(node, dy), [axis]);
      return [b.mul(node, b.sub(dy, b.broadcastTo(inner, node.shape, keptAxes(node.shape, [axis]))))];
    },
  },
  logsumexp: {
    kind: "composite",
    doc: "y = max x + log Σ e^(x - max x) over the allowed elements, 0 where there are none; dx = dy · softmax(x)",
    attributes: { axis: "number" },
    type(inputs, { axis }) {
      const x = demandRow("logsumexp", inputs, axis);
      return value(
        x.shape.filter((_, n) => n !== axis),
        "f32",
      );
    },
    expand(b, node) {
      const [x, mask] = node.inputs as readonly [Node, Node?];
      const { sum, max } = exponentials(b, x, mask, node.attributes.axis);
      const { size } = x.shape[node.attributes.axis]!;
      // A row of some length has its largest element at least, unless a mask leaves it out.
      if (!mask && typeof size === "number" && size > 0) return b.add(max, b.log(sum));
      const [zero, one] = [b.full(0, sum.shape, "f32"), b.full(1, sum.shape, "f32")];
      return b.select(b.lt(zero, sum), b.add(max, b.log(b.max(sum, one))), zero);
    },
    vjp(b, dy, node) {
      const [x, mask] = node.inputs as readonly [Node, Node?];
      const { axis } = node.attributes;
      return [b.mul(b.softmax(x, axis, mask), b.broadcastTo(dy, x.shape, keptAxes(x.shape, [axis])))];
    },
  },
  mix: {
    kind: "composite",
    doc: "y[h, i] = Σ_j post(weight_j(score(q[h, i] · k[h // group, j], h, i, j) where mask(h, i, j))) v[h // group, j]",
    attributes: {
      score: "graph",
      mask: "optional graph",
      weight: "string",
      post: "optional graph",
      fields: "lists",
      offset: "size",
    },
    type(inputs, attributes) {
      return value(mixShape(inputs, attributes), "f32");
    },
    expand: expandMix,
  },
  pairwise,
};

function mixShape(inputs: readonly Node[], attributes: NodeOf<"mix">["attributes"]): Shape {
  const fail = (what: string): never => misuse("mix", inputs, what);
  demandCount("mix", inputs, 3 + attributes.fields.length);
  const [q, k, v] = inputs as readonly [Node, Node, Node];
  const rank = q.shape.length;
  if (rank < 3 || k.shape.length !== rank || v.shape.length !== rank)
    fail("q, k and v have [...batch, head, position, channel]");
  if (![q, k, v].every((x) => x.dtype === "f32")) fail("q, k and v are f32");
  const { batch, scores, heads, kvHeads } = mixParts(q, k);
  if (!sameSizes(batch, k.shape.slice(0, rank - 3)) || !sameSizes(batch, v.shape.slice(0, rank - 3)))
    fail("batches differ");
  if (!sizeEquals(q.shape[rank - 1]!.size, k.shape[rank - 1]!.size)) fail("channels of q and k differ");
  if (!sameSizes(k.shape.slice(0, rank - 1), v.shape.slice(0, rank - 1))) fail("k and v differ");
  if (divideSize(heads, kvHeads) === undefined) fail("the heads of k do not divide those of q");
  attributes.fields.forEach((axes, n) => {
    const field = inputs[3 + n]!;
    if (
      axes.some((axis, m) => !scores[axis] || (m > 0 && axes[m - 1]! >= axis)) ||
      !sameSizes(
        field.shape,
        axes.map((axis) => scores[axis]!),
      )
    )
      fail(`field ${n} does not have the axes [${axes}] of the scores`);
  });
  const { score, mask, post } = attributes;
  for (const [name, formula] of Object.entries({ score, post }))
    if (formula && (formula.outputs.length !== 1 || formula.outputs[0]!.node.dtype !== "f32"))
      fail(`the ${name} is one f32`);
  if (mask && (mask.outputs.length !== 1 || mask.outputs[0]!.node.dtype !== "bool"))
    fail("the mask is one bool");
  return [...q.shape.slice(0, rank - 1), v.shape[rank - 1]!];
}
