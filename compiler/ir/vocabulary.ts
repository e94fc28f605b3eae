/**
 * Every op of the Graph and its attributes. The op table (`ops/`) gives each its meaning;
 * its type is made total by this vocabulary.
 */
import type { Graph } from "./graph.js";
import type { DType, Shape, Size } from "./shape.js";

/** Where a leaf value comes from. */
export type InputKind =
  | "input" // supplied by the caller of an entry
  | "parameter" // a model parameter (or a stack of them: leading axis = turn of `repeat`)
  | "prepared" // what the entry `prepare` makes of parameters (a stack of them, as parameters are)
  | "state" // optimizer state, in the shape of its parameter
  | "cache" // what decoding keeps between calls (a stack of them: leading axis = turn of `repeat`)
  | "scalar" // supplied per call by the runtime: lr, seed, step, … (shape [])
  | "carry" // inside a `repeat` body: the value carried into this turn
  | "slice" // inside a `repeat` body: this turn's slice of a stacked operand
  | "fixed" // inside a `repeat` or `fused` body: an operand that is the same for every turn
  | "turn"; // inside a `repeat` body: the turn's number, i32 []

export type UnaryMap =
  | "neg"
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
  | "round"
  | "not"
  | "to_f32"
  | "to_i32"
  | "to_bool"
  | "stop_gradient"; // the identity, through which no gradient flows
export type BinaryMap =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "min"
  | "max"
  | "floordiv"
  | "mod"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "and"
  | "or"
  | "hash" // bits of two integers: what seeded tables draw
  | "straight_through"; // the first operand, with the gradient of the second
export type TernaryMap = "select"; // select(condition, then, otherwise)
export type MapOp = UnaryMap | BinaryMap | TernaryMap;

/** No attributes. */
export type None = Record<string, never>;

/** One label per axis of each operand; a label of both operands that is not in `out` is summed. */
export interface ContractLabels {
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly out: readonly string[];
}

export interface WindowAttributes {
  readonly axis: number;
  readonly along: number;
  readonly stride: number;
  readonly dilation: number;
  /** Of `axis` in the result. */
  readonly size: Size;
}

/** How many turns a region has: so many, or as many tiles as a size that depends on the lengths takes, ⌈size / tile⌉. */
export type Turns = number | { readonly size: Size; readonly tile: number };

/** A scalar formula of `mix`: a Graph of shape-[] nodes over inputs named s (in `post` a and l), h, i, j and field0, field1, … */
export type ScalarFormula = Graph;

type MapAttributes = { readonly [K in MapOp]: None };

export interface Vocabulary extends MapAttributes {
  // ---- leaves
  input: { readonly kind: InputKind; readonly name: string; readonly shape: Shape; readonly dtype: DType };
  /** A scalar constant, shape []. */
  const: { readonly value: number; readonly dtype: DType };
  /** The index along one axis of `shape`, i32. `offset` names a runtime length to add (position offset `P`), or is 0. */
  iota: { readonly shape: Shape; readonly axis: number; readonly offset: Size };
  /** A size as a number: f32 or i32, shape []. */
  length: { readonly size: Size; readonly dtype: DType };
  /** Uniform bits → f32 in [0, 1) of `shape`; inputs (seed, step, turn), all scalars i32. Bits are f(seed, step, path, turn, element). */
  random: { readonly path: string; readonly shape: Shape };
  /**
   * A constant tensor that the host fills in f64 before the first call (rotary angles, sinusoids): `formula` over the i32
   * scalar inputs i0, i1, … (the element's indices). `shape` is constant.
   */
  table: { readonly name: string; readonly shape: Shape; readonly formula: ScalarFormula };

  // ---- primitives: layout (lowered as index arithmetic, no data moves unless it must)
  /** Output axis n is input axis `from[n]`, or new where -1; `shape` is the output's. */
  broadcast: { readonly shape: Shape; readonly from: readonly number[] };
  transpose: { readonly order: readonly number[] };
  /** Same elements in row-major order. */
  reshape: { readonly shape: Shape };
  slice: { readonly axis: number; readonly start: Size; readonly size: Size };
  /** Zeros before and after along one axis. */
  pad: { readonly axis: number; readonly before: Size; readonly after: Size };
  concat: { readonly axis: number };
  /** y[…, i, …, k, …] = x[…, i · stride + k · dilation, …, k, …]: i along `axis`, which gets `size`, k along `along`. */
  window: WindowAttributes;
  /** The adjoint of `window`: y[…, i · stride + k · dilation, …, k, …] = x[…, i, …, k, …], 0 elsewhere. */
  unwindow: WindowAttributes;

