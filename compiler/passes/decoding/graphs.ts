/** What `deriveDecoding` makes of the forward graph: the graphs of the entries `encode`, `step` and `reorder`, and what they keep between them. */
import type { Graph, ValueType } from "../../ir/graph.js";

export interface DecodingGraphs {
  readonly encode: Graph | undefined;
  readonly step: Graph;
  readonly reorder: Graph;
  readonly caches: readonly CacheInfo[];
  /** The input that grows, and the symbol of its length. */
  readonly grown: string;
  readonly symbol: string;
  readonly chunk: number | undefined;
}

/**
 * A leaf of kind `cache`; `shape` and `dtype` are the leaf's. The graphs' outputs named `cache.<name>` are written over it. `turns`: of the
 * turns of a `repeat`, the size of the leading axis; each turn's slice lies on its own, as those of a stack of parameters do.
 */
export interface CacheInfo extends ValueType {
  readonly name: string;
  readonly kind: "positions" | "ring" | "source";
  readonly turns: number | undefined;
}

/** Why there are no such graphs. */
export interface Refused {
  readonly code: string;
  readonly message: string;
}

/** What `deriveDecoding` gives where there are logits for each position of a text. */
export type Decoded = DecodingGraphs | { readonly refused: Refused };

/** The symbol of how many positions caches hold. */
export const capacity = "C";
/** The scalar that says how many positions the caches hold already, i32. */
export const position = "position";
