/**
 * Lengths: symbols for the axes whose size is known only at run time, the bounds that the model puts on them, and sizes in words.
 *
 * ```
 * input tokens[t <= context]     T: axis t, at most 128
 * table[i, c] with i over t      T ≤ the table's 128 rows
 * ```
 */
import type { Expression, Span } from "../../parser/model.js";
import type { Lengths } from "../graph.js";
import type { Size, Term } from "../shape.js";
import { sizeEquals, sizeText, subSizes, symbol, symbolsIn } from "../shape.js";
import type { Env, Session } from "./session.js";
import { fail, originRelated } from "./session.js";
import type { NumberValue, TensorValue, Value } from "./values.js";
import { innerShape, numberText } from "./values.js";

const SYMBOLS = ["T", "S", "U", "W"];
export const DEFAULT_MAXIMUM = 2048;

/** The symbol of a new length. */
export function newLength(session: Session, axis: string): Size {
  const count = session.lengths.size;
  const name = SYMBOLS[count] ?? `N${count + 1}`;
  session.lengths.set(name, { symbol: name, axis, maximum: undefined });
  return symbol(name);
}

export function boundLength(session: Session, name: string, maximum: number): void {
  const known = session.lengths.get(name);
  if (known && (known.maximum === undefined || known.maximum > maximum))
    session.lengths.set(name, { ...known, maximum });
}

/** The largest value of a size, as far as the bounds so far say. */
export function largest(session: Session, size: Size): number {
  if (typeof size === "number") return size;
  return size.reduce((sum, [coefficient, ...symbols]) => {
    const maxima = symbols.map((name) => {
      const maximum = session.maxima.get(name) ?? session.lengths.get(name)?.maximum ?? DEFAULT_MAXIMUM;
      session.assumed.set(name, maximum);
      return maximum;
    });
    return sum + maxima.reduce((a, b) => a * b, coefficient);
  }, 0);
}

export function finalLengths(session: Session, batch: number): Lengths {
  const entries = [...session.lengths.values()].map(({ symbol: name, axis, maximum }) => [
    name,
    { axis, maximum: maximum ?? DEFAULT_MAXIMUM },
  ]);
  return { B: { axis: "batch", maximum: batch }, ...Object.fromEntries(entries) };
}

/** Whether a ≤ b for every allowed length; a single length that is too free gets the bound that makes it true. */
export function demandAtMost(env: Env, a: Size, b: Size): boolean {
  const slack = subSizes(b, a);
  if (typeof slack === "number") return slack >= 0;
  const constant = slack.find((term) => term.length === 1)?.[0] ?? 0;
  const rest = slack.filter((term) => term.length > 1) as readonly Term[];
  if (rest.every(([coefficient]) => coefficient > 0))
    return rest.reduce((sum, [c]) => sum + c, constant) >= 0;
  const [only] = rest;
  if (rest.length !== 1 || only!.length !== 2 || constant < -only![0]) return false;
  boundLength(env.session, only![1]!, Math.floor(constant / -only![0]));
  return true;
}

/** The name of an axis that is only a number. */
export const anonymous = (size: Size): string => `n${sizeText(size).replaceAll(/\W+/g, "_")}`;

/** "t = 64", "t" for a length: how a size is shown. */
export function sizeWords(env: Env, size: Size, name?: string): string {
  if (typeof size === "number") return name && name !== anonymous(size) ? `${name} = ${size}` : String(size);
  const symbols = symbolsIn(size);
  const length =
    symbols.length === 1 && sizeEquals(size, symbol(symbols[0]!))
      ? env.session.lengths.get(symbols[0]!)
      : undefined;
  if (!length) return name ?? sizeText(size);
  return name && name !== length.axis ? `${name} (the length ${length.axis})` : `the length ${length.axis}`;
}

export const shapeWords = (env: Env, x: TensorValue): string =>
  `[${innerShape(x)
    .map((axis, n) =>
      typeof axis.size === "number"
        ? sizeWords(env, axis.size, x.axes[n]?.name)
        : (x.axes[n]?.name ?? axis.name),
    )
    .join(", ")}]`;

function inexact(env: Env, x: NumberValue, span: Span): never {
  const { dividend, divisor, span: at } = x.quotient!;
  const [a, b] = [dividend.value, divisor.value];
  const divisors = Array.from({ length: Math.min(Math.max(a, 0), 65536) }, (_, n) => n + 1).filter(
    (n) => a % n === 0,
  );
  const below = divisors.filter((n) => n < b).at(-1);
  const above = divisors.find((n) => n > b);
  const named = (v: NumberValue): string =>
    v.origin ? `\`${v.origin.text}\` = ${numberText(v.value)}` : numberText(v.value);
  const near = [below, above].filter((n) => n !== undefined);
  const hint = near.length
    ? `${numberText(a)} is divisible by ${near.join(" and by ")}; \`//\` is floor division.`
    : undefined;
  return fail(env, "TFM3001", at ?? span, `${named(dividend)} is not divisible by ${named(divisor)}.`, {
    related: [
      ...(originRelated(dividend.origin, `\`${dividend.origin?.text}\` is ${numberText(a)}, set here`) ?? []),
      ...(originRelated(divisor.origin, `\`${divisor.origin?.text}\` is ${numberText(b)}, set here`) ?? []),
    ],
    hint,
  });
}

/** A value as a whole number, or a diagnostic. */
export function wholeNumber(env: Env, value: Value, span: Span, what: string): number {
  if (value.kind !== "number")
    return fail(env, "TFM2006", span, `${what} must be a whole number that is known at compile time.`);
  if (!Number.isInteger(value.value)) {
    if (value.quotient) inexact(env, value, span);
    fail(env, "TFM3005", span, `${what} must be a whole number, and this is ${numberText(value.value)}.`, {
      related: originRelated(value.origin, `\`${value.origin?.text}\` was set here`),
    });
  }
  return value.value;
}

/** A value as the size of an axis: positive and whole, or a length where `lengths` allows one. */
export function sizeOf(env: Env, value: Value, expression: Expression, lengths: boolean): Size {
  const { span } = expression;
  if (value.kind === "size") {
    if (lengths) return value.size;
    return fail(
      env,
      "TFM2006",
      span,
      "A parameter's size must be known at compile time, and this is a length.",
      {
        related: originRelated(value.origin, `\`${value.origin?.text}\` is the length of this input`),
      },
    );
  }
  if (value.kind === "tensor" && value.axes.length === 0)
    fail(
      env,
      "TFM3001",
      span,
      "The size of an axis is a sum of products of lengths and numbers, and this is none.",
      {
        hint: "`t // 2` is one only where t is a multiple of 2, whatever the length is; give the input's axis a number instead.",
      },
    );
  const size = wholeNumber(env, value, span, "A size");
  if (size <= 0)
    fail(env, "TFM3005", span, `A size must be positive, and this is ${size}.`, {
      related: originRelated((value as NumberValue).origin, "set here"),
    });
  if (size > 2 ** 31 - 1)
    fail(env, "TFM4001", span, `A size may be at most 2147483647, and this is ${size}.`);
  return size;
}