  // ---- primitives: arithmetic over axes
  contract: ContractLabels;
  /** Removes `axes`. The empty reduction is 0 for sum, and for max/min by the language's rule. argmax: i32, first of equals, one axis. */
  reduce: { readonly kind: "sum" | "max" | "min" | "argmax"; readonly axes: readonly number[] };
  /** inputs (table, ids): replaces axis `axis` of the table by all axes of ids. An id outside the range reads as 0. */
  gather: { readonly axis: number };
  /** inputs (ids, updates): adjoint of gather into zeros; `axis` of the result has `size`, the updates carry ids' axes there. */
  scatter_add: { readonly axis: number; readonly size: Size; readonly name: string };
  /**
   * inputs (x, rows, at): x with `rows` in place of its elements along `axis` from index `at` (i32 []) on, modulo the axis's size where
   * `ring`. Rows outside x are left out; of rows that meet in a ring the last one stays. Kernels write the rows alone, in place of x.
   */
  update: { readonly axis: number; readonly ring: boolean };

  /** Running sums along one axis, each element's own included; from the end where `reverse`. */
  cumsum: { readonly axis: number; readonly reverse: boolean };

  // ---- composites: their meaning is their expansion
  /** How many elements of its row come before each one, the largest first and of equals the first: i32. */
  rank: { readonly axis: number };
  /** inputs (x) or (x, mask): over one axis; masked-out elements give 0, an empty row gives 0 throughout. */
  softmax: { readonly axis: number };
  /** inputs (x) or (x, mask): log Σ exp over the elements that the mask allows, 0 where there are none; removes the axis. */
  logsumexp: { readonly axis: number };
  /**
   * Generalised mixing y_i = Σ_{j : mask} post(weight_j(score(q_i · k_j))) v_j; inputs (q, k, v, ...fields).
   * q [...batch, h, i, c], k [...batch, g, j, c], v [...batch, g, j, e] → [...batch, h, i, e], g | h.
   * `fields[n]` says for input 3 + n which of the axes of [...batch, h, i, j] it has, in order (positions).
   * Weights of pairs that the mask forbids are 0. A function of s as weight is an identity of that score.
   */
  mix: {
    readonly score: ScalarFormula;
    readonly mask: ScalarFormula | undefined;
    /** l1: s / Σ s over the allowed, by 1 where the sum is 0. */
    readonly weight: "softmax" | "l1" | "identity";
    /** Of a weight `a` and of `l`, the logsumexp of the row's allowed scores: every weight, those of forbidden pairs too. */
    readonly post?: ScalarFormula | undefined;
    readonly fields: readonly (readonly number[])[];
    readonly offset: Size;
  };

  /**
   * Sums over pairs of positions, of which no tensor has to be kept. The pairs are `space` = [...batch, h, i, j]; for each
   *   s_n = Σ_c left_n[…, h, i, c] · right_n[…, g, j, c]                     n < products, g = h // (heads / heads of right_n)
   *   f   = formula(s0, s1, …, h, i, j, field0, …) where mask(h, i, j, field0, …), nothing elsewhere
   * over "columns": y[…, h, i] = Σ_j f, or Σ_j f · x[…, g, j, e] → [..., h, i, e]
   * over "rows":    y[…, h, j] = Σ_i f, or Σ_i f · x[…, h, i, e] → [..., g, j, e], summed over the heads h of each of `heads` groups g
   * over "batch":   y[kept] = Σ f over the axes of the space that `kept` lacks; `kept` (positions, in order) has i and j
   * reduce "logsumexp": log Σ exp f instead of Σ f, 0 where there is nothing (over columns, without x).
   * inputs: left_0, right_0, left_1, …, then x where `valued`, then the fields. `fields[n]`: which axes of the space field n has, in order.
   * A field may be anything that a kernel computes at an index (random bits, indices, maps of those): then nothing of it is kept either.
   * i and j count from `offset`.
   */
  pairwise: {
    readonly space: Shape;
    readonly products: number;
    readonly formula: ScalarFormula;
    readonly mask: ScalarFormula | undefined;
    readonly reduce: "sum" | "logsumexp";
    readonly over: "columns" | "rows" | "batch";
    readonly valued: boolean;
    /** Of the result along h: over rows the number of groups, else all of them. */
    readonly heads: Size;
    /** Over "batch" the axes of the result, else []. */
    readonly kept: readonly number[];
    readonly fields: readonly (readonly number[])[];
    readonly offset: Size;
  };

  // ---- regions
  /**
   * `count` turns of `body`, turn numbers first … first+count-1 (run backwards when `reverse`).
   * inputs: [carries…, stacked operands…, fixed operands…]; the body's inputs are `carry.n`, `slice.n`, `fixed.n`, `turn.0`;
   * its outputs are [next carries…, per-turn results…]; `scalar` inputs stay visible inside. A stacked operand has the leading
   * axis of size `count`; turn number t reads its slice t - first. Results: [last carries…, stacks of per-turn results (leading axis = turn)…].
   * Where `count` depends on the lengths there are carries only, and the turns run from 0 on.
   */
  repeat: {
    readonly body: Graph;
    readonly first: number;
    readonly count: Turns;
    readonly reverse: boolean;
    readonly carries: number;
    readonly slices: number;
  };
  /** What one kernel computes: inputs are the body's `fixed.n`, results its outputs. Formed by the fuse pass. */
  fused: { readonly body: Graph };
  /** One result of a region. */
  get: { readonly index: number };
}

export type OpName = keyof Vocabulary;
