/**
 * Sizes, axes and shapes.
 *
 * A size is a number or a polynomial over length symbols (`B`, `T`, `S`, …), kept canonical so that
 * equal sizes are equal structures: `4*B*T + 8` is `[[4, "B", "T"], [8]]`.
 */

/** One product: an integer coefficient and its symbols in sorted order. */
export type Term = readonly [number, ...string[]];
/** A constant or a canonical sum of products (terms sorted by symbols, no zero coefficients, not constant). */
export type Size = number | readonly Term[];

/** A tensor axis. The name is a label for people; axes match by position. */
export interface Axis {
  readonly name: string;
  readonly size: Size;
}
export type Shape = readonly Axis[];

/** Element types of the IR. `bool` is stored as u32 0/1 and `i32` as i32 on devices. */
export type DType = "f32" | "i32" | "bool";

const symbolsOf = (term: Term): string => (term.slice(1) as string[]).join("*");

function single([coefficient, ...symbols]: Term): Size {
  if (coefficient === 0) return 0;
  return symbols.length === 0 ? coefficient : [[coefficient, ...symbols.sort()]];
}

function canonical(terms: readonly Term[]): Size {
  if (terms.length === 1) return single(terms[0]!);
  const sum = new Map<string, [number, ...string[]]>();
  for (const [coefficient, ...symbols] of terms) {
    const sorted = [...symbols].sort();
    const key = sorted.join("*");
    const seen = sum.get(key);
    if (seen) seen[0] += coefficient;
    else sum.set(key, [coefficient, ...sorted]);
  }
  const kept = [...sum.values()].filter(([coefficient]) => coefficient !== 0);
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]!.length === 1) return kept[0]![0];
  return kept.sort((a, b) => (symbolsOf(a) < symbolsOf(b) ? 1 : -1));
}

const termsOf = (size: Size): readonly Term[] => (typeof size === "number" ? [[size]] : size);

export const symbol = (name: string): Size => [[1, name]];
export const addSizes = (a: Size, b: Size): Size =>
  typeof a === "number" && typeof b === "number" ? a + b : canonical([...termsOf(a), ...termsOf(b)]);
export function mulSizes(a: Size, b: Size): Size {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (typeof a === "number") return scaled(b as readonly Term[], a);
  if (typeof b === "number") return scaled(a, b);
  return canonical(
    termsOf(a).flatMap(([ca, ...sa]) => termsOf(b).map(([cb, ...sb]): Term => [ca * cb, ...sa, ...sb])),
  );
}

const scaled = (size: readonly Term[], by: number): Size => {
  if (by === 1) return size;
  return by === 0 ? 0 : size.map(([coefficient, ...symbols]): Term => [coefficient * by, ...symbols]);
};

export const subSizes = (a: Size, b: Size): Size => addSizes(a, mulSizes(-1, b));
export const product = (sizes: readonly Size[]): Size => sizes.reduce(mulSizes, 1);

export const sizeEquals = (a: Size, b: Size): boolean =>
  a === b ||
  (typeof a !== "number" &&
    typeof b !== "number" &&
    a.length === b.length &&
    a.every((term, n) => sameTerm(term, b[n]!)));

const sameTerm = (a: Term, b: Term): boolean => a.length === b.length && a.every((part, n) => part === b[n]);

/** The exact quotient, or undefined where `b` does not divide `a` term by term (`b` a single term). */
export function divideSize(a: Size, b: Size): Size | undefined {
  const divisor = termsOf(b);
  if (divisor.length !== 1 || divisor[0]![0] === 0) return sizeEquals(a, b) ? 1 : undefined;
  const [coefficient, ...symbols] = divisor[0]!;
  const terms: Term[] = [];
  for (const [c, ...s] of termsOf(a)) {
    const left = [...s];
    for (const name of symbols) {
      const at = left.indexOf(name);
      if (at < 0) return undefined;
      left.splice(at, 1);
    }
    if (c % coefficient !== 0) return undefined;
    terms.push([c / coefficient, ...left]);
  }
  return canonical(terms);
}

/** ⌊a / b⌋ for a whole b > 0, or undefined where it is no sum of products of the lengths. */
export function floorDivideSize(a: Size, b: number): Size | undefined {
  const terms = termsOf(a).map(([c, ...symbols]): Term | undefined =>
    symbols.length > 0 && c % b !== 0 ? undefined : [Math.floor(c / b), ...symbols],
  );
  return terms.every((term) => term !== undefined) ? canonical(terms) : undefined;
}

/** The value under concrete lengths; throws where a symbol is unbound. */
export function evaluateSize(size: Size, lengths: Readonly<Record<string, number>>): number {
  if (typeof size === "number") return size;
  let sum = 0;
  for (const [coefficient, ...symbols] of size) {
    let value = coefficient;
    for (const name of symbols) {
      const length = lengths[name];
      if (length === undefined) throw new Error(`internal: length ${name} is unbound`);
      value *= length;
    }
    sum += value;
  }
  return sum;
}

/** Sizes and shapes never change, and addresses of nodes are made of their texts. */
const texts = new WeakMap<object, string>();

function textOf<T extends object>(value: T, make: (value: T) => string): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = make(value);
  texts.set(value, text);
  return text;
}

/** Text form, `4*B*T + 8`; equal sizes have equal text. */
export const sizeText = (size: Size): string =>
  typeof size === "number" ? String(size) : textOf(size, sumText);

const sumText = (terms: readonly Term[]): string =>
  terms
    .map(([coefficient, ...symbols]) =>
      (coefficient === 1 && symbols.length > 0 ? [...symbols] : [coefficient, ...symbols]).join("*"),
    )
    .join(" + ");

export const shapeSizes = (shape: Shape): readonly Size[] => shape.map((axis) => axis.size);
export const elementCount = (shape: Shape): Size => product(shapeSizes(shape));
export const shapeText = (shape: Shape): string => textOf(shape, axesText);
const axesText = (shape: Shape): string =>
  `[${shape.map((axis) => `${axis.name}=${sizeText(axis.size)}`).join(", ")}]`;
export const sameSizes = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((axis, n) => sizeEquals(axis.size, b[n]!.size));
export const symbolsIn = (size: Size): readonly string[] =>
  typeof size === "number" ? [] : [...new Set(size.flatMap(([, ...symbols]) => symbols))].sort();
