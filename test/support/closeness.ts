/**
 * How far two runs of one model may be apart. A tolerance is derived, not chosen: four times what clean f32 rounding of the
 * same graph costs in the tensor, and a few units in the last place of the largest element.
 */
import { expect } from "vitest";
import type { Numbered, Values } from "./program-runs.js";

const FACTOR = 4;
/** Second moments are squares of gradients, and so is what rounding leaves of them. */
const factorOf = (name: string): number => (name.startsWith("state.v/") ? FACTOR ** 2 : FACTOR);
const UNITS = 16 * 2 ** -24;

const largest = (values: Iterable<number>): number => {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
};

/** The largest difference in a tensor that clean rounding by so much explains. */
export const explained = (rounding: number, exact: readonly number[], factor = FACTOR): number =>
  factor * rounding + UNITS * largest(exact);

/** Output → the largest difference that rounding explains. */
export function tolerances(exact: Values, clean: Values): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(exact).map(([name, { data }]) => {
      const values = Array.from(data);
      const rounding = largest(values.map((value, n) => clean[name]!.data[n]! - value));
      return [name, explained(rounding, values, factorOf(name))];
    }),
  );
}

export function expectClose(found: Partial<Numbered>, exact: Numbered, clean: Numbered): void {
  for (const entry of ["forward", "loss", "grad", "train"] as const) {
    const given = found[entry];
    if (!given) continue;
    const bounds = tolerances(exact[entry], clean[entry]);
    expect(Object.keys(given).sort(), entry).toEqual(Object.keys(exact[entry]).sort());
    for (const [name, { sizes, data }] of Object.entries(exact[entry])) {
      const got = given[name]!;
      expect(got.sizes, `${entry} ${name}`).toEqual(sizes);
      const worst = largest(Array.from(data, (value, n) => got.data[n]! - value));
      // A NaN is no small difference.
      expect(worst <= bounds[name]! ? "close" : `${worst} > ${bounds[name]}`, `${entry} ${name}`).toBe(
        "close",
      );
    }
  }
}
