/**
 * Rules of reductions: what does not vary along the reduced axes leaves the reduction.
 *
 * ```
 * %1 = broadcast(%0) from=[0, -1] : [b=B, d=64]; %2 = reduce(%1) kind="sum" axes=[1]   →   mul(%0, 64)
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Node, NodeOf } from "../ir/graph.js";
import type { Size } from "../ir/shape.js";
import { product, sizeEquals } from "../ir/shape.js";
import {
  broadcastTo,
  estimatedElements,
  isPositive,
  isUnit,
  reshaped,
  spread,
  summed,
  transposed,
  upTo,
  without,
} from "./nodes.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, rule, usedOnce } from "./rule.js";

type Reduce = NodeOf<"reduce">;

/** `x` times a size, the size being known when the program runs. */
export function timesSize(b: Builder, x: Node, size: Size): Node {
  if (isUnit(size)) return x;
  const factor = b.make("length", [], { size, dtype: x.dtype });
  return b.make("mul", [x, spread(b, factor, x.shape)], {});
}

/** A broadcast's new axes leave the reduction, and repeat its result where they are not reduced. */
function reduceBroadcast(node: Reduce, { builder: b }: RuleContext): Node | undefined {
  const inner = node.inputs[0]!;
  const { kind, axes } = node.attributes;
  if (!isOp(inner, "broadcast")) return undefined;
  const { from } = inner.attributes;
  const isNew = (axis: number): boolean => from[axis] === -1;
  const sizes = axes.filter(isNew).map((axis) => inner.shape[axis]!.size);
  const leaves = kind === "sum" || (kind !== "argmax" && sizes.every(isPositive)) || sizes.length === 0;
  if (!leaves || !from.includes(-1)) return undefined;
  const source = inner.inputs[0]!;
  const sourceAxes = axes.filter((axis) => !isNew(axis)).map((axis) => from[axis]!);
  if (kind === "argmax" && sourceAxes.length === 0) return undefined;
  const sorted = [...sourceAxes].sort((x, y) => x - y);
  const reduced = sorted.length === 0 ? source : b.make("reduce", [source], { kind, axes: sorted });
  const left = without(upTo(source.shape.length), sorted);
  const outFrom = without(from, axes).map((axis) => (axis < 0 ? -1 : left.indexOf(axis)));
  const scaled = kind === "sum" ? timesSize(b, reduced, product(sizes)) : reduced;
  return broadcastTo(b, scaled, node.shape, outFrom);
}

/** The operand that `x` repeats along `axes`, in the shape without them; undefined where it varies there. */
function constantAlong(b: Builder, x: Node, axes: readonly number[]): Node | undefined {
  if (!isOp(x, "broadcast") || !axes.every((axis) => x.attributes.from[axis] === -1)) return undefined;
  return broadcastTo(b, x.inputs[0]!, without(x.shape, axes), without(x.attributes.from, axes));
}

/** Σ x·f = f·Σ x and Σ x/f = (Σ x)/f, f the same along the summed axes. */
function factorOut(node: Reduce, { builder: b }: RuleContext): Node | undefined {
  const inner = node.inputs[0]!;
  const { kind, axes } = node.attributes;
  if (kind !== "sum") return undefined;
  if (isOp(inner, "neg")) return b.make("neg", [summed(b, inner.inputs[0]!, axes)], {});
  if (!isOp(inner, "mul") && !isOp(inner, "div")) return undefined;
  const [x, y] = inner.inputs as readonly [Node, Node];
  const right = constantAlong(b, y, axes);
  if (right) return b.make(inner.op, [summed(b, x, axes), right], {});
  const left = isOp(inner, "mul") ? constantAlong(b, x, axes) : undefined;
  return left && b.make("mul", [summed(b, y, axes), left], {});
}

