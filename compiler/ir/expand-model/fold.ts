/**
 * Operators on what is known: exact where both sides are, shorter where one side is neutral.
 *
 * ```
 * norm_at == post        true or false             1 * x      x
 * true and mask(i, j)    mask(i, j)                x + 0      x, where 0 is a parameter that does not exist
 * ```
 */
import type { BinaryExpression, Expression, UnaryExpression } from "../../parser/model.js";
import { invert, negate, operate } from "../build/arithmetic.js";
import type { Value } from "../build/values.js";
import type { Engine } from "./engine.js";
import type { Constant, Known } from "./known.js";
import { constant, nowhere, open, textOf } from "./known.js";

/** A known value as the builder's rules take it; undefined where it is open. */
export function valueOfKnown(known: Known): Value | undefined {
  switch (known.kind) {
    case "constant":
      return known.value;
    case "function":
      return known.declaration.kind === "block"
        ? {
            kind: "block",
            declaration: known.declaration,
            scope: known.scope,
            bound: new Map(),
            as: known.as,
          }
        : {
            kind: "formula",
            declaration: known.declaration,
            scope: known.scope,
            bound: true,
            held: new Map(),
          };
    case "list": {
      const items = known.items.map(valueOfKnown);
      return items.every((item) => item !== undefined) ? { kind: "list", items } : undefined;
    }
    case "open":
    case "instance":
      return undefined;
    default:
      throw new Error(`internal: ${(known satisfies never as Known).kind} has no value`);
  }
}

export const booleanText = (value: boolean): Expression => ({ kind: "boolean", value, span: nowhere });
export const truth = (value: boolean): Constant => constant({ kind: "boolean", value }, booleanText(value));

/** A value under the text that gives it; truth values are their own text. */
const written = (value: Value, text: Expression): Known =>
  value.kind === "boolean" ? truth(value.value) : constant(value, text);

export function foldUnary(engine: Engine, x: UnaryExpression, operand: Known): Known {
  const text: Expression = { ...x, operand: textOf(operand) };
  const value = valueOfKnown(operand);
  if (value === undefined || (value.kind !== "number" && value.kind !== "boolean"))
    return open(text, operand.kind === "open" && operand.tensor);
  const f = x.operator === "-" ? negate : invert;
  return written(f(engine.env, value, nowhere), text);
}

export function foldBinary(engine: Engine, x: BinaryExpression, left: Known, right: Known): Known {
  const a = valueOfKnown(left);
  const b = valueOfKnown(right);
  const text: Expression = { ...x, left: textOf(left), right: textOf(right) };
  const short = shortened(x, left, right);
  if (a && b) {
    if (short) return short;
    return written(
      operate(engine.env, {
        operator: x.operator,
        left: a,
        right: b,
        leftSpan: nowhere,
        rightSpan: nowhere,
        span: nowhere,
      }),
      text,
    );
  }
  const never = (x.operator === "==" || x.operator === "!=") && neverEqual(left, right);
  if (never) return truth(x.operator === "!=");
  return (
    short ??
    open(
      text,
      [left, right].some((k) => k.kind === "open" && k.tensor),
    )
  );
}

/** A tensor is no choice and no function. */
const neverEqual = (left: Known, right: Known): boolean =>
  [
    [left, right],
    [right, left],
  ].some(
    ([a, b]) =>
      a!.kind === "open" &&
      a!.tensor &&
      (b!.kind === "function" || (b!.kind === "constant" && b!.value.kind === "none")),
  );

/** Whether a side is this number for good: among sizes a name that happens to be 1 may become another. */
const literal = (k: Known, n: number, other: Known): boolean =>
  k.kind === "constant" &&
  k.value.kind === "number" &&
  k.value.value === n &&
  (k.text.kind === "number" || (n === 1 && other.kind === "open"));
export const isAbsent = (k: Known): boolean =>
  k.kind === "constant" && k.value.kind === "number" && k.value.absent === true;

/** The side that is left where the other changes nothing. */
function shortened({ operator }: BinaryExpression, left: Known, right: Known): Known | undefined {
  switch (operator) {
    case "and":
    case "or": {
      const other = operator === "or";
      const settled = [left, right].find((k) => isTruth(k, other));
      if (settled) return truth(other);
      return isTruth(left, !other) ? right : isTruth(right, !other) ? left : undefined;
    }
    case "*":
      if (isAbsent(left) || isAbsent(right)) return isAbsent(left) ? left : right;
      return literal(left, 1, right) ? right : literal(right, 1, left) ? left : undefined;
    case "/":
    case "^":
      return literal(right, 1, left) ? left : undefined;
    case "+":
      return literal(right, 0, left) ? left : literal(left, 0, right) ? right : undefined;
    case "-":
      return literal(right, 0, left) ? left : undefined;
    default:
      return undefined;
  }
}

/** The mask `full` is true everywhere. */
const isTruth = (k: Known, value: boolean): boolean =>
  k.kind === "constant" &&
  (k.value.kind === "boolean" ? k.value.value === value : value && k.value.kind === "full");
