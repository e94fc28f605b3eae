/**
 * Schedule: which nodes run together, in what order, which values live when, and where.
 */
import type { Graph, Lengths, ValueType } from "../ir/graph.js";
import type { Size } from "../ir/shape.js";

/** A storage slot; temporaries of disjoint lifetimes share one. */
export interface Slot {
  readonly role: "parameter" | "state" | "table" | "input" | "temporary";
  /** Leaf name, for parameter, state and input slots. */
  readonly name: string;
  readonly sizes: readonly { readonly count: number; readonly elements: Size }[];
}

/**
 * Where a value is. A stacked value has `stacked` true: its leading axis advances by align64(stride) elements, and `turn`
 * selects one slice of it (a slice is not stacked). Otherwise row-major and `turn · align64(stride)` is its offset.
 */
export interface Place {
  readonly slot: number;
  readonly turn: number;
  readonly stride: Size;
  readonly length: Size;
  readonly stacked: boolean;
}

/**
 * One cluster = one kernel. `body`'s inputs are `fixed.n` (bound to `reads[n]`), `scalar`s and `turn`;
 * its outputs are written to `writes[n]`. Equal bodies share one kernel.
 */
export interface Step {
  readonly body: Graph;
  readonly reads: readonly Place[];
  readonly writes: readonly Place[];
  readonly turn: number;
  readonly label: string;
}

export interface ScheduledValue extends ValueType {
  readonly name: string;
  readonly place: Place;
}

export interface ScheduledEntry {
  readonly name: "forward" | "loss" | "grad" | "train";
  readonly steps: readonly Step[];
  readonly inputs: readonly string[];
  readonly outputs: readonly ScheduledValue[];
  readonly updates: boolean;
}

export interface Schedule {
  readonly slots: readonly Slot[];
  readonly entries: readonly ScheduledEntry[];
  readonly lengths: Lengths;
}