/** Σ of a product that was never meant to exist: out axes of each factor alone make it a contraction. */
function formContract(node: Reduce, { builder: b }: RuleContext): Node | undefined {
  const inner = node.inputs[0]!;
  if (node.attributes.kind !== "sum" || !isOp(inner, "mul") || inner.dtype !== "f32") return undefined;
  const sources = inner.inputs.map((input) =>
    isOp(input, "broadcast")
      ? { x: input.inputs[0]!, from: input.attributes.from }
      : { x: input, from: upTo(input.shape.length) },
  );
  const [left, right] = sources as [(typeof sources)[0], (typeof sources)[0]];
  const { axes } = node.attributes;
  const kept = without(upTo(inner.shape.length), axes);
  const alone = (one: typeof left, other: typeof left): boolean =>
    kept.some((axis) => one.from[axis]! >= 0 && other.from[axis]! < 0 && !isUnit(inner.shape[axis]!.size));
  if (!alone(left, right) || !alone(right, left)) return undefined;
  if (!axes.every((axis) => left.from[axis]! >= 0 && right.from[axis]! >= 0)) return undefined;
  if (!kept.every((axis) => left.from[axis]! >= 0 || right.from[axis]! >= 0)) return undefined;
  const labelsOf = ({ x, from }: typeof left): readonly string[] =>
    upTo(x.shape.length).map((axis) => `l${from.indexOf(axis)}`);
  return b.make("contract", [left.x, right.x], {
    a: labelsOf(left),
    b: labelsOf(right),
    out: kept.map((axis) => `l${axis}`),
  });
}

/** Σ over out labels of a contraction: inside, where the label is summed by one operand alone, or becomes a summed label. */
function reduceContract(node: Reduce, context: RuleContext): Node | undefined {
  const inner = node.inputs[0]!;
  if (node.attributes.kind !== "sum" || !isOp(inner, "contract") || !usedOnce(inner, context))
    return undefined;
  const { builder: b } = context;
  const { a, b: right, out } = inner.attributes;
  const gone = node.attributes.axes.map((axis) => out[axis]!);
  const presum = (x: Node, labels: readonly string[], other: readonly string[]) => {
    const axes = upTo(labels.length).filter((n) => gone.includes(labels[n]!) && !other.includes(labels[n]!));
    return { x: summed(b, x, axes), labels: without(labels, axes) };
  };
  const left = presum(inner.inputs[0]!, a, right);
  const second = presum(inner.inputs[1]!, right, a);
  const labels = { a: left.labels, b: second.labels, out: out.filter((label) => !gone.includes(label)) };
  return b.make("contract", [left.x, second.x], labels);
}

