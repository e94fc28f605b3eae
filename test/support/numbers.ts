/** Deterministic numbers for tests. */
import { mix } from "../../compiler/ir/numbers/random.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";

export type Draw = () => number;

/** Uniform in [0, 1), the same for the same seed. */
export function createDraw(seed: number): Draw {
  let n = 0;
  return () => mix(mix(seed) ^ n++) / 2 ** 32;
}

/** Values in [low, high). */
export function randomTensor(draw: Draw, sizes: readonly number[], low = -1, high = 1): Tensor<number> {
  const count = sizes.reduce((product, size) => product * size, 1);
  return { sizes, data: Float64Array.from({ length: count }, () => low + (high - low) * draw()) };
}

export const flat = (x: Tensor<number>): number[] =>
  Array.from({ length: x.data.length }, (_, n) => x.data[n]!);
export const normOf = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
export const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((sum, v, n) => sum + v * y[n]!, 0);
