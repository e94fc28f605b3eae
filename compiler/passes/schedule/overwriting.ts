/**
 * A kernel's result and the cache it is to be written over → whether it may be, or has to go through a temporary.
 *
 * ```
 * cache.k = update(k, rows, at)       writes the rows over k, unless something reads the old k later
 * cache.k = gather(k, parent)         reads rows that it would have overwritten: through a temporary
 * ```
 */
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { readsInPlace } from "./in-place.js";
import type { Held, View } from "./walk.js";

export const sameView = (a: View, b: View): boolean =>
  a.buffer === b.buffer && a.turn === b.turn && a.stacked === b.stacked;

const overlap = (a: View, b: View): boolean =>
  a.buffer === b.buffer && (a.stacked || b.stacked || a.turn === b.turn);

const holds = (held: Held | undefined, view: View): boolean =>
  held !== undefined &&
  ("turns" in held ? held.turns.some((turn) => holds(turn, view)) : overlap(held, view));

/** Whether one of `nodes` reads the memory of `view` as the input that lies there. */
export const isRead = (
  nodes: readonly Node[],
  view: View,
  inputAt: (node: NodeOf<"input">) => Held | undefined,
): boolean =>
  nodes.some(({ inputs }) => inputs.some((input) => input.op === "input" && holds(inputAt(input), view)));

/** The operands that outputs of a body are written in place of, where these are updates. */
export function updatedOperands({ outputs }: Graph): ReadonlyMap<number, number> {
  return new Map(
    outputs.flatMap(({ node }, write) => {
      const x = node.op === "update" ? node.inputs[0] : undefined;
      return x?.op === "input" ? [[write, Number(x.attributes.name.slice("fixed.".length))] as const] : [];
    }),
  );
}

/** Whether a kernel that reads `reads` may write its output `write` to `target` while it runs. */
export const writesInPlace = (body: Graph, reads: readonly View[], write: number, target: View): boolean =>
  reads.every(
    (read, n) =>
      !overlap(read, target) ||
      n === updatedOperands(body).get(write) ||
      (sameView(read, target) && readsInPlace(body, n, write)),
  );

/** Whether turn t of a region reads of `target` no slice but t, and hands that on as nothing else than its output `own`. */
export function turnsInPlace(
  { attributes: { body, count, carries, slices } }: NodeOf<"repeat">,
  operands: readonly Held[],
  own: number,
  target: View,
): boolean {
  if (!target.stacked || target.buffer.count !== count) return false;
  const names = new Set<string>();
  for (const [n, operand] of operands.entries()) {
    if (!holds(operand, target)) continue;
    const isSlice = n >= carries && n < carries + slices;
    if (!isSlice || "turns" in operand || !sameView(operand, target)) return false;
    names.add(`slice.${n - carries}`);
  }
  const passesOn = ({ node }: Graph["outputs"][number], n: number): boolean =>
    n !== own && node.op === "input" && names.has(node.attributes.name);
  return !body.outputs.some(passesOn);
}
