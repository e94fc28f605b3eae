/**
 * Labels of the contraction weights · values → their parts in attention.
 *
 * ```
 * contract(w, v) a=[b, h, i, j] b=[b, h, j, e] out=[b, h, i, e]   →   batch [b], group h, row i, column j
 * contract(w, v) a=[b, h, i, j] b=[b, j, e] out=[b, i, h, e]      →   batch [b], share h, row i, column j   (one head of keys for all)
 * ```
 */
import type { Builder } from "../../ir/builder.js";
import type { Node } from "../../ir/graph.js";
import type { Axis, Shape } from "../../ir/shape.js";
import { mulSizes } from "../../ir/shape.js";
import { broadcastTo, reshaped, upTo } from "../nodes.js";

/** A tensor and the label of each of its axes. */
export interface Labelled {
  readonly x: Node;
  readonly labels: readonly string[];
}

/** The head axis h of `mix` is (group, share): `share` queries' heads for each head of keys; either may be missing. */
export interface Axes {
  readonly batch: readonly string[];
  readonly group: string | undefined;
  readonly share: string | undefined;
  readonly row: string;
  readonly column: string;
  /** Missing where each head has one value a column. */
  readonly value: string | undefined;
  readonly of: ReadonlyMap<string, Axis>;
}

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

export function axesOf(weights: Labelled, values: Labelled, out: readonly string[]): Axes | undefined {
  const of = new Map<string, Axis>();
  for (const { x, labels } of [weights, values]) labels.forEach((label, n) => of.set(label, x.shape[n]!));
  const isConstant = (label: string): boolean => typeof of.get(label)!.size === "number";
  const shared = weights.labels.filter((label) => values.labels.includes(label));
  const column = only(shared.filter((label) => !out.includes(label)));
  const own = values.labels.filter((label) => !weights.labels.includes(label));
  const value = only(own);
  const queries = weights.labels.filter((label) => !values.labels.includes(label));
  const row = queries.filter((label) => !isConstant(label)).pop() ?? queries[queries.length - 1];
  if (!column || own.length > 1 || !row || queries.length > 2) return undefined;
  const share = queries.find((label) => label !== row);
  if (share !== undefined && !isConstant(share)) return undefined;
  const lead = shared.filter((label) => label !== column);
  const last = lead[lead.length - 1];
  const group = last !== undefined && isConstant(last) ? last : undefined;
  return {
    batch: lead.filter((label) => label !== group),
    group,
    share,
    row,
    column,
    value,
    of,
  };
}

/** Labels of the axes that make h. */
export const headLabels = ({ group, share }: Axes): readonly string[] =>
  [group, share].filter((label) => label !== undefined);

/** The axis h. */
export function headAxis(axes: Axes): Axis {
  const parts = headLabels(axes).map((label) => axes.of.get(label)!);
  const [first] = parts;
  return {
    name: first?.name ?? "h",
    size: parts.reduce((size, part) => mulSizes(size, part.size), 1 as Axis["size"]),
  };
}

/** `x` with axes `wanted`, repeated along those that it lacks. */
export function aligned(b: Builder, { x, labels }: Labelled, wanted: readonly string[], axes: Axes): Node {
  const shape = wanted.map((label) =>
    labels.includes(label) ? x.shape[labels.indexOf(label)]! : axes.of.get(label)!,
  );
  return broadcastTo(
    b,
    x,
    shape,
    wanted.map((label) => labels.indexOf(label)),
  );
}

/** `x` with `parts` axes from `at` on as one axis (0 parts: a new one of size 1). */
export function mergedAt(b: Builder, x: Node, at: number, parts: number, axis: Axis): Node {
  if (parts === 1) return x;
  const shape: Shape = [...x.shape.slice(0, at), axis, ...x.shape.slice(at + parts)];
  return reshaped(b, x, shape);
}

/**
 * Sees through what repeats heads of keys: reshape(broadcast(x[…, g, …] → […, g, r, …]) → […, g·r, …]) is x under g.
 * Undefined where `x` repeats nothing along `axis`.
 */
export function ungrouped(b: Builder, x: Node, axis: number): Node | undefined {
  if (x.op === "transpose") {
    const { order } = x.attributes;
    const inner = ungrouped(b, x.inputs[0]!, order[axis]!);
    return inner && b.transpose(inner, order);
  }
  const wide = x.op === "reshape" ? x.inputs[0]! : undefined;
  if (wide?.op !== "broadcast" || wide.shape.length !== x.shape.length + 1) return undefined;
  const { from } = wide.attributes;
  const isOther = (n: number): boolean => n !== axis && n !== axis + 1;
  const rest = upTo(wide.shape.length)
    .filter(isOther)
    .map((n) => wide.shape[n]!);
  const same = upTo(x.shape.length)
    .filter((n) => n !== axis)
    .map((n) => x.shape[n]!);
  if (!rest.every((one, n) => JSON.stringify(one.size) === JSON.stringify(same[n]!.size))) return undefined;
  if (from[axis + 1] !== -1 || from[axis] === -1) return undefined;
  const kept = upTo(wide.shape.length).filter((n) => n !== axis + 1);
  return broadcastTo(
    b,
    wide.inputs[0]!,
    kept.map((n) => wide.shape[n]!),
    kept.map((n) => from[n]!),
  );
}
