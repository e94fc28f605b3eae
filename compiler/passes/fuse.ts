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
 * of reductions over one set of axes of one space, also such as only read the same rows. A map that several kernels need is
 * computed again in each when that is cheap, and stored by the first of them when it is not. What leaves a kernel is one of its
 * outputs.
 *
 * That is level 2. At level 1 nothing is computed twice: a map joins where it is read once. At level 0 only maps meet: a chain
 * of them, each read once, is one kernel, and everything else is a kernel of its own.
 */
import type { Builder } from "../ir/builder.js";
import { dependentsOf, epilogueOf, isPlainEpilogue } from "../ir/epilogue.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { sameSizes } from "../ir/shape.js";
import type { Pairwise } from "../ir/streaming.js";
import { isPairwise } from "../ir/streaming.js";
import type { Costs } from "./fuse/costs.js";
import { apartFrom, createCosts, isBetterAgain } from "./fuse/costs.js";
import { emitGroups } from "./fuse/emit.js";
import type { Group } from "./fuse/group.js";
import { manyRows, sumsRelativeTo } from "./fuse/group.js";
import type { Groups } from "./fuse/groups.js";
import { createGroups } from "./fuse/groups.js";
import {
  isContraction,
  isFree,
  isLayout,
  isMap,
  isPlainGather,
  isReduction,
  isRegion,
  stripLayout,
} from "./fuse/kinds.js";
import { estimatedElements } from "./nodes.js";
import type { Level, PassContext } from "./pass.js";
import { remembered } from "./pass.js";
import { graphKey } from "./walk.js";

/** Storage bindings that one kernel may use: the WebGPU default limit. */
const MAX_BINDINGS = 8;

export function fuse(graph: Graph, context: PassContext): Graph {
  const inner = fuseBodies(graph, context);
  return emitGroups(inner, formGroups(inner, context), context.builder);
}

/** Bodies first: a `repeat` is opaque to the graph around it. */
function fuseBodies(graph: Graph, context: PassContext): Graph {
  const b: Builder = context.builder;
  const done = new Map<Node, Node>();
  for (const node of topological(graph)) {
    const inputs = node.inputs.map((input) => done.get(input)!);
    done.set(
      node,
      node.op === "repeat"
        ? b.make("repeat", inputs, { ...node.attributes, body: fusedBody(node.attributes.body, context) })
        : b.remake(node, inputs),
    );
  }
  return { ...graph, outputs: graph.outputs.map(({ name, node }) => ({ name, node: done.get(node)! })) };
}

const fusedBody = (body: Graph, context: PassContext): Graph =>
  remembered(context, graphKey(body), () => fuse(body, context));

/** What placing a node needs to know. */
interface Placing {
  readonly groups: Groups;
  readonly costs: Costs;
  readonly context: PassContext;
}

