/**
 * Labelled axes: which index labels which axis, in what order, and nodes brought to the labels that are asked for.
 *
 * ```
 * align(x [j, i], [i, h, j])     broadcast(transpose(%x)) from=[0, -1, 1]
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { DType, Node } from "../graph.js";
import type { Size } from "../shape.js";
import { symbol } from "../shape.js";
import type { Affine } from "./affine.js";
import { labelsIn } from "./affine.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { IndexedValue } from "./values.js";
import { BATCH } from "./values.js";

export const batchAxis = { name: "batch", size: symbol("B") } as const;

export function coerce(env: Env, node: Node, dtype: DType): Node {
  const b = env.session.builder;
  if (node.dtype === dtype) return node;
  if (dtype === "f32") return b.to_f32(node);
  return dtype === "i32" ? b.to_i32(node) : b.to_bool(node);
}

/** Axes in the order [batch, left side, others as they appeared]. */
export function orderLabels(env: Env, labels: Iterable<string>): readonly string[] {
  const order = env.index?.order ?? [];
  const rank = (label: string): number =>
    label === BATCH ? -1 : order.indexOf(label) + 1 || order.length + 1;
  return [...new Set(labels)].sort((a, b) => rank(a) - rank(b));
}

export function axisOf(env: Env, label: string) {
  if (label === BATCH) return batchAxis;
  const info = env.index?.infos.get(label);
  if (!info) throw new Error(`internal: index ${label} has no range`);
  return { name: info.axis, size: info.size };
}

/** The node with exactly these labels as axes, in this order. */
export function align(env: Env, x: IndexedValue, labels: readonly string[]): Node {
  if (x.labels.length === labels.length && labels.every((label, n) => x.labels[n] === label)) return x.node;
  const b = env.session.builder;
  const present = labels.filter((label) => x.labels.includes(label));
  const turned = b.transpose(
    x.node,
    present.map((label) => x.labels.indexOf(label)),
  );
  const shape = labels.map((label) =>
    present.includes(label) ? turned.shape[present.indexOf(label)]! : axisOf(env, label),
  );
  return b.broadcastTo(
    turned,
    shape,
    labels.map((label) => present.indexOf(label)),
  );
}

/** The expression as an i32 tensor over its indices. */
export function affineNode(env: Env, affine: Affine, span: Span): IndexedValue {
  const b = env.session.builder;
  const labels = orderLabels(env, labelsIn(affine));
  for (const label of labels) if (!env.index?.infos.has(label)) rangeUnknown(env, label, span);
  const shape = labels.map((label) => axisOf(env, label));
  const index = (label: string): Node =>
    align(env, { kind: "indexed", node: b.iota([axisOf(env, label)], 0), labels: [label] }, labels);
  const full = (size: Size): Node =>
    typeof size === "number"
      ? b.full(size, shape, "i32")
      : b.broadcastTo(
          b.length(size, "i32"),
          shape,
          shape.map(() => -1),
        );
  const node = (x: Affine): Node => {
    if (x.kind !== "sum")
      return x.kind === "mod" ? b.mod(node(x.value), full(x.by)) : b.floordiv(node(x.value), full(x.by));
    const terms = x.terms.map(({ factor, atom }) => {
      const value = typeof atom === "string" ? index(atom) : node(atom);
      return {
        value: Math.abs(factor) === 1 ? value : b.mul(value, full(Math.abs(factor))),
        minus: factor < 0,
      };
    });
    terms.sort((p, q) => Number(p.minus) - Number(q.minus));
    const zero = x.constant === 0 && terms[0] && !terms[0].minus;
    const start = zero ? undefined : full(x.constant);
    return terms.reduce<Node | undefined>(
      (sum, t) => (sum ? (t.minus ? b.sub(sum, t.value) : b.add(sum, t.value)) : t.value),
      start,
    )!;
  };
  return { kind: "indexed", node: node(affine), labels };
}

export function rangeUnknown(env: Env, label: string, span: Span): never {
  return fail(env, "TFM2008", span, `Nothing says what \`${label}\` runs over.`, {
    hint: "An index takes its range from the axes that it subscripts alone, or from the left side: `y[i < n] = …`.",
  });
}
