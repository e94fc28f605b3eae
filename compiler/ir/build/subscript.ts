/**
 * Subscripts: a tensor and one expression per axis → the tensor with its axes labelled by indices.
 *
 * ```
 * k[h // group, j, c]       broadcast to [g, group, j, c], reshape                  labels [@batch, h, j, c]
 * x[i - 1, c]               pad one zero before, slice                              labels [@batch, i, c]
 * table[tokens[i], m]       gather(%table, %tokens) axis=0                          labels [@batch, i, m]
 * logits[t, targets[t]]     sum over v of select(v == targets[t], logits[t, v], 0)  labels [@batch, t]
 * ```
 */
import type { Expression, Span, SubscriptExpression } from "../../parser/model.js";
import type { Node } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, sizeEquals } from "../shape.js";
import { labelsIn } from "./affine.js";
import { replaceAt } from "./axis-layout.js";
import { mergeAxes, sharedAxes } from "./digits.js";
import { align, coerce, orderLabels, rangeUnknown } from "./labels.js";
import { demandAtMost, shapeWords, sizeWords } from "./lengths.js";
import { evaluate } from "./meaning.js";
import type { Place } from "./read-axis.js";
import { checkRange, outOfRange, readAffine } from "./read-axis.js";
import type { Env } from "./session.js";
import { emptyIndex, fail, TurnNeeded } from "./session.js";
import { toIndexed } from "./tensors.js";
import type { IndexedValue, TensorValue, Value } from "./values.js";
import { BATCH, describe, innerShape } from "./values.js";

/** A node some of whose axes are labelled already. */
interface Reading {
  readonly node: Node;
  readonly labels: readonly (string | undefined)[];
}

export function evaluateSubscript(env: Env, expression: SubscriptExpression): Value {
  const base = baseOf(env, expression);
  if (base.kind === "number" && base.absent) return base;
  if (base.kind === "list") return listItem(env, base.items, expression);
  if (base.kind !== "tensor")
    return fail(
      env,
      "TFM2006",
      expression.base.span,
      `A tensor is subscripted, and this is ${describe(base)}.`,
      {
        hint:
          base.kind === "block" || base.kind === "builtin" ? "Functions are called with `( )`." : undefined,
      },
    );
  checkRank(env, base, expression);
  const inner: Env = env.index ? env : { ...env, index: emptyIndex() };
  const values = expression.indices.map((index) => subscriptValue(inner, index));
  const result = readAll(inner, mergedReading(inner, base, values, expression));
  return env.index || result.labels.some((label) => label !== BATCH)
    ? result
    : { kind: "tensor", node: result.node, batched: result.labels.length > 0, axes: [] };
}

/** The subscripted tensor, evaluated once per statement. */
export function baseOf(env: Env, expression: SubscriptExpression): Value {
  const known = env.index?.bases.get(expression);
  if (known) return known;
  const value = evaluate({ ...env, index: undefined }, expression.base);
  env.index?.bases.set(expression, value);
  return value;
}

export function checkRank(env: Env, base: TensorValue, { indices, span }: SubscriptExpression): void {
  if (indices.length === base.axes.length) return;
  const wanted = base.axes.length === 1 ? "1 axis" : `${base.axes.length} axes`;
  fail(
    env,
    "TFM3003",
    span,
    `The tensor has ${wanted}, ${shapeWords(env, base)}, and is subscripted with ${indices.length}.`,
    {
      hint: "One index per axis; the batch axis is implicit.",
    },
  );
}

function listItem(env: Env, items: readonly Value[], { indices, span }: SubscriptExpression): Value {
  const value = indices.length === 1 ? evaluate({ ...env, index: undefined }, indices[0]!) : undefined;
  if (value?.kind === "turn") throw new TurnNeeded("list");
  if (value?.kind !== "number")
    return fail(env, "TFM2006", span, "A list is subscripted with one whole number.");
  return (
    items[value.value] ??
    fail(env, "TFM3004", span, `The list has ${items.length} items; the first is number 0.`)
  );
}

function subscriptValue(env: Env, expression: Expression): Value {
  const value = evaluate(env, expression);
  switch (value.kind) {
    case "number":
    case "size":
    case "index":
    case "turn":
      return value;
    case "tensor":
    case "indexed": {
      const x = toIndexed(env, value, expression.span);
      if (x.node.dtype === "i32") return x;
      return fail(env, "TFM2006", expression.span, "A tensor in a subscript must hold integers.");
    }
    default:
      return fail(
        env,
        "TFM2006",
        expression.span,
        `An index is wanted here, and this is ${describe(value)}.`,
      );
  }
}

/** A tensor and what stands for each of its axes. */
interface Subscripted {
  readonly base: TensorValue;
  readonly values: readonly Value[];
  readonly spans: readonly Span[];
  readonly span: Span;
}

/** Axes that the digits of one index read, `grid[n // 7, n % 7]`, become one axis. */
function mergedReading(
  env: Env,
  base: TensorValue,
  values: readonly Value[],
  { indices, span }: SubscriptExpression,
): Subscripted {
  const spans = indices.map((index) => index.span);
  const inner = innerShape(base).map(({ size }) => size);
  const merged = sharedAxes(values, inner);
  if (!merged) return { base, values, spans, span };
  const { first, count, affine } = merged;
  values.forEach((value, n) => {
    if (value.kind !== "index" || n < first || n >= first + count) return;
    for (const label of labelsIn(value.affine))
      if (!env.index!.infos.has(label)) rangeUnknown(env, label, spans[n]!);
    checkRange(env, inner[n]!, value.affine, { span: spans[n]!, axis: base.axes[n]!, base: span });
  });
  const node = mergeAxes(env, base.node, first + (base.batched ? 1 : 0), count);
  const one = <T>(list: readonly T[], by: T): readonly T[] => [
    ...list.slice(0, first),
    by,
    ...list.slice(first + count),
  ];
  const axes = one(base.axes, { name: node.shape[first + (base.batched ? 1 : 0)]!.name });
  return {
    base: { ...base, node, axes },
    values: one<Value>(values, { kind: "index", affine }),
    spans: one(spans, spans[first]!),
    span,
  };
}

