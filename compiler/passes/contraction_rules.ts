/**
 * Rules of contractions: layout of operands becomes labels, and what need not be multiplied is not.
 *
 * ```
 * %1 = transpose(%0) order=[1, 0]; %2 = contract(%x, %1) "ij,jk->ik"   →   contract(%x, %0) "ij,kj->ik"
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Node, NodeOf } from "../ir/graph.js";
import type { ContractLabels } from "../ir/vocabulary.js";
import { broadcastTo, estimatedElements, isUnit, reshaped, summed, upTo, without } from "./nodes.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, rule, usedOnce } from "./rule.js";

type Contract = NodeOf<"contract">;

/** One operand and the labels of its axes. */
export interface Operand {
  readonly x: Node;
  readonly labels: readonly string[];
}

const operandsOf = (node: Contract): readonly [Operand, Operand] => [
  { x: node.inputs[0]!, labels: node.attributes.a },
  { x: node.inputs[1]!, labels: node.attributes.b },
];

const contract = (b: Builder, left: Operand, right: Operand, out: readonly string[]): Node =>
  b.make("contract", [left.x, right.x], { a: left.labels, b: right.labels, out });

export const summedLabels = ({ a, b, out }: ContractLabels): readonly string[] =>
  a.filter((label) => b.includes(label) && !out.includes(label));

/** Applies `change` to the first operand for which it gives something. */
function onEither(
  node: Contract,
  change: (one: Operand, other: Operand) => readonly [Operand, Operand] | undefined,
) {
  const [left, right] = operandsOf(node);
  const first = change(left, right);
  if (first) return first;
  const second = change(right, left);
  return second && ([second[1], second[0]] as const);
}

function absorbTranspose(node: Contract, { builder }: RuleContext): Node | undefined {
  const changed = onEither(node, ({ x, labels }, other) => {
    if (!isOp(x, "transpose")) return undefined;
    const { order } = x.attributes;
    return [
      { x: x.inputs[0]!, labels: upTo(order.length).map((axis) => labels[order.indexOf(axis)]!) },
      other,
    ];
  });
  return changed && contract(builder, changed[0], changed[1], node.attributes.out);
}

/** A repeated axis of an operand: multiplied by none, summed by the other operand alone, or repeated after. */
function absorbBroadcast(node: Contract, { builder: b }: RuleContext): Node | undefined {
  let out = node.attributes.out;
  const changed = onEither(node, ({ x, labels }, other) => {
    if (!isOp(x, "broadcast")) return undefined;
    const { from } = x.attributes;
    const gone = labels.filter((_, axis) => from[axis] === -1);
    const source = x.inputs[0]!;
    const kept = { x: source, labels: upTo(source.shape.length).map((axis) => labels[from.indexOf(axis)]!) };
    const axes = upTo(other.labels.length).filter(
      (axis) => gone.includes(other.labels[axis]!) && !out.includes(other.labels[axis]!),
    );
    out = out.filter((label) => kept.labels.includes(label) || other.labels.includes(label));
    return [kept, { x: summed(b, other.x, axes), labels: without(other.labels, axes) }];
  });
  if (!changed) return undefined;
  const small = contract(b, changed[0], changed[1], out);
  return broadcastTo(
    b,
    small,
    node.shape,
    node.attributes.out.map((label) => out.indexOf(label)),
  );
}

/** Labels of size 1 index nothing. */
function dropUnits(node: Contract, { builder: b }: RuleContext): Node | undefined {
  const operands = operandsOf(node);
  const units = new Set(
    operands.flatMap(({ x, labels }) => labels.filter((_, n) => isUnit(x.shape[n]!.size))),
  );
  if (units.size === 0) return undefined;
  const [left, right] = operands.map(({ x, labels }) => {
    const axes = upTo(labels.length).filter((n) => units.has(labels[n]!));
    return axes.length === 0
      ? { x, labels }
      : { x: reshaped(b, x, without(x.shape, axes)), labels: without(labels, axes) };
  }) as [Operand, Operand];
  const out = node.attributes.out.filter((label) => !units.has(label));
  const small = contract(b, left, right, out);
  return out.length === node.attributes.out.length ? small : reshaped(b, small, node.shape);
}

/** Without a summed label it is a product of broadcasts. */
function outerProduct(node: Contract, { builder: b }: RuleContext): Node | undefined {
  if (summedLabels(node.attributes).length > 0) return undefined;
  const { out } = node.attributes;
  const [left, right] = operandsOf(node).map(({ x, labels }) =>
    broadcastTo(
      b,
      x,
      node.shape,
      out.map((label) => labels.indexOf(label)),
    ),
  );
  return b.make("mul", [left!, right!], {});
}

/** Σ (f·x)·y = f·Σ x·y where f has out labels alone, and the output is the smaller place to multiply. */
function factorOut(node: Contract, context: RuleContext): Node | undefined {
  const { builder: b } = context;
  const { out } = node.attributes;
  let wrap: ((inner: Node) => Node) | undefined;
  const changed = onEither(node, ({ x, labels }, other) => {
    if (estimatedElements(node.shape) >= estimatedElements(x.shape) || !usedOnce(x, context))
      return undefined;
    if (isOp(x, "neg")) {
      wrap = (inner) => b.make("neg", [inner], {});
      return [{ x: x.inputs[0]!, labels }, other];
    }
    if (!isOp(x, "mul") && !isOp(x, "div")) return undefined;
    const places = isOp(x, "mul") ? [1, 0] : [1];
    for (const place of places) {
      const factor = x.inputs[place]!;
      if (!isOp(factor, "broadcast")) continue;
      const { from } = factor.attributes;
      if (!labels.every((label, axis) => from[axis] === -1 || out.includes(label))) continue;
      const outFrom = out.map((label) => (labels.includes(label) ? from[labels.indexOf(label)]! : -1));
      const { op } = x;
      wrap = (inner) => b.make(op, [inner, broadcastTo(b, factor.inputs[0]!, node.shape, outFrom)], {});
      return [{ x: x.inputs[1 - place]!, labels }, other];
    }
    return undefined;
  });
  return changed && wrap?.(contract(b, changed[0], changed[1], out));
}

export const contractionRules: readonly Rule[] = [
  rule("contract", "contract(transpose(x), y) => contract(x, y)", absorbTranspose),
  rule("contract", "contract(broadcast(x), y) => broadcast(contract(x, sum(y)))", absorbBroadcast),
  rule(
    "contract",
    "contract(x, y), labels of size 1 => reshape(contract(reshape(x), reshape(y)))",
    dropUnits,
  ),
  rule("contract", "contract(x, y), nothing summed => mul(broadcast(x), broadcast(y))", outerProduct),
  rule("contract", "contract(mul(x, broadcast(f)), y) => mul(contract(x, y), f)", factorOut),
  rule("transpose", "transpose(contract(x, y)) => contract(x, y)", (node, context) => {
    const inner = node.inputs[0]!;
    if (!isOp(inner, "contract") || !usedOnce(inner, context)) return undefined;
    const [left, right] = operandsOf(inner);
    return contract(
      context.builder,
      left,
      right,
      node.attributes.order.map((axis) => inner.attributes.out[axis]!),
    );
  }),
];
