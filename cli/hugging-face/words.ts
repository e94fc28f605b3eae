/**
 * Stored elements ↔ the 32 bits of an f32, without a change: also of what is not a number.
 *
 * ```
 * BF16 0x3fc0 → 0x3fc00000 (1.5) → BF16 0x3fc0
 * ```
 */
import type { StoredTensor } from "../../runtime/safetensors.js";
import type { StoredType } from "../../runtime/safetensors-header.js";

/** The types that are read: an f32 holds each of their values. */
export const readTypes = ["F32", "BF16", "F16"] as const satisfies readonly StoredType[];
export type ReadType = (typeof readTypes)[number];

export const isReadType = (dtype: string): dtype is ReadType =>
  (readTypes as readonly string[]).includes(dtype);

/** A copy of the elements. */
export function wordsOf(dtype: ReadType, bytes: StoredTensor["bytes"]): Uint32Array {
  const copy = new Uint8Array(bytes).buffer;
  switch (dtype) {
    case "F32":
      return new Uint32Array(copy);
    case "BF16":
      return Uint32Array.from(new Uint16Array(copy), (bits) => bits << 16);
    case "F16":
      return Uint32Array.from(new Uint16Array(copy), wordOfHalf);
    default:
      return dtype satisfies never;
  }
}

/** The nearest values of the type, of two equally near ones the even. */
export function bytesOf(dtype: ReadType, words: Uint32Array): Uint8Array {
  switch (dtype) {
    case "F32":
      return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    case "BF16":
      return new Uint8Array(Uint16Array.from(words, bfloatOfWord).buffer);
    case "F16":
      return new Uint8Array(Uint16Array.from(words, halfOfWord).buffer);
    default:
      return dtype satisfies never;
  }
}

const isNaNWord = (word: number): boolean => (word & 0x7fffffff) > 0x7f800000;

function bfloatOfWord(word: number): number {
  if (isNaNWord(word)) return (word >>> 16) | ((word & 0x7fffff) >>> 16 === 0 ? 0x40 : 0);
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function wordOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // how far the highest bit is below the place of the hidden one
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}

function halfOfWord(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 255;
  const fraction = word & 0x7fffff;
  if (isNaNWord(word)) return sign | 0x7c00 | (fraction >>> 13 || 0x200);
  if (exponent >= 143) return sign | 0x7c00;
  if (exponent >= 113) return sign | rounded(((exponent - 112) << 23) | fraction, 13);
  if (exponent < 102) return sign;
  return sign | rounded(0x800000 | fraction, 126 - exponent);
}

/** value / 2^shift to the nearest, of two the even. */
function rounded(value: number, shift: number): number {
  const half = 2 ** (shift - 1);
  const rest = value % 2 ** shift;
  const down = Math.floor(value / 2 ** shift);
  return down + Number(rest > half || (rest === half && down % 2 === 1));
}