function readAll(env: Env, { base, values, spans, span }: Subscripted): IndexedValue {
  const offset = base.batched ? 1 : 0;
  let reading: Reading = {
    node: base.node,
    labels: base.node.shape.map((_, n) => (n < offset ? BATCH : undefined)),
  };
  let ids: { readonly value: IndexedValue; readonly axis: number; readonly span: Span } | undefined;
  // From the last axis to the first, so that the positions of those to come stay as they are.
  for (let n = values.length - 1; n >= 0; n--) {
    const value = values[n]!;
    const at = spans[n]!;
    const axis = n + offset;
    if (value.kind === "indexed") {
      if (ids)
        fail(env, "TFM2008", at, "One subscript of a tensor may be an integer tensor, and here are two.");
      const before: number = reading.labels.length;
      ids = { value, axis, span: at };
      reading = { ...reading, labels: reading.labels.map((l, k) => (k === axis ? `@ids${before}` : l)) };
    } else {
      reading = readOne(env, reading, axis, value, { span: at, axis: base.axes[n]!, base: span });
    }
  }
  const labels = reading.labels as readonly string[];
  const own = labels.filter((label, n) => labels.indexOf(label) !== n);
  if (own.length) fail(env, "TFM2008", span, `The index \`${own[0]}\` stands twice in one subscript.`);
  return ids
    ? readByTensor(env, { kind: "indexed", node: reading.node, labels }, ids.value, ids.span)
    : { kind: "indexed", node: reading.node, labels };
}

function readOne(env: Env, { node, labels }: Reading, axis: number, value: Value, place: Place): Reading {
  const b = env.session.builder;
  const size = node.shape[axis]!.size;
  if (value.kind === "index") {
    const read = readAffine(env, node, axis, value.affine, place);
    return { node: read.node, labels: replaceAt(labels, axis, read.labels) };
  }
  const dropped = replaceAt(labels, axis, []);
  if (value.kind === "turn") return { node: b.gather(node, value.node, axis), labels: dropped };
  const at = value.kind === "number" ? value.value : value.kind === "size" ? value.size : 0;
  if (typeof at === "number" && !Number.isInteger(at))
    fail(env, "TFM2006", place.span, "An index must be a whole number.");
  const inside =
    (typeof at !== "number" || at >= 0) && (at === 0 || demandAtMost(env, addSizes(at, 1), size));
  if (!inside) outOfRange(env, place, size, `${typeof at === "number" ? at : sizeWords(env, at)}`);
  const one = b.slice(node, axis, at, 1);
  return { node: b.reshape(one, replaceAt(one.shape, axis, [])), labels: dropped };
}

/** The axis labelled `@ids…` is read where the integer tensor points. */
function readByTensor(env: Env, x: IndexedValue, ids: IndexedValue, span: Span): IndexedValue {
  const b = env.session.builder;
  const axis = x.labels.findIndex((label) => label.startsWith("@ids"));
  const table = x.labels.filter((_, n) => n !== axis);
  checkBound(env, x.node.shape[axis]!.size, ids.node, span);
  // Positions in order read a beginning: nothing need be gathered.
  const have = x.node.shape[axis]!.size;
  if (
    ids.node.op === "iota" &&
    ids.labels.length === 1 &&
    !table.includes(ids.labels[0]!) &&
    demandAtMost(env, ids.node.shape[0]!.size, have)
  )
    return {
      kind: "indexed",
      node: sizeEquals(ids.node.shape[0]!.size, have)
        ? x.node
        : b.slice(x.node, axis, 0, ids.node.shape[0]!.size),
      labels: replaceAt(x.labels, axis, ids.labels),
    };
  if (!table.some((label) => ids.labels.includes(label)))
    return {
      kind: "indexed",
      node: b.gather(x.node, ids.node, axis),
      labels: replaceAt(x.labels, axis, ids.labels),
    };
  const own = x.node.shape[axis]!;
  const label = x.labels[axis]!;
  env.index!.infos.set(label, { size: own.size, axis: own.name, span, origin: undefined });
  const labels = [...orderLabels(env, [...table, ...ids.labels]), label];
  const place = align(env, { kind: "indexed", node: b.iota([own], 0), labels: [label] }, labels);
  const chosen = b.eq(place, align(env, ids, labels));
  const value = align(env, x, labels);
  const picked = b.select(chosen, value, b.const(0, value.dtype));
  const f32 = coerce(env, picked, "f32");
  return {
    kind: "indexed",
    node: coerce(env, b.sum(f32, [labels.length - 1]), value.dtype),
    labels: labels.slice(0, -1),
  };
}

/** Ids that an input declares may not reach past the axis they select from. */
function checkBound(env: Env, size: Size, ids: Node, span: Span): void {
  if (ids.op !== "input" || typeof size !== "number") return;
  const bound = env.session.inputs.find(({ name }) => name === ids.attributes.name)?.bound;
  if (bound !== undefined && bound > size)
    fail(
      env,
      "TFM3004",
      span,
      `The input \`${ids.attributes.name}\` goes up to ${bound - 1}, and the axis it selects from has ${size}.`,
      {
        hint: "Give the table as many rows as the input's bound says.",
      },
    );
}
