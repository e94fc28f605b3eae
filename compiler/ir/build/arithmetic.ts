/**
 * Operators on values: exact at compile time, index arithmetic where both sides are indices, a map op otherwise.
 *
 * ```
 * 64 / 4           number 16          h // group       index
 * x + y            add(%x, %y)        j <= i           le(iota, iota)
 * ```
 */
import type { BinaryOperator, Span } from "../../parser/model.js";
import type { Node } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, divideSize, floorDivideSize, mulSizes, sizeEquals, subSizes } from "../shape.js";
import type { Affine } from "./affine.js";
import { addAffine, constantAffine, divided, scaleAffine } from "./affine.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { Want } from "./tensors.js";
import { lift } from "./tensors.js";
import type { NumberValue, Value } from "./values.js";
import { boolean, describe, number } from "./values.js";

export interface Operation {
  readonly operator: BinaryOperator;
  readonly left: Value;
  readonly right: Value;
  readonly leftSpan: Span;
  readonly rightSpan: Span;
  readonly span: Span;
}

export function operate(env: Env, o: Operation): Value {
  const { left, right } = o;
  if (o.operator === "and" || o.operator === "or") return logic(env, o);
  if (left.kind === "number" && right.kind === "number") return numbers(env, o, left, right);
  if ((o.operator === "==" || o.operator === "!=") && isName(left, right))
    return boolean(sameName(left, right) === (o.operator === "=="));
  const scaled = scaledInitializer(o);
  if (scaled) return scaled;
  const a = sizeLike(left);
  const b = sizeLike(right);
  if (a !== undefined && b !== undefined) {
    const value = sizes(o, a, b);
    if (value) return value;
  }
  const x = affineLike(left);
  const y = affineLike(right);
  if (x && y && (left.kind === "index" || right.kind === "index")) {
    const value = indices(o, x, y);
    if (value) return value;
  }
  return neutral(o) ?? tensors(env, o);
}

/** `0.5 * normal(0.02)`, `normal(0.02) / 2`. */
function scaledInitializer({ operator, left, right }: Operation): Value | undefined {
  if (right.kind === "initializer" && left.kind === "number" && operator === "*")
    return { ...right, gain: left.value * right.gain };
  if (left.kind !== "initializer" || right.kind !== "number") return undefined;
  if (operator === "*") return { ...left, gain: left.gain * right.value };
  return operator === "/" && right.value !== 0 ? { ...left, gain: left.gain / right.value } : undefined;
}

const isName = (a: Value, b: Value): boolean =>
  [a, b].some(
    (v) =>
      v.kind === "choice" ||
      v.kind === "none" ||
      v.kind === "full" ||
      v.kind === "boolean" ||
      v.kind === "string" ||
      v.kind === "block" ||
      v.kind === "formula" ||
      v.kind === "initializer" ||
      v.kind === "builtin",
  ) && ![a, b].some((v) => v.kind === "indexed");

/** A function is the name that it was declared by, whatever arguments it holds: `rope(base: 1e4) == rope`. */
function sameName(a: Value, b: Value): boolean {
  const nameOf = (v: Value): string | boolean => {
    switch (v.kind) {
      case "choice":
      case "builtin":
        return `name ${v.name}`;
      case "boolean":
        return v.value;
      case "string":
        return `string ${v.value}`;
      case "block":
      case "formula":
        return `name ${v.declaration.name.text}`;
      case "initializer":
        return `name ${v.name}`;
      case "none":
      case "full":
        return v.kind;
      default:
        return `other ${describe(v)}`;
    }
  };
  return nameOf(a) === nameOf(b) && !String(nameOf(a)).startsWith("other");
}

const NUMBERS: {
  readonly [K in Exclude<BinaryOperator, "and" | "or">]: (a: number, b: number) => number | boolean;
} = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => Math.floor(a / b),
  "%": (a, b) => a - b * Math.floor(a / b),
  "^": (a, b) => a ** b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function numbers(env: Env, o: Operation, left: NumberValue, right: NumberValue): Value {
  const operator = o.operator as keyof typeof NUMBERS;
  if (right.value === 0 && (operator === "/" || operator === "//" || operator === "%"))
    fail(env, "TFM2006", o.span, "Division by zero.", {
      related: right.origin
        ? [{ message: `\`${right.origin.text}\` was set here`, span: right.origin.span }]
        : [],
    });
  const value = NUMBERS[operator](left.value, right.value);
  if (typeof value === "boolean") return boolean(value);
  if (!Number.isFinite(value)) fail(env, "TFM4001", o.span, "The result is not a finite number.");
  const inexact =
    operator === "/" &&
    !Number.isInteger(value) &&
    Number.isInteger(left.value) &&
    Number.isInteger(right.value);
  return inexact
    ? { ...number(value), quotient: { dividend: left, divisor: right, span: o.span } }
    : number(value);
}

const sizeLike = (v: Value): Size | undefined =>
  v.kind === "size" ? v.size : v.kind === "number" && Number.isInteger(v.value) ? v.value : undefined;

const sizeValue = (size: Size): Value => (typeof size === "number" ? number(size) : { kind: "size", size });

