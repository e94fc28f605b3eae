/**
 * Two shapes of the same elements → which runs of their axes hold the same elements.
 *
 * ```
 * [b, t, h*c], [b, t, h, c] → [b | b], [t | t], [h*c | h, c]
 * ```
 */
import type { Size } from "./shape.js";
import { product, sizeEquals } from "./shape.js";

/** Runs of axes of two shapes that hold the same elements: [[from, to) of x, [from, to) of y]. */
export interface Group {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export function reshapeGroups(x: readonly Size[], y: readonly Size[]): readonly Group[] {
  const groups: Group[] = [];
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    const group = { x: [] as number[], y: [] as number[] };
    if (i < x.length) group.x.push(i++);
    if (j < y.length) group.y.push(j++);
    const count = (of: readonly Size[], axes: readonly number[]): Size =>
      product(axes.map((axis) => of[axis]!));
    // Where growing by degree and value cannot line the products up, the group runs to the end.
    while (!sizeEquals(count(x, group.x), count(y, group.y)) && (i < x.length || j < y.length)) {
      const growX = j >= y.length || (i < x.length && lessSize(count(x, group.x), count(y, group.y)));
      if (growX) group.x.push(i++);
      else group.y.push(j++);
    }
    groups.push(group);
  }
  return groups;
}

/** Orders products of positive sizes: by degree of their symbols, then by coefficient. */
function lessSize(x: Size, y: Size): boolean {
  const degree = (size: Size): number =>
    typeof size === "number" ? 0 : Math.max(...size.map((term) => term.length - 1));
  const lead = (size: Size): number =>
    typeof size === "number" ? size : size.reduce((sum, [c]) => sum + c, 0);
  return degree(x) !== degree(y) ? degree(x) < degree(y) : lead(x) < lead(y);
}
