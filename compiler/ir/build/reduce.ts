/**
 * Reductions: `softmax[j](body where condition)` → one op over the axis that the index labels.
 *
 * ```
 * mean[c](x[i, c])                  div(reduce(%x) sum [2], 64)
 * softmax[j](s where mask(i, j))    softmax(%s, %mask) axis=3
 * sort[j](x[i, j])                  by ranks: order.ts
 * max[j](x[j] where valid[j])       largest of the valid ones, 0 where there are none
 * ```
 */
import type { Expression, ReduceExpression, Span } from "../../parser/model.js";
import type { Node } from "../graph.js";
import { product } from "../shape.js";
import { indexContext, inferRanges, labelOfName } from "./indices.js";
import { align, axisOf, coerce, orderLabels, rangeUnknown } from "./labels.js";
import { evaluate } from "./meaning.js";
import type { Ordered } from "./order.js";
import { inOrder, ordered } from "./order.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";
import { toIndexed } from "./tensors.js";
import type { IndexedValue, Value } from "./values.js";
import { BATCH } from "./values.js";

const REDUCTIONS = ["sum", "mean", "max", "min", "softmax", "logsumexp", "argmax", ...ordered] as const;
type Reduction = (typeof REDUCTIONS)[number];
export const isReduction = (name: string): name is Reduction =>
  (REDUCTIONS as readonly string[]).includes(name);

/** The most negative finite number: what a masked-out element counts as in a maximum. */
const LOWEST = -3.4e38;

export function evaluateReduce(env: Env, x: ReduceExpression): Value {
  if (env.index) return reduce(env, x);
  // Outside an index statement the reduction brings its own indices: `total = sum[i, c](x[i, c])`.
  const inner: Env = { ...env, index: indexContext(env, [], x) };
  inferRanges(inner, x);
  const result = reduce(inner, x);
  const rest = result.labels.filter((label) => label !== BATCH);
  if (rest.length)
    fail(env, "TFM2008", x.span, `The index \`${rest[0]}\` is bound by nothing.`, {
      hint: `Write \`y[${rest.join(", ")}] = …\`.`,
    });
  return { kind: "tensor", node: result.node, batched: result.labels.length > 0, axes: [] };
}

interface Row {
  readonly x: IndexedValue;
  /** Over the same labels as `x`. */
  readonly mask: Node | undefined;
  readonly over: readonly string[];
}

function reduce(env: Env, x: ReduceExpression): IndexedValue {
  const name = x.operator.text;
  if (!isReduction(name))
    return fail(env, "TFM2001", x.operator.span, `\`${name}\` is not a reduction.`, {
      hint: `The reductions are ${REDUCTIONS.join(", ")}.`,
      ...suggest(name, REDUCTIONS, x.operator.span),
    });
  const over = x.indices.map(({ text }) => labelOfName(env, text) ?? text);
  x.indices.forEach(({ text, span }, n) => {
    if (!env.index!.infos.has(over[n]!)) rangeUnknown(env, text, span);
  });
  return REDUCERS[name](env, readRow(env, x, over), x.span);
}

function readRow(env: Env, x: ReduceExpression, over: readonly string[]): Row {
  const { value, condition } = x.body.kind === "where" ? x.body : { value: x.body, condition: undefined };
  const body = toIndexed(env, evaluate(env, value), value.span, "f32");
  const mask = condition && maskOf(env, condition);
  const labels = orderLabels(env, [...body.labels, ...over, ...(mask?.labels ?? [])]);
  const rest = labels.filter((label) => !over.includes(label));
  const all = [...rest, ...over];
  // The reduced axes stay where the labels' order puts them unless there are several.
  const order = over.length === 1 ? labels : all;
  const node = align(env, body, order);
  return { x: { kind: "indexed", node, labels: order }, mask: mask && align(env, mask, order), over };
}

function maskOf(env: Env, condition: Expression): IndexedValue | undefined {
  const value = evaluate(env, condition);
  if (value.kind === "full" || (value.kind === "boolean" && value.value)) return undefined;
  return toIndexed(env, value, condition.span, "bool");
}

type Reducer = (env: Env, row: Row, span: Span) => IndexedValue;

