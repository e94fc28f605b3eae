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
import type { Built, Graph, ParameterInfo } from "../ir/graph.js";
import type { PackedLeaf, Packing } from "./merge/plan.js";
import { planPacking, stacksOf } from "./merge/plan.js";
import { packGraph } from "./merge/rewrite.js";
import type { PassContext } from "./pass.js";

export interface Merging {
  readonly built: Built;
  /** The same for a graph that was derived of the model as written. */
  pack(graph: Graph): Graph;
}

export function mergeProjections(built: Built, context: PassContext): Merging {
  const packing = context.level < 1 ? [] : planPacking(built, context);
  if (packing.length === 0) return { built, pack: (graph) => graph };
  const stacks = stacksOf(built);
  const pack = (graph: Graph): Graph => packGraph(graph, packing, stacks, context.builder);
  return { built: packBuilt(built, packing, pack), pack };
}

function packBuilt(built: Built, packing: Packing, pack: (graph: Graph) => Graph): Built {
  const packs = new Map<string, PackedLeaf>(
    packing.flatMap((one) => one.parts.map((part): [string, PackedLeaf] => [part.leaf, one])),
  );
  return {
    ...built,
    forward: pack(built.forward),
    loss: built.loss && pack(built.loss),
    ...(built.evaluation && { evaluation: pack(built.evaluation) }),
    parameters: built.parameters.map((info) => packInfo(info, packs.get(info.leaf))),
  };
}

function packInfo(info: ParameterInfo, pack: PackedLeaf | undefined): ParameterInfo {
  if (!pack) return info;
  const { axis, parts, name, shape } = pack;
  const { start, size } = parts.find(({ leaf }) => leaf === info.leaf)!;
  const whole = shape[axis]!.size as number;
  return { ...info, leaf: name, part: { of: info.leaf, axis, start, size, whole } };
}
