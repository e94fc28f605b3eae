/**
 * Positions (one i32 expression per axis) through layout ops, and their offsets in memory.
 *
 * ```
 * reshape [b, t, h*c] → [b, t, h, c], position (i, j, k, l) → (i, j, k·c + l)
 * ```
 */
import { reshapeGroups } from "../ir/reshape-groups.js";
import type { Shape, Size } from "../ir/shape.js";
import { addSizes, mulSizes, sizeEquals } from "../ir/shape.js";
import type { Expr, Extent } from "./kernel.js";
import { add, binary, extent, i32, isConst, mul } from "./kernel.js";
import type { Scope } from "./scope.js";

export type Position = readonly Expr[];

/** `coordinate · stride` of an offset. */
interface Term {
  readonly value: Expr;
  readonly stride: Extent;
}

export const sizes = (shape: Shape): readonly Size[] => shape.map((axis) => axis.size);

export const isMultiple = (size: Size, of: number): boolean =>
  (typeof size === "number" ? [[size]] : size).every(([coefficient]) => Number(coefficient) % of === 0);

/** Strides in elements; a stacked value's leading axis advances by whole multiples of 64. */
export function strides(shape: Shape, stacked: boolean): readonly Extent[] {
  const known = (stacked ? stackedStrides : plainStrides).get(shape);
  if (known) return known;
  const found = suffixes(sizes(shape)).map(
    (stride, axis): Extent =>
      stacked && axis === 0 && !isMultiple(stride, 64) ? { aligned: stride } : stride,
  );
  (stacked ? stackedStrides : plainStrides).set(shape, found);
  return found;
}

/** Asked for at each load and store of a tile. */
const plainStrides = new WeakMap<Shape, readonly Extent[]>();
const stackedStrides = new WeakMap<Shape, readonly Extent[]>();

/** [a, b, c] → [b·c, c, 1]. */
function suffixes(of: readonly Size[]): readonly Size[] {
  const found: Size[] = [];
  let stride: Size = 1;
  for (let axis = of.length - 1; axis >= 0; axis--) {
    found[axis] = stride;
    stride = mulSizes(of[axis]!, stride);
  }
  return found;
}

const plain = (stride: Extent): Size | undefined =>
  typeof stride === "number" || !("aligned" in stride) ? stride : undefined;

const scaled = (stride: Extent, factor: number): Extent | undefined => {
  const size = plain(stride);
  return size === undefined ? undefined : mulSizes(size, factor);
};

/** A coordinate taken apart: x + constant, x · constant. */
function addTerms(scope: Scope, value: Expr, stride: Extent, terms: Term[]): void {
  const meaning = scope.definition(value);
  if (isConst(meaning, 0)) return;
  if (meaning.tag === "binary" && meaning.fn === "add") {
    addTerms(scope, meaning.x, stride, terms);
    addTerms(scope, meaning.y, stride, terms);
    return;
  }
  if (meaning.tag === "binary" && meaning.fn === "mul" && isConst(meaning.y)) {
    const wider = scaled(stride, meaning.y.value);
    if (wider !== undefined) {
      addTerms(scope, meaning.x, wider, terms);
      return;
    }
  }
  terms.push({ value, stride });
}

function termsOf(scope: Scope, value: Expr, stride: Extent): readonly Term[] {
  const terms: Term[] = [];
  addTerms(scope, value, stride, terms);
  return terms;
}

const sizeOf = (x: Expr): Size | undefined =>
  x.tag === "const" ? x.value : x.tag === "extent" ? plain(x.extent as Extent) : undefined;

