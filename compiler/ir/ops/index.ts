/** The op table: every name of the vocabulary → what it means. */
import type { Node, ValueType } from "../graph.js";
import type { OpName, Vocabulary } from "../vocabulary.js";
import { arithmetic } from "./arithmetic.js";
import { composites } from "./composites.js";
import { cumulative } from "./cumulative.js";
import { layout } from "./layout.js";
import { leaves } from "./leaves.js";
import { maps } from "./map.js";
import { regions } from "./regions.js";
import type { AttributeKind, CompositeRow, MapRow, OpRow, PrimitiveRow, RegionRow } from "./row.js";
import { update } from "./update.js";
import { windows } from "./window.js";

export const ops: { readonly [K in OpName]: OpRow<K> } = {
  ...leaves,
  ...maps,
  ...layout,
  ...windows,
  ...cumulative,
  ...arithmetic,
  update,
  ...composites,
  ...regions,
};

interface AnyBase {
  readonly doc: string;
  readonly attributes: Readonly<Record<string, AttributeKind>>;
  type(inputs: readonly Node[], attributes: Vocabulary[OpName]): readonly ValueType[];
}
/** A row whose op is known only at run time; a node is passed to the row of its own op. */
export type AnyRow = AnyBase &
  (
    | Pick<MapRow<OpName>, "kind" | "arity" | "formula" | "slope">
    | Pick<PrimitiveRow<OpName>, "kind" | "reference" | "vjp">
    | Pick<CompositeRow<OpName>, "kind" | "expand" | "vjp">
    | Pick<RegionRow<OpName>, "kind">
  );

export const rowOf = (op: OpName): AnyRow => ops[op] as unknown as AnyRow;
