/**
 * Numbers of several seeds → mean, deviation, median.
 *
 * ```
 * spreadOf([1, 3])  →  { mean: 2, deviation: 1.4142…, count: 2 }
 * ```
 */
export interface Spread {
  readonly mean: number;
  /** Of a sample (n − 1); undefined for a single number. */
  readonly deviation: number | undefined;
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, deviation: undefined, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

export function medianOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `2.1034 ± 0.0120`, `2.1034` for one seed, `–` for none. */
export function spreadText(spread: Spread | undefined): string {
  if (!spread) return "–";
  const digits = Math.abs(spread.mean) < 1000 ? 4 : 0;
  const mean = spread.mean.toFixed(digits);
  return spread.deviation === undefined ? mean : `${mean} ± ${spread.deviation.toFixed(digits)}`;
}