/** (x // s) · (s·q) + (x % s) · q = x · q: the inverse of `decompose`. */
function joined(scope: Scope, high: Term, low: Term): readonly Term[] | undefined {
  const x = scope.definition(high.value);
  const y = scope.definition(low.value);
  if (x.tag !== "binary" || y.tag !== "binary" || x.fn !== "quotient" || y.fn !== "remainder")
    return undefined;
  if (scope.key(x.x) !== scope.key(y.x) || scope.key(x.y) !== scope.key(y.y)) return undefined;
  const size = sizeOf(x.y);
  const [wide, narrow] = [plain(high.stride), plain(low.stride)];
  if (size === undefined || wide === undefined || narrow === undefined) return undefined;
  return sizeEquals(mulSizes(narrow, size), wide) ? termsOf(scope, x.x, narrow) : undefined;
}

function joinAll(scope: Scope, terms: readonly Term[]): readonly Term[] {
  if (terms.length < 2) return terms;
  for (const high of terms)
    for (const low of terms) {
      const whole = high === low ? undefined : joined(scope, high, low);
      if (whole) return joinAll(scope, [...terms.filter((term) => term !== high && term !== low), ...whole]);
    }
  return terms;
}

/** Constants with plain strides add up to one size. */
function offsetTerms(scope: Scope, terms: readonly Term[]): readonly Expr[] {
  let fixed: Size = 0;
  const rest: Expr[] = [];
  for (const { value, stride } of terms) {
    const size = plain(stride);
    if (isConst(value) && size !== undefined) fixed = addSizes(fixed, mulSizes(size, value.value));
    else rest.push(scope.name(mul(value, extent(stride))));
  }
  return [...rest, extent(fixed)];
}

/** The element's offset. */
export function offset(scope: Scope, position: Position, steps: readonly Extent[]): Expr {
  const terms: Term[] = [];
  position.forEach((value, axis) => addTerms(scope, value, steps[axis]!, terms));
  return scope.sum(offsetTerms(scope, joinAll(scope, terms)));
}

export const flatten = (scope: Scope, position: Position, of: readonly Size[]): Expr =>
  offset(scope, position, suffixes(of));

/** The inverse of `flatten`: coordinates of a flat index, `unit` elements at a time along the last axis. */
export function decompose(scope: Scope, flat: Expr, of: readonly Size[], unit = 1): Position {
  const position: Expr[] = of.map(() => i32(0));
  let rest = flat;
  const axes = of.map((_, axis) => axis).filter((axis) => !sizeEquals(of[axis]!, 1));
  axes.reverse().forEach((axis, n) => {
    const step = n === 0 ? unit : 1;
    const size = n === 0 && unit > 1 ? Number(of[axis]) / unit : of[axis]!;
    const outermost = n === axes.length - 1;
    const digit = outermost ? rest : scope.name(binary("remainder", rest, extent(size)));
    if (!outermost) rest = scope.name(binary("quotient", rest, extent(size)));
    position[axis] = scope.name(mul(digit, i32(step)));
  });
  return position;
}

/** The position in x of the element at `position` of y, where y is x reshaped. */
export function reshaped(scope: Scope, position: Position, x: readonly Size[], y: readonly Size[]): Position {
  const result: Expr[] = x.map(() => i32(0));
  for (const group of reshapeGroups(x, y)) {
    const [from, to] = [
      group.y.filter((axis) => !sizeEquals(y[axis]!, 1)),
      group.x.filter((axis) => !sizeEquals(x[axis]!, 1)),
    ];
    if (from.length === 1 && to.length === 1) result[to[0]!] = position[from[0]!]!;
    else {
      const flat = flatten(
        scope,
        from.map((axis) => position[axis]!),
        from.map((axis) => y[axis]!),
      );
      const digits = decompose(
        scope,
        flat,
        to.map((axis) => x[axis]!),
      );
      to.forEach((axis, n) => {
        result[axis] = digits[n]!;
      });
    }
  }
  return result;
}

/** A coordinate `by` elements further. */
export const shifted = (position: Position, axis: number, by: number): Position =>
  position.map((value, n) => (n === axis ? moved(value, by) : value));

function moved(value: Expr, by: number): Expr {
  if (value.tag === "binary" && value.fn === "add" && isConst(value.y))
    return add(value.x, i32(value.y.value + by));
  return add(value, i32(by));
}
