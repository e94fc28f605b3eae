/**
 * One axis of a tensor, read through a quasi-affine expression of indices: by layout where it can be, else by a gather.
 *
 * ```
 * x[2*c + 1]     reshape [c, 2], slice 1        x[i - 1]      pad, slice
 * x[c % 2]       broadcast, reshape             x[t - 1 - i]  gather(%x, sub(…, iota))
 * x[r*4 + a]     reshape [r, a]                  x[i + k]      a window: read-window.ts
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { Axis, Node } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, mulSizes, sizeEquals, subSizes } from "../shape.js";
import type { Affine } from "./affine.js";
import { labelsIn, plainLabel, rangeOf, strided } from "./affine.js";
import { insert, replaceAt, shift } from "./axis-layout.js";
import { affineNode, axisOf, rangeUnknown } from "./labels.js";
import { demandAtMost, largest, sizeWords } from "./lengths.js";
import { readWindow } from "./read-window.js";
import type { Env } from "./session.js";
import { fail, originRelated } from "./session.js";
import type { TensorValue } from "./values.js";

export interface Place {
  readonly span: Span;
  readonly axis: TensorValue["axes"][number];
  readonly base: Span;
}

export function outOfRange(
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
    `The subscript reaches ${reached}; the axis is ${sizeWords(env, size, axis.name)} and counts from 0${typeof size === "number" ? ` to ${size - 1}` : ""}.`,
    {
      related: [
        { message: "of this tensor", span: base },
        ...(originRelated(axis.origin, `\`${axis.origin?.text}\` was set here`) ?? []),
      ],
      hint: shifted
        ? "Guard it: `if i > 0 then x[i - 1] else 0`; under a condition on the index, what is out of range reads as 0. Or say how far the index goes: `y[i < t - 1] = x[i + 1]`."
        : undefined,
    },
  );
}

/** One axis read through a quasi-affine expression. */
export function readAffine(
  env: Env,
  node: Node,
  axis: number,
  affine: Affine,
  place: Place,
): { node: Node; labels: readonly string[] } {
  const label = plainLabel(affine);
  if (label !== undefined) return { node: fitted(env, node, axis, label, place), labels: [label] };
  for (const own of labelsIn(affine)) if (!env.index!.infos.has(own)) rangeUnknown(env, own, place.span);
  const layout = readLayout(env, node, axis, affine);
  if (layout) return layout;
  checkRange(env, node.shape[axis]!.size, affine, place);
  const line = strided(affine);
  if (line?.stride === 1)
    return { node: shift(env, node, axis, line.shift, axisOf(env, line.label)), labels: [line.label] };
  const windows = readWindow(env, node, axis, affine);
  if (windows) return windows;
  const ids = affineNode(env, affine, place.span);
  return { node: env.session.builder.gather(node, ids.node, axis), labels: ids.labels };
}

/** A length over a longer constant axis reads its beginning. */
export function fitted(env: Env, node: Node, axis: number, label: string, place: Place): Node {
  const have = node.shape[axis]!.size;
  const want = axisOf(env, label);
  if (sizeEquals(have, want.size)) return node;
  if (typeof have === "number" && typeof want.size !== "number" && demandAtMost(env, want.size, have))
    return env.session.builder.slice(node, axis, 0, want.size);
  const info = env.index!.infos.get(label)!;
  if (info.stated) {
    if (!env.index!.guarded.has(label) && !demandAtMost(env, want.size, have))
      outOfRange(env, place, have, sizeWords(env, subSizes(want.size, 1)), true);
    return shift(env, node, axis, 0, want);
  }
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
export function readLayout(
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
  const split = readSplit(env, node, axis, affine);
  if (split) return split;
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
  const pairs = b.reshape(node, replaceAt(node.shape, axis, [narrow, { name: "stride", size: line.stride }]));
  return {
    node: b.reshape(b.slice(pairs, axis + 1, line.shift, 1), replaceAt(node.shape, axis, [narrow])),
    labels: [line.label],
  };
}

/** Indices that are the digits of an axis, the highest first: one axis for each. */
function readSplit(
  env: Env,
  node: Node,
  axis: number,
  affine: Extract<Affine, { kind: "sum" }>,
): { node: Node; labels: readonly string[] } | undefined {
  const terms = [...affine.terms].sort((a, b) => b.factor - a.factor);
  const labels = terms.flatMap(({ atom }) => (typeof atom === "string" ? [atom] : []));
  if (affine.constant !== 0 || labels.length < 2 || labels.length < terms.length) return undefined;
  const axes = labels.map((label) => axisOf(env, label));
  const fits = terms.every(({ factor }, n) => {
    const below = terms[n + 1];
    return below ? sizeEquals(factor, mulSizes(below.factor, axes[n + 1]!.size)) : factor === 1;
  });
  if (!fits || !sizeEquals(node.shape[axis]!.size, mulSizes(terms[0]!.factor, axes[0]!.size)))
    return undefined;
  return { node: env.session.builder.reshape(node, replaceAt(node.shape, axis, axes)), labels };
}

export function checkRange(env: Env, size: Size, affine: Affine, place: Place): void {
  if (labelsIn(affine).some((label) => env.index!.guarded.has(label))) return;
  const range = rangeOf(affine, (label) => axisOf(env, label).size);
  if (!range) return;
  const low = typeof range.low === "number" ? range.low : -largest(env.session, subSizes(0, range.low));
  if (low < 0) outOfRange(env, place, size, String(low), true);
  if (!demandAtMost(env, addSizes(range.high, 1), size))
    outOfRange(env, place, size, sizeWords(env, range.high), true);
}
