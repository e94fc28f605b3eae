/**
 * form_mix: Graph → equal Graph, what is attention becomes the operator `mix`, however it was said.
 *
 * ```
 * %3 = contract(%q, %k) "bhic,bhjc->bhij"
 * %4 = mul(%3, broadcast(0.125)); %5 = le(broadcast(iota j), broadcast(iota i))
 * %6 = softmax(%4, %5) axis=3
 * %7 = contract(%6, %v) "bhij,bhje->bhie"      →   mix(%q, %k, %v) score={ s·0.125 } mask={ j ≤ i } weight="softmax"
 * ```
 * Heads of keys that several heads of queries share are seen through, as labels (q[b, g, r, i, c]) and as repeated tensors.
 * Nothing is formed where scores or weights have another reader, or where weights that are no softmax do not depend on
 * positions: a layer of perceptrons is no attention.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { topologicalFrom } from "../ir/rewrite.js";
import { applyRules } from "./apply_rules.js";
import type { Axes, Labelled } from "./mix/axes.js";
import { aligned, axesOf, headAxis, headLabels, mergedAt, ungrouped } from "./mix/axes.js";
import type { Reading } from "./mix/formula.js";
import { isPositionwise, readFormula, startReading } from "./mix/formula.js";
import { splatValue } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, rule } from "./rule.js";

/** Weights of a contraction, taken apart. */
interface Weights {
  readonly kind: "softmax" | "identity";
  readonly scores: Labelled;
  readonly mask: Labelled | undefined;
}

function withoutTransposes({ x, labels }: Labelled): Labelled {
  if (!isOp(x, "transpose")) return { x, labels };
  const { order } = x.attributes;
  return withoutTransposes({ x: x.inputs[0]!, labels: order.map((_, axis) => labels[order.indexOf(axis)]!) });
}

function weightsOf(weights: Labelled, column: string): Weights | undefined {
  const { x, labels } = weights;
  if (isOp(x, "softmax")) {
    if (labels[x.attributes.axis] !== column) return undefined;
    const [scores, mask] = x.inputs as readonly [Node, Node?];
    return { kind: "softmax", scores: { x: scores, labels }, mask: mask && { x: mask, labels } };
  }
  if (isOp(x, "select") && splatValue(x.inputs[2]!) === 0)
    return { kind: "identity", scores: { x: x.inputs[1]!, labels }, mask: { x: x.inputs[0]!, labels } };
  return { kind: "identity", scores: weights, mask: undefined };
}

/** Whether everything between the product and the output is read there alone, so that forming leaves nothing behind. */
function isPrivate(weights: Labelled, reading: Reading, context: RuleContext): boolean {
  const product = reading.product!.node.key;
  const fields = topologicalFrom(reading.fields.map(({ x }) => x));
  if (fields.some((node) => node.key === product)) return false;
  const reads = new Map<string, number>([[weights.x.key, 1]]);
  const leads = new Map<string, boolean>([[product, true]]);
  const visit = (node: Node): boolean => {
    const seen = leads.get(node.key);
    if (seen !== undefined) return seen;
    leads.set(node.key, false);
    const found = node.inputs.map(visit).includes(true);
    leads.set(node.key, found);
    if (found) for (const input of node.inputs) reads.set(input.key, (reads.get(input.key) ?? 0) + 1);
    return found;
  };
  visit(weights.x);
  return [...leads].every(([key, between]) => !between || context.uses(key) === reads.get(key));
}

