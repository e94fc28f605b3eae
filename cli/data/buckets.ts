/**
 * (seed, n) → the examples of batch n, of like sizes so that little is padding.
 *
 *   sizes [3, 9, 3, 9], batch 2   →   [0, 2], [3, 1], then another order
 *
 * Each epoch permutes the examples; pools of consecutive batches are sorted by size and cut, and a pool's batches come in
 * shuffled order. What does not fill a batch at an epoch's end waits for the next one.
 */
import { permutedIndex, randomKey } from "../../runtime/random.js";

export interface BucketOptions {
  /** By which examples are sorted. */
  readonly sizes: ArrayLike<number>;
  readonly batch: number;
  readonly seed: number;
  /** Batches that are sorted together. */
  readonly pool?: number;
}

export function createBuckets({
  sizes,
  batch,
  seed,
  pool = 64,
}: BucketOptions): (n: number) => readonly number[] {
  const rows = Math.min(batch, sizes.length);
  const perEpoch = Math.floor(sizes.length / rows);
  let [kept, batches]: [number, readonly (readonly number[])[]] = [-1, []];
  const poolsPerEpoch = Math.ceil(perEpoch / pool);
  return (n) => {
    const [epoch, within] = [Math.floor(n / perEpoch), n % perEpoch];
    const at = Math.floor(within / pool);
    const number = epoch * poolsPerEpoch + at;
    if (number !== kept) {
      const count = Math.min(pool, perEpoch - at * pool);
      batches = poolBatches(sizes, {
        rows,
        first: at * pool * rows,
        count,
        key: randomKey(seed, epoch, "data", 0),
      });
      kept = number;
    }
    return batches[within % pool]!;
  };
}

interface Pool {
  readonly rows: number;
  /** Its place among the epoch's permuted examples. */
  readonly first: number;
  readonly count: number;
  readonly key: number;
}

function poolBatches(
  sizes: ArrayLike<number>,
  { rows, first, count, key }: Pool,
): readonly (readonly number[])[] {
  const members = Array.from({ length: count * rows }, (_, k) => permutedIndex(first + k, sizes.length, key));
  const bySize = [...members].sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  const order = randomKey(key, first, "batches", 0);
  return Array.from({ length: count }, (_, n) => {
    const start = permutedIndex(n, count, order) * rows;
    return bySize.slice(start, start + rows);
  });
}

/** The first `limit` examples in batches of like sizes, each once. */
export function* inOrderOfSize(
  sizes: ArrayLike<number>,
  { batch, limit = sizes.length }: { readonly batch: number; readonly limit?: number | undefined },
): Generator<readonly number[]> {
  const members = Array.from({ length: Math.min(limit, sizes.length) }, (_, n) => n);
  members.sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  for (let n = 0; n < members.length; n += batch) yield members.slice(n, n + batch);
}

/** Which examples validate: a share of all, drawn once for all seeds. Ascending on both sides. */
export function splitExamples(
  count: number,
  fraction: number,
): { readonly training: readonly number[]; readonly validation: readonly number[] } {
  const kept = Math.round(count * (1 - fraction));
  const key = randomKey(0, 0, "validation", 0);
  const drawn = Array.from({ length: count }, (_, n) => permutedIndex(n, count, key));
  const ascending = (part: readonly number[]) => [...part].sort((a, b) => a - b);
  return { training: ascending(drawn.slice(0, kept)), validation: ascending(drawn.slice(kept)) };
}
