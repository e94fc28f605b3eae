/**
 * The body of a step → the kernel family that computes it.
 *
 * ```
 * { reduce sum [2] of mul(x, x) } → rows · { contract, add bias } → contract
 * ```
 */

import { isMove } from "../ir/epilogue/moves.js";
import type { Epilogue } from "../ir/epilogue.js";
import { epilogueOf, isPlainEpilogue } from "../ir/epilogue.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { pairwiseParts } from "../ir/ops/pairwise-parts.js";
import { topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { sameSizes } from "../ir/shape.js";
import { isPairwise, isRescaled, isStreamed, sharesPairs } from "../ir/streaming.js";
import { isLayout } from "./layout.js";
import { isMap } from "./maps.js";

export type Family = "pointwise" | "rows" | "contract" | "pairwise" | "scatter" | "update" | "cumsum";

/** All nodes of a body, operands first. */
export const nodesOf = topological;

/** The nodes that need the value of one in `roots`, themselves included. */
export function dependents(nodes: readonly Node[], roots: ReadonlySet<Node>): ReadonlySet<Node> {
  const found = new Set<Node>(roots);
  for (const node of nodes) if (node.inputs.some((x) => found.has(x))) found.add(node);
  return found;
}

const ofOp = <K extends "reduce" | "contract" | "pairwise" | "scatter_add" | "update" | "cumsum">(
  nodes: readonly Node[],
  op: K,
): readonly NodeOf<K>[] => nodes.filter((node): node is NodeOf<K> & Node => node.op === op);

export const reducesOf = (body: Graph): readonly NodeOf<"reduce">[] => ofOp(nodesOf(body), "reduce");
export const contractOf = (body: Graph): NodeOf<"contract"> | undefined => ofOp(nodesOf(body), "contract")[0];
export const pairwiseOf = (body: Graph): readonly NodeOf<"pairwise">[] => ofOp(nodesOf(body), "pairwise");
export const scatterOf = (body: Graph): NodeOf<"scatter_add"> | undefined =>
  ofOp(nodesOf(body), "scatter_add")[0];

export const updateOf = (body: Graph): NodeOf<"update"> | undefined => ofOp(nodesOf(body), "update")[0];
export const cumsumOf = (body: Graph): NodeOf<"cumsum"> | undefined => ofOp(nodesOf(body), "cumsum")[0];

type Found = Family | { readonly reason: string };

/** Each body is asked for its own by every kernel of it, and before by what fuses. */
const families = new WeakMap<Graph, Found>();

/** The family of a body, or why it has none. */
export function family(body: Graph): Found {
  const known = families.get(body) ?? familyOf(body);
  families.set(body, known);
  return known;
}

function familyOf(body: Graph): Found {
  const nodes = nodesOf(body);
  const strange = nodes.find((node) => !isLowered(node));
  if (strange) return { reason: `${strange.op} is not for a kernel` };
  if (body.outputs.length === 0) return { reason: "no outputs" };
  const [reduces, pairs, contracts, scatters, updates, sums] = [
    ofOp(nodes, "reduce"),
    ofOp(nodes, "pairwise"),
    ofOp(nodes, "contract"),
    ofOp(nodes, "scatter_add"),
    ofOp(nodes, "update"),
    ofOp(nodes, "cumsum"),
  ];
  const single = [contracts, scatters, sums];
  const kinds = [reduces, pairs, ...single].filter((found) => found.length > 0).length;
  if (kinds > 1 || single.some((found) => found.length > 1)) return { reason: "several heavy ops" };
  const isAlone = updates.length === 1 && kinds === 0;
  if (updates.length > 0 && !contracts[0] && !isAlone) return { reason: "several heavy ops" };
  const misplaced = firstReason(updates.map((update) => updateReason(body, nodes, update)));
  if (misplaced) return misplaced;
  if (updates[0] && !contracts[0])
    return body.outputs.length === 1 ? "update" : { reason: "an update is the only output of its kernel" };
  if (scatters[0]) return onlyOutput(body, "scatter_add") ?? "scatter";
  if (sums[0]) return onlyOutput(body, "cumsum") ?? "cumsum";
  if (contracts[0]) return contractReason(body, nodes, contracts[0]) ?? "contract";
  if (pairs[0]) return pairwiseReason(body, nodes, pairs) ?? "pairwise";
  if (reduces[0]) return rowsReason(body, nodes, reduces) ?? "rows";
  const equal = body.outputs.every(({ node }) => sameSizes(node.shape, body.outputs[0]!.node.shape));
  return equal ? "pointwise" : { reason: "outputs of several sizes" };
}

export const canLower = (body: Graph): boolean => typeof family(body) === "string";

function isLowered(node: Node): boolean {
  if (isMap(node.op) || isLayout(node)) return true;
  if (node.op === "input") return ["fixed", "scalar", "turn"].includes(node.attributes.kind);
  return [
    "const",
    "iota",
    "length",
    "random",
    "concat",
    "gather",
    "contract",
    "pairwise",
    "reduce",
    "scatter_add",
    "update",
    "cumsum",
  ].includes(node.op);
}

function onlyOutput(body: Graph, op: "scatter_add" | "cumsum"): { readonly reason: string } | undefined {
  const only = body.outputs.length === 1 && body.outputs[0]!.node.op === op;
  return only ? undefined : { reason: `a ${op} is the only output of its kernel` };
}

const firstReason = (
  reasons: readonly ({ readonly reason: string } | undefined)[],
): { readonly reason: string } | undefined => reasons.find((reason) => reason !== undefined);

function updateReason(
  body: Graph,
  nodes: readonly Node[],
  update: NodeOf<"update">,
): { readonly reason: string } | undefined {
  if (!body.outputs.some(({ node }) => node === (update as Node)))
    return { reason: "an update is an output of its kernel" };
  const x = update.inputs[0]!;
  const users = nodes.filter((node) => node.inputs.includes(x));
  const isOperand = x.op === "input" && x.attributes.kind === "fixed" && users.length === 1;
  return isOperand && update.inputs.lastIndexOf(x) === 0
    ? undefined
    : { reason: "an update overwrites what else is read" };
}

function contractReason(
  body: Graph,
  nodes: readonly Node[],
  contract: NodeOf<"contract">,
): { readonly reason: string } | undefined {
  const after = dependents(nodes, new Set([contract as Node]));
  const outputs = body.outputs.map(({ node }) => node);
  if (isPlainEpilogue(contract as Node, after, outputs) || partsOf(body, contract)) return undefined;
  const strange = [...after].find((node) => node !== contract && !isMap(node.op) && !isMove(node));
  return { reason: strange ? `${strange.op} after a contract` : "elements that no tile of the contract has" };
}

/** What follows the contraction, where it is more than maps of its own elements. */
export function partsOf(body: Graph, contract: NodeOf<"contract">): Epilogue | undefined {
  const outputs = body.outputs.map(({ node }) => node);
  const after = dependents(nodesOf(body), new Set([contract as Node]));
  return isPlainEpilogue(contract as Node, after, outputs) ? undefined : epilogueOf(contract, outputs);
}

/** Every node sums the same pairs; of those that read another it is the logsumexp that theirs are relative to. */
function pairwiseReason(
  body: Graph,
  nodes: readonly Node[],
  pairs: readonly NodeOf<"pairwise">[],
): { readonly reason: string } | undefined {
  if (!pairs.every(isStreamed)) return { reason: "a pairwise of many channels" };
  if (!pairs.every((node) => sharesPairs(node, pairs[0]!))) return { reason: "sums over different pairs" };
  const found = new Set<Node>(pairs as readonly Node[]);
  for (const node of dependents(nodes, found)) {
    if (!isPairwise(node)) return { reason: `${node.op} after a pairwise` };
    const read = node.inputs.filter((input) => found.has(input));
    const isOne = new Set(read).size <= 1 && read.every((l) => isPairwise(l) && isRescaled(node, l));
    const beside = new Set(pairwiseParts(node).fields);
    if (!isOne || !read.every((l) => beside.has(l))) return { reason: "sums that need others first" };
    const deep = [...node.inputs].some((input) => !found.has(input) && dependents(nodes, found).has(input));
    if (deep) return { reason: "sums that need others first" };
  }
  return body.outputs.every(({ node }) => found.has(node))
    ? undefined
    : { reason: "an output beside the sums over pairs" };
}

/** The space that rows work in: its sizes, and which of its axes are reduced. */
export interface Space {
  readonly shape: Shape;
  readonly reduced: readonly number[];
  readonly kept: readonly number[];
}

export function spaceOf(reduce: NodeOf<"reduce">): Space {
  const { shape } = reduce.inputs[0]!;
  const reduced = [...reduce.attributes.axes].sort((a, b) => a - b);
  return { shape, reduced, kept: shape.map((_, axis) => axis).filter((axis) => !reduced.includes(axis)) };
}

export const rowShape = (space: Space): Shape => space.kept.map((axis) => space.shape[axis]!);

function rowsReason(
  body: Graph,
  nodes: readonly Node[],
  reduces: readonly NodeOf<"reduce">[],
): { readonly reason: string } | undefined {
  const space = spaceOf(reduces[0]!);
  const row = rowShape(space);
  const inSpace = (node: Node): boolean => sameSizes(node.shape, space.shape) || sameSizes(node.shape, row);
  for (const node of dependents(nodes, new Set<Node>(reduces as readonly Node[]))) {
    if (node.op === "reduce") {
      const other = spaceOf(node);
      if (!sameSizes(other.shape, space.shape) || other.reduced.join() !== space.reduced.join())
        return { reason: "reductions over different spaces" };
    } else if (node.op === "broadcast") {
      const expected = space.shape.map((_, axis) => space.kept.indexOf(axis));
      const inPlace = sameSizes(node.shape, space.shape) && node.attributes.from.join() === expected.join();
      if (!inPlace) return { reason: "a broadcast that moves the rows" };
    } else if (!isMap(node.op) || !inSpace(node)) return { reason: `${node.op} after a reduce` };
  }
  return body.outputs.every(({ node }) => inSpace(node))
    ? undefined
    : { reason: "an output outside the rows' space" };
}
