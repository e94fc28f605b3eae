/**
 * Two sets of values → where they differ most, beyond what rounding explains. A tolerance is derived, not chosen: from what
 * rounding every operation to f32 costs in the same tensor.
 *
 * ```
 * y[1, 3, 0]: 0.25 here, 0.31 there; rounding explains 2e-15
 * ```
 */
import type { Tensor } from "../ir/numbers/scalar.js";
import type { Values } from "./values.js";

export interface Difference {
  readonly output: string;
  readonly index: readonly number[];
  readonly left: number;
  readonly right: number;
  /** Where the tensors are not even of one shape: both. */
  readonly shapes?: readonly [string, string];
  /** What rounding explains; 0 where the claim is bitwise. */
  readonly bound: number;
}

const largest = (count: number, at: (n: number) => number): number => {
  let found = 0;
  for (let n = 0; n < count; n++) {
    const value = Math.abs(at(n));
    if (value > found) found = value;
  }
  return found;
};

/** How much more than the measured rounding is allowed, and units in the last place of the largest element on top of it. */
const FACTOR = 4;
const UNITS = 16;
/** Second moments are squares of gradients, and so is what rounding leaves of them. */
const factorOf = (name: string): number => (name.startsWith("state.v/") ? FACTOR ** 2 : FACTOR);

/** Output → the largest difference that rounding to f32 explains. */
export function tolerances(exact: Values, clean: Values): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(exact).map(([name, { data }]) => {
      const rounding = largest(data.length, (n) => clean[name]!.data[n]! - data[n]!);
      return [name, factorOf(name) * rounding + UNITS * 2 ** -24 * largest(data.length, (n) => data[n]!)];
    }),
  );
}

/** The same for f64, whose unit is 2⁻²⁹ of f32's; another 4 and 16 times that, as one sample of the rounding is small by chance. */
export function fineTolerances(exact: Values, clean: Values): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(exact).map(([name, { data }]) => {
      const scale = largest(data.length, (n) => data[n]!);
      const rounding = largest(data.length, (n) => clean[name]!.data[n]! - data[n]!);
      const measured = Number.isFinite(rounding) ? rounding : scale;
      return [name, 16 * 2 ** -29 * measured + 256 * 2 ** -53 * scale];
    }),
  );
}

/** Units in the last place of the largest element: what no rounding that matters exceeds, and needs no second evaluation. */
export const closeTolerances = (exact: Values): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(exact).map(([name, { data }]) => [
      name,
      256 * 2 ** -53 * largest(data.length, (n) => data[n]!),
    ]),
  );

/** The largest excess over the bound, element by element; a NaN is equal to nothing. */
export function differenceOf(
  left: Values,
  right: Values,
  bounds: Readonly<Record<string, number>>,
): Difference | undefined {
  let worst: Difference | undefined;
  let excess = 0;
  for (const [output, x] of Object.entries(left)) {
    const y = right[output];
    if (!y) throw new Error(`internal: no values for ${output}`);
    const bound = bounds[output] ?? 0;
    if (x.sizes.join() !== y.sizes.join())
      return {
        output,
        index: [],
        left: NaN,
        right: NaN,
        bound: 0,
        shapes: [`[${x.sizes.join(", ")}]`, `[${y.sizes.join(", ")}]`],
      };
    for (let n = 0; n < x.data.length; n++) {
      const by = distance(x.data[n]!, y.data[n]!);
      if (by <= bound || by - bound <= excess) continue;
      excess = by - bound;
      worst = { output, index: indexOf(x, n), left: x.data[n]!, right: y.data[n]!, bound };
    }
  }
  return worst;
}

const distance = (x: number, y: number): number => {
  if (x === y) return 0;
  const by = Math.abs(x - y);
  return Number.isNaN(by) ? Infinity : by;
};

function indexOf({ sizes }: Tensor<number>, flat: number): readonly number[] {
  const index: number[] = [];
  let rest = flat;
  for (const size of [...sizes].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

const shown = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(9))));

/** "y[0, 3, 1] is 0.25 on the left and 0.31 on the right" */
export function differenceText(
  { output, index, left, right, shapes = [shown(left), shown(right)] }: Difference,
  [first, second]: readonly [string, string],
): string {
  const place = index.length > 0 ? `[${index.join(", ")}]` : "";
  return `\`${output}${place}\` is ${shapes[0]} ${first} and ${shapes[1]} ${second}`;
}
