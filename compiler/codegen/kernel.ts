/**
 * Kernel: a small typed loop tree with no target in it. One invocation runs `body` for its point of the grid.
 *
 * ```
 * add(x, 0) → x · mul(2, 3) → 6 · load 0 [add(grid 0, 1)]
 * ```
 *
 * Types are f32, i32, u32, bool and vec4 of f32 (`f32x4`); printers are total records over `tag`.
 * Indices and loop counters are i32. In a cooperative kernel a whole workgroup runs `body` for each point of the grid: its invocations
 * differ in `local`, share the arrays of space `workgroup` and wait for each other at `barrier` (`uniform.ts` says where one may stand).
 */
import type { Size } from "../ir/shape.js";
import { sizeText } from "../ir/shape.js";

export type ScalarType = "f32" | "i32" | "u32" | "bool";
export type ValueType = ScalarType | "f32x4";

export type ArrayType = "f32" | "f32x4";

/** A number the host computes from the lengths before the kernel runs: a size, or a size rounded up to 64 elements. */
export type Extent = Size | { readonly aligned: Size };

export type UnaryFunction =
  | "neg"
  | "not"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "tanh"
  | "erf"
  | "sigmoid"
  | "sin"
  | "cos"
  | "abs"
  | "floor"
  | "round"; // of two neighbours the even one
export type BinaryFunction =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "min"
  | "max"
  | "floordiv"
  | "mod" // floor semantics on i32 and f32
  | "quotient"
  | "remainder" // i32, both operands known non-negative
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "and"
  | "or"
  | "bitxor"
  | "bitor"
  | "shl"
  | "shr"; // u32

export type SubgroupFunction = "add" | "max" | "min";

export type Expr =
  | { readonly tag: "const"; readonly type: ScalarType; readonly value: number }
  | { readonly tag: "var"; readonly type: ValueType; readonly name: string }
  /** The invocation's index along grid dimension 0, 1 or 2 (i32); in a cooperative kernel the workgroup's. */
  | { readonly tag: "grid"; readonly type: "i32"; readonly dimension: 0 | 1 | 2 }
  /** A symbolic extent, read from the uniform of lengths (i32). Constant sizes are `const`. */
  | { readonly tag: "extent"; readonly type: "i32"; readonly extent: Extent }
  /** A value the runtime supplies per call: lr, seed, step … */
  | { readonly tag: "scalar"; readonly type: "f32" | "i32" | "u32"; readonly name: string }
  /** The turn of `repeat` this step belongs to (i32). */
  | { readonly tag: "turn"; readonly type: "i32" }
  /** Element `index` of a binding; with type f32x4 elements index … index+3, index a multiple of 4. */
  | { readonly tag: "load"; readonly type: ValueType; readonly binding: number; readonly index: Expr }
  /** The invocation's index in its workgroup (i32). */
  | { readonly tag: "local"; readonly type: "i32" }
  /** x of all invocations of a subgroup, combined; they must all come by. */
  | { readonly tag: "subgroup"; readonly type: ValueType; readonly fn: SubgroupFunction; readonly x: Expr }
  | { readonly tag: "subgroup_size"; readonly type: "i32" }
  /** The invocation's index in its subgroup (i32). */
  | { readonly tag: "subgroup_lane"; readonly type: "i32" }
  | { readonly tag: "unary"; readonly type: ValueType; readonly fn: UnaryFunction; readonly x: Expr }
  | {
      readonly tag: "binary";
      readonly type: ValueType;
      readonly fn: BinaryFunction;
      readonly x: Expr;
      readonly y: Expr;
    }
  /** x*y + z. */
  | {
      readonly tag: "fma";
      readonly type: "f32" | "f32x4";
      readonly x: Expr;
      readonly y: Expr;
      readonly z: Expr;
    }
  /** Element `index` of an array of the kernel's own, in elements of its type. */
  | { readonly tag: "element"; readonly type: ArrayType; readonly name: string; readonly index: Expr }
  /** `condition` is scalar. */
  | {
      readonly tag: "select";
      readonly type: ValueType;
      readonly condition: Expr;
      readonly then: Expr;
      readonly otherwise: Expr;
    }
  /** Value conversion between scalar types (f32 → i32 truncates; bool → 0/1; number → bool is ≠ 0). */
  | { readonly tag: "convert"; readonly type: ScalarType; readonly x: Expr }
  | { readonly tag: "bitcast"; readonly type: "f32" | "i32" | "u32"; readonly x: Expr }
  | { readonly tag: "splat"; readonly type: "f32x4"; readonly x: Expr }
  | { readonly tag: "vector"; readonly type: "f32x4"; readonly lanes: readonly [Expr, Expr, Expr, Expr] }
  | { readonly tag: "lane"; readonly type: "f32"; readonly x: Expr; readonly lane: 0 | 1 | 2 | 3 };

