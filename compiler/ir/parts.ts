/**
 * A parameter → its rows in one turn of its leaf.
 *
 * ```
 * wk [64, 2, 16], elements 64 … 95 of 128 along axis 1   →   64 rows of 32 elements, 128 apart, from element 64 on
 * wo [64, 64], the turn for itself                       →   one row of 4096
 * ```
 */
import type { ParameterInfo } from "./graph.js";

export interface Rows {
  readonly start: number;
  readonly width: number;
  readonly pitch: number;
  readonly count: number;
  /** Elements of the whole turn. */
  readonly turn: number;
}

export function rowsOf({ shape, part }: Pick<ParameterInfo, "shape" | "part">): Rows {
  const sizes = shape.map(({ size }) => {
    if (typeof size !== "number") throw new Error("internal: a parameter's size is not constant");
    return size;
  });
  const elements = sizes.reduce((product, size) => product * size, 1);
  if (!part) return { start: 0, width: elements, pitch: elements, count: 1, turn: elements };
  const count = sizes.slice(0, part.axis).reduce((product, size) => product * size, 1);
  const width = elements / count;
  const along = width / part.size;
  const pitch = part.whole * along;
  return { start: part.start * along, width, pitch, count, turn: count * pitch };
}
