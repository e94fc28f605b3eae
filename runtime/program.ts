/**
 * Program: what the compiler decided, as plain JSON. The runtime evaluates it and decides nothing.
 *
 * All values live in *slots*. A slot's byte size is the largest of its `sizes`, each `count` strides of
 * ⌈elements/64⌉·64 elements of 4 bytes, so every binding offset is a multiple of 256 bytes. Parameter, state and input
 * slots persist between calls; temporary slots are an arena shared by all entries.
 */

/** A number, or a sum of products over length symbols: `[[4, "B", "T"], [8]]` is 4·B·T + 8. */
export type Size = number | readonly (readonly [number, ...string[]])[];
/** A size, one rounded up to a multiple of 64, or a ⌈size / tile⌉. */
export type Extent = Size | { readonly aligned: Size } | { readonly size: Size; readonly tile: number };
export type DType = "f32" | "i32" | "bool";

export interface Slot {
  readonly role: "parameter" | "prepared" | "state" | "table" | "input" | "cache" | "temporary";
  /** Elements of 4 bytes: max over entries of count · align64(elements). */
  readonly sizes: readonly { readonly count: number; readonly elements: Size }[];
}

/** A value's place: slot, element offset `turn · align64(stride)`, and its length in elements. */
export interface Place {
  readonly slot: number;
  readonly turn: number;
  readonly stride: Size;
  readonly length: Size;
  /** Of a stacked value: that many slices of `length` elements, align64(stride) apart. Absent: one. */
  readonly count?: number;
  /** Of a parameter or state that shares its place: its rows of `width` elements, `pitch` apart, from element `start` on. */
  readonly rows?: { readonly start: number; readonly width: number; readonly pitch: number };
}

/**
 * One text of a kernel. `grid`: invocations; the device dispatches ⌈grid / workgroup⌉ groups. Where more groups along x are due
 * than a device allows and the grid is [n, 1, 1] as written, they come folded over y: WGSL numbers them group.y · groups.x + group.x.
 * Of a variant the grid counts workgroups (and `workgroup` is [1, 1, 1]).
 */
export interface KernelText {
  readonly code: string;
  readonly grid: readonly [Extent, Extent, Extent];
  readonly workgroup: readonly [number, number, number];
  /** Values of the uniform of lengths in order (WGSL: `sizes`, JavaScript: `n`). */
  readonly extents: readonly Extent[];
}

/**
 * WGSL: entry point `main`; group 0: binding 0 = uniform `array<vec4<u32>, …>` of extents followed by the turn,
 * binding 1 = uniform `array<vec4<u32>, 4>` of call scalars (16 words), bindings 2… = storage, all `read_write`.
 * JavaScript: a function expression `(n, s, b, from, to) => void`: n = extents then the turn (Int32Array), s = call scalars as
 * {f: Float32Array, i: Int32Array, u: Uint32Array} over one buffer, b = typed arrays, one a binding, [from, to) = range of the flattened grid.
 */
/**
 * A text in WGSL whose workgroups share their work: the same numbers but for the order of sums. A device takes the first
 * one whose needs it meets and whose conditions hold, where workgroups pay at all; else the kernel's own text.
 */
export interface Variant {
  readonly wgsl: KernelText;
  readonly needs: {
    readonly invocations: number;
    readonly workgroupBytes: number;
    readonly subgroups?: true;
  };
  /** The lengths for which it pays: from ≤ size < below. */
  readonly when: readonly { readonly size: Size; readonly from: number; readonly below: number | null }[];
}

export interface Kernel {
  readonly name: string;
  readonly bindings: readonly {
    readonly type: "f32" | "i32" | "u32";
    readonly access: "read" | "write" | "both";
  }[];
  readonly wgsl: KernelText;
  readonly javascript: KernelText;
  /** Further texts for GPUs. */
  readonly variants?: readonly Variant[];
}

export interface Step {
  readonly kernel: number;
  readonly bindings: readonly Place[];
  readonly turn: number;
  /** What it computes, for profiles and dumps: the graph node's path. */
  readonly label: string;
}

export interface Value {
  readonly name: string;
  readonly place: Place;
  readonly axes: readonly string[];
  readonly shape: readonly Size[];
  readonly dtype: DType;
}

/**
 * A scalar formula as nested arrays, evaluated in f64 by the host: a number, `["i", axis]` (the element's index), or
 * `[map op, ...operands]` with the names of the IR's map ops.
 */
export type Formula = number | readonly ["i", number] | readonly [string, ...Formula[]];

/** A constant tensor in a parameter slot, filled once by the host. */
export interface Table {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly place: Place;
  readonly formula: Formula;
}

/** Steps `from` to `to` (exclusive) run ⌈size / tile⌉ times over, in turns 0, 1, … instead of their own. */
export interface Loop {
  readonly from: number;
  readonly to: number;
  readonly size: Size;
  readonly tile: number;
}

/** A straight line of steps. With `updates`, parameter and state slots hold new values afterwards. */
export interface Entry {
  readonly steps: readonly Step[];
  /** In order, without overlaps. Absent: none. */
  readonly loops?: readonly Loop[];
  /** Names of `Program.inputs` it reads. */
  readonly inputs: readonly string[];
  readonly outputs: readonly Value[];
  readonly updates: boolean;
}

