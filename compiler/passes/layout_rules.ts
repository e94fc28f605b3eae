/**
 * Rules of layout: chains of broadcast, transpose, reshape, slice, pad and concat become one node or none.
 *
 * ```
 * transpose(broadcast(x))      →   broadcast(x)          broadcasts absorb the order of axes
 * add(broadcast(x), broadcast(y))   →   broadcast(add(x, y))   maps run before their operands are repeated
 * ```
 */
import type { Node, NodeOf } from "../ir/graph.js";
import { addSizes, sameSizes, sizeEquals, subSizes } from "../ir/shape.js";
import type { MapOp } from "../ir/vocabulary.js";
import {
  broadcastTo,
  estimate,
  estimatedElements,
  isCommutative,
  isUnit,
  mapOf,
  mapOps,
  reshaped,
  sameOrder,
  splat,
  splatValue,
  transposed,
  upTo,
} from "./nodes.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, mapRule, rule } from "./rule.js";

const aliases: readonly Rule[] = [
  rule("transpose", "transpose(x, identity) => x", (node) =>
    sameOrder(node.attributes.order) ? node.inputs[0] : undefined,
  ),
  rule("transpose", "transpose(transpose(x, p), q) => transpose(x, p∘q)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "transpose")) return undefined;
    const order = node.attributes.order.map((axis) => inner.attributes.order[axis]!);
    return transposed(builder, inner.inputs[0]!, order);
  }),
  rule("transpose", "transpose(broadcast(x)) => broadcast(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "broadcast")) return undefined;
    const from = node.attributes.order.map((axis) => inner.attributes.from[axis]!);
    return builder.make("broadcast", [inner.inputs[0]!], { shape: node.shape, from });
  }),
  rule("broadcast", "broadcast(x, nothing new) => transpose(x)", (node, { builder }) => {
    const { from } = node.attributes;
    return from.includes(-1) ? undefined : transposed(builder, node.inputs[0]!, from);
  }),
  rule("broadcast", "broadcast(broadcast(x)) => broadcast(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "broadcast")) return undefined;
    const from = node.attributes.from.map((axis) => (axis < 0 ? -1 : inner.attributes.from[axis]!));
    return builder.make("broadcast", [inner.inputs[0]!], { shape: node.shape, from });
  }),
  rule("broadcast", "broadcast(transpose(x)) => broadcast(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "transpose")) return undefined;
    const from = node.attributes.from.map((axis) => (axis < 0 ? -1 : inner.attributes.order[axis]!));
    return builder.make("broadcast", [inner.inputs[0]!], { shape: node.shape, from });
  }),
  rule("reshape", "reshape(x, same sizes) => x", (node) =>
    sameSizes(node.shape, node.inputs[0]!.shape) ? node.inputs[0] : undefined,
  ),
  rule("reshape", "reshape(reshape(x)) => reshape(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    return isOp(inner, "reshape") ? reshaped(builder, inner.inputs[0]!, node.shape) : undefined;
  }),
  rule("reshape", "reshape(broadcast(scalar)) => broadcast(scalar)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "broadcast") || inner.inputs[0]!.shape.length > 0) return undefined;
    return broadcastTo(
      builder,
      inner.inputs[0]!,
      node.shape,
      node.shape.map(() => -1),
    );
  }),
  rule(
    "reshape",
    "reshape(broadcast(x), unit axes in or out) => broadcast(reshape(x))",
    (node, { builder }) => {
      // Only axes of size 1 come or go, so each other axis keeps its source.
      const inner = node.inputs[0]!;
      if (!isOp(inner, "broadcast")) return undefined;
      const old = upTo(inner.shape.length).filter((axis) => !isUnit(inner.shape[axis]!.size));
      const now = upTo(node.shape.length).filter((axis) => !isUnit(node.shape[axis]!.size));
      if (old.length !== now.length) return undefined;
      if (!old.every((axis, n) => sizeEquals(inner.shape[axis]!.size, node.shape[now[n]!]!.size)))
        return undefined;
      const source = inner.inputs[0]!;
      const kept = upTo(source.shape.length).filter((axis) => !isUnit(source.shape[axis]!.size));
      const base =
        kept.length === source.shape.length
          ? source
          : reshaped(
              builder,
              source,
              kept.map((axis) => source.shape[axis]!),
            );
      const from = upTo(node.shape.length).map((axis) => {
        const at = now.indexOf(axis);
        return at < 0 ? -1 : kept.indexOf(inner.attributes.from[old[at]!]!);
      });
      return broadcastTo(builder, base, node.shape, from);
    },
  ),
];