const axesOf = ({ x, over }: Row): readonly number[] => over.map((label) => x.labels.indexOf(label));
const without = ({ x, over }: Row, node: Node): IndexedValue => ({
  kind: "indexed",
  node,
  labels: x.labels.filter((label) => !over.includes(label)),
});

const masked = (env: Env, { x, mask }: Row, otherwise: number): Node =>
  mask ? env.session.builder.select(mask, x.node, env.session.builder.const(otherwise, "f32")) : x.node;

const sum: Reducer = (env, row) => without(row, env.session.builder.sum(masked(env, row, 0), axesOf(row)));

/** How many elements of each row count. */
const count = (env: Env, row: Row): Node =>
  env.session.builder.sum(coerce(env, row.mask!, "f32"), axesOf(row));

const mean: Reducer = (env, row, span) => {
  const b = env.session.builder;
  const total = sum(env, row, span);
  if (row.mask) return { ...total, node: b.div(total.node, b.max(count(env, row), b.const(1, "f32"))) };
  const size = product(row.over.map((label) => axisOf(env, label).size));
  return {
    ...total,
    node: b.div(total.node, typeof size === "number" ? b.const(size, "f32") : b.length(size, "f32")),
  };
};

const extreme =
  (kind: "max" | "min"): Reducer =>
  (env, row) => {
    const b = env.session.builder;
    const far = kind === "max" ? LOWEST : -LOWEST;
    const best = b.reduce(kind, masked(env, row, far), axesOf(row));
    if (!row.mask) return without(row, best);
    const zero = b.const(0, "f32");
    return without(row, b.select(b.lt(zero, count(env, row)), best, zero));
  };

/** Several reduced axes become one, the last; the row's labels keep their order. */
function merged(
  env: Env,
  row: Row,
): { readonly node: Node; readonly mask: Node | undefined; readonly axis: number } {
  const axes = axesOf(row);
  if (axes.length === 1) return { node: row.x.node, mask: row.mask, axis: axes[0]! };
  const { shape } = row.x.node;
  const axis = shape.length - axes.length;
  const flat = [
    ...shape.slice(0, axis),
    { name: row.over.join("_"), size: product(shape.slice(axis).map(({ size }) => size)) },
  ];
  const b = env.session.builder;
  return { node: b.reshape(row.x.node, flat), mask: row.mask && b.reshape(row.mask, flat), axis };
}

const softmax: Reducer = (env, row) => {
  const { node, mask, axis } = merged(env, row);
  const b = env.session.builder;
  return { ...row.x, node: b.reshape(b.softmax(node, axis, mask), row.x.node.shape) };
};

const logsumexp: Reducer = (env, row) => {
  const { node, mask, axis } = merged(env, row);
  return without(row, env.session.builder.logsumexp(node, axis, mask));
};

const along =
  (name: Ordered): Reducer =>
  (env, row, span) => {
    if (row.over.length > 1) fail(env, "TFM2008", span, `\`${name}\` takes one index.`);
    if (row.mask && !TAKES_WHERE.has(name))
      fail(env, "TFM2009", span, `\`${name}\` takes no \`where\`: it gives every element a place.`, {
        hint: "Give what does not count a value that puts it at the end.",
      });
    const otherwise = name === "cumsum" ? 0 : LOWEST;
    const node = inOrder(env.session.builder, name, masked(env, row, otherwise), axesOf(row)[0]!);
    return { ...row.x, node };
  };

/** What excludes elements: they add nothing to a running sum, and rank behind all others. */
const TAKES_WHERE: ReadonlySet<Ordered> = new Set<Ordered>(["cumsum", "rank"]);

const argmax: Reducer = (env, row, span) => {
  if (row.over.length > 1) fail(env, "TFM2008", span, "`argmax` takes one index.");
  return without(row, env.session.builder.reduce("argmax", masked(env, row, LOWEST), axesOf(row)));
};

const REDUCERS: { readonly [K in Reduction]: Reducer } = {
  sum,
  mean,
  max: extreme("max"),
  min: extreme("min"),
  softmax,
  logsumexp,
  argmax,
  cumsum: along("cumsum"),
  rank: along("rank"),
  sort: along("sort"),
  argsort: along("argsort"),
};
