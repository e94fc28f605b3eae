/**
 * (name, names) → the nearest of them, for "did you mean".
 *
 *     nearest("layer_nrom", ["layer_norm", "rms_norm"])  →  "layer_norm"
 */

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; optimal string alignment. */
export function distance(a: string, b: string): number {
  const x = [...a];
  const y = [...b];
  let beforeLast: number[] = [];
  let last = Array.from({ length: y.length + 1 }, (_, j) => j);
  for (let i = 1; i <= x.length; i++) {
    const row = [i];
    for (let j = 1; j <= y.length; j++) {
      const replace = last[j - 1]! + (x[i - 1] === y[j - 1] ? 0 : 1);
      let best = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[y.length]!;
}

/**
 * The closest candidate, or undefined where all are more than a third of the name away (case weighs nothing).
 * One letter is as near to every other, so it is near to its other case only.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = name.length < 2 ? 0 : Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) > limit) continue;
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}
