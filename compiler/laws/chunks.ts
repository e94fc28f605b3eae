/**
 * Graph → budgets under which `chunk_rows` makes chunks that few rows fill: the interpreter cannot afford those of a large vocabulary.
 *
 * ```
 * logits of 10 rows   →   chunks of 4 (the last one holds 2), of 2 (each of them full), of 16 (one)
 * ```
 */
import type { Graph } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import { elementCount, evaluateSize } from "../ir/shape.js";
import { findCone, projectedRows, widthOf } from "../passes/chunk_rows/cone.js";
import { isOp } from "../passes/rule.js";

/** Bytes; none where no projection could run in chunks. */
export function chunkBudgets(graph: Graph, lengths: Readonly<Record<string, number>>): readonly number[] {
  for (const node of topological(graph)) {
    const rank = isOp(node, "contract") ? projectedRows(node) : undefined;
    if (!isOp(node, "contract") || rank === undefined || typeof findCone(graph, node, rank) === "string")
      continue;
    const rows = evaluateSize(elementCount(node.shape.slice(0, rank)), { P: 0, ...lengths });
    return chunksOf(rows).map((chunk) => 4 * widthOf(node, rank) * chunk);
  }
  return [];
}

/** Powers of two: one that leaves a rest, one that leaves none, and one that has room for all rows. */
export function chunksOf(rows: number): readonly number[] {
  const whole = 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
  const powers = Array.from({ length: Math.log2(whole) }, (_, n) => 2 ** n);
  const rest = powers.find((chunk) => rows % chunk > 0);
  const full = powers.filter((chunk) => rows % chunk === 0).at(-1);
  return [...new Set([rest, full, whole])].filter((chunk) => chunk !== undefined);
}
