/**
 * Values of leaves → values of parameters: stacks are taken apart, so that models with other stacks and devices can be compared.
 *
 * ```
 * grad.layers.*.wq [2, 8, 8]   →   grad.layers.0.wq, grad.layers.1.wq [8, 8]
 * ```
 */
import type { Built } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import type { Values } from "./values.js";

/** What stands before a leaf's name in the name of an output or of a state. */
const HEAD = /^(grad\.|parameter\.|(?:state\.)?[^/]+\/)?(.*)$/s;

export function unstacked(values: Values, { parameters }: Pick<Built, "parameters">): Values {
  const turns = new Map<string, (typeof parameters)[number][]>();
  for (const p of parameters) if (p.turn !== undefined) turns.set(p.leaf, [...(turns.get(p.leaf) ?? []), p]);
  const result: Record<string, Tensor<number>> = {};
  for (const [name, value] of Object.entries(values)) {
    const [, head = "", leaf = ""] = HEAD.exec(name) ?? [];
    const stack = turns.get(leaf);
    if (!stack) result[name] = value;
    else for (const p of stack) result[head + p.name] = turnOf(value, p.turn!);
  }
  return result;
}

function turnOf({ sizes, data }: Tensor<number>, turn: number): Tensor<number> {
  const each = data.length / sizes[0]!;
  return { sizes: sizes.slice(1), data: (data as Float64Array).slice(turn * each, (turn + 1) * each) };
}
