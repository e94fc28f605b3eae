/** f64's operations, each rounded once to f32: what an implementation without any trick computes, and so what rounding costs. */
import { f64 } from "./f64.js";
import type { Numbers } from "./scalar.js";

export const f32: Numbers<number> = Object.fromEntries(
  Object.entries(f64).map(([name, operation]) => [
    name,
    name === "allocate"
      ? operation
      : (...operands: never[]) => Math.fround((operation as (...x: never[]) => number)(...operands)),
  ]),
) as unknown as Numbers<number>;
