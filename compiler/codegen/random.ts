/**
 * (seed, step, path, turn, element) → the bits of a random number, as an expression; the same in every number system.
 *
 * ```
 * random "drop" at element i → f32(mix(mix(i ^ key) + rotl(key, 25)) >> 8) · 2⁻²⁴
 * ```
 */
import type { Expr } from "./kernel.js";
import { binary, bitcast, convert, f32, mul, u32 } from "./kernel.js";

type Name = (x: Expr) => Expr;

const xor = (x: Expr, y: Expr): Expr => binary("bitxor", x, y);
const shiftRight = (x: Expr, n: number): Expr => binary("shr", x, u32(n));
const times = (x: Expr, n: number): Expr => mul(x, u32(n));

/** The bits of two integers. */
export const hashOf = (x: Expr, y: Expr, name: Name): Expr => {
  const first = mix(binary("add", bitcast("u32", x), u32(0x9e3779b9)), name);
  return bitcast("i32", mix(xor(first, bitcast("u32", y)), name));
};

function mix(x: Expr, name: Name): Expr {
  const a = name(x);
  const b = name(times(xor(a, shiftRight(a, 16)), 0x21f0aaad));
  const c = name(times(xor(b, shiftRight(b, 15)), 0x735a2d97));
  return name(xor(c, shiftRight(c, 15)));
}

/** FNV-1a over the UTF-8 bytes of a path. */
export function hashPath(path: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(path)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export interface RandomAddress {
  readonly path: string;
  readonly seed: Expr;
  readonly step: Expr;
  readonly turn: Expr;
}

/** Uniform in [0, 1), f32. */
export function randomAt(address: RandomAddress, element: Expr, name: Name): Expr {
  const bits = (x: Expr): Expr => bitcast("u32", x);
  const seeded = mix(xor(mix(bits(address.seed), name), bits(address.step)), name);
  const key = mix(xor(mix(xor(seeded, u32(hashPath(address.path))), name), bits(address.turn)), name);
  const rotated = name(binary("bitor", binary("shl", key, u32(25)), shiftRight(key, 7)));
  const mixed = mix(binary("add", mix(xor(bits(element), key), name), rotated), name);
  return mul(convert("f32", shiftRight(mixed, 8)), f32(2 ** -24));
}
