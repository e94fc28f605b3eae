/**
 * (seed, name) → numbers: equal names draw equal numbers, whatever else is drawn.
 *
 * ```
 * createRandom(1, "parameter attention.wq").normal()   →   the same number in every model that has such a parameter
 * ```
 */
import { fnv1a32, mix } from "../ir/numbers/random.js";

export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** A whole number from 0 below `bound`. */
  below(bound: number): number;
  /** Mean 0, deviation 1. */
  normal(): number;
}

export function createRandom(seed: number, name: string): Random {
  const key = mix(mix(seed) ^ fnv1a32(name));
  let drawn = 0;
  const uniform = (): number => mix(mix(key ^ drawn++) + key) / 2 ** 32;
  return {
    uniform,
    below: (bound) => Math.floor(uniform() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
