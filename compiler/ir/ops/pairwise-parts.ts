/** The operands of a `pairwise` → by what they are: (q, k, v, l) → the product q · k, x = v, the field l. */
import type { Node, NodeOf } from "../graph.js";
import type { PairProduct } from "./pair-sums.js";

type Pairwise = NodeOf<"pairwise">;

/** The operands of a `pairwise`, by what they are. */
export interface PairwiseParts {
  /** [...batch, h, i, c] and [...batch, g, j, c], one of each for every product. */
  readonly products: readonly PairProduct[];
  /** Over columns [...batch, g, j, e], over rows [...batch, h, i, e]. */
  readonly x: Node | undefined;
  readonly fields: readonly Node[];
}

export function pairwiseParts({
  inputs,
  attributes,
}: Pick<Pairwise, "inputs" | "attributes">): PairwiseParts {
  const { products, valued } = attributes;
  const at = 2 * products;
  return {
    products: Array.from({ length: products }, (_, n) => ({
      left: inputs[2 * n]!,
      right: inputs[2 * n + 1]!,
    })),
    x: valued ? inputs[at] : undefined,
    fields: inputs.slice(valued ? at + 1 : at),
  };
}
