/**
 * The constant tensors of a model → their formulas as nested arrays, for the host to fill in f64.
 *
 * ```
 * table "rope.cos" [T=8, c=4] cos(mul(to_f32(i0), …)) → { formula: ["cos", ["mul", ["to_f32", ["i", 0]], …]] }
 * ```
 */
import type * as P from "../../runtime/program.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { elementCount, evaluateSize } from "../ir/shape.js";
import type { Slot } from "../passes/schedule.js";
import { nodesOf } from "./family.js";
import { isMap } from "./maps.js";
import { constantSize, slotOf } from "./slots.js";

/** `graphs`: where the tables of the slots stand, before any pass. */
export function emitTables(slots: readonly Slot[], graphs: readonly Graph[]): readonly P.Table[] {
  const found = new Map<string, NodeOf<"table">>();
  for (const graph of graphs) collect(graph, found);
  const missing = slots.find((slot) => slot.role === "table" && !found.has(slot.name));
  if (missing) throw new Error(`internal: the table ${missing.name} has no formula`);
  return [...found.values()].flatMap((node): P.Table[] => {
    const { name, formula } = node.attributes;
    const slot = slotOf(slots, "table", name);
    if (slot === undefined) return [];
    const length = elementCount(node.shape);
    return [
      {
        name,
        shape: node.shape.map(({ size }) => constantSize(size)),
        dtype: node.dtype,
        place: { slot, turn: 0, stride: length, length },
        formula: emitFormula(formula.outputs[0]!.node),
      },
    ];
  });
}

function collect(graph: Graph, found: Map<string, NodeOf<"table">>): void {
  for (const node of nodesOf(graph)) {
    if (node.op === "table") found.set(node.attributes.name, node);
    if (node.op === "repeat" || node.op === "fused") collect(node.attributes.body, found);
  }
}

export function emitFormula(node: Node): P.Formula {
  if (node.op === "const") return node.attributes.value;
  if (node.op === "length") return evaluateSize(node.attributes.size, {});
  if (node.op === "input") return ["i", Number(node.attributes.name.slice(1))];
  if (node.op === "stop_gradient" || node.op === "straight_through") return emitFormula(node.inputs[0]!);
  if (!isMap(node.op)) throw new Error(`internal: ${node.op} in a table's formula`);
  return [node.op, ...node.inputs.map(emitFormula)];
}
