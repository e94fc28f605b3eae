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
import type { Axis, Node, Shape } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, mulSizes, sizeEquals, subSizes } from "../shape.js";
import type { Affine } from "./affine.js";
import { labelsIn, plainLabel, rangeOf, strided } from "./affine.js";
import { evaluate } from "./evaluate.js";
import { emptyIndex } from "./indices.js";
import { demandAtMost, largest, shapeWords, sizeWords } from "./lengths.js";
import type { Env } from "./session.js";
import { fail, originRelated } from "./session.js";
import { align, axisOf, coerce, orderLabels, toIndexed } from "./tensors.js";
import type { IndexedValue, TensorValue, Value } from "./values.js";
import { BATCH, describe } from "./values.js";

/** A node some of whose axes are labelled already. */
interface Reading {
  readonly node: Node;
  readonly labels: readonly (string | undefined)[];
}

export function evaluateSubscript(env: Env, expression: SubscriptExpression): Value {
  const base = baseOf(env, expression);
  if (base.kind === "number" && base.value === 0) return base;
  if (base.kind === "list") return listItem(env, base.items, expression);
  if (base.kind !== "tensor")
    return fail(
      env,
      "TFM2006",
      expression.base.span,
      `A tensor is subscripted, and this is ${describe(base)}.`,
    );
  checkRank(env, base, expression);
  const inner: Env = env.index ? env : { ...env, index: emptyIndex() };
  const values = expression.indices.map((index) => subscriptValue(inner, index));
  const result = readAll(inner, base, values, expression);
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

function readAll(
  env: Env,
  base: TensorValue,
  values: readonly Value[],
  { indices, span }: SubscriptExpression,
): IndexedValue {
  const offset = base.batched ? 1 : 0;
  let reading: Reading = {
    node: base.node,
    labels: base.node.shape.map((_, n) => (n < offset ? BATCH : undefined)),
  };
  let ids: { readonly value: IndexedValue; readonly axis: number; readonly span: Span } | undefined;
  // From the last axis to the first, so that the positions of those to come stay as they are.
  for (let n = values.length - 1; n >= 0; n--) {
    const value = values[n]!;
    const at = indices[n]!.span;
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

interface Place {
  readonly span: Span;
  readonly axis: TensorValue["axes"][number];
  readonly base: Span;
}

const replaceAt = <T>(list: readonly T[], at: number, by: readonly T[]): readonly T[] => [
  ...list.slice(0, at),
  ...by,
  ...list.slice(at + 1),
];

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

function outOfRange(
  env: Env,
  { span, axis, base }: Place,
  size: Size,
  reached: string,
  shifted = false,
): never {
  return fail(
    env,
    "TFM3004",
    span,
    `The subscript reaches ${reached}, outside the axis ${sizeWords(env, size, axis.name)}, which counts from 0${typeof size === "number" ? ` to ${size - 1}` : ""}.`,
    {
      related: [
        { message: "of this tensor", span: base },
        ...(originRelated(axis.origin, `\`${axis.origin?.text}\` was set here`) ?? []),
      ],
      hint: shifted
        ? "Guard it: `if i > 0 then x[i - 1] else 0`; under a condition on the index, what is out of range reads as 0."
        : undefined,
    },
  );
}

/** One axis read through a quasi-affine expression. */
function readAffine(
  env: Env,
  node: Node,
  axis: number,
  affine: Affine,
  place: Place,
): { node: Node; labels: readonly string[] } {
  const label = plainLabel(affine);
  if (label !== undefined) return { node: fit(env, node, axis, label, place), labels: [label] };
  for (const own of labelsIn(affine)) if (!env.index!.infos.has(own)) rangeUnknown(env, own, place.span);
  const layout = readLayout(env, node, axis, affine);
  if (layout) return layout;
  checkRange(env, node.shape[axis]!.size, affine, place);
  const line = strided(affine);
  if (line?.stride === 1)
    return { node: shift(env, node, axis, line.shift, axisOf(env, line.label)), labels: [line.label] };
  const ids = affineNode(env, affine, place.span);
  return { node: env.session.builder.gather(node, ids.node, axis), labels: ids.labels };
}

/** A length over a longer constant axis reads its beginning. */
function fit(env: Env, node: Node, axis: number, label: string, place: Place): Node {
  const have = node.shape[axis]!.size;
  const want = axisOf(env, label);
  if (sizeEquals(have, want.size)) return node;
  if (typeof have === "number" && typeof want.size !== "number" && demandAtMost(env, want.size, have))
    return env.session.builder.slice(node, axis, 0, want.size);
  const info = env.index!.infos.get(label)!;
  return fail(
    env,
    "TFM3002",
    place.span,
    `The index \`${label}\` runs over ${sizeWords(env, have, place.axis.name)} here and over ${sizeWords(env, want.size, info.axis)} elsewhere.`,
    {
      related: [
        { message: `\`${label}\` runs over ${sizeWords(env, want.size, info.axis)} here`, span: info.span },
        ...(originRelated(place.axis.origin, `\`${place.axis.origin?.text}\` was set here`) ?? []),
        ...(originRelated(info.origin, `\`${info.origin?.text}\` was set here`) ?? []),
      ],
      hint: "All axes under one index have one size.",
    },
  );
}

/** Floor division, remainder and strides that are nothing but a reshape. */
function readLayout(
  env: Env,
  node: Node,
  axis: number,
  affine: Affine,
): { node: Node; labels: readonly string[] } | undefined {
  const b = env.session.builder;
  const own = node.shape[axis]!;
  if (affine.kind !== "sum") {
    const label = plainLabel(affine.value);
    if (label === undefined) return undefined;
    const wide = axisOf(env, label);
    const inserted: Axis =
      affine.kind === "floordiv" ? { name: "group", size: affine.by } : { name: "tile", size: 1 };
    if (affine.kind === "floordiv") {
      if (!sizeEquals(mulSizes(own.size, affine.by), wide.size)) return undefined;
      if (affine.by === 1) return { node, labels: [label] };
      return {
        node: b.reshape(insert(env, node, axis + 1, inserted), replaceAt(node.shape, axis, [wide])),
        labels: [label],
      };
    }
    if (own.size !== affine.by || typeof wide.size !== "number" || wide.size % affine.by !== 0)
      return undefined;
    const tiles = insert(env, node, axis, { name: "tile", size: wide.size / affine.by });
    return { node: b.reshape(tiles, replaceAt(node.shape, axis, [wide])), labels: [label] };
  }
  const line = strided(affine);
  if (
    !line ||
    line.stride < 2 ||
    typeof line.shift !== "number" ||
    line.shift < 0 ||
    line.shift >= line.stride
  )
    return undefined;
  const narrow = axisOf(env, line.label);
  if (!sizeEquals(own.size, mulSizes(narrow.size, line.stride))) return undefined;
  const split = b.reshape(node, replaceAt(node.shape, axis, [narrow, { name: "stride", size: line.stride }]));
  return {
    node: b.reshape(b.slice(split, axis + 1, line.shift, 1), replaceAt(node.shape, axis, [narrow])),
    labels: [line.label],
  };
}

/** A new axis along which the node repeats. */
function insert(env: Env, node: Node, at: number, axis: Axis): Node {
  const shape: Shape = [...node.shape.slice(0, at), axis, ...node.shape.slice(at)];
  return env.session.builder.broadcastTo(
    node,
    shape,
    shape.map((_, n) => (n < at ? n : n === at ? -1 : n - 1)),
  );
}

function checkRange(env: Env, size: Size, affine: Affine, place: Place): void {
  if (labelsIn(affine).some((label) => env.index!.guarded.has(label))) return;
  const range = rangeOf(affine, (label) => axisOf(env, label).size);
  if (!range) return;
  const low = typeof range.low === "number" ? range.low : -largest(env.session, subSizes(0, range.low));
  if (low < 0) outOfRange(env, place, size, String(low), true);
  if (!demandAtMost(env, addSizes(range.high, 1), size))
    outOfRange(env, place, size, sizeWords(env, range.high), true);
}

/** x[i + shift] as padding and a slice; what is out of range reads as 0. */
function shift(env: Env, node: Node, axis: number, by: Size, target: Axis): Node {
  const b = env.session.builder;
  if (typeof by !== "number") return b.slice(node, axis, by, target.size);
  const have = node.shape[axis]!.size;
  const missing = subSizes(addSizes(target.size, by), have);
  const before = Math.max(0, -by);
  const after = typeof missing === "number" ? Math.max(0, missing) : Math.max(0, by);
  return b.slice(b.pad(node, axis, before, after), axis, by + before, target.size);
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
    hint: "An index takes its range from the axes that it subscripts.",
  });
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
