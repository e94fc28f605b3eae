/**
 * Where parameters get their names: one context per block that is being elaborated.
 *
 * ```
 * attention(x), attention(x), mlp(x) as ffn   →   attention, attention_2, ffn
 * ```
 */

import type { Span } from "../../parser/model.js";
import type { Initializer, Node, Shape } from "../graph.js";

/** A parameter as one turn declares it. */
export interface ParameterRecord {
  /** With `*` for the turn of a stacked `repeat`: `layers.*.attention.wq`. */
  readonly path: string;
  readonly shape: Shape;
  readonly init: Initializer;
  readonly frozen: boolean;
  readonly decay: boolean;
  readonly span: Span;
  readonly node: Node;
  /** The order in which parameters were declared. */
  readonly order: number;
}

/** What leaves a graph or a region's turn: outputs, probes and losses. */
export interface Emission {
  readonly kind: "output" | "probe" | "loss";
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly batched: boolean;
}

/** The body of one `repeat`, or the model itself (`id` 0): what its parameters and results are collected in. */
export interface RegionFrame {
  /** Unique in one elaboration; names the region's inputs until it is closed. */
  readonly id: number;
  readonly outer: RegionFrame | undefined;
  readonly parameters: Map<string, ParameterRecord>;
  readonly emissions: Emission[];
}

export const createFrame = (id: number, outer: RegionFrame | undefined): RegionFrame => ({
  id,
  outer,
  parameters: new Map(),
  emissions: [],
});

export interface PathContext {
  /** With `*` for the turn of a stacked `repeat`: `layers.*.attention`. */
  readonly path: string;
  readonly region: RegionFrame;
  /** Parameters that exist are used again: an instance, or turns that share. */
  readonly reuses: boolean;
  readonly taken: Map<string, number>;
}

export const rootPath = (region: RegionFrame): PathContext => ({
  path: "",
  region,
  reuses: false,
  taken: new Map(),
});

export const join = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/** The first free name: `attention`, `attention_2`, … */
export function take(context: PathContext, name: string): string {
  const count = (context.taken.get(name) ?? 0) + 1;
  context.taken.set(name, count);
  if (count === 1) return name;
  const next = `${name}_${count}`;
  return context.taken.has(next) ? take(context, name) : (context.taken.set(next, 1), next);
}

export const childPath = (context: PathContext, name: string, reuses = context.reuses): PathContext => ({
  path: join(context.path, take(context, name)),
  region: context.region,
  reuses,
  taken: new Map(),
});

/** The same place again, with its names counted from the start. */
export const again = (context: PathContext): PathContext => ({ ...context, taken: new Map() });
