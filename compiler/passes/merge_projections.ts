/**
 * merge_projections: projections of one operand become one, over parameters that lie side by side.
 *
 * ```
 * %3 = contract(%x, "wq" [m, h, c]); %4 = contract(%x, "wk" [m, g, c]); %5 = contract(%x, "wv" [m, g, c])
 *   → %3 = contract(%x, "wq+wk+wv" [m, n]); %4 = slice(%3, 0, h·c); %5 = slice(%3, h·c, g·c); %6 = slice(%3, h·c + g·c, g·c)
 * ```
 * The same for gates beside what they gate, for keys and values of another text, and for the biases of all of them. What is
 * packed is decided once for a model, so that its entries share their parameters (`merge/plan.ts`); each graph is rewritten by that
 * plan (`merge/rewrite.ts`). Names and shapes of parameters stay the model's own: `ParameterInfo.part` says where each one lies.
 */
import type { Built, ParameterInfo } from "../ir/graph.js";
import type { PackedLeaf, Packing } from "./merge/plan.js";
import { planPacking, stacksOf } from "./merge/plan.js";
import { packGraph } from "./merge/rewrite.js";
import type { Pass, PassContext } from "./pass.js";

export interface Merging {
  /** The rewrite of one graph of the model, or of one that was derived of it. */
  readonly pass: Pass;
  /** The model whose graphs the pass has rewritten, with the places of its parameters. */
  packed(built: Built): Built;
}

export function mergeProjections(built: Built, context: PassContext): Merging {
  const packing = context.level < 1 ? [] : planPacking(built, context);
  const packs = new Map<string, PackedLeaf>(
    packing.flatMap((one) => one.parts.map((part): [string, PackedLeaf] => [part.leaf, one])),
  );
  return {
    pass: merging(packing, stacksOf(built)),
    packed: (one) => ({
      ...one,
      parameters: one.parameters.map((info) => packInfo(info, packs.get(info.leaf))),
    }),
  };
}

const merging = (packing: Packing, stacks: ReadonlySet<string>): Pass => ({
  name: "merge_projections",
  says: "x·A, x·B => y = x·[A B]: slices of y",
  from: 1,
  run: (graph, { builder }) => packGraph(graph, packing, stacks, builder),
});

/** On a graph of no model, of which nobody says what else reads its parameters, nothing is packed. */
export const mergeNothing: Pass = merging([], new Set());

function packInfo(info: ParameterInfo, pack: PackedLeaf | undefined): ParameterInfo {
  if (!pack) return info;
  const { axis, parts, name, shape } = pack;
  const { axes, start, size } = parts.find(({ leaf }) => leaf === info.leaf)!;
  const whole = shape[axis]!.size as number;
  return { ...info, leaf: name, part: { of: info.leaf, axis, axes, start, size, whole } };
}
