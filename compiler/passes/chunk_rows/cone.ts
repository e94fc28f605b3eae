/**
 * A projection to many columns → everything around it that works row by row and is as wide: what can run a chunk of rows at a time.
 *
 * ```
 * logits [B, T, V] → max, sum, picked → loss [B, T]       inside: all of these
 *                  → dlogits [B, T, V] → dx [B, T, d]     results: loss, dx
 *                                      → dW [V, d]        sums: dW
 * ```
 */
import { dependents } from "../../ir/differentiate/dependents.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { topological } from "../../ir/rewrite.js";
import { elementCount } from "../../ir/shape.js";
import { isMap } from "../fuse/kinds.js";
import { estimate, upTo } from "../nodes.js";
import { isOp } from "../rule.js";

export interface Cone {
  /** How many leading axes are rows. */
  readonly rank: number;
  /** The nodes to compute in chunks. */
  readonly inside: ReadonlySet<Node>;
  /** Of those that something else reads: values of each row … */
  readonly results: readonly Node[];
  /** … and sums over all rows. */
  readonly sums: readonly Node[];
}

/** How a node's value depends on rows: one row of it on one row, a sum over all of them, or in another way. */
type Alignment = "rows" | "sum" | "other";

/** Elements a row. */
export const widthOf = (node: Node, rank: number): number => estimate(elementCount(node.shape.slice(rank)));

/** How many leading axes of x a projection x · W keeps, where W has none of them. */
export function projectedRows(node: NodeOf<"contract">): number | undefined {
  const { a, b, out } = node.attributes;
  const rowsOf = (labels: readonly string[], other: readonly string[]): number | undefined => {
    const rank = labels.findIndex((label, n) => other.includes(label) || out[n] !== label);
    const rest = labels.slice(rank);
    return rank > 0 && rest.every((label) => other.includes(label) && !out.includes(label))
      ? rank
      : undefined;
  };
  return rowsOf(a, b) ?? rowsOf(b, a);
}

/** The cone of a projection, or why there is none. */
export function findCone(graph: Graph, seed: NodeOf<"contract"> & Node, rank: number): Cone | string {
  const order = topological(graph);
  const reached = dependents(order, new Set([seed]));
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const readers = readersOf(order);
  const alignments = alignmentsOf(order, seed, reached, rank);
  const isRows = (node: Node): boolean => alignments.get(node) === "rows";
  const width = widthOf(seed, rank);
  const isWide = (node: Node): boolean => widthOf(node, rank) >= width;

  const attached = new Set<Node>([seed]);
  for (const node of order)
    if (isRows(node) && node.inputs.some((input) => attached.has(input)))
      if (isWide(node) || widthOf(node, rank) === 1) attached.add(node);
  const wide = [...attached].filter(isWide);
  if (wide.some((node) => outputs.has(node))) return "its columns leave the graph";
  const ends = wide.flatMap((node) => readers.get(node) ?? []);
  const strange = ends.find((node) => alignments.get(node) === "other");
  if (strange) return `${strange.op} reads it in another way than row by row`;
  if (!ends.some((node) => node.op === "reduce" && isRows(node)))
    return "nothing is reduced along its columns";

  const inside = closure(order, reached, new Set([...wide, ...ends]), new Set(wide));
  const loose = [...inside].find((node) => !isRows(node) && !ends.includes(node));
  if (loose) return `${loose.op} over all rows is needed for each of them`;
  for (const node of order)
    if (isRows(node) && isMap(node) && widthOf(node, rank) === 1)
      if (node.inputs.every((input) => !reached.has(input) || inside.has(input))) inside.add(node);
  const leaves = (node: Node): boolean =>
    outputs.has(node) || (readers.get(node) ?? []).some((reader) => !inside.has(reader));
  const left = order.filter((node) => inside.has(node) && leaves(node));
  return {
    rank,
    inside,
    results: left.filter(isRows),
    sums: left.filter((node) => alignments.get(node) === "sum"),
  };
}

function readersOf(order: readonly Node[]): ReadonlyMap<Node, readonly Node[]> {
  const readers = new Map<Node, Node[]>();
  for (const node of order)
    for (const input of new Set(node.inputs)) readers.set(input, [...(readers.get(input) ?? []), node]);
  return readers;
}

/** The nodes of `roots`, what leads from `targets` to them, and what the roots need of all that depends on the seed. */
function closure(
  order: readonly Node[],
  reached: ReadonlySet<Node>,
  roots: ReadonlySet<Node>,
  targets: ReadonlySet<Node>,
): Set<Node> {
  const inside = new Set([...roots, ...targets]);
  for (const node of [...order].reverse())
    if (inside.has(node)) for (const input of node.inputs) if (reached.has(input)) inside.add(input);
  return inside;
}

function alignmentsOf(
  order: readonly Node[],
  seed: Node,
  reached: ReadonlySet<Node>,
  rank: number,
): ReadonlyMap<Node, Alignment> {
  const alignments = new Map<Node, Alignment>([[seed, "rows"]]);
  for (const node of order) {
    if (!reached.has(node) || node === seed) continue;
    const operands = node.inputs.filter((input) => reached.has(input));
    const aligned = operands.every((input) => alignments.get(input) === "rows");
    alignments.set(node, aligned ? alignmentOf(node, rank, (input) => reached.has(input)) : "other");
  }
  return alignments;
}

/** Of a node whose operands that are `reached` have the rows in their leading axes. */
function alignmentOf(node: Node, rank: number, reached: (input: Node) => boolean): Alignment {
  if (isMap(node)) return "rows";
  if (isOp(node, "contract")) return contractAlignment(node, rank, reached);
  if (isOp(node, "reduce")) {
    const { axes, kind } = node.attributes;
    if (axes.every((axis) => axis >= rank)) return "rows";
    return kind === "sum" && upTo(rank).every((axis) => axes.includes(axis)) ? "sum" : "other";
  }
  if (isOp(node, "broadcast")) return isInPlace(node.attributes.from, rank) ? "rows" : "other";
  if (isOp(node, "slice") || isOp(node, "pad") || isOp(node, "concat"))
    return node.attributes.axis >= rank ? "rows" : "other";
  return "other";
}

/** Whether the leading axes stay where they are. */
export const isInPlace = (from: readonly number[], rank: number): boolean =>
  upTo(rank).every((axis) => from[axis] === axis);

function contractAlignment(
  node: NodeOf<"contract">,
  rank: number,
  reached: (input: Node) => boolean,
): Alignment {
  const { a, b, out } = node.attributes;
  const rows = (reached(node.inputs[0]!) ? a : b).slice(0, rank);
  const leads = (labels: readonly string[]): boolean => rows.every((label, n) => labels[n] === label);
  const lacks = (labels: readonly string[]): boolean => !rows.some((label) => labels.includes(label));
  const both = leads(a) && leads(b);
  if (leads(out) && (both || lacks(a) || lacks(b)) && (leads(a) || leads(b))) {
    const missing = lacks(a) ? node.inputs[0]! : lacks(b) ? node.inputs[1]! : undefined;
    return missing && reached(missing) ? "other" : "rows";
  }
  return lacks(out) && both ? "sum" : "other";
}