function formGroups(graph: Graph, context: PassContext): Groups {
  const order = topological(graph);
  const costs = createCosts(graph, order);
  const groups = createGroups({
    maxBindings: MAX_BINDINGS,
    replaces: replacedLeaves(graph, order),
    costs,
    cones: context.level === 2,
  });
  for (const { node } of graph.outputs) groups.needStored(node);
  for (const node of [...order].reverse()) {
    if (node.op === "input" || node.op === "table" || node.op === "get") continue;
    if (isRegion(node))
      groups.region(
        node,
        order.filter((other) => other.op === "get" && other.inputs[0] === node),
      );
    else if (groups.isPlaced(node)) continue;
    else if (isFree(node) || isLayout(node) ? groups.isStored(node) : groups.isUsed(node))
      place(node, { groups, costs, context });
  }
  if (context.level > 0) groups.mergeSiblings();
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
function place(node: Node, placing: Placing): void {
  const { groups, context } = placing;
  const consumers = groups.consumersOf(node);
  const single = consumers.length === 1 && !groups.isStored(node);
  if (isOfPairs(node, consumers, placing) && consumers.every((group) => groups.fits(group, node, false))) {
    for (const group of consumers) groups.absorb(group, node);
    return;
  }
  const isPlain = isPlainGather(node);
  const isAnywhere = (isMap(node) && (single || isAgain(node, consumers, placing))) || isPlain;
  if (isAnywhere && !groups.isStored(node))
    if (
      consumers.every(
        (group) => groups.fits(group, node, false) && mayJoin(group, node, groups, context.level),
      )
    ) {
      for (const group of consumers) groups.absorb(group, node);
      return;
    } else context.explain?.(node, `is stored: the kernels that read it have no binding left`);
  if (isContraction(node) && joinParts(node, consumers, placing)) return;
  const host = hostOf(node, consumers, single, placing);
  if (host) groups.absorb(host, node, !single);
  if (!host || !single) groups.store(host ?? siblingOf(node, placing) ?? groups.create(node), node);
}

/** What only kernels over pairs read as a field is computed by each at its index: there may be one for every pair. */
const isOfPairs = (node: Node, consumers: readonly Group[], { groups, context }: Placing): boolean =>
  context.level > 0 &&
  (isMap(node) || node.op === "gather" || node.op === "concat") &&
  !groups.isStored(node) &&
  consumers.every((group) => group.family === "pairwise");

/** A contraction that kernels read parts of is computed with as many of them as one kernel can be; whether there are any. */
function joinParts(node: NodeOf<"contract"> & Node, consumers: readonly Group[], placing: Placing): boolean {
  const { groups, context } = placing;
  if (context.level === 0) return false;
  const able = consumers.filter((group) => isPart(group, node, placing));
  // What stands at the contraction's own elements alone is the old case.
  if (able.length < 2 && able.every((group) => groups.alignment(group, node) === "space")) return false;
  const isOne = (parts: readonly Group[]): boolean =>
    groups.fitTogether(parts, node) && isEpilogue(node, parts);
  const parts = isOne(able) ? able : able.reduce(grown, []);
  function grown(found: readonly Group[], group: Group): readonly Group[] {
    return isOne([...found, group]) ? [...found, group] : found;
  }
  if (parts.length === 0) return false;
  const kept = groups.isStored(node) || consumers.some((group) => !parts.includes(group));
  const host = groups.joinParts(parts, node, kept);
  if (kept) groups.store(host, node);
  return true;
}

function isPart(group: Group, node: NodeOf<"contract"> & Node, { groups, context }: Placing): boolean {
  if (group.family !== "pointwise" && group.family !== "update") return false;
  if (groups.alignment(group, node) === "operand") return false;
  const why = isEpilogue(node, [group])
    ? groups.fitTogether([group], node)
      ? undefined
      : "what reads its parts has no binding left, or waits for it"
    : "a kernel of its own reads it in another order than an invocation has its columns";
  if (why) context.explain?.(node as Node, why);
  return why === undefined;
}

/** Whether a tile of the contraction has all that these kernels need for their results. */
function isEpilogue(node: NodeOf<"contract"> & Node, parts: readonly Group[]): boolean {
  const isInside = (x: Node): boolean =>
    parts.some((part) => part.members.has(x)) || (isLayout(x) && parts.every((part) => !part.sources.has(x)));
  const outputs = parts.flatMap((part) => part.outputs);
  const after = dependentsOf(node as Node, outputs, isInside);
  return isPlainEpilogue(node as Node, after, outputs) || epilogueOf(node, outputs, isInside) !== undefined;
}

/** What the level allows of a map that every reader would compute for itself. */
function mayJoin(group: Group, node: Node, groups: Groups, level: Level): boolean {
  if (level === 2) return true;
  if (groups.consumersOf(node).length > 1) return false;
  const at = groups.alignment(group, node);
  if (level === 0) return at === "space" && group.family === "pointwise" && [...group.members].every(isMap);
  return at === "space" || (group.rows !== undefined && at === `over:${group.rows.axes}`);
}

/** Whether every kernel that reads `node` had better compute it for itself. */
function isAgain(node: Node, consumers: readonly Group[], { groups, costs, context }: Placing): boolean {
  if (context.level === 0) return false;
  const again = isBetterAgain(
    node,
    consumers.map((group) => groups.reads(group, node)),
    costs,
  );
  if (!again)
    context.explain?.(
      node,
      `is stored: ${consumers.length} kernels read it, and computing it in each takes ${costs.operations(node)} operations an element of ${costs.sources(node).size} stored values`,
    );
  return again;
}

/** The kernel among the readers that computes `node` for all of them; a map where that is cheapest. */
function hostOf(
  node: Node,
  consumers: readonly Group[],
  single: boolean,
  placing: Placing,
): Group | undefined {
  const { groups, costs, context } = placing;
  if (context.level === 0) return undefined;
  const able = consumers.filter(
    (group) => groups.fits(group, node, !single) && canHost(group, node, single, groups),
  );
  if (isReduction(node)) return able.find(({ space }) => sameSizes(space, node.inputs[0]!.shape)) ?? able[0];
  if (!isMap(node)) return able[0];
  const gain = (group: Group): number =>
    estimatedElements(node.shape) - apartFrom(node, { ...group, axes: group.rows?.axes }, costs);
  const best = able.reduce<Group | undefined>(
    (found, group) => (found && gain(found) >= gain(group) ? found : group),
    undefined,
  );
  if (best && gain(best) >= 0) return best;
  if (best) context.explain?.(node, "has a kernel of its own, which computes what is below it as well");
  return undefined;
}

/**
 * A kernel of other values that are computed of the same ones: sums over the same pairs, a reduction of the same elements along the
 * same rows, or a map of the same contraction, which is then computed and used in one place.
 */
function siblingOf(node: Node, placing: Placing): Group | undefined {
  const { groups, costs, context } = placing;
  if (context.level === 0) return undefined;
  if (isPairwise(node)) return pairSiblingOf(node, placing);
  if (!(isReduction(node) || isMap(node))) return undefined;
  const sources = costs.sources(isReduction(node) ? stripLayout(node.inputs[0]!) : node);
  const isShared = (group: Group, read: Node): boolean =>
    sources.has(read) &&
    sameSizes(read.shape, group.space) &&
    (isReduction(node) || (isContraction(read) && !groups.isStored(read)));
  const found = groups.groupsOver(node).find((group) => {
    if (groups.consumersOf(node).some((other) => groups.reaches(other, group))) return false;
    return [...groups.reads(group)].some((read) => isShared(group, read)) && groups.fits(group, node, true);
  });
  if (found) groups.adopt(found, node);
  return found;
}

function pairSiblingOf(node: Pairwise & Node, { groups }: Placing): Group | undefined {
  const found = groups.pairGroups(node).find((group) => {
    const isAfter = groups.consumersOf(node).some((other) => groups.reaches(other, group));
    return !isAfter && groups.fits(group, node, true);
  });
  if (found) groups.absorb(found, node, true);
  return found;
}

/** Whether `group` may compute `node` and, unless it is its only reader, store it as well. */
function canHost(group: Group, node: Node, single: boolean, groups: Groups): boolean {
  if (groups.consumersOf(node).some((other) => other !== group && groups.reaches(other, group))) return false;
  const at = groups.alignment(group, node);
  if (at === "operand") return false;
  if (isReduction(node)) return groups.reducesRows(group, node);
  if (isPairwise(node)) return group.family === "pairwise" && sumsRelativeTo(group, node);
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
