/**
 * Names of classes ↔ their numbers.
 *
 *   "b", "a", "b" → ["a", "b"]        "10", "9" → ["9", "10"]
 */
import { fail } from "../failure.js";

/** Each name once, its place being its number: by value where all are whole numbers, else by code points. */
export function labelNames(labels: Iterable<string>): readonly string[] {
  const names = [...new Set(labels)];
  const numbers = names.every((name) => /^-?\d{1,15}$/.test(name));
  return names.sort((a, b) => (numbers ? Number(a) - Number(b) : a < b ? -1 : 1));
}

export function labelNumbers(labels: readonly string[], names: readonly string[]): Int32Array {
  const numbers = new Map(names.map((name, n) => [name, n]));
  return Int32Array.from(
    labels,
    (label) =>
      numbers.get(label) ??
      fail(
        "bad-data",
        `the data has the label \`${label}\`, which the run was not trained on: ${shown(names)}`,
      ),
  );
}

const shown = (names: readonly string[]): string =>
  `${names.slice(0, 10).join(", ")}${names.length > 10 ? ", …" : ""}`;