function sizes({ operator }: Operation, a: Size, b: Size): Value | undefined {
  const difference = subSizes(a, b);
  const floored = typeof b === "number" && b > 0 ? floorDivideSize(a, b) : undefined;
  const divided = operator === "/" ? divideSize(a, b) : undefined;
  switch (operator) {
    case "+":
      return sizeValue(addSizes(a, b));
    case "-":
      return sizeValue(difference);
    case "*":
      return sizeValue(mulSizes(a, b));
    case "/":
      return divided === undefined ? undefined : sizeValue(divided);
    case "//":
      return floored === undefined ? undefined : sizeValue(floored);
    case "%":
      return floored === undefined ? undefined : sizeValue(subSizes(a, mulSizes(floored, b)));
    case "==":
      return sizeEquals(a, b) ? boolean(true) : undefined;
    case "!=":
      return sizeEquals(a, b) ? boolean(false) : undefined;
    default:
      return typeof difference === "number" && operator !== "^" && operator !== "and" && operator !== "or"
        ? boolean(NUMBERS[operator](difference, 0) as boolean)
        : undefined;
  }
}

const affineLike = (v: Value): Affine | undefined => {
  if (v.kind === "index") return v.affine;
  const size = sizeLike(v);
  return size === undefined ? undefined : constantAffine(size);
};

const constantOf = (x: Affine): number | undefined =>
  x.kind === "sum" && x.terms.length === 0 && typeof x.constant === "number" ? x.constant : undefined;

function indices({ operator }: Operation, x: Affine, y: Affine): Value | undefined {
  const index = (affine: Affine): Value => ({ kind: "index", affine });
  const a = constantOf(x);
  const b = constantOf(y);
  switch (operator) {
    case "+":
      return index(addAffine(x, y));
    case "-":
      return index(addAffine(x, scaleAffine(y, -1)));
    case "*":
      return b !== undefined
        ? index(scaleAffine(x, b))
        : a !== undefined
          ? index(scaleAffine(y, a))
          : undefined;
    case "//":
      return b !== undefined && b > 0 ? index(b === 1 ? x : divided(x, b)) : undefined;
    case "%":
      return b !== undefined && b > 0 ? index({ kind: "mod", value: x, by: b }) : undefined;
    default:
      return undefined;
  }
}

/** x + 0, x - 0, x * 1, x / 1 are x; 0 * x is 0: what `param … if false` leaves vanishes. */
function neutral({ operator, left, right }: Operation): Value | undefined {
  const is = (v: Value, n: number): boolean => v.kind === "number" && v.value === n;
  const real = (v: Value): boolean => (v.kind === "tensor" || v.kind === "indexed") && v.node.dtype === "f32";
  if (is(right, 0) && (operator === "+" || operator === "-") && real(left)) return left;
  if (is(left, 0) && operator === "+" && real(right)) return right;
  if (is(right, 1) && (operator === "*" || operator === "/" || operator === "^") && real(left)) return left;
  if (is(left, 1) && operator === "*" && real(right)) return right;
  if (operator === "*" && (isAbsent(left) || isAbsent(right))) return isAbsent(left) ? left : right;
  return undefined;
}

/** A parameter whose condition is false. */
export const absent = (name: string, span: Span): NumberValue => ({
  kind: "number",
  value: 0,
  absent: true,
  origin: { text: name, span },
});
const isAbsent = (v: Value): boolean => v.kind === "number" && v.absent === true;

function tensors(env: Env, o: Operation): Value {
  const b = env.session.builder;
  const pair = (wants: readonly Want[], f: (x: Node, y: Node) => Node): Value =>
    lift(env, { values: [o.left, o.right], spans: [o.leftSpan, o.rightSpan], wants }, ([x, y]) => f(x!, y!));
  const same: readonly Want[] = ["same", "same"];
  switch (o.operator) {
    case "+":
      return pair(same, b.add);
    case "-":
      return pair(same, b.sub);
    case "*":
      return pair(same, b.mul);
    case "/":
      return pair(["f32", "f32"], b.div);
    case "^":
      return pair(["f32", "f32"], b.pow);
    case "//":
      return pair(same, b.floordiv);
    case "%":
      return pair(same, b.mod);
    case "==":
      return pair(same, b.eq);
    case "!=":
      return pair(same, b.ne);
    case "<":
      return pair(same, b.lt);
    case "<=":
      return pair(same, b.le);
    case ">":
      return pair(same, (x, y) => b.lt(y, x));
    case ">=":
      return pair(same, (x, y) => b.le(y, x));
    default:
      throw new Error(`internal: ${o.operator} is no map`);
  }
}

function logic(env: Env, o: Operation): Value {
  const known = [o.left, o.right].map((v) =>
    v.kind === "full" ? true : v.kind === "boolean" ? v.value : undefined,
  );
  const absorbing = o.operator === "or";
  if (known.includes(absorbing)) return boolean(absorbing);
  if (known[0] !== undefined) return o.right;
  if (known[1] !== undefined) return o.left;
  const b = env.session.builder;
  const f = o.operator === "and" ? b.and : b.or;
  return lift(
    env,
    { values: [o.left, o.right], spans: [o.leftSpan, o.rightSpan], wants: ["bool", "bool"] },
    ([x, y]) => f(x!, y!),
  );
}

export function negate(env: Env, value: Value, span: Span): Value {
  if (value.kind === "number") return number(-value.value);
  if (value.kind === "index") return { kind: "index", affine: scaleAffine(value.affine, -1) };
  if (value.kind === "size") return { kind: "size", size: mulSizes(value.size, -1) };
  return lift(env, { values: [value], spans: [span], wants: ["same"] }, ([x]) => env.session.builder.neg(x!));
}

export function invert(env: Env, value: Value, span: Span): Value {
  if (value.kind === "boolean") return boolean(!value.value);
  return lift(env, { values: [value], spans: [span], wants: ["bool"] }, ([x]) => env.session.builder.not(x!));
}
