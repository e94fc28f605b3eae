/**
 * Graph: an immutable, hash-consed tensor DAG with named axes.
 *
 * ```
 * %0 = input.input "tokens" : i32 [batch=B, t=T]
 * %1 = input.parameter "wte.table" : f32 [vocab=256, d=64]
 * %2 = gather(%1, %0) axis=0 : f32 [batch=B, t=T, d=64]
 * ```
 */
import type { Axis, DType, Shape } from "./shape.js";
import type { OpName, Vocabulary } from "./vocabulary.js";

/** Shape and element type of one value. */
export interface ValueType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** One node. `key` is a content address: equal exactly for nodes that compute the same thing the same way, in any builder. */
export interface NodeOf<K extends OpName> extends ValueType {
  readonly op: K;
  readonly inputs: readonly Node[];
  readonly attributes: Vocabulary[K];
  /** Result types of a region (`repeat`, `fused`), whose own shape is []; one entry otherwise. */
  readonly results: readonly ValueType[];
  readonly key: string;
}
export type Node = { [K in OpName]: NodeOf<K> }[OpName];

/** A value that leaves the graph under a name. */
export interface Output {
  readonly name: string;
  readonly node: Node;
}

/** Outputs in order; everything reachable from them is the graph. Leaves say their names themselves. */
export interface Graph {
  readonly name: string;
  readonly outputs: readonly Output[];
}

/** The length symbols of a model and the largest value each may take. */
export type Lengths = Readonly<Record<string, { readonly axis: string; readonly maximum: number }>>;

/** How a parameter starts. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number; readonly mean: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  /** Row i holds the sines of the angles i / base^(2c / width), then their cosines. */
  | { readonly kind: "sinusoids"; readonly base: number; readonly width: number; readonly gain: number }
  /** Glorot: bound √(6 / (fan_in + fan_out)); He: deviation √(2 / fan_in). */
  | {
      readonly kind: "xavier_uniform" | "xavier_normal" | "he_normal";
      readonly fanIn: number;
      readonly fanOut: number;
    };

/** One parameter as the model names it: what checkpoints hold. */
export interface ParameterInfo {
  /** Path name, `layers.0.attention.wq`. */
  readonly name: string;
  readonly shape: Shape;
  readonly init: Initializer;
  readonly frozen: boolean;
  readonly decay: boolean;
  /** The graph leaf that holds it, and which turn of that leaf's leading stack axis it is (undefined: the whole leaf). */
  readonly leaf: string;
  readonly turn: number | undefined;
  /** Where it shares its leaf with others: which part of each turn it is. Undefined: it has the turn for itself. */
  readonly part?: Part;
}

/**
 * Elements start … start + size - 1 along one axis of a packed leaf's turn, which has `whole` of them; `axes` axes of the parameter, from
 * `axis` on, lie along it.
 */
export interface Part {
  /** The leaf that held the parameter in the model as written. */
  readonly of: string;
  readonly axis: number;
  readonly axes: number;
  readonly start: number;
  readonly size: number;
  readonly whole: number;
}

/** An input as the model declares it; `shape` starts with the batch axis. `bound`: exclusive upper bound of an `int`. */
export interface InputInfo {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly bound: number | undefined;
  /** Undefined where the caller or the data give it. */
  readonly derived: DerivedInput | undefined;
}

/**
 * An input that the host makes of another one, in its shape, unless it is given.
 * - `next(x)`: x shifted by one; -1 where nothing follows (i32).
 * - `valid(x)`: whether an element is there or padding (bool); all are where nobody says otherwise.
 * - `original(x)`: what stood in x before the host masked it, -1 where nothing was masked (i32).
 * - `marks(x)`: a whole number for each element that says of which kind its place is; all 0 where nobody says otherwise (i32).
 */
export interface DerivedInput {
  readonly how: "next" | "valid" | "original" | "marks";
  readonly of: string;
}

/** The training recipe a model states; every value can be overridden by the command line. */
export interface Recipe {
  readonly learningRate: number;
  readonly schedule:
    | { readonly kind: "constant"; readonly warmup: number }
    | {
        readonly kind: "cosine" | "linear";
        readonly warmup: number;
        readonly steps: number;
        readonly floor: number;
      }
    | { readonly kind: "noam"; readonly warmup: number; readonly width: number };
  /** Largest global gradient norm, or undefined. */
  readonly clip: number | undefined;
  readonly batch: number;
  readonly steps: number;
  /** Batches whose gradients are summed, weighted by what counts in each, before one step. */
  readonly accumulate: number;
}

/** Everything `build` makes of one model: entries before any pass ran, and the tables beside them. */
export interface Built {
  readonly name: string;
  /** outputs: the model's `output`s and `probe`s. */
  readonly forward: Graph;
  /** outputs: `loss.sum` and `loss.count` (f32 []), where the model has a loss. */
  readonly loss: Graph | undefined;
  /** The same loss without dropout, where `loss` has any: what validation measures. */
  readonly evaluation?: Graph;
  /** The optimizer step on one leaf. Undefined where the model has no loss. */
  readonly optimizer: OptimizerRule | undefined;
  readonly probes: readonly string[];
  readonly inputs: readonly InputInfo[];
  readonly parameters: readonly ParameterInfo[];
  readonly lengths: Lengths;
  readonly recipe: Recipe;
}

/**
 * One optimizer step as a graph builder: given a parameter leaf, its gradient, and its states (in the order of
 * `states`), the new parameter and new states. Scalars `lr` and `step` are scalar inputs made by the rule.
 */
export interface OptimizerRule {
  readonly name: string;
  readonly states: readonly { readonly name: string; readonly initial: number }[];
  apply(
    leaf: Node,
    gradient: Node,
    states: readonly Node[],
    decays: boolean,
  ): { readonly parameter: Node; readonly states: readonly Node[] };
}

export type { Axis, DType, Shape };
