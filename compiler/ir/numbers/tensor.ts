/** Row-major tensors: strides, and the one loop that layout ops share. */
import type { Numbers, Storage, Tensor } from "./scalar.js";

export const countOf = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);

export function stridesOf(sizes: readonly number[]): number[] {
  const strides = new Array<number>(sizes.length);
  let stride = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= sizes[axis]!;
  }
  return strides;
}

/** Calls `visit` for the indices of `sizes` in row-major order, with the position along each of two strided walks. */
export function walk(
  sizes: readonly number[],
  strides: readonly [readonly number[], readonly number[]],
  visit: (first: number, second: number) => void,
): void {
  const rank = sizes.length;
  const count = countOf(sizes);
  const index = new Array<number>(rank).fill(0);
  const [a, b] = strides;
  let p = 0;
  let q = 0;
  for (let n = 0; n < count; n++) {
    visit(p, q);
    for (let axis = rank - 1; axis >= 0; axis--) {
      p += a[axis]!;
      q += b[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      p -= a[axis]! * sizes[axis]!;
      q -= b[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
}

/** The positions that a strided walk visits, in order. */
export function positions(sizes: readonly number[], strides: readonly number[]): Int32Array {
  const found = new Int32Array(countOf(sizes));
  let at = 0;
  walk(sizes, [strides, strides], (p) => {
    found[at++] = p;
  });
  return found;
}

/** A new tensor of `sizes` that reads `source` at strided positions. */
export function view<T>(
  m: Numbers<T>,
  source: Storage<T>,
  sizes: readonly number[],
  strides: readonly number[],
  offset = 0,
): Tensor<T> {
  const data = m.allocate(countOf(sizes));
  let at = 0;
  walk(sizes, [strides, strides], (p) => {
    data[at++] = source[offset + p]!;
  });
  return { sizes, data };
}

/** Copies `source` to strided positions of `target`. */
export function place<T>(
  source: Tensor<T>,
  target: Storage<T>,
  strides: readonly number[],
  offset: number,
): void {
  let at = 0;
  walk(source.sizes, [strides, strides], (p) => {
    target[offset + p] = source.data[at++]!;
  });
}
