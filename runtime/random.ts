/**
 * (seed, step, path, turn, element) → bits. Counter-based: the same address draws the same number on every device,
 * in any order. The mixer is the 32-bit finaliser with the constants found by Wellons' hash prospector.
 *
 *   uniformAt(randomKey(1, 0, "layers.0.dropout", 0), 5) ∈ [0, 1)
 */

export function mix(x: number): number {
  const y = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  const z = Math.imul(y ^ (y >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export const randomKey = (seed: number, step: number, path: string, turn: number): number =>
  mix(mix(mix(mix(seed) ^ step) ^ fnv1a32(path)) ^ turn);

export function bitsAt(key: number, element: number): number {
  const u = mix(element ^ key);
  return mix(u + ((key << 25) | (key >>> 7)));
}

/** Uniform in [0, 1) with 24 bits. */
export const uniformAt = (key: number, element: number): number => (bitsAt(key, element) >>> 8) * 2 ** -24;

/** Standard normal by Box and Muller's transform of the uniforms 2·element and 2·element + 1. */
export function normalAt(key: number, element: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(key, 2 * element)));
  return radius * Math.cos(2 * Math.PI * uniformAt(key, 2 * element + 1));
}

/** A permutation of [0, count) evaluated at one point: a Feistel network that walks until it lands inside. */
export function permutedIndex(index: number, count: number, key: number): number {
  const half = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2));
  const mask = 2 ** half - 1;
  let x = index;
  do {
    let [left, right] = [Math.floor(x / 2 ** half), x & mask];
    for (let round = 0; round < 4; round++)
      [left, right] = [right, left ^ (bitsAt(key + round, right) & mask)];
    x = left * 2 ** half + right;
  } while (x >= count);
  return x;
}
