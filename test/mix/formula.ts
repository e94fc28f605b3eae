/**
 * Generalised mixing in plain f64, written from its formula: what the models of this folder are measured by.
 *
 * ```
 * mixed({ rows: 4, keys: 5 }, { score: (h, i, j) => …, weights: softmax, value: (h, j, c) => … })   →   [h][i][c]
 * ```
 */
export interface Mixing {
  readonly heads: number;
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly score: (h: number, i: number, j: number) => number;
  readonly allowed?: (h: number, i: number, j: number) => boolean;
  /** Weights of the scores that the mask allows, in the order of the keys. */
  readonly weights?: (scores: readonly number[], h: number, i: number) => readonly number[];
  readonly post?: (a: number, h: number, i: number, j: number) => number;
  /** All weights of one pair of positions, a number a head. */
  readonly across?: (weights: readonly number[], i: number, j: number) => readonly number[];
  readonly value: (h: number, i: number, j: number, c: number) => number;
  /** What a null key adds, by what its weight leaves for the others: 1 - Σ of their weights. */
  readonly nullValue?: (h: number, c: number) => number;
}

export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, k) => k);
export const total = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0);
export const over = (n: number, f: (k: number) => number): number => total(range(n).map(f));

export function mixed(m: Mixing): readonly number[] {
  const { heads, rows, keys, width, weights = softmax, across = (w) => w, post = (a) => a } = m;
  const allowed = m.allowed ?? (() => true);
  const plain = range(heads).map((h) =>
    range(rows).map((i) => {
      const seen = range(keys).filter((j) => allowed(h, i, j));
      const given = weights(
        seen.map((j) => m.score(h, i, j)),
        h,
        i,
      );
      return range(keys).map((j) => (seen.includes(j) ? post(given[seen.indexOf(j)]!, h, i, j) : 0));
    }),
  );
  const weight = (h: number, i: number, j: number): number =>
    across(
      range(heads).map((n) => plain[n]![i]![j]!),
      i,
      j,
    )[h]!;
  return range(heads).flatMap((h) =>
    range(rows).flatMap((i) =>
      range(width).map(
        (c) =>
          over(keys, (j) => weight(h, i, j) * m.value(h, i, j, c)) +
          (m.nullValue ? (1 - total(plain[h]![i]!)) * m.nullValue(h, c) : 0),
      ),
    ),
  );
}

type Weights = (scores: readonly number[]) => readonly number[];

/** exp(s − m) / (exp(n − m) + Σ exp(s − m)), m the largest of all: a softmax beside a null key that scores n. */
export const besideNull = (scores: readonly number[], n: number): readonly number[] => {
  const most = Math.max(...scores, n);
  const powers = scores.map((s) => Math.exp(s - most));
  const sum = total(powers) + Math.exp(n - most);
  return powers.map((p) => p / sum);
};
export const softmax: Weights = (scores) => besideNull(scores, -Infinity);
export const softmax1: Weights = (scores) => besideNull(scores, 0);
export const l1: Weights = (scores) => {
  const sum = total(scores);
  return scores.map((s) => s / sum);
};
export const each =
  (f: (s: number) => number): Weights =>
  (scores) =>
    scores.map(f);
export const identity: Weights = each((s) => s);
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const relu2 = (x: number): number => Math.max(x, 0) ** 2;
/** The softmax of the k largest; of equals the first. */
export const hard =
  (k: number): Weights =>
  (scores) => {
    const order = [...range(scores.length)].sort((a, b) => scores[b]! - scores[a]! || a - b);
    const chosen = order.slice(0, k);
    const own = softmax(chosen.map((j) => scores[j]!));
    return scores.map((_, j) => (chosen.includes(j) ? own[chosen.indexOf(j)]! : 0));
  };
