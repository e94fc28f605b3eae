/**
 * A misspelt word and the words there are → the nearest one.
 *
 * ```
 * nearest("sumary", ["check", "summary"])  // "summary"
 * ```
 */

/** Edits (insert, delete, replace, swap neighbours) that lead from a to b. */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The nearest candidate, however far. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, edits: distance(word, candidate) }));
  return ranked.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

/** The nearest candidate within a third of the word's length (at least one edit), if any. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const found = closest(word, candidates);
  return found !== undefined && distance(word, found) <= Math.max(1, Math.floor(word.length / 3)) ? found : undefined;
}
