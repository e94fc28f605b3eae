/**
 * Which positions of a time axis are wanted: those of the new tokens, or all that are kept.
 *
 * ```
 * q  [b, h, t, c]  rows        positions P … P + T − 1        →  [b, h, T, c]
 * k  [b, h, t, c]  slots       what a cache holds             →  [b, h, C, c]
 * x  [b, t, d]     rows from −1   the one before, and so on   →  [b, T, d]
 * ```
 *
 * A time axis is one whose size is the length of the growing input, or that and a constant. P is the scalar `position`, T the number of
 * new tokens, and the symbol of that length stands for T in the graphs made here.
 */
import type { Builder } from "../../ir/builder.js";
import type { Node } from "../../ir/graph.js";
import type { Shape, Size } from "../../ir/shape.js";
import { addSizes, mulSizes, sizeEquals, subSizes, symbol, symbolsIn } from "../../ir/shape.js";
import { capacity, position } from "./graphs.js";

/** Indices P + from … P + from + T + more − 1. */
export interface Rows {
  readonly kind: "rows";
  readonly from: number;
  readonly more: number;
}

/** Every index up to that of the last new token, plus `last`; slots that hold later ones are there too and count for nothing. */
export interface Slots {
  readonly kind: "slots";
  readonly layout: Layout;
  readonly last: number;
}

/** Where a position lies: in the slot of its number, or of its number modulo the size of a ring. Equal ids are one layout. */
export interface Layout {
  readonly id: string;
  readonly ring: number | undefined;
}

/** A mode for each time axis of a node; undefined for the other axes. */
export type Mode = Rows | Slots;
export type Modes = readonly (Mode | undefined)[];

export const newRows: Rows = { kind: "rows", from: 0, more: 0 };
export const rowsFrom = (from: number, more: number): Rows => ({ kind: "rows", from, more });
export const slotsOf = (layout: Layout, last: number): Slots => ({ kind: "slots", layout, last });

export const isNew = (mode: Mode | undefined): boolean =>
  mode === undefined || (mode.kind === "rows" && mode.from === 0 && mode.more === 0);

/** The largest index that is read, counted from that of the last new token. */
export const reach = (mode: Mode): number => (mode.kind === "rows" ? mode.from + mode.more : mode.last);

export const modesText = (modes: Modes): string =>
  modes
    .map((mode) => {
      if (!mode) return "";
      return mode.kind === "rows" ? `${mode.from},${mode.more}` : `${mode.layout.id}@${mode.last}`;
    })
    .join(";");

export const isTime = (size: Size, time: string): boolean => symbolsIn(size).includes(time);

/** The constant c of a size T + c; undefined where the size depends on T in another way, or not at all. */
export function excess(size: Size, time: string): number | undefined {
  const rest = subSizes(size, symbol(time));
  return typeof rest === "number" ? rest : undefined;
}

export const timeAxes = (shape: Shape, time: string): readonly number[] =>
  shape.flatMap(({ size }, n) => (isTime(size, time) ? [n] : []));

export const newModes = (shape: Shape, time: string): Modes =>
  shape.map(({ size }) => (isTime(size, time) ? newRows : undefined));

/** How many elements an axis of `size` has in a mode. */
export function sizeIn(size: Size, mode: Mode | undefined, time: string): Size {
  if (!mode) return size;
  if (mode.kind === "rows") return addSizes(symbol(time), mode.more);
  return addSizes(mode.layout.ring ?? symbol(capacity), excess(size, time) ?? 0);
}

export const shapeIn = (shape: Shape, modes: Modes, time: string): Shape =>
  shape.map(({ name, size }, n) => ({ name, size: sizeIn(size, modes[n], time) }));

/** P, i32 []. */
export const positionScalar = (b: Builder): Node => b.input("scalar", position, [], "i32");

/** The index of each element along one axis in a mode, i32 [n]. */
export function indexVector(b: Builder, name: string, size: Size, mode: Mode, time: string): Node {
  const axis = [{ name, size: sizeIn(size, mode, time) }];
  const spread = (scalar: Node): Node => b.broadcastTo(scalar, axis, [-1]);
  const count = b.iota(axis, 0); // [n]
  if (mode.kind === "rows") {
    const first = b.add(count, spread(positionScalar(b))); // [n]
    return mode.from === 0 ? first : b.add(first, spread(b.const(mode.from, "i32")));
  }
  const { ring } = mode.layout;
  if (ring === undefined) return count;
  // Slot r holds the last position up to P + T − 1 that is r modulo the ring's size; where there is none yet, r itself, which is later.
  const last = b.sub(b.add(positionScalar(b), b.length(symbol(time), "i32")), b.const(1, "i32")); // []
  const turns = b.floordiv(b.sub(spread(last), count), spread(b.const(ring, "i32"))); // [n]
  const whole = b.max(turns, spread(b.const(0, "i32")));
  return b.add(count, b.mul(whole, spread(b.const(ring, "i32"))));
}

/** For each axis of `to` the axis of `from` that a reshape leaves as it is, of the same size with as much before it; -1 where there is none. */
export function keptByReshape(from: Shape, to: Shape): readonly number[] {
  const before = (shape: Shape): readonly Size[] => {
    const products: Size[] = [1];
    for (const { size } of shape) products.push(mulSizes(products[products.length - 1]!, size));
    return products;
  };
  const [a, z] = [before(from), before(to)];
  return to.map(({ size }, n) =>
    from.findIndex((axis, m) => sizeEquals(axis.size, size) && sizeEquals(a[m]!, z[n]!)),
  );
}
