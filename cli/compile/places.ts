/**
 * Graph → what users call the places of its nodes: the block whose parameters are nearest on the way in.
 *
 * ```
 * contract(x, slice of layers.*.attention.wk)   →   layers.*.attention
 * ```
 */
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";

/** The nodes of a graph and of the bodies of its regions. */
export const nodesWithin = (graph: Graph): readonly Node[] =>
  topological(graph).flatMap((node) =>
    node.op === "repeat" || node.op === "fused" ? [node, ...nodesWithin(node.attributes.body)] : [node],
  );

/** Node's key → place. */
export type Places = ReadonlyMap<string, string>;

type LeafName = (leaf: NodeOf<"input">) => string | undefined;

export function placesOf(graph: Graph): Places {
  const places = new Map<string, string>();
  visit(
    graph,
    ({ attributes: { kind, name } }) => (kind === "parameter" ? name : undefined),
    undefined,
    places,
  );
  return places;
}

/** `outer`: the place of the region that this is the body of. */
function visit(
  graph: Graph,
  leafName: LeafName,
  outer: string | undefined,
  places: Map<string, string>,
): void {
  const names = new Map<Node, string>();
  const own = new Map<Node, string>();
  for (const node of topological(graph)) {
    const name = node.op === "input" ? leafName(node) : layoutOf(node, names);
    if (name !== undefined) names.set(node, name);
    const place = placeOf(node, names, own) ?? outer;
    if (place !== undefined) own.set(node, place);
    if (place !== undefined && !places.has(node.key)) places.set(node.key, place);
    if (node.op === "repeat" || node.op === "fused")
      visit(node.attributes.body, operandName(node, names), place, places);
  }
}

/** A parameter under other axes is still that parameter. */
const layoutOf = (node: Node, names: ReadonlyMap<Node, string>): string | undefined =>
  node.op === "transpose" || node.op === "reshape" || node.op === "broadcast"
    ? names.get(node.inputs[0]!)
    : undefined;

function placeOf(
  node: Node,
  names: ReadonlyMap<Node, string>,
  own: ReadonlyMap<Node, string>,
): string | undefined {
  const leaf = [node, ...node.inputs].map((one) => names.get(one)).find((name) => name !== undefined);
  if (leaf !== undefined) return leaf.includes(".") ? leaf.slice(0, leaf.lastIndexOf(".")) : leaf;
  return node.inputs.map((input) => own.get(input)).find((place) => place !== undefined);
}

/** What the leaves of a body stand for outside. */
function operandName(region: NodeOf<"repeat"> | NodeOf<"fused">, names: ReadonlyMap<Node, string>): LeafName {
  const { carries, slices } = region.op === "repeat" ? region.attributes : { carries: 0, slices: 0 };
  const before: Readonly<Record<string, number>> = { carry: 0, slice: carries, fixed: carries + slices };
  return ({ attributes: { kind, name } }) => {
    const operand = region.inputs[(before[kind] ?? 0) + Number(name.slice(name.indexOf(".") + 1))];
    return operand && names.get(operand);
  };
}

/** The place of a node that a pass has made of others: that of the nearest it is made of. */
export function nearestPlace(places: Places, node: Node): string | undefined {
  const queue = [node];
  const seen = new Set(queue);
  for (let at = 0; at < queue.length; at++) {
    const found = places.get(queue[at]!.key);
    if (found !== undefined) return found;
    for (const input of queue[at]!.inputs) if (!seen.has(input)) queue.push(input) && seen.add(input);
  }
  return undefined;
}
