/**
 * An element's position before a layout op ↔ its position after it, as linear forms.
 *
 * ```
 * slice start=8 of (16·o + i)   forwards: (16·o + i − 8), where 8 ≤ 16·o + i < 8 + size    backwards: (16·o + i + 8)
 * ```
 */
import type { Node } from "../graph.js";
import { ops } from "../ops/index.js";
import { reshapeGroups } from "../reshape-groups.js";
import type { Shape } from "../shape.js";
import { sameSizes, shapeSizes, sizeEquals } from "../shape.js";
import type { Linear, Ranges } from "./linear.js";
import { constant, divided, isWithin, plus, shiftedBy, times } from "./linear.js";

export type Place = readonly Linear[];

/** `axis` of a place has to be in [low, high) for the move to hold. */
export interface Need {
  readonly axis: number;
  readonly low: number;
  readonly high: number;
}

export interface Move {
  readonly place: Place;
  /** On the place before it. */
  readonly need?: Need;
}

const changed = (place: Place, axis: number, by: number): Place =>
  place.map((x, n) => (n === axis ? shiftedBy(x, by) : x));

/** Where the element of input `n` at `place` stands in `node`: for each time it does. */
export function forwards(node: Node, n: number, place: Place, ranges: Ranges): readonly Move[] {
  if (ops[node.op].kind === "map") return sameSizes(node.inputs[n]!.shape, node.shape) ? [{ place }] : [];
  switch (node.op) {
    case "transpose":
      return [{ place: node.attributes.order.map((axis) => place[axis]!) }];
    case "reshape": {
      const moved = reshapedPlace(place, node.inputs[0]!.shape, node.shape, ranges);
      return moved ? [{ place: moved }] : [];
    }
    case "slice": {
      const { axis, start, size } = node.attributes;
      if (typeof start !== "number" || typeof size !== "number") return [];
      return [{ place: changed(place, axis, -start), need: { axis, low: start, high: start + size } }];
    }
    case "pad": {
      const { axis, before } = node.attributes;
      return typeof before === "number" ? [{ place: changed(place, axis, before) }] : [];
    }
    case "broadcast": {
      const from = node.attributes.from;
      const isSame = node.shape.every((to, axis) =>
        sizeEquals(to.size, from[axis]! < 0 ? 1 : node.inputs[0]!.shape[from[axis]!]!.size),
      );
      return isSame ? [{ place: from.map((axis) => (axis < 0 ? constant(0) : place[axis]!)) }] : [];
    }
    case "concat": {
      const start = startOf(node, n);
      return start === undefined ? [] : [{ place: changed(place, node.attributes.axis, start) }];
    }
    default:
      return [];
  }
}

/** Where input n of a concat begins. */
function startOf(node: Extract<Node, { op: "concat" }>, n: number): number | undefined {
  const sizes = node.inputs.slice(0, n).map(({ shape }) => shape[node.attributes.axis]!.size);
  return sizes.every((size) => typeof size === "number")
    ? sizes.reduce<number>((sum, size) => sum + Number(size), 0)
    : undefined;
}

/** What a layout op or concat has at a place: an element of an input, nothing (0), or what cannot be told. */
export type Origin = { readonly input: Node; readonly place: Place } | "zero" | "unknown";

/** Whether each element of the result is one of an input, or zero. */
export const isMove = ({ op }: Node): boolean =>
  ["transpose", "reshape", "broadcast", "slice", "pad", "concat"].includes(op);

