/** What shape rules ask of sizes: `resized([t=T, d=4], 1, 8)` → `[t=T, d=8]`. */
import type { Shape, Size } from "../shape.js";

export const resized = (shape: Shape, axis: number, size: Size): Shape =>
  shape.map((a, n) => (n === axis ? { name: a.name, size } : a));

/** Known to be negative whatever the lengths are. */
export const isNegative = (size: Size): boolean =>
  typeof size === "number" ? size < 0 : size.every(([coefficient]) => coefficient < 0);
