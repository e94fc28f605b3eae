/**
 * Kernel: a small typed loop tree with no target in it. One invocation runs `body` for its point of the grid.
 *
 * ```
 * for i_0 below extent T: store 1 [add(grid 0, i_0)] (load 0 [i_0])
 * ```
 *
 * Types are f32, i32, u32, bool and vec4 of f32 (`f32x4`); printers are total records over `tag`.
 * Indices and loop counters are i32. In a cooperative kernel a whole workgroup runs `body` for each point of the grid: its invocations
 * differ in `local`, share the arrays of space `workgroup` and wait for each other at `barrier` (`uniform.ts` says where one may stand).
 */
import type { Size } from "../ir/shape.js";

export * from "./expressions.js";
export * from "./traverse.js";

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