export type Stmt =
  /** A value named once. */
  | { readonly tag: "let"; readonly name: string; readonly value: Expr }
  /** A mutable local. */
  | { readonly tag: "var"; readonly name: string; readonly value: Expr }
  | { readonly tag: "assign"; readonly name: string; readonly type: ValueType; readonly value: Expr }
  /** `length` elements that the invocation keeps, or its workgroup shares; they hold nothing until they are put. */
  | {
      readonly tag: "array";
      readonly name: string;
      readonly type: ArrayType;
      readonly length: number;
      readonly space: "local" | "workgroup";
    }
  /** Element `index` of an array becomes `value`. */
  | { readonly tag: "put"; readonly name: string; readonly index: Expr; readonly value: Expr }
  /** Stores value (f32x4: to index … index+3, index a multiple of 4). */
  | { readonly tag: "store"; readonly binding: number; readonly index: Expr; readonly value: Expr }
  /** for name (i32) from `from` below `to` by `step`. */
  | {
      readonly tag: "for";
      readonly name: string;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: number;
      readonly body: readonly Stmt[];
    }
  | {
      readonly tag: "if";
      readonly condition: Expr;
      readonly then: readonly Stmt[];
      readonly otherwise: readonly Stmt[];
    }
  /** All invocations of the workgroup come here before one goes on, and see what the others put. */
  | { readonly tag: "barrier" };

/** One storage binding. `width` 4: declared as vec4 on the device; a scalar load or store on it is still allowed. */
export interface Binding {
  readonly type: "f32" | "i32" | "u32";
  readonly width: 1 | 4;
  readonly access: "read" | "write" | "both";
}

export interface Kernel {
  /** What it computes, as a legal identifier: `contract_bias_gelu`. */
  readonly name: string;
  readonly bindings: readonly Binding[];
  /** Invocations needed along each dimension; the printers guard against the rounding up to workgroups. */
  readonly grid: readonly [Extent | GridExtent, Extent | GridExtent, Extent | GridExtent];
  readonly workgroup: readonly [number, number, number];
  /** Each point of the grid is a workgroup. */
  readonly cooperative?: boolean;
  readonly body: readonly Stmt[];
}

/** ⌈size / tile⌉ invocations. */
export interface GridExtent {
  readonly size: Size;
  readonly tile: number;
}

// ---- Constructors, with the folding that keeps generated text short.

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
export const subgroupLane: Expr = { tag: "subgroup_lane", type: "i32" };
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

/** The expressions directly below one. */
export function children(x: Expr): readonly Expr[] {
  switch (x.tag) {
    case "const":
    case "var":
    case "grid":
    case "extent":
    case "scalar":
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return [];
    case "load":
    case "element":
      return [x.index];
    case "subgroup":
    case "unary":
    case "convert":
    case "bitcast":
    case "splat":
    case "lane":
      return [x.x];
    case "binary":
      return [x.x, x.y];
    case "fma":
      return [x.x, x.y, x.z];
    case "select":
      return [x.condition, x.then, x.otherwise];
    case "vector":
      return x.lanes;
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

/** The same expression over other children, in the order of `children`. */
export function withChildren(x: Expr, below: readonly Expr[]): Expr {
  const at = (n: number): Expr => below[n] ?? x;
  switch (x.tag) {
    case "const":
    case "var":
    case "grid":
    case "extent":
    case "scalar":
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return x;
    case "load":
    case "element":
      return { ...x, index: at(0) };
    case "subgroup":
    case "unary":
    case "convert":
    case "bitcast":
    case "splat":
    case "lane":
      return { ...x, x: at(0) };
    case "binary":
      return { ...x, x: at(0), y: at(1) };
    case "fma":
      return { ...x, x: at(0), y: at(1), z: at(2) };
    case "select":
      return { ...x, condition: at(0), then: at(1), otherwise: at(2) };
    case "vector":
      return { ...x, lanes: [at(0), at(1), at(2), at(3)] };
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

/** A text that is equal exactly for equal expressions. */
export function exprKey(x: Expr, nameOf: (name: string) => string = itself): string {
  const key = (child: Expr): string => exprKey(child, nameOf);
  switch (x.tag) {
    case "const":
      return `${x.type}:${Object.is(x.value, -0) ? "-0" : x.value}`;
    case "var":
      return nameOf(x.name);
    case "grid":
      return `g${x.dimension}`;
    case "extent":
      return `e${extentText(x.extent)}`;
    case "scalar":
      return `s${x.name}`;
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return x.tag;
    case "load":
      return `load${x.binding}.${x.type}(${key(x.index)})`;
    case "element":
      return `${nameOf(x.name)}[${key(x.index)}]`;
    case "subgroup":
      return `subgroup.${x.fn}(${key(x.x)})`;
    case "unary":
      return `${x.fn}(${key(x.x)})`;
    case "binary":
      return `${x.fn}(${key(x.x)},${key(x.y)})`;
    case "convert":
    case "bitcast":
      return `${x.tag}.${x.type}(${key(x.x)})`;
    case "splat":
      return `splat(${key(x.x)})`;
    case "lane":
      return `lane${x.lane}(${key(x.x)})`;
    case "fma":
      return `fma(${key(x.x)},${key(x.y)},${key(x.z)})`;
    case "select":
      return `select(${key(x.condition)},${key(x.then)},${key(x.otherwise)})`;
    case "vector":
      return `vector(${x.lanes.map(key)})`;
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

const itself = (name: string): string => name;

const extentText = (of: Extent): string =>
  typeof of === "object" && "aligned" in of ? `aligned(${sizeText(of.aligned)})` : sizeText(of);
