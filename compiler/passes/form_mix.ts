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
 * Weights may be a softmax, l1 or any function of the scores, with a formula behind them (`mix/weights.ts`); scores may do
 * without a product of queries and keys. Nothing is formed where scores or weights have another reader, as where heads are
 * blended, or where a contraction with a matrix stands in the place of keys: a layer of perceptrons is no attention.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { topological, topologicalFrom } from "../ir/rewrite.js";
import { applyRules } from "./apply_rules.js";
import type { Axes, Labelled } from "./mix/axes.js";
import { aligned, axesOf, headAxis, headLabels, mergedAt, ungrouped } from "./mix/axes.js";
import type { Reading } from "./mix/formula.js";
import { isPositionwise, readFormula, startReading } from "./mix/formula.js";
import type { Weights } from "./mix/weights.js";
import { plainWeights, weightsOf } from "./mix/weights.js";
import type { Pass } from "./pass.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, rule } from "./rule.js";

function withoutTransposes({ x, labels }: Labelled): Labelled {
  if (!isOp(x, "transpose")) return { x, labels };
  const { order } = x.attributes;
  return withoutTransposes({ x: x.inputs[0]!, labels: order.map((_, axis) => labels[order.indexOf(axis)]!) });
}

/** Whether everything between the product and the output is read there alone, so that forming leaves nothing behind. */
function isPrivate(weights: Labelled, reading: Reading, context: RuleContext): boolean {
  const product = (reading.product?.node ?? reading.core!.x).key;
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

interface Operands {
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
}

const groupLabels = ({ group }: Axes): readonly string[] => (group === undefined ? [] : [group]);

/** `x` as [...batch, g, j, last]. */
function perGroup({ axes, builder: b }: Reading, x: Labelled, last: string | undefined): Node {
  const groups = groupLabels(axes);
  const at = axes.batch.length;
  const axis = axes.group === undefined ? { name: "g", size: 1 } : axes.of.get(axes.group)!;
  const own = aligned(
    b,
    x,
    [...axes.batch, ...groups, axes.column, ...(last === undefined ? [] : [last])],
    axes,
  );
  const whole = last === undefined ? b.reshape(own, [...own.shape, { name: "e", size: 1 }]) : own;
  return mergedAt(b, whole, at, groups.length, axis);
}

/** Scores that know of no product: queries and keys of zeros, which nothing reads. */
function withoutProduct(reading: Reading, values: Labelled): Operands {
  const { axes, builder: b } = reading;
  const given = perGroup(reading, values, axes.value); // [...batch, g, j, e]
  const v = ungrouped(b, given, axes.batch.length) ?? given;
  const one = { name: "c", size: 1 };
  const batch = axes.batch.map((label) => axes.of.get(label)!);
  return {
    q: b.full(0, [...batch, headAxis(axes), axes.of.get(axes.row)!, one], "f32"),
    k: b.full(0, [...v.shape.slice(0, -1), one], "f32"),
    v,
  };
}

/** Queries [...batch, h, i, c] and keys [...batch, g, j, c] of the product, or undefined where its labels are others. */
function operands(reading: Reading, values: Labelled): Operands | undefined {
  if (!reading.product) return withoutProduct(reading, values);
  const { axes, builder: b } = reading;
  const { node, labels } = reading.product;
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
  const at = axes.batch.length;
  const query = aligned(b, queries, [...axes.batch, ...heads, axes.row, channel], axes);
  const [k, v] = [perGroup(reading, keys, channel), perGroup(reading, values, axes.value)];
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
  const labels = [
    ...axes.batch,
    ...headLabels(axes),
    axes.row,
    ...(axes.value === undefined ? [] : [axes.value]),
  ];
  const at = axes.batch.length;
  const wide = axes.value === undefined ? b.reshape(mixed, mixed.shape.slice(0, -1)) : mixed;
  const parts = headLabels(axes).map((label) => axes.of.get(label)!);
  const split =
    parts.length === 1
      ? wide
      : b.reshape(wide, [...wide.shape.slice(0, at), ...parts, ...wide.shape.slice(at + 1)]);
  return b.transpose(
    split,
    out.map((label) => labels.indexOf(label)),
  );
}

/** Whether weights are those of attention: of positions, or of every pair's product by more than a factor. */
function isMixing(reading: Reading, kind: Weights["kind"], score: Graph, mask: Graph | undefined): boolean {
  const { axes, fields, product } = reading;
  const last = axes.batch.length + 2; // j's position in [...batch, h, i, j]
  const hasPairs = fields.some(({ positions }) => [last - 1, last].every((at) => positions.includes(at)));
  if (isPositionwise(score, mask)) return product !== undefined || kind === "softmax";
  if (!product) return kind === "softmax" && hasPairs;
  if (kind === "softmax") return true;
  // Values of a batch, along a length: a layer's matrix has no batch, and channels are no length.
  const isLength = (label: string): boolean => typeof axes.of.get(label)!.size !== "number";
  const isOfBatches = axes.batch.some(isLength) && isLength(axes.column);
  const isCurved = topological(score).some((node) => !linear.has(node.op));
  return kind === "l1" || (isOfBatches && isCurved && !hasPairs);
}
const linear: ReadonlySet<string> = new Set(["input", "const", "length", "add", "sub", "mul", "div", "neg"]);

/** Whether a tensor of all pairs that a formula reads is made of a softmax, a few steps below. */
function isOfWeights({ axes, fields }: Reading): boolean {
  const row = axes.batch.length + 1; // its position in [...batch, h, i, j]
  const reaches = (x: Node, steps: number): boolean =>
    isOp(x, "softmax") || (steps > 0 && x.inputs.some((input) => reaches(input, steps - 1)));
  return fields.some(
    ({ x, positions }) => [row, row + 1].every((at) => positions.includes(at)) && reaches(x, 4),
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
  if (!axes) return undefined;
  const left = (why: string): undefined => {
    context.explain?.(root as Node, why);
  };
  const told = startReading(axes, b);
  const found = weightsOf(told, weights, axes.column);
  const reading = found ? told : startReading(axes, b);
  const parts = found ?? plainWeights(weights);
  const score = readFormula(reading, "score", parts.scores);
  const mask = parts.mask && readFormula(reading, "mask", parts.mask);
  if (!isMixing(reading, parts.kind, score, mask)) {
    if (!found && isOfWeights(reading))
      left("the weights are no function of one pair: heads are blended behind a softmax");
    return undefined;
  }
  if (!isPrivate(weights, reading, context)) return left("the scores or weights have another reader");
  const given = operands(reading, values);
  if (!given) return left("queries and keys are no product over one axis of channels");
  const mixed = b.make("mix", [given.q, given.k, given.v, ...reading.fields.map(({ x }) => x)], {
    score,
    mask,
    weight: parts.kind,
    post: parts.post,
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
