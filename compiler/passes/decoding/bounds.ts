/**
 * What is known of a number from the indices of its element: linear forms that it is at least, and at most.
 *
 * ```
 * i − j       broadcasts of iotas           ≥ i − j, ≤ i − j
 * j // 4      floordiv by a constant        ≥ j/4 − 3/4, ≤ j/4
 * max(i, 3)                                 ≥ i, ≥ 3
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { keptByReshape } from "./modes.js";

/** Σ factor · index of the axis, and a constant. */
export interface Form {
  readonly factors: ReadonlyMap<number, number>;
  readonly constant: number;
}

export interface Bounds {
  readonly least: readonly Form[];
  readonly most: readonly Form[];
}

/** More forms than these say little more. */
const MOST_FORMS = 4;
const unknown: Bounds = { least: [], most: [] };

const constantForm = (constant: number): Form => ({ factors: new Map(), constant });
const exactly = (form: Form): Bounds => ({ least: [form], most: [form] });

export function plus(x: Form, y: Form, times = 1): Form {
  const factors = new Map(x.factors);
  for (const [axis, factor] of y.factors) {
    const sum = (factors.get(axis) ?? 0) + times * factor;
    if (sum === 0) factors.delete(axis);
    else factors.set(axis, sum);
  }
  return { factors, constant: x.constant + times * y.constant };
}

const scaled = (form: Form, by: number): Form => plus(constantForm(0), form, by);
const shifted = (form: Form, by: number): Form => ({ ...form, constant: form.constant + by });

const pairs = (xs: readonly Form[], ys: readonly Form[], times: number): readonly Form[] =>
  xs.flatMap((x) => ys.map((y) => plus(x, y, times))).slice(0, MOST_FORMS);

const sum = (x: Bounds, y: Bounds, times: 1 | -1): Bounds =>
  times === 1
    ? { least: pairs(x.least, y.least, 1), most: pairs(x.most, y.most, 1) }
    : { least: pairs(x.least, y.most, -1), most: pairs(x.most, y.least, -1) };

function times({ least, most }: Bounds, by: number): Bounds {
  const [low, high] = by < 0 ? [most, least] : [least, most];
  return { least: low.map((form) => scaled(form, by)), most: high.map((form) => scaled(form, by)) };
}

const widened = ({ least, most }: Bounds, down: number, up: number): Bounds => ({
  least: least.map((form) => shifted(form, -down)),
  most: most.map((form) => shifted(form, up)),
});

/** The one number that something is. */
const numberIn = ({ least, most }: Bounds): number | undefined =>
  least[0] &&
  least[0].factors.size === 0 &&
  most[0]?.factors.size === 0 &&
  least[0].constant === most[0].constant
    ? least[0].constant
    : undefined;

/** The forms that hold of either: those with the same factors, at the weaker constant. */
function either(
  xs: readonly Form[],
  ys: readonly Form[],
  weaker: (a: number, b: number) => number,
): readonly Form[] {
  const isSame = (x: Form, y: Form): boolean => plus(x, y, -1).factors.size === 0;
  return xs.flatMap((x) => {
    const y = ys.find((other) => isSame(x, other));
    return y ? [{ ...x, constant: weaker(x.constant, y.constant) }] : [];
  });
}

const hull = (x: Bounds, y: Bounds): Bounds => ({
  least: either(x.least, y.least, Math.min),
  most: either(x.most, y.most, Math.max),
});

const both = (xs: readonly Form[], ys: readonly Form[]): readonly Form[] =>
  [...xs, ...ys].slice(0, MOST_FORMS);

/** `forms` with each axis n of the operand as axis `to(n)`; a form of an axis that has no such place goes. */
function moved({ least, most }: Bounds, to: (axis: number) => number | undefined): Bounds {
  const move = (forms: readonly Form[]): readonly Form[] =>
    forms.flatMap(({ factors, constant }) => {
      const at = [...factors].map(([axis, factor]): [number | undefined, number] => [to(axis), factor]);
      if (at.some(([axis]) => axis === undefined)) return [];
      return [{ factors: new Map(at as [number, number][]), constant }];
    });
  return { least: move(least), most: move(most) };
}

export type BoundsOf = (node: Node) => Bounds;

/** `ofInput` knows the inputs of a region's body that stand for something outside. */
export function createBounds(ofInput: (node: Node) => Bounds | undefined): BoundsOf {
  const known = new Map<Node, Bounds>();
  const of: BoundsOf = (node) => {
    const found = known.get(node);
    if (found) return found;
    const made = node.op === "input" ? (ofInput(node) ?? unknown) : boundsOf(node, of);
    known.set(node, made);
    return made;
  };
  return of;
}

function boundsOf(node: Node, of: BoundsOf): Bounds {
  const x = (): Bounds => of(node.inputs[0]!);
  const y = (): Bounds => of(node.inputs[1]!);
  switch (node.op) {
    case "const":
      return exactly(constantForm(node.attributes.value));
    case "length":
      return typeof node.attributes.size === "number" ? exactly(constantForm(node.attributes.size)) : unknown;
    case "iota": {
      const { axis, offset } = node.attributes;
      return typeof offset === "number"
        ? exactly({ factors: new Map([[axis, 1]]), constant: offset })
        : unknown;
    }
    case "broadcast":
    case "transpose": {
      const from = node.op === "broadcast" ? node.attributes.from : node.attributes.order;
      return moved(x(), (axis) => from.indexOf(axis));
    }
    case "reshape": {
      const kept = keptByReshape(node.inputs[0]!.shape, node.shape);
      return moved(x(), (axis) => (kept.includes(axis) ? kept.indexOf(axis) : undefined));
    }
    case "slice": {
      const { axis, start } = node.attributes;
      if (typeof start !== "number") return unknown;
      const shift = (form: Form): Form => shifted(form, (form.factors.get(axis) ?? 0) * start);
      return { least: x().least.map(shift), most: x().most.map(shift) };
    }
    case "add":
      return sum(x(), y(), 1);
    case "sub":
      return sum(x(), y(), -1);
    case "neg":
      return times(x(), -1);
    case "mul": {
      const [p, q] = [numberIn(x()), numberIn(y())];
      return q !== undefined ? times(x(), q) : p !== undefined ? times(y(), p) : unknown;
    }
    case "div": {
      const by = numberIn(y());
      return by ? times(x(), 1 / by) : unknown;
    }
    case "floordiv": {
      const by = numberIn(y());
      if (!by || by < 0) return unknown;
      return widened(times(x(), 1 / by), node.dtype === "i32" ? (by - 1) / by : 1, 0);
    }
    case "mod": {
      const by = numberIn(y());
      if (!by || by < 0) return unknown;
      return { least: [constantForm(0)], most: [constantForm(node.dtype === "i32" ? by - 1 : by)] };
    }
    case "min":
      return { least: either(x().least, y().least, Math.min), most: both(x().most, y().most) };
    case "max":
      return { least: both(x().least, y().least), most: either(x().most, y().most, Math.max) };
    case "abs": {
      const negative = times(x(), -1);
      return { least: both(x().least, negative.least), most: either(x().most, negative.most, Math.max) };
    }
    case "select":
      return hull(y(), of(node.inputs[2]!));
    case "floor":
      return widened(x(), 1, 0);
    case "to_i32":
      return node.inputs[0]!.dtype === "f32" ? widened(x(), 1, 1) : x();
    case "round":
      return widened(x(), 1, 1);
    case "to_f32":
    case "straight_through":
    case "stop_gradient":
      return x();
    default:
      return unknown;
  }
}
