/**
 * What is folded → the weight that makes up for it, and what has to be added.
 *
 * ```
 * ((x ∘ g) + β) · w   →   w' = w ∘ g along the axes that x and w share, shift = β · w
 * ```
 */
import type { Builder } from "../../ir/builder.js";
import type { Node } from "../../ir/graph.js";
import type { Layer } from "./peel.js";
import type { Fold } from "./plan.js";

/** The weight with all gains. */
export function weighted({ layers, weight, weights, x }: Fold, b: Builder): Node {
  return layers.reduce((w, layer) => scaled(w, layer, weights, x, b), weight);
}

const isGain = ({ op }: Layer): boolean => op === "mul" || op === "div";

function scaled(w: Node, layer: Layer, weights: readonly string[], x: readonly string[], b: Builder): Node {
  if (!isGain(layer)) return w;
  const from = weights.map((label) => layer.from[x.indexOf(label)] ?? -1);
  const spread = b.broadcastTo(layer.value, w.shape, from);
  return b.make(layer.op as "mul", [w, spread], {}) as Node;
}

export interface Shift {
  readonly value: Node;
  /** Axis n of the projection is that axis of the shift, or none. */
  readonly from: readonly number[];
}

/** The sum of what every shift comes to behind the projection, over the weight's own axes, in the order that `fold.order` says. */
export function shifted({ layers, weight, weights, x, own, node }: Fold, b: Builder): Shift | undefined {
  const { out } = node.attributes;
  const shared = weights.filter((label) => x.includes(label));
  let w = weight;
  let sum: Node | undefined;
  for (const layer of layers) {
    if (isGain(layer)) w = scaled(w, layer, weights, x, b);
    else {
      const shape = shared.map((label) => weight.shape[weights.indexOf(label)]!);
      const spread = b.broadcastTo(
        layer.value,
        shape,
        shared.map((label) => layer.from[x.indexOf(label)] ?? -1),
      );
      const term = b.contract(spread, w, { a: shared, b: weights, out: own });
      const signed = layer.op === "sub" ? b.neg(term) : term;
      sum = sum ? b.add(sum, signed) : signed;
    }
  }
  return sum && { value: sum, from: out.map((label) => own.indexOf(label)) };
}
