/**
 * Size polynomials and lengths → numbers.
 *
 *   sizeOf([[4, "B", "T"], [8]], { B: 2, T: 3 }) = 32
 */
import type { Cache, Extent, KernelText, Place, Program, Size } from "./program.js";

/** Length symbol → value. */
export type Lengths = Readonly<Record<string, number>>;

/** A place's slots start at multiples of 64 elements of 4 bytes: the 256 bytes that binding offsets need. */
export const alignElements = (elements: number): number => Math.ceil(elements / 64) * 64;

export function sizeOf(size: Size, lengths: Lengths): number {
  if (typeof size === "number") return size;
  let sum = 0;
  for (const [coefficient, ...symbols] of size) {
    let value = coefficient;
    for (const name of symbols) {
      // The position offset is a length that is 0 unless somebody binds it.
      const length = lengths[name] ?? (name === "P" ? 0 : undefined);
      if (length === undefined) throw new Error(`internal: length ${name} is unbound`);
      value *= length;
    }
    sum += value;
  }
  return sum;
}

export function extentOf(extent: Extent, lengths: Lengths): number {
  if (typeof extent === "number" || Array.isArray(extent)) return sizeOf(extent as Size, lengths);
  const formula = extent as Exclude<Extent, Size>;
  if ("aligned" in formula) return alignElements(sizeOf(formula.aligned, lengths));
  return Math.ceil(sizeOf(formula.size, lengths) / formula.tile);
}

/** Where a place lies inside its slot, in elements: of a stack from its first slice to the end of its last. */
export function placeRange(
  place: Place,
  lengths: Lengths,
): { readonly offset: number; readonly length: number } {
  const stride = alignElements(sizeOf(place.stride, lengths));
  const length = sizeOf(place.length, lengths);
  return { offset: place.turn * stride, length: ((place.count ?? 1) - 1) * stride + length };
}

export const symbolsOf = (size: Size): readonly string[] =>
  typeof size === "number" ? [] : size.flatMap(([, ...symbols]) => symbols);

/** What decoding keeps between calls. */
export const cachesOf = ({ decoding }: Program): readonly Cache[] =>
  decoding && "caches" in decoding ? decoding.caches : [];

/** The lengths that their sizes depend on. */
export const cacheSymbols = (program: Program): readonly string[] => [
  ...new Set(cachesOf(program).flatMap(({ shape }) => shape.flatMap(symbolsOf))),
];

export const elementsOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** Groups to dispatch along each dimension; a long line of them is folded over y. */
export function groupsOf(
  text: KernelText,
  lengths: Lengths,
  limit: number,
): readonly [number, number, number] {
  const along = (d: 0 | 1 | 2): number => Math.ceil(extentOf(text.grid[d], lengths) / text.workgroup[d]);
  const [x, y, z] = [along(0), along(1), along(2)];
  if (x <= limit || text.grid[1] !== 1 || text.grid[2] !== 1) return [x, y, z];
  const rows = Math.ceil(x / limit);
  return [Math.ceil(x / rows), rows, 1];
}
