/**
 * Values of leaves → values of parameters: stacks and packed leaves are taken apart, so that models with others and devices can be
 * compared.
 *
 * ```
 * grad.layers.*.wq [2, 8, 8]   →   grad.layers.0.wq, grad.layers.1.wq [8, 8]
 * ```
 */
import type { Built, ParameterInfo, Part } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { rowsOf } from "../ir/parts.js";
import type { Values } from "./values.js";

/** What stands before a leaf's name in the name of an output or of a state. */
const HEAD = /^(grad\.|parameter\.|(?:state\.)?[^/]+\/)?(.*)$/s;

export function headOf(name: string): { readonly head: string; readonly rest: string } {
  const [, head = "", rest = ""] = HEAD.exec(name) ?? [];
  return { head, rest };
}

export function unstacked(values: Values, { parameters }: Pick<Built, "parameters">): Values {
  const held = new Map<string, ParameterInfo[]>();
  for (const p of parameters) for (const leaf of namesOf(p)) held.set(leaf, [...(held.get(leaf) ?? []), p]);
  const result: Record<string, Tensor<number>> = {};
  for (const [name, value] of Object.entries(values)) {
    const { head, rest: leaf } = headOf(name);
    const own = held.get(leaf);
    if (!own) result[name] = value;
    else
      for (const p of own)
        result[head + p.name] = parameterIn(value, leaf === p.leaf ? p : { ...p, part: undefined });
  }
  return result;
}

/** The leaves under whose names values of a parameter come: its own, and of a part the one that the model wrote (its gradient). */
const namesOf = ({ leaf, turn, part }: ParameterInfo): readonly string[] => [
  ...(turn !== undefined || part ? [leaf] : []),
  ...(turn !== undefined && part ? [part.of] : []),
];

function parameterIn(
  { data }: Tensor<number>,
  info: Pick<ParameterInfo, "shape" | "turn"> & { readonly part?: Part | undefined },
): Tensor<number> {
  const { start, width, pitch, count, turn } = rowsOf(
    info.part ? { shape: info.shape, part: info.part } : { shape: info.shape },
  );
  const own = new Float64Array(count * width);
  for (let row = 0; row < count; row++) {
    const from = (info.turn ?? 0) * turn + start + row * pitch;
    own.set((data as Float64Array).subarray(from, from + width), row * width);
  }
  return { sizes: info.shape.map(({ size }) => size as number), data: own };
}
