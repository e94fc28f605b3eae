/** A small reproducible stream of random numbers (mulberry32). */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from low to high, both included. */
export const randomNumber = (random: Random, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1));

export const pick = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)]!;

export function shuffled<T>(random: Random, items: readonly T[]): readonly T[] {
  const result = [...items];
  for (let n = result.length - 1; n > 0; n--) {
    const other = randomNumber(random, 0, n);
    [result[n], result[other]] = [result[other]!, result[n]!];
  }
  return result;
}