const windows: readonly Rule[] = [
  rule("slice", "slice(x, all) => x", (node) => {
    const { axis, start, size } = node.attributes;
    const whole = sizeEquals(start, 0) && sizeEquals(size, node.inputs[0]!.shape[axis]!.size);
    return whole ? node.inputs[0] : undefined;
  }),
  rule("slice", "slice(slice(x)) => slice(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "slice") || inner.attributes.axis !== node.attributes.axis) return undefined;
    const start = addSizes(inner.attributes.start, node.attributes.start);
    return builder.make("slice", [inner.inputs[0]!], { ...node.attributes, start });
  }),
  rule("slice", "slice(broadcast(x), a new axis) => broadcast(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "broadcast") || inner.attributes.from[node.attributes.axis] !== -1) return undefined;
    return builder.make("broadcast", [inner.inputs[0]!], { shape: node.shape, from: inner.attributes.from });
  }),
  rule("slice", "slice(pad(x), the middle) => x", (node) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "pad") || inner.attributes.axis !== node.attributes.axis) return undefined;
    const middle = inner.inputs[0]!;
    const same =
      sizeEquals(inner.attributes.before, node.attributes.start) &&
      sizeEquals(middle.shape[node.attributes.axis]!.size, node.attributes.size);
    return same ? middle : undefined;
  }),
  rule("slice", "slice(concat(…, x, …), within x) => slice(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    const { axis, start, size } = node.attributes;
    if (!isOp(inner, "concat") || inner.attributes.axis !== axis || typeof start !== "number")
      return undefined;
    if (typeof size !== "number") return undefined;
    let before = 0;
    for (const part of inner.inputs) {
      const length = part.shape[axis]!.size;
      if (typeof length !== "number") return undefined;
      if (start >= before && start + size <= before + length)
        return builder.make("slice", [part], { axis, start: start - before, size });
      before += length;
    }
    return undefined;
  }),
  rule("pad", "pad(x, 0, 0) => x", (node) =>
    sizeEquals(node.attributes.before, 0) && sizeEquals(node.attributes.after, 0)
      ? node.inputs[0]
      : undefined,
  ),
  rule("pad", "pad(pad(x)) => pad(x)", (node, { builder }) => {
    const inner = node.inputs[0]!;
    const { axis, before, after } = node.attributes;
    if (!isOp(inner, "pad") || inner.attributes.axis !== axis) return undefined;
    return builder.make("pad", [inner.inputs[0]!], {
      axis,
      before: addSizes(before, inner.attributes.before),
      after: addSizes(after, inner.attributes.after),
    });
  }),
  mapRule("add", "add(pad(x), pad(y), side by side) => pad(concat(x, y))", padsAsConcat),
  rule("concat", "concat(concat(x, y), z) => concat(x, y, z)", (node, { builder }) => {
    const { axis } = node.attributes;
    const isSame = (part: Node): boolean => isOp(part, "concat") && part.attributes.axis === axis;
    if (!node.inputs.some(isSame)) return undefined;
    return builder.make(
      "concat",
      node.inputs.flatMap((part) => (isSame(part) ? part.inputs : [part])),
      { axis },
    );
  }),
  rule("concat", "concat(x) => x", (node) => (node.inputs.length === 1 ? node.inputs[0] : undefined)),
  rule("concat", "concat(x, nothing) => x", (node, { builder }) => {
    const { axis } = node.attributes;
    const kept = node.inputs.filter((part) => !sizeEquals(part.shape[axis]!.size, 0));
    if (kept.length === node.inputs.length || kept.length === 0) return undefined;
    return builder.make("concat", kept, { axis });
  }),
  rule("concat", "concat(slice(x, 0, n), slice(x, n, m)) => slice(x, 0, n + m)", (node, { builder }) => {
    const { axis } = node.attributes;
    for (const [n, first] of node.inputs.entries()) {
      const second = node.inputs[n + 1];
      if (!isOp(first, "slice") || !isOp(second, "slice")) continue;
      if (first.inputs[0]!.key !== second.inputs[0]!.key) continue;
      if (first.attributes.axis !== axis || second.attributes.axis !== axis) continue;
      const { start, size } = first.attributes;
      if (!sizeEquals(addSizes(start, size), second.attributes.start)) continue;
      const both = builder.make("slice", [first.inputs[0]!], {
        axis,
        start,
        size: addSizes(size, second.attributes.size),
      });
      return builder.make("concat", [...node.inputs.slice(0, n), both, ...node.inputs.slice(n + 2)], {
        axis,
      });
    }
    return undefined;
  }),
];

