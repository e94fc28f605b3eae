/**
 * A map op and its operands → an expression.
 *
 * ```
 * pow(x, 2) → x * x · to_f32(i) → convert f32 i · tanh(x) → tanh(x)
 * ```
 */
import type { MapOp } from "../ir/vocabulary.js";
import type { BinaryFunction, Expr, UnaryFunction } from "./kernel.js";
import { binary, convert, f32, isConst, mul, select, splat, unary } from "./kernel.js";
import { hashOf } from "./random.js";

/** How one map becomes an expression; `name` names a value used more than once. */
type MapRule = (operands: readonly Expr[], name: (x: Expr) => Expr) => Expr;

const one =
  (fn: UnaryFunction): MapRule =>
  ([x]) =>
    unary(fn, x!);
const two =
  (fn: BinaryFunction): MapRule =>
  ([x, y]) =>
    binary(fn, x!, y!);

export const mapRules: { readonly [K in MapOp]: MapRule } = {
  neg: one("neg"),
  exp: one("exp"),
  log: one("log"),
  sqrt: one("sqrt"),
  rsqrt: one("rsqrt"),
  tanh: one("tanh"),
  erf: one("erf"),
  sigmoid: one("sigmoid"),
  sin: one("sin"),
  cos: one("cos"),
  abs: one("abs"),
  floor: ([x]) => (x!.type === "i32" ? x! : unary("floor", x!)),
  round: ([x]) => (x!.type === "i32" ? x! : unary("round", x!)),
  not: one("not"),
  to_f32: ([x]) => convert("f32", x!),
  to_i32: ([x]) => convert("i32", x!),
  stop_gradient: ([x]) => x!,
  to_bool: ([x]) => convert("bool", x!),
  add: two("add"),
  sub: two("sub"),
  mul: two("mul"),
  div: two("div"),
  pow: ([x, y], name) => power(x!, y!, name),
  min: two("min"),
  max: two("max"),
  floordiv: two("floordiv"),
  mod: two("mod"),
  eq: two("eq"),
  ne: two("ne"),
  lt: two("lt"),
  le: two("le"),
  and: two("and"),
  or: two("or"),
  hash: ([x, y], name) => hashOf(x!, y!, name),
  straight_through: ([x]) => x!,
  select: ([condition, then, otherwise]) => select(condition!, then!, otherwise!),
};

export const isMap = (op: string): op is MapOp => op in mapRules;

/** The maps whose operands and result can be four f32 at once. */
export const isVectorMap = (op: MapOp): boolean =>
  !["not", "and", "or", "eq", "ne", "lt", "le", "select"].includes(op);

function power(x: Expr, y: Expr, name: (x: Expr) => Expr): Expr {
  const exponent = y.tag === "splat" ? y.x : y;
  if (!isConst(exponent) || x.type === "i32") return binary("pow", x, y);
  const value = exponent.value;
  if (value === 0.5) return unary("sqrt", x);
  if (value === -0.5) return unary("rsqrt", x);
  if (!Number.isInteger(value) || Math.abs(value) > 8) return binary("pow", x, y);
  const one = x.type === "f32x4" ? splat(f32(1)) : f32(1);
  if (value === 0) return one;
  const whole = integerPower(x, Math.abs(value), name);
  return value < 0 ? binary("div", one, whole) : whole;
}

function integerPower(x: Expr, n: number, name: (x: Expr) => Expr): Expr {
  if (n === 1) return x;
  const half = name(integerPower(x, Math.floor(n / 2), name));
  const square = mul(half, half);
  return n % 2 === 0 ? square : mul(square, x);
}
