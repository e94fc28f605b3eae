/**
 * Random bits with an address: f(seed, step, path, turn, element), 32-bit arithmetic, the same on every device.
 *
 * mix is the two-round multiply-xorshift hash of Ettinger's and Wellons' searches ("lowbias32").
 */
export function mix(value: number): number {
  let x = value;
  x ^= x >>> 16;
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** The bits of two integers, as an i32. */
export const hash = (x: number, y: number): number => mix(mix((x + 0x9e3779b9) | 0) ^ y) | 0;

/** FNV-1a over UTF-8. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The key of one draw; each element hashes its row-major index with it. */
export const randomKey = (seed: number, step: number, path: string, turn: number): number =>
  mix(mix(mix(mix(seed) ^ step) ^ fnv1a32(path)) ^ turn);

/** In [0, 1), a multiple of 2⁻²⁴. */
export function uniform(key: number, element: number): number {
  const u = mix(element ^ key);
  const rotated = ((key << 25) | (key >>> 7)) >>> 0;
  return (mix((u + rotated) | 0) >>> 8) * 2 ** -24;
}