/** Queries [...batch, h, i, c] and keys [...batch, g, j, c] of the product, or undefined where its labels are others. */
function operands(
  reading: Reading,
  values: Labelled,
): { readonly q: Node; readonly k: Node; readonly v: Node } | undefined {
  const { axes, builder: b } = reading;
  const { node, labels } = reading.product!;
  const { out } = node.attributes;
  const renamed = (own: readonly string[]): readonly string[] =>
    own.map((label) => (out.includes(label) ? labels[out.indexOf(label)]! : `·${label}`));
  const left: Labelled = { x: node.inputs[0]!, labels: renamed(node.attributes.a) };
  const right: Labelled = { x: node.inputs[1]!, labels: renamed(node.attributes.b) };
  const [queries, keys] = left.labels.includes(axes.row) ? [left, right] : [right, left];
  const inner = queries.labels.filter((label) => keys.labels.includes(label) && label.startsWith("·"));
  if (inner.length !== 1) return undefined;
  const [channel] = inner as [string];
  if (axes.share !== undefined && keys.labels.includes(axes.share)) return undefined;
  const heads = headLabels(axes);
  const groups = axes.group === undefined ? [] : [axes.group];
  const at = axes.batch.length;
  const query = aligned(b, queries, [...axes.batch, ...heads, axes.row, channel], axes);
  const key = aligned(b, keys, [...axes.batch, ...groups, axes.column, channel], axes);
  const value = aligned(b, values, [...axes.batch, ...groups, axes.column, axes.value], axes);
  const groupAxis = axes.group === undefined ? { name: "g", size: 1 } : axes.of.get(axes.group)!;
  const [k, v] = [key, value].map((x) => mergedAt(b, x, at, groups.length, groupAxis)) as [Node, Node];
  const [fewK, fewV] = [ungrouped(b, k, at), ungrouped(b, v, at)];
  const isSame =
    fewK && fewV && JSON.stringify(fewK.shape[at]!.size) === JSON.stringify(fewV.shape[at]!.size);
  return {
    q: mergedAt(b, query, at, heads.length, headAxis(axes)), // [...batch, h, i, c]
    k: isSame ? fewK : k, // [...batch, g, j, c]
    v: isSame ? fewV : v, // [...batch, g, j, e]
  };
}

/** `mixed` [...batch, h, i, e] as the contraction's own output. */
function asOutput(b: Builder, mixed: Node, axes: Axes, out: readonly string[]): Node {
  const labels = [...axes.batch, ...headLabels(axes), axes.row, axes.value];
  const at = axes.batch.length;
  const parts = headLabels(axes).map((label) => axes.of.get(label)!);
  const split =
    parts.length === 1
      ? mixed
      : b.reshape(mixed, [...mixed.shape.slice(0, at), ...parts, ...mixed.shape.slice(at + 1)]);
  return b.transpose(
    split,
    out.map((label) => labels.indexOf(label)),
  );
}

function form(
  root: NodeOf<"contract">,
  weights: Labelled,
  values: Labelled,
  context: RuleContext,
): Node | undefined {
  const { builder: b } = context;
  const { out } = root.attributes;
  const axes = axesOf(weights, values, out);
  const parts = axes && weightsOf(weights, axes.column);
  if (!axes || !parts) return undefined;
  const reading = startReading(axes, b);
  const score = readFormula(reading, "score", parts.scores);
  const mask = parts.mask && readFormula(reading, "mask", parts.mask);
  if (!reading.product || !isPrivate(weights, reading, context)) return undefined;
  if (parts.kind === "identity" && !isPositionwise(score, mask)) return undefined;
  const given = operands(reading, values);
  if (!given) return undefined;
  const mixed = b.make("mix", [given.q, given.k, given.v, ...reading.fields.map(({ x }) => x)], {
    score,
    mask,
    weight: parts.kind,
    fields: reading.fields.map(({ positions }) => positions),
    offset: reading.offset ?? 0,
  });
  return asOutput(b, mixed as Node, axes, out);
}

export const mixRules: readonly Rule[] = [
  rule("contract", "contract(softmax(f(contract(q, k)), m), v) => mix(q, k, v)", (root, context) => {
    const left = withoutTransposes({ x: root.inputs[0]!, labels: root.attributes.a });
    const right = withoutTransposes({ x: root.inputs[1]!, labels: root.attributes.b });
    return form(root, left, right, context) ?? form(root, right, left, context);
  }),
];

export const formMix: Pass = {
  name: "form_mix",
  says: "Σⱼ softmaxⱼ(score(Σ q·k))·v => mix(q, k, v)",
  from: 1,
  run: (graph: Graph, context): Graph => applyRules(graph, mixRules, context),
};