export const reductionRules: readonly Rule[] = [
  rule("reduce", "reduce(x, no axes) => x", (node) =>
    node.attributes.axes.length === 0 && node.attributes.kind !== "argmax" ? node.inputs[0] : undefined,
  ),
  rule("reduce", "reduce(x, axes of size 1) => reshape(x)", (node, { builder: b }) => {
    const x = node.inputs[0]!;
    const { kind, axes } = node.attributes;
    const unit = axes.filter((axis) => isUnit(x.shape[axis]!.size));
    if (unit.length === 0 || kind === "argmax") return undefined;
    const left = without(upTo(x.shape.length), unit);
    const small = reshaped(
      b,
      x,
      left.map((axis) => x.shape[axis]!),
    );
    const rest = without(
      axes,
      upTo(axes.length).filter((n) => unit.includes(axes[n]!)),
    );
    return rest.length === 0
      ? small
      : b.make("reduce", [small], { kind, axes: rest.map((axis) => left.indexOf(axis)) });
  }),
  rule("reduce", "reduce(reduce(x)) => reduce(x)", (node, context) => {
    const inner = node.inputs[0]!;
    const { kind, axes } = node.attributes;
    if (!isOp(inner, "reduce") || inner.attributes.kind !== kind || kind === "argmax") return undefined;
    if (!usedOnce(inner, context)) return undefined;
    const x = inner.inputs[0]!;
    const left = without(upTo(x.shape.length), inner.attributes.axes);
    const both = [...inner.attributes.axes, ...axes.map((axis) => left[axis]!)].sort((p, q) => p - q);
    return context.builder.make("reduce", [x], { kind, axes: both });
  }),
  rule("reduce", "reduce(transpose(x)) => transpose(reduce(x))", (node, { builder: b }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "transpose")) return undefined;
    const { order } = inner.attributes;
    const { kind, axes } = node.attributes;
    const sourceAxes = axes.map((axis) => order[axis]!).sort((p, q) => p - q);
    const left = without(upTo(order.length), sourceAxes);
    const reduced = b.make("reduce", [inner.inputs[0]!], { kind, axes: sourceAxes });
    return transposed(
      b,
      reduced,
      without(order, axes).map((axis) => left.indexOf(axis)),
    );
  }),
  rule("reduce", "reduce(reshape(x), all) => reduce(x, all)", (node, { builder: b }) => {
    const inner = node.inputs[0]!;
    const { kind } = node.attributes;
    if (!isOp(inner, "reshape") || node.shape.length > 0 || kind === "argmax") return undefined;
    const x = inner.inputs[0]!;
    // Dropping axes of size 1 is a reshape too, and stays.
    if (x.shape.some((axis) => isUnit(axis.size))) return undefined;
    return x.shape.length === 0 ? x : b.make("reduce", [x], { kind, axes: upTo(x.shape.length) });
  }),
  rule("reduce", "sum(pad(x), the padded axis) => sum(x)", (node, { builder: b }) => {
    const inner = node.inputs[0]!;
    const { kind, axes } = node.attributes;
    if (kind !== "sum" || !isOp(inner, "pad") || !axes.includes(inner.attributes.axis)) return undefined;
    return b.make("reduce", [inner.inputs[0]!], { kind, axes });
  }),
  rule("reduce", "reduce(broadcast(x)) => broadcast(reduce(x))·n", reduceBroadcast),
  rule("reduce", "sum(mul(x, broadcast(f))) => mul(sum(x), f)", factorOut),
  rule("reduce", "sum(contract(x, y)) => contract(sum(x), y)", reduceContract),
  rule("reduce", "sum(mul(broadcast(x), broadcast(y))) => contract(x, y)", formContract),
  rule("softmax", "softmax(add(x, broadcast(f))) => softmax(x)", (node, { builder: b }) => {
    const [x, ...rest] = node.inputs;
    if (!isOp(x, "add") && !isOp(x, "sub")) return undefined;
    const { axis } = node.attributes;
    const [y, f] = x.inputs as readonly [Node, Node];
    if (constantAlong(b, f, [axis])) return b.make("softmax", [y, ...rest], node.attributes);
    const other = isOp(x, "add") ? constantAlong(b, y, [axis]) : undefined;
    return other && b.make("softmax", [f, ...rest], node.attributes);
  }),
  rule("gather", "gather(x, broadcast(ids)) => broadcast(gather(x, ids))", (node, { builder: b }) => {
    const [table, ids] = node.inputs as readonly [Node, Node];
    if (!isOp(ids, "broadcast") || !ids.attributes.from.includes(-1)) return undefined;
    if (estimatedElements(ids.inputs[0]!.shape) >= estimatedElements(ids.shape)) return undefined;
    const { axis } = node.attributes;
    const source = ids.inputs[0]!;
    const gathered = b.make("gather", [table, source], { axis });
    const from = [
      ...upTo(axis),
      ...ids.attributes.from.map((at) => (at < 0 ? -1 : axis + at)),
      ...upTo(table.shape.length - axis - 1).map((n) => axis + source.shape.length + n),
    ];
    return broadcastTo(b, gathered, node.shape, from);
  }),
  rule("gather", "gather(x, iota) => slice(x)", (node, { builder: b }) => {
    const [table, ids] = node.inputs as readonly [Node, Node];
    const { axis } = node.attributes;
    if (!isOp(ids, "iota") || ids.shape.length !== 1) return undefined;
    const start = ids.attributes.offset;
    const { size } = ids.shape[0]!;
    const all = table.shape[axis]!.size;
    const inside = typeof start === "number" && typeof size === "number" && typeof all === "number";
    const whole = sizeEquals(start, 0) && sizeEquals(size, all);
    if (!whole && !(inside && start >= 0 && start + size <= all)) return undefined;
    return b.make("slice", [table], { axis, start, size });
  }),
];
