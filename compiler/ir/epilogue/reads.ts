/**
 * A value at a place → whether all that it reads of the contraction is among the members of the same invocation.
 *
 * ```
 * select(i < 8, −x[i + 8], x[i − 8]) at (outer, at), at < 8   the condition holds: x[i + 8] alone is read, the other partner
 * ```
 */

import type { Node, NodeOf } from "../graph.js";
import { ops } from "../ops/index.js";
import type { Columns, Placement } from "./columns.js";
import { memberAt, rangesOf } from "./columns.js";
import { truthOf } from "./conditions.js";
import type { Ranges } from "./linear.js";
import { keyOfLinear } from "./linear.js";
import type { Place } from "./moves.js";
import { backwards, isMove } from "./moves.js";

/** What a node that depends on the contraction is made of at a place. */
export type Reading =
  | { readonly how: "member"; readonly member: number }
  | { readonly how: "map"; readonly inputs: readonly Node[] }
  /** The same value as another's at another place, or one branch of a select. */
  | { readonly how: "same"; readonly node: Node; readonly place: Place }
  | { readonly how: "zero" };

export function readingOf(
  contract: NodeOf<"contract">,
  node: Node,
  place: Place,
  columns: Columns,
  ranges: Ranges,
): Reading | undefined {
  if (node === contract) {
    const member = memberAt(contract, place, columns);
    return member === undefined ? undefined : { how: "member", member };
  }
  if (isMove(node)) {
    const origin = backwards(node, place, ranges);
    if (origin === "unknown") return undefined;
    return origin === "zero" ? { how: "zero" } : { how: "same", node: origin.input, place: origin.place };
  }
  if (ops[node.op].kind !== "map") return undefined;
  const truth = node.op === "select" ? truthOf(node.inputs[0]!, place, ranges) : undefined;
  if (truth !== undefined) return { how: "same", node: node.inputs[truth ? 1 : 2]!, place };
  return { how: "map", inputs: node.inputs };
}

export function createReader(
  contract: NodeOf<"contract">,
  dependents: ReadonlySet<Node>,
  columns: Columns,
): { reads(node: Node, placement: Placement): boolean } {
  const numbers = new Map([...dependents].map((node, n) => [node, n]));
  const known = new Map<string, boolean>();
  const visit = (node: Node, place: Place, range: string, ranges: Ranges): boolean => {
    if (!dependents.has(node)) return true;
    const key = `${numbers.get(node)} ${range} ${place.map(keyOfLinear).join()}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const reading = readingOf(contract, node, place, columns, ranges);
    const next =
      reading?.how === "map"
        ? reading.inputs.map((input) => [input, place] as const)
        : reading?.how === "same"
          ? [[reading.node, reading.place] as const]
          : [];
    const result = reading !== undefined && next.every(([input, at]) => visit(input, at, range, ranges));
    known.set(key, result);
    return result;
  };
  return {
    reads: (node, { place, from, to }) => visit(node, place, `${from}…${to}`, rangesOf(columns, from, to)),
  };
}
