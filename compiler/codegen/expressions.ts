/**
 * Constructors of expressions, with the folding that keeps generated text short.
 *
 * ```
 * add(x, 0) → x · mul(2, 3) → 6 · vector of lanes 0 … 3 of x → x
 * ```
 */
import type {
  BinaryFunction,
  Expr,
  Extent,
  ScalarType,
  SubgroupFunction,
  UnaryFunction,
  ValueType,
} from "./kernel.js";

const folded: Partial<Record<BinaryFunction, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  min: Math.min,
  max: Math.max,
  quotient: (x, y) => Math.floor(x / y),
  remainder: (x, y) => x % y,
};
const comparisons: ReadonlySet<BinaryFunction> = new Set(["eq", "ne", "lt", "le"]);

const constant = (type: ScalarType, value: number): Expr => ({ tag: "const", type, value });
export const f32 = (value: number): Expr => constant("f32", value);
export const i32 = (value: number): Expr => constant("i32", value);
export const u32 = (value: number): Expr => constant("u32", value);
export const bool = (value: boolean): Expr => constant("bool", value ? 1 : 0);
export const variable = (name: string, type: ValueType): Expr => ({ tag: "var", type, name });
export const grid = (dimension: 0 | 1 | 2): Expr => ({ tag: "grid", type: "i32", dimension });
export const extent = (size: Extent): Expr => {
  if (typeof size === "number") return i32(size);
  if ("aligned" in size && typeof size.aligned === "number") return i32(Math.ceil(size.aligned / 64) * 64);
  return { tag: "extent", type: "i32", extent: size };
};
export const load = (binding: number, type: ValueType, index: Expr): Expr => ({
  tag: "load",
  type,
  binding,
  index,
});

export const local: Expr = { tag: "local", type: "i32" };
export const subgroup = (fn: SubgroupFunction, x: Expr): Expr => ({ tag: "subgroup", type: x.type, fn, x });

export const isConst = (x: Expr, value?: number): x is Expr & { tag: "const" } =>
  x.tag === "const" && (value === undefined || x.value === value);

/** Folds integers only: the device's own rounding decides floats. */
export function binary(fn: BinaryFunction, x: Expr, y: Expr): Expr {
  const type: ValueType = comparisons.has(fn) ? "bool" : x.type;
  const fold = folded[fn];
  if (fold && type === "i32" && isConst(x) && isConst(y) && !(isConst(y, 0) && fn === "remainder"))
    return i32(fold(x.value, y.value));
  return simplified(fn, x, y) ?? { tag: "binary", type, fn, x, y };
}

function simplified(fn: BinaryFunction, x: Expr, y: Expr): Expr | undefined {
  if (fn === "add") return isConst(y, 0) ? x : isConst(x, 0) ? y : undefined;
  if (fn === "sub") return isConst(y, 0) ? x : undefined;
  if (fn === "mul") {
    if (isConst(y, 1)) return x;
    if (isConst(x, 1)) return y;
    return x.type === "i32" && (isConst(x, 0) || isConst(y, 0)) ? i32(0) : undefined;
  }
  if (fn === "div" || fn === "quotient") return isConst(y, 1) ? x : undefined;
  if (fn === "remainder") return isConst(y, 1) ? i32(0) : undefined;
  if (fn === "and") return isConst(x, 1) ? y : isConst(y, 1) ? x : undefined;
  return undefined;
}

export const add = (x: Expr, y: Expr): Expr => binary("add", x, y);
export const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);
export const unary = (fn: UnaryFunction, x: Expr): Expr => ({ tag: "unary", type: x.type, fn, x });
export const fma = (x: Expr, y: Expr, z: Expr): Expr => ({
  tag: "fma",
  type: x.type === "f32x4" ? "f32x4" : "f32",
  x,
  y,
  z,
});
export function select(condition: Expr, then: Expr, otherwise: Expr): Expr {
  if (isConst(condition)) return condition.value ? then : otherwise;
  return { tag: "select", type: then.type, condition, then, otherwise };
}
export function convert(type: ScalarType, x: Expr): Expr {
  if (x.type === type) return x;
  if (isConst(x) && type === "f32") return f32(x.value);
  if (isConst(x) && type === "i32") return i32(Math.trunc(x.value));
  return { tag: "convert", type, x };
}
export const bitcast = (type: "f32" | "i32" | "u32", x: Expr): Expr =>
  x.type === type ? x : { tag: "bitcast", type, x };
export const splat = (x: Expr): Expr => (x.type === "f32x4" ? x : { tag: "splat", type: "f32x4", x });
export const lanes: readonly (0 | 1 | 2 | 3)[] = [0, 1, 2, 3];
export function vector(make: (lane: 0 | 1 | 2 | 3) => Expr): Expr {
  const made = [make(0), make(1), make(2), make(3)] as const;
  const whole = made[0].tag === "lane" ? made[0].x : undefined;
  if (whole && made.every((x, n) => x.tag === "lane" && x.lane === n && x.x === whole)) return whole;
  return { tag: "vector", type: "f32x4", lanes: made };
}
export function lane(x: Expr, n: 0 | 1 | 2 | 3): Expr {
  if (x.tag === "splat") return x.x;
  if (x.tag === "vector") return x.lanes[n];
  return { tag: "lane", type: "f32", x, lane: n };
}
