/** Length symbols → numbers: by the axes they are called after, or small ones that are different from each other. */
import type { Built } from "../ir/graph.js";

/** Axis t of size 7 → T = 7; what no axis says is taken from `others`. */
export const lengthsIn = (
  { lengths }: Built,
  sizes: Readonly<Record<string, number>>,
  others: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(lengths).map(([symbol, { axis }]) => [symbol, sizes[axis] ?? others[symbol] ?? 2]),
  );

const SMALL = [5, 7, 3, 4, 6];

/** Two rows; odd lengths within the model's bounds. */
export function smallLengths({ lengths }: Built): Readonly<Record<string, number>> {
  const symbols = Object.keys(lengths).filter((symbol) => symbol !== "B");
  return Object.fromEntries(
    Object.entries(lengths).map(([symbol, { maximum }]) => [
      symbol,
      Math.min(maximum, symbol === "B" ? 2 : SMALL[symbols.indexOf(symbol) % SMALL.length]!),
    ]),
  );
}

/** By the names that the model gives them: `batch = 2, t = 5`. */
export const lengthNames = (
  { lengths }: Built,
  values: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(lengths).map(([symbol, { axis }]) => [axis, values[symbol]!]));
