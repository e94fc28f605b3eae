/**
 * Graph → Graph: everything that one kernel computes becomes one `fused` region.
 *
 * ```
 * %3 = contract(%x, %w)                          %5 = fused(%x, %w, %bias) {
 * %4 = add(%3, broadcast(%bias))        →           tanh(add(contract(…), broadcast(…)))
 * %5 = tanh(%4)                                   }
 * ```
 *
 * Nodes are visited consumers first. A node joins the kernel of its consumer where codegen can compute it there:
 * maps and layout anywhere (layout is index arithmetic); one contraction under pointwise work on its own result; any number
 * of reductions over one set of axes of one space, also such as only read the same rows. A map that several kernels need is computed again in each when that is
 * cheap, and stored by the first of them when it is not. What leaves a kernel is one of its outputs.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { sameSizes } from "../ir/shape.js";
import { emitGroups } from "./fuse/emit.js";
import type { Group, Groups } from "./fuse/groups.js";
import { createGroups, manyRows } from "./fuse/groups.js";
import type { RecomputeCosts } from "./fuse/kinds.js";
import {
  isContraction,
  isFree,
  isLayout,
  isMap,
  isPlainGather,
  isReduction,
  isRegion,
  recomputeCosts,
} from "./fuse/kinds.js";

/** Storage bindings that one kernel may use: the WebGPU default limit. */
const MAX_BINDINGS = 8;
/** A map is computed again in every kernel that needs it while that costs at most this many simple operations an element … */
const CHEAP_COST = 32;
/** … and reads at most this many stored values. */
const CHEAP_SOURCES = 3;

export function fuse(graph: Graph, b: Builder): Graph {
  const inner = fuseBodies(graph, b);
  return emitGroups(inner, formGroups(inner), b);
}

/** Bodies first: a `repeat` is opaque to the graph around it. */
function fuseBodies(graph: Graph, b: Builder): Graph {
  const done = new Map<Node, Node>();
  for (const node of topological(graph)) {
    const inputs = node.inputs.map((input) => done.get(input)!);
    done.set(
      node,
      node.op === "repeat"
        ? b.make("repeat", inputs, { ...node.attributes, body: fuse(node.attributes.body, b) })
        : b.remake(node, inputs),
    );
  }
  return { ...graph, outputs: graph.outputs.map(({ name, node }) => ({ name, node: done.get(node)! })) };
}

function formGroups(graph: Graph): Groups {
  const order = topological(graph);
  const costs = recomputeCosts(order);
  const groups = createGroups(MAX_BINDINGS, replacedLeaves(graph, order));
  for (const { node } of graph.outputs) groups.needStored(node);
  for (const node of [...order].reverse()) {
    if (node.op === "input" || node.op === "table" || node.op === "get") continue;
    if (isRegion(node))
      groups.region(
        node,
        order.filter((other) => other.op === "get" && other.inputs[0] === node),
      );
    else if (isFree(node) || isLayout(node) ? groups.isStored(node) : groups.isUsed(node))
      place(node, groups, costs);
  }
  groups.mergeSiblings();
  return groups;
}

/** `parameter.<leaf>`, `state.<leaf>` and `cache.<leaf>` are written over the leaf, so that an optimizer is one kernel a leaf. */
function replacedLeaves(graph: Graph, order: readonly Node[]): ReadonlyMap<Node, Node> {
  const leaves = new Map<string, Node>(
    order.flatMap((node) =>
      node.op === "input" ? [[`${node.attributes.kind}.${node.attributes.name}`, node] as const] : [],
    ),
  );
  return new Map(
    graph.outputs.flatMap(({ name, node }) => {
      const leaf = /^(?:parameter|state|cache)\./.test(name) ? leaves.get(name) : undefined;
      return leaf ? [[node, leaf] as const] : [];
    }),
  );
}

/** Chooses the kernels that compute `node`; every consumer already has its own. */
function place(node: Node, groups: Groups, costs: RecomputeCosts): void {
  const consumers = groups.consumersOf(node);
  const single = consumers.length === 1 && !groups.isStored(node);
  const isElementwise = isMap(node) || isPlainGather(node);
  if (isElementwise && !groups.isStored(node) && (single || isCheap(node, costs)))
    if (consumers.every((group) => groups.fits(group, node, false))) {
      for (const group of consumers) groups.absorb(group, node);
      return;
    }
  const host = consumers.find(
    (group) => groups.fits(group, node, !single) && canHost(group, node, single, groups),
  );
  if (host) groups.absorb(host, node);
  if (!host || !single) groups.store(host ?? groups.create(node), node);
}

const isCheap = (node: Node, costs: RecomputeCosts): boolean =>
  costs.cost(node) <= CHEAP_COST && costs.sources(node) <= CHEAP_SOURCES;

/** Whether `group` may compute `node` and, unless it is its only reader, store it as well. */
function canHost(group: Group, node: Node, single: boolean, groups: Groups): boolean {
  if (groups.consumersOf(node).some((other) => other !== group && groups.reaches(other, group))) return false;
  const at = groups.alignment(group, node);
  if (at === "operand") return false;
  if (isReduction(node)) return groups.reducesRows(group, node);
  if (isContraction(node)) return group.family === "pointwise" && at === "space";
  if (node.op === "scatter_add" || node.op === "update" || node.op === "cumsum") return false;
  if (group.family === "update") return single;
  return single || ((at === "space" || at === `over:${group.rows?.axes}`) && storable(group, node.shape));
}

/** Pointwise kernels store values of their own space; row kernels also values of one per row, and whole rows if these are many. */
function storable(group: Group, shape: Shape): boolean {
  if (group.rows === undefined) return sameSizes(shape, group.space);
  return (
    sameSizes(shape, group.rows.shape) ||
    (sameSizes(shape, group.space) && manyRows(group.rows.shape, group.space))
  );
}
