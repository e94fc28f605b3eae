/** f64's operations, each rounded once to f32: what an implementation without any trick computes, and so what rounding costs. */
import { f64 } from "./f64.js";
import type { Numbers } from "./scalar.js";

type Operation = (x: never, y: never, z: never) => number;

/** By how many operands there are: what takes any number is slow. */
function rounding(operation: Operation): unknown {
  if (operation.length === 3) return (x: never, y: never, z: never) => Math.fround(operation(x, y, z));
  if (operation.length === 2)
    return (x: never, y: never) => Math.fround((operation as (x: never, y: never) => number)(x, y));
  return (x: never) => Math.fround((operation as (x: never) => number)(x));
}

const rounded = Object.fromEntries(
  Object.entries(f64).map(([name, operation]) => [
    name,
    name === "allocate" ? operation : rounding(operation as Operation),
  ]),
) as unknown as Numbers<number>;

export const f32: Numbers<number> = {
  ...rounded,
  sumOfProducts(x, y) {
    const [a, b] = [x.data as Float64Array, y.data as Float64Array];
    const [p, q] = [x.places, y.places];
    let sum = 0;
    for (let n = 0; n < p.length; n++)
      sum = Math.fround(sum + Math.fround(a[x.from + p[n]!]! * b[y.from + q[n]!]!));
    return sum;
  },
};
