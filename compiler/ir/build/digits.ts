/**
 * Indices as the digits of others: what they run over where they never stand alone, and axes that are read by the digits of
 * one index.
 *
 * ```
 * image[r * 4 + a, c]      a: 0 … 3, r: 0 … height / 4 - 1
 * grid[n // 7, n % 7, c]   n: 0 … 7 · rows - 1; the axes merge into one, read by n
 * ```
 */
import type { Expression } from "../../parser/model.js";
import type { Node } from "../graph.js";
import type { Size } from "../shape.js";
import { divideSize, mulSizes, product, sizeEquals, sizeText } from "../shape.js";
import type { Affine, AffineTerm } from "./affine.js";
import { addAffine, constantAffine, divided, labelsIn, plainLabel, scaleAffine } from "./affine.js";
import { evaluate } from "./meaning.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { Value } from "./values.js";

export interface Range {
  readonly label: string;
  readonly size: Size;
}

/** Only indices and numbers, with an operator that may split or merge them. */
const isDigits = (x: Expression): boolean =>
  x.kind === "binary" &&
  (x.operator === "*" || x.operator === "+" || x.operator === "//" || x.operator === "%")
    ? isPlain(x.left) && isPlain(x.right)
    : false;
const isPlain = (x: Expression): boolean => x.kind === "name" || x.kind === "number" || isDigits(x);

/** What the indices of one subscript run over, as far as the axis of this size says and nothing else does. */
export function digitRanges(env: Env, index: Expression, size: Size): readonly Range[] {
  if (!isDigits(index)) return [];
  const value = evaluate(env, index);
  if (value.kind !== "index") return [];
  const unknown = (label: string | undefined): label is string =>
    label !== undefined && !env.index!.infos.has(label);
  const { affine } = value;
  if (affine.kind !== "sum") {
    const label = affine.kind === "floordiv" ? plainLabel(affine.value) : undefined;
    return unknown(label) ? [{ label, size: mulSizes(size, affine.by) }] : [];
  }
  const ranges = mixedRadix(affine, size);
  if (!ranges?.some(({ label }) => unknown(label))) return [];
  const fits = ({ label, size: own }: Digit): boolean => {
    const known = env.index!.infos.get(label);
    return !known || own === undefined || sizeEquals(known.size, own);
  };
  if (!ranges.every(fits)) return [];
  const odd = ranges.find((range) => range.size === undefined);
  if (odd)
    fail(
      env,
      "TFM3001",
      index.span,
      `${sizeText(odd.whole)} is not divisible by ${odd.factor}, so \`${odd.label}\` has no whole number of values.`,
    );
  return ranges.flatMap(({ label, size: own }) =>
    unknown(label) && own !== undefined ? [{ label, size: own }] : [],
  );
}

interface Digit {
  readonly label: string;
  readonly whole: Size;
  readonly factor: number;
  /** Undefined where the factor does not divide the whole. */
  readonly size: Size | undefined;
}

/** r · 4 + a, the largest factor first: each index fills what the factor before it leaves. */
function mixedRadix(sum: Extract<Affine, { kind: "sum" }>, size: Size): readonly Digit[] | undefined {
  const terms = [...sum.terms].sort((a, b) => b.factor - a.factor);
  if (sum.constant !== 0 || terms.length < 2 || terms.at(-1)!.factor !== 1) return undefined;
  const digits = terms.map(({ factor, atom }, n): Digit | undefined => {
    const whole = n === 0 ? size : terms[n - 1]!.factor;
    const same = n > 0 && whole === factor;
    return typeof atom === "string" && !same
      ? { label: atom, whole, factor, size: divideSize(whole, factor) }
      : undefined;
  });
  return digits.every((digit) => digit !== undefined) ? digits : undefined;
}

export interface Merged {
  readonly first: number;
  readonly count: number;
  readonly affine: Affine;
}

/**
 * The axes, counted from 0, that are read by expressions of one index, and all between them, as one axis: its number in
 * row-major order is an expression of indices again.
 */
export function sharedAxes(values: readonly Value[], sizes: readonly Size[]): Merged | undefined {
  const labels = values.map((v) => (v.kind === "index" ? labelsIn(v.affine) : []));
  const all = labels.flat();
  const shared = new Set(all.filter((label, n) => all.indexOf(label) !== n));
  const plain = (label: string): boolean =>
    values.every(
      (v, n) => !labels[n]!.includes(label) || (v.kind === "index" && plainLabel(v.affine) === label),
    );
  const axes = values.flatMap((_, n) => (labels[n]!.some((l) => shared.has(l) && !plain(l)) ? [n] : []));
  if (axes.length < 2) return undefined;
  const [first, last] = [axes[0]!, axes.at(-1)!];
  let affine = constantAffine(0);
  for (let n = first; n <= last; n++) {
    const value = values[n]!;
    const stride = product(sizes.slice(n + 1, last + 1));
    const own =
      value.kind === "index"
        ? value.affine
        : value.kind === "number"
          ? constantAffine(value.value)
          : undefined;
    if (!own || typeof stride !== "number") return undefined;
    affine = addAffine(affine, scaleAffine(own, stride));
  }
  return { first, count: last - first + 1, affine: withoutDigits(affine) };
}

/** (x // k) · f·k + (x % k) · f is x · f. */
function withoutDigits(x: Affine): Affine {
  if (x.kind !== "sum") return x;
  for (const low of x.terms) {
    if (typeof low.atom === "string" || low.atom.kind !== "mod") continue;
    const { value, by } = low.atom;
    const above = JSON.stringify(divided(value, by));
    const high = x.terms.find(
      ({ factor, atom }) =>
        factor === low.factor * by && typeof atom !== "string" && JSON.stringify(atom) === above,
    );
    if (high) return withoutDigits(addAffine(without(x, low, high), scaleAffine(value, low.factor)));
  }
  return x;
}

const without = (x: Extract<Affine, { kind: "sum" }>, ...gone: readonly AffineTerm[]): Affine => ({
  ...x,
  terms: x.terms.filter((term) => !gone.includes(term)),
});

/** The axes as one. */
export function mergeAxes(env: Env, node: Node, axis: number, count: number): Node {
  const joined = node.shape.slice(axis, axis + count);
  const flat = {
    name: joined.map(({ name }) => name).join("_"),
    size: product(joined.map(({ size }) => size)),
  };
  return env.session.builder.reshape(node, [
    ...node.shape.slice(0, axis),
    flat,
    ...node.shape.slice(axis + count),
  ]);
}
