/**
 * Quasi-affine integer expressions of indices: what stands in a subscript, kept as a tree so that a shift is a slice and
 * `h // group` a broadcast; anything else becomes an `iota` expression.
 *
 * ```
 * 2*c + 1        sum { c: 2 } + 1        h // 4      floordiv (sum { h: 1 } + 0) 4
 * ```
 */
import type { Size } from "../shape.js";
import { addSizes, mulSizes, subSizes } from "../shape.js";

export type Affine =
  | { readonly kind: "sum"; readonly terms: readonly AffineTerm[]; readonly constant: Size }
  | { readonly kind: "floordiv" | "mod"; readonly value: Affine; readonly by: number };

/** `factor · atom`, where the atom is an index or a floor division or remainder. */
export interface AffineTerm {
  readonly factor: number;
  readonly atom: string | Affine;
}

export const indexAffine = (label: string): Affine => ({
  kind: "sum",
  terms: [{ factor: 1, atom: label }],
  constant: 0,
});
export const constantAffine = (constant: Size): Affine => ({ kind: "sum", terms: [], constant });

type Sum = Extract<Affine, { kind: "sum" }>;

const sumOf = (x: Affine): Sum =>
  x.kind === "sum" ? x : { kind: "sum", terms: [{ factor: 1, atom: x }], constant: 0 };

const atomKey = (atom: string | Affine): string => (typeof atom === "string" ? atom : JSON.stringify(atom));

export function addAffine(x: Affine, y: Affine): Affine {
  const a = sumOf(x);
  const b = sumOf(y);
  const terms = new Map(a.terms.map((term) => [atomKey(term.atom), term]));
  for (const term of b.terms) {
    const key = atomKey(term.atom);
    terms.set(key, { atom: term.atom, factor: term.factor + (terms.get(key)?.factor ?? 0) });
  }
  const kept = [...terms.values()].filter(({ factor }) => factor !== 0);
  return { kind: "sum", terms: kept, constant: addSizes(a.constant, b.constant) };
}

export function scaleAffine(x: Affine, by: number): Affine {
  const a = sumOf(x);
  const terms = by === 0 ? [] : a.terms.map(({ factor, atom }) => ({ factor: factor * by, atom }));
  return { kind: "sum", terms, constant: mulSizes(a.constant, by) };
}

/** x // by, where x // a // b is x // (a · b). */
export const divided = (x: Affine, by: number): Affine =>
  x.kind === "floordiv" ? { ...x, by: x.by * by } : { kind: "floordiv", value: x, by };

/** The label, where the expression is one index and nothing else. */
export function plainLabel(x: Affine): string | undefined {
  if (x.kind !== "sum" || x.terms.length !== 1 || x.constant !== 0) return undefined;
  const [{ factor, atom }] = x.terms as [AffineTerm];
  return factor === 1 && typeof atom === "string" ? atom : undefined;
}

/** `stride · label + shift` with one index, or undefined. */
export function strided(x: Affine): { label: string; stride: number; shift: Size } | undefined {
  if (x.kind !== "sum" || x.terms.length !== 1) return undefined;
  const [{ factor, atom }] = x.terms as [AffineTerm];
  return typeof atom === "string" ? { label: atom, stride: factor, shift: x.constant } : undefined;
}

export function labelsIn(x: Affine): readonly string[] {
  if (x.kind !== "sum") return labelsIn(x.value);
  return [...new Set(x.terms.flatMap(({ atom }) => (typeof atom === "string" ? [atom] : labelsIn(atom))))];
}

export interface Range {
  readonly low: Size;
  readonly high: Size;
}

/** The values that the expression takes while every index runs over its size. */
export function rangeOf(x: Affine, sizeOf: (label: string) => Size): Range | undefined {
  if (x.kind === "sum") {
    let low = x.constant;
    let high = x.constant;
    for (const { factor, atom } of x.terms) {
      const inner =
        typeof atom === "string" ? { low: 0, high: subSizes(sizeOf(atom), 1) } : rangeOf(atom, sizeOf);
      if (!inner) return undefined;
      low = addSizes(low, mulSizes(factor, factor > 0 ? inner.low : inner.high));
      high = addSizes(high, mulSizes(factor, factor > 0 ? inner.high : inner.low));
    }
    return { low, high };
  }
  const inner = rangeOf(x.value, sizeOf);
  if (x.kind === "mod") return { low: 0, high: x.by - 1 };
  if (!inner || typeof inner.low !== "number" || typeof inner.high !== "number") return undefined;
  return { low: Math.floor(inner.low / x.by), high: Math.floor(inner.high / x.by) };
}