export function backwards(node: Node, place: Place, ranges: Ranges): Origin {
  const input = node.inputs[0]!;
  switch (node.op) {
    case "transpose":
      return { input, place: input.shape.map((_, axis) => place[node.attributes.order.indexOf(axis)]!) };
    case "reshape": {
      const moved = reshapedPlace(place, node.shape, input.shape, ranges);
      return moved ? { input, place: moved } : "unknown";
    }
    case "broadcast": {
      const { from } = node.attributes;
      const coordinate = (axis: number): Linear =>
        sizeEquals(input.shape[axis]!.size, 1) ? constant(0) : place[from.indexOf(axis)]!;
      return { input, place: input.shape.map((_, axis) => coordinate(axis)) };
    }
    case "slice": {
      const { axis, start } = node.attributes;
      return typeof start === "number" ? { input, place: changed(place, axis, start) } : "unknown";
    }
    case "pad":
      return padOrigin(node, place, ranges);
    case "concat":
      return concatOrigin(node, place, ranges);
    default:
      return "unknown";
  }
}

function padOrigin(node: Extract<Node, { op: "pad" }>, place: Place, ranges: Ranges): Origin {
  const { axis, before } = node.attributes;
  const input = node.inputs[0]!;
  const { size } = input.shape[axis]!;
  if (typeof before !== "number" || typeof size !== "number") return "unknown";
  const inside = isWithin(place[axis]!, before, before + size, ranges);
  if (inside === undefined) return "unknown";
  return inside ? { input, place: changed(place, axis, -before) } : "zero";
}

function concatOrigin(node: Extract<Node, { op: "concat" }>, place: Place, ranges: Ranges): Origin {
  const { axis } = node.attributes;
  for (const [n, input] of node.inputs.entries()) {
    const start = startOf(node, n);
    const { size } = input.shape[axis]!;
    if (start === undefined || typeof size !== "number") return "unknown";
    const inside = isWithin(place[axis]!, start, start + size, ranges);
    if (inside === undefined) return "unknown";
    if (inside) return { input, place: changed(place, axis, -start) };
  }
  return "unknown";
}

/** The place in `to` of the element at `place` of `from`, which is reshaped; undefined where that takes a division by halves. */
export function reshapedPlace(place: Place, from: Shape, to: Shape, ranges: Ranges): Place | undefined {
  const [x, y] = [shapeSizes(from), shapeSizes(to)];
  const result: Linear[] = y.map(() => constant(0));
  for (const group of reshapeGroups(x, y)) {
    const source = group.x.filter((axis) => !sizeEquals(x[axis]!, 1));
    const target = group.y.filter((axis) => !sizeEquals(y[axis]!, 1));
    if (source.length === 1 && target.length === 1) result[target[0]!] = place[source[0]!]!;
    else {
      const flat = flattened(source.map((axis) => ({ at: place[axis]!, size: x[axis]! })));
      const digits =
        flat &&
        digitsOf(
          flat,
          target.map((axis) => y[axis]!),
          ranges,
        );
      if (!digits) return undefined;
      target.forEach((axis, n) => {
        result[axis] = digits[n]!;
      });
    }
  }
  return result;
}

type Coordinate = { readonly at: Linear; readonly size: Shape[number]["size"] };

/** Coordinates, the last one fastest → one; undefined where a stride is no number. */
export function flattened(coordinates: readonly Coordinate[]): Linear | undefined {
  let [flat, stride] = [constant(0), 1 as number | undefined];
  for (const { at, size } of [...coordinates].reverse()) {
    if (stride === undefined) return undefined;
    flat = plus(flat, times(at, stride));
    stride = typeof size === "number" ? stride * size : undefined;
  }
  return flat;
}

/** The inverse of `flattened`. */
export function digitsOf(
  flat: Linear,
  sizes: readonly Shape[number]["size"][],
  ranges: Ranges,
): readonly Linear[] | undefined {
  const digits: Linear[] = [];
  let rest = flat;
  for (const size of [...sizes.slice(1)].reverse()) {
    const parts = typeof size === "number" ? divided(rest, size, ranges) : undefined;
    if (!parts) return undefined;
    digits.unshift(parts.remainder);
    rest = parts.quotient;
  }
  return sizes.length === 0 ? [] : [rest, ...digits];
}
