/**
 * Model → the lengths at which its graphs usually run: what passes weigh memory and operations at.
 *
 * ```
 * context 1024, recipe of 8 texts   →   { B: 8, T: 1024 }; for a step of decoding { B: 1, T: 1, C: 1024 }
 * ```
 */
import type { Built } from "../ir/graph.js";
import type { DecodingGraphs } from "./decoding/graphs.js";
import { capacity } from "./decoding/graphs.js";

type LengthValues = Readonly<Record<string, number>>;

/** The recipe's batch of the longest texts. */
export const usualLengths = ({ lengths, recipe }: Built): LengthValues => ({
  ...Object.fromEntries(Object.entries(lengths).map(([symbol, { maximum }]) => [symbol, maximum])),
  B: recipe.batch,
});

/** One new token of one text, after as many as there may be. */
export const stepLengths = (built: Built, { symbol }: Pick<DecodingGraphs, "symbol">): LengthValues => ({
  ...usualLengths(built),
  ...{ B: 1, [symbol]: 1 },
  [capacity]: built.lengths[symbol]!.maximum,
});