export interface Input extends Value {
  /** Exclusive upper bound of an integer input; the runtime refuses ids outside [0, bound) (in `next` and `original` inputs every negative number says: does not count). */
  readonly bound: number | null;
  /** Null where the caller gives it. */
  readonly derived: DerivedInput | null;
}

/**
 * An input that the host makes of another one, in its shape, unless it is given. next: shifted by one, -1 where nothing follows;
 * valid: whether an element is there (1) or padding (0), all 1 where nobody says otherwise; original: what stood in a masked
 * input, -1 where nothing was masked; marks: of which kind a place is, all 0 where nobody says otherwise.
 */
export interface DerivedInput {
  readonly how: "next" | "valid" | "original" | "marks";
  readonly of: string;
}

export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number; readonly mean: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "sinusoids"; readonly base: number; readonly width: number; readonly gain: number }
  | {
      readonly kind: "xavier_uniform" | "xavier_normal" | "he_normal";
      readonly fanIn: number;
      readonly fanOut: number;
    };

/** A parameter as the model names it; its place in a (possibly stacked) slot is the layout map. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly axes: readonly string[];
  readonly place: Place;
  readonly init: Initializer;
  readonly frozen: boolean;
  readonly decay: boolean;
}

/** Optimizer state of one parameter, `adamw.m/layers.0.attention.wq`. */
export interface State {
  readonly name: string;
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly place: Place;
  readonly initial: number;
}

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
  readonly clip: number | null;
  readonly batch: number;
  readonly steps: number;
  /** Batches whose gradients are summed, weighted by what counts in each, before one step. */
  readonly accumulate: number;
}

/**
 * How a text goes on token by token without computing again what was computed: derived by the compiler from what each position
 * looks at. Between calls the `caches` hold what later positions read of earlier ones.
 *
 * The entry `step` takes T new tokens of every row (T ≥ 1, the same for all) at the positions P … P + T − 1, where the scalar
 * `position` is P, and gives the outputs for them; P = 0 begins a text. `encode`, where there is one, is run once a source before the first
 * `step`. `reorder` makes row n of every cache what row `parent[n]` of it was.
 */
export interface Decoding {
  /** The input that grows, [B, T]; in `step` it and what is derived of it hold the new tokens only. */
  readonly grown: string;
  /** The symbol of its length. */
  readonly symbol: string;
  /** The symbol of how many positions a cache holds, at most the largest length; the caller binds it with the first call of a text. */
  readonly capacity: string;
  /** The most new tokens of one call where a cache is a ring, null where only the capacity bounds them. */
  readonly chunk: number | null;
  readonly caches: readonly Cache[];
  /** What `reorder` reads, i32 [B]; null where there is nothing to reorder. None of the model's own inputs. */
  readonly parent: Input | null;
}

/** A slot of role `cache`: allocated for (B, capacity, the source's length), all zero where a text begins. */
export interface Cache extends Value {
  /**
   * positions: one row per position of the text, written by `step`; ring: the same, where position p lies at p modulo the ring's size and
   * only the last ones are kept; source: written by `encode`, the same for all steps.
   */
  readonly kind: "positions" | "ring" | "source";
}

/** Why a model has no steps: a code of the catalogue and the sentence that says what looks where. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface Program {
  /** 2 where it has `prepare`: whoever runs it has to know of that. */
  readonly format: 1 | 2;
  readonly name: string;
  /** Version of the compiler and SHA-256 of the source it compiled. */
  readonly compiler: string;
  readonly source: string;
  readonly lengths: Readonly<Record<string, { readonly axis: string; readonly maximum: number }>>;
  readonly slots: readonly Slot[];
  readonly kernels: readonly Kernel[];
  readonly inputs: readonly Input[];
  readonly parameters: readonly Parameter[];
  readonly states: readonly State[];
  readonly tables: readonly Table[];
  /** Names of the 4-byte call scalars in order: word n of the scalars uniform. `step` counts updates from 1 (Adam's t). */
  readonly scalars: readonly { readonly name: string; readonly type: "f32" | "i32" | "u32" }[];
  /**
   * forward: outputs and probes. loss: `loss.sum`, `loss.count`. grad: loss.* and `grad.<leaf>`.
   * train: loss.*, `grad_norm`; updates parameters and states.
   * accumulate: loss.*; adds this batch's loss.* and gradients of `loss.sum` to the sums; apply: `loss.sum`, `loss.count` and
   * `grad_norm` of all that was accumulated; updates parameters and states and empties the sums. Both only where the recipe
   * accumulates.
   * prepare: writes the slots of role `prepared` from parameters. It is due before an entry that reads one of them, once and again
   * after parameters changed. A parameter whose place is such a slot is written there first: nothing else reads it. The sums are the slots of role `state` that no `states` entry names: zero between steps, so nothing stores them.
   */
  readonly entries: Readonly<{
    forward: Entry;
    loss?: Entry;
    grad?: Entry;
    train?: Entry;
    accumulate?: Entry;
    apply?: Entry;
    encode?: Entry;
    step?: Entry;
    reorder?: Entry;
    prepare?: Entry;
  }>;
  readonly recipe: Recipe | null;
  /** Null for a model that gives no logits for each position of a text. */
  readonly decoding: Decoding | { readonly refused: Refusal } | null;
}