/** The terms of a sum, however it is bracketed. */
const termsOf = (node: Node): readonly Node[] => (isOp(node, "add") ? node.inputs.flatMap(termsOf) : [node]);

/** Terms that fill one axis from place to place without a gap are parts of one tensor. */
function padsAsConcat(node: Node, { builder }: RuleContext): Node | undefined {
  const terms = termsOf(node).map((term) => (isOp(term, "pad") ? term : undefined));
  const axis = terms[0]?.attributes.axis;
  if (axis === undefined || !terms.every((term) => term?.attributes.axis === axis)) return undefined;
  const whole = node.shape[axis]!.size;
  const parts = (terms as readonly NodeOf<"pad">[]).map(({ inputs: [x], attributes }) => ({
    x: x!,
    ...{ before: attributes.before, size: x!.shape[axis]!.size },
  }));
  if (!parts.every(({ before, size }) => typeof before === "number" && typeof size === "number"))
    return undefined;
  const sorted = [...parts].sort((p, q) => (p.before as number) - (q.before as number));
  const fits = sorted
    .slice(1)
    .every((part, n) => sizeEquals(part.before, addSizes(sorted[n]!.before, sorted[n]!.size)));
  if (!fits) return undefined;
  const last = sorted[sorted.length - 1]!;
  const together = builder.make(
    "concat",
    sorted.map(({ x }) => x),
    { axis },
  );
  return builder.pad(together, axis, sorted[0]!.before, subSizes(whole, addSizes(last.before, last.size)));
}

/** A map of operands that all repeat along the same axes is computed once and repeated after. */
function hoistBroadcast(node: Node, { builder }: RuleContext): Node | undefined {
  if (node.shape.length === 0 || !node.inputs.some((input) => isOp(input, "broadcast"))) return undefined;
  const sources = node.inputs.map((input) =>
    isOp(input, "broadcast")
      ? { x: input.inputs[0]!, from: input.attributes.from }
      : { x: input, from: upTo(input.shape.length) },
  );
  const kept = upTo(node.shape.length).filter((axis) => sources.some(({ from }) => from[axis]! >= 0));
  const saved = upTo(node.shape.length).some(
    (axis) => !kept.includes(axis) && estimate(node.shape[axis]!.size) > 1,
  );
  if (!saved) return undefined;
  const small = kept.map((axis) => node.shape[axis]!);
  const inputs = sources.map(({ x, from }) =>
    broadcastTo(
      builder,
      x,
      small,
      kept.map((axis) => from[axis]!),
    ),
  );
  const computed = mapOf(builder, node.op as MapOp, inputs);
  return broadcastTo(
    builder,
    computed,
    node.shape,
    node.shape.map((_, axis) => kept.indexOf(axis)),
  );
}

/** Constants stand on the right of commutative maps. */
function constantRight(node: Node, { builder }: RuleContext): Node | undefined {
  const [left, right] = node.inputs;
  if (!left || !right || splatValue(left) === undefined || splatValue(right) !== undefined) return undefined;
  return mapOf(builder, node.op as MapOp, [right, left]);
}

const maps: readonly Rule[] = mapOps.flatMap((op) => [
  mapRule(op, `${op}(broadcast(x), …) => broadcast(${op}(x, …))`, hoistBroadcast),
  ...(isCommutative(op) ? [mapRule(op, `${op}(a, x) => ${op}(x, a)`, constantRight)] : []),
]);

/** One division a row instead of one an element. */
const reciprocal = rule(
  "div",
  "div(x, broadcast(y)) => mul(x, broadcast(div(1, y)))",
  (node, { builder: b }) => {
    const [x, divisor] = node.inputs as readonly [Node, Node];
    if (!isOp(divisor, "broadcast") || estimatedElements(divisor.shape) <= 1) return undefined;
    const y = divisor.inputs[0]!;
    if (estimatedElements(y.shape) >= estimatedElements(divisor.shape)) return undefined;
    const inverse = mapOf(b, "div", [splat(b, 1, "f32", y.shape), y]);
    return mapOf(b, "mul", [x, broadcastTo(b, inverse, divisor.shape, divisor.attributes.from)]);
  },
);

export const layoutRules: readonly Rule[] = [...aliases, ...windows, ...maps, reciprocal];
