/**
 * Coordinates as linear forms over digits whose ranges are known → the same, moved through arithmetic that can be decided.
 *
 * ```
 * 16·o + 8 + i, 0 ≤ i < 8:   ÷ 16 → o   mod 16 → 8 + i   < 8 → no, where it is mod 16
 * ```
 */

export interface Term {
  readonly digit: string;
  readonly coefficient: number;
}

/** Σ coefficient · digit + constant; the digits in order, no coefficient 0. */
export interface Linear {
  readonly constant: number;
  readonly terms: readonly Term[];
}

/** The least and the most a digit can be; nothing is known of one that is not there. */
export type Ranges = ReadonlyMap<string, { readonly least: number; readonly most: number }>;

export const constant = (value: number): Linear => ({ constant: value, terms: [] });
export const digit = (name: string, coefficient = 1, shift = 0): Linear => ({
  constant: shift,
  terms: coefficient === 0 ? [] : [{ digit: name, coefficient }],
});

export function plus(a: Linear, b: Linear): Linear {
  const shift = a.constant + b.constant;
  if (b.terms.length === 0) return { constant: shift, terms: a.terms };
  if (a.terms.length === 0) return { constant: shift, terms: b.terms };
  const terms: Term[] = [];
  let [i, j] = [0, 0];
  while (i < a.terms.length || j < b.terms.length) {
    const [x, y] = [a.terms[i], b.terms[j]];
    if (x && (!y || x.digit < y.digit)) {
      terms.push(x);
      i++;
    } else if (y && (!x || y.digit < x.digit)) {
      terms.push(y);
      j++;
    } else {
      const coefficient = x!.coefficient + y!.coefficient;
      if (coefficient !== 0) terms.push({ digit: x!.digit, coefficient });
      i++;
      j++;
    }
  }
  return { constant: shift, terms };
}

export const times = (a: Linear, by: number): Linear =>
  by === 0
    ? constant(0)
    : {
        constant: a.constant * by,
        terms: a.terms.map((term) => ({ ...term, coefficient: term.coefficient * by })),
      };

export const shiftedBy = (a: Linear, by: number): Linear => ({ ...a, constant: a.constant + by });

export function keyOfLinear({ constant: shift, terms }: Linear): string {
  let key = "";
  for (const { digit: name, coefficient } of terms) key += `${coefficient}${name}+`;
  return key + shift;
}

/** The least and the most of a form; infinite where a digit is not known. */
export function rangeOf({ constant: shift, terms }: Linear, ranges: Ranges): readonly [number, number] {
  let [least, most] = [shift, shift];
  for (const { digit: name, coefficient } of terms) {
    const range = ranges.get(name) ?? { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
    const ends = [range.least * coefficient, range.most * coefficient];
    least += Math.min(...ends);
    most += Math.max(...ends);
  }
  return [least, most];
}

/** x = quotient · by + remainder with 0 ≤ remainder < by; undefined where a digit stands in both. */
export function divided(
  x: Linear,
  by: number,
  ranges: Ranges,
): { readonly quotient: Linear; readonly remainder: Linear } | undefined {
  const whole = x.terms.filter(({ coefficient }) => coefficient % by === 0);
  const rest = x.terms.filter(({ coefficient }) => coefficient % by !== 0);
  const left = ((x.constant % by) + by) % by;
  const remainder: Linear = { constant: left, terms: rest };
  const [least, most] = rangeOf(remainder, ranges);
  // The digits that are left may reach over a whole multiple: all of them, or none.
  const carried = Math.floor(least / by);
  if (!Number.isFinite(carried) || Math.floor(most / by) !== carried) return undefined;
  return {
    quotient: {
      constant: (x.constant - left) / by + carried,
      terms: whole.map((term) => ({ ...term, coefficient: term.coefficient / by })),
    },
    remainder: shiftedBy(remainder, -carried * by),
  };
}

/** Whether low ≤ x < high: always, never, or undefined where both happen. */
export function isWithin(x: Linear, low: number, high: number, ranges: Ranges): boolean | undefined {
  const [least, most] = rangeOf(x, ranges);
  if (least >= low && most < high) return true;
  return most < low || least >= high ? false : undefined;
}
