/**
 * fold_gain: what a norm does with parameters alone goes into the projections that read it.
 *
 * ```
 * %h = add(mul(%x, broadcast("gain")), broadcast("bias")); %y = add(contract(%h, "w"), broadcast("b"))
 *   → %y = add(contract(%x, "w'"), broadcast("b'"))        w' = mul("w", broadcast("gain")), b' = add("b", contract("bias", "w"))
 * ```
 * w' and b' are *prepared*: leaves that the entry `prepare` computes of the parameters, once until they change. So the pass runs only
 * where a program trains nothing, and only on parameters that nothing else in the graph reads: then w' has the place of w and no
 * memory is needed twice. A norm whose rows something else reads, a residual sum, another block or an output, stays as it is.
 * It looks at no norm's name: any product or sum with parameters before a contraction will do.
 */
import type { Graph } from "../ir/graph.js";
import type { PreparedLeaf, Register } from "./fold_gain/rewrite.js";
import { foldIn } from "./fold_gain/rewrite.js";
import type { Pass } from "./pass.js";
import { preparing, trainingNames } from "./schedule.js";

export interface GainFolding {
  readonly pass: Pass;
  /** What the graphs that the pass has seen read. */
  prepared(): readonly PreparedLeaf[];
}

const named = (run: Pass["run"]): Pass => ({
  name: "fold_gain",
  says: "(x ∘ g + β) · w => x · w' + b', w' = g ∘ w and b' = β · w prepared",
  from: 2,
  run,
});

/** Where entries train, parameters stay as they are. */
export const foldNothing: Pass = named((graph) => graph);

/** `stacks`: the leaves that have a leading axis of turns. */
export function foldGain(stacks: ReadonlySet<string>): GainFolding {
  const leaves = new Map<string, PreparedLeaf>();
  const register: Register = (leaf, wish) => {
    const known = leaves.get(leaf.definition.key);
    if (known) return known;
    const taken = new Set([...leaves.values()].map(({ name }) => name));
    let name = `${wish}'`;
    while (taken.has(name)) name += "'";
    leaves.set(leaf.definition.key, { ...leaf, name });
    return leaves.get(leaf.definition.key)!;
  };
  return {
    pass: named((graph, context) => foldIn(graph, stacks, register, context)),
    prepared: () => [...leaves.values()],
  };
}

/** What computes gradients needs them of the parameters themselves. */
export const readsPrepared = (entry: string): boolean =>
  entry !== preparing && !trainingNames.some((name) => name === entry);

/** What takes the place of a parameter comes last: the others may read it. */
export function prepareGraph(prepared: readonly PreparedLeaf[]): Graph {
  const inOrder = [...prepared].sort((x, y) => Number(x.of !== undefined) - Number(y.of !== undefined));
  return {
    name: preparing,
    outputs: inOrder.map(({ name, definition }) => ({ name: `prepared.${name}`, node: definition })),
  };
}

export type { PreparedLeaf } from "./fold_gain/rewrite.js";
