/**
 * What it costs to compute a value again where it is read, and what it costs to store it: bytes against operations.
 *
 * ```
 * y = gelu(contract), read by 3 kernels    again: the sum is stored and each kernel has gelu · stored: y is written once
 * y = select(mask, dx), read by 2 kernels  again: both read dx, which is stored anyway · stored: one tensor more
 * ```
 */
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Shape } from "../../ir/shape.js";
import { isPairwise } from "../../ir/streaming.js";
import type { MapOp } from "../../ir/vocabulary.js";
import { estimatedElements } from "../nodes.js";
import { isContraction, isFree, isLayout, isMap, isRegion, stripLayout } from "./kinds.js";

/** Simple operations an element; maps that are not listed cost 1. */
const OPERATIONS: Partial<Record<MapOp, number>> = {
  exp: 6,
  log: 6,
  tanh: 8,
  erf: 10,
  sigmoid: 8,
  sin: 8,
  cos: 8,
  pow: 12,
  sqrt: 3,
  rsqrt: 3,
  div: 3,
  floordiv: 3,
  mod: 3,
};
/** Of one random number: two rounds of mixing. */
const RANDOM_OPERATIONS = 16;
/** A value is never computed again where that takes more operations an element … */
const MOST_OPERATIONS = 48;
/** … or more stored values than this, since a kernel has few bindings. */
const MOST_SOURCES = 4;
/** Operations in the time of one element's way to memory or back, on the slowest of the devices that count: a CPU. */
const OPERATIONS_PER_ELEMENT = 8;
/** Elements of the other side that share one load of an operand: the tile of an invocation. */
const TILE = 4;

export interface Costs {
  /** The nodes that read a value, through layout ops or not. */
  users(node: Node): ReadonlySet<Node>;
  /** Operations an element of a map, from what is expected to be stored. */
  operations(node: Node): number;
  /** The values that are expected to be stored, of which a map is computed; any other node itself. */
  sources(node: Node): ReadonlySet<Node>;
  /** Whether a contraction computes this operand as it loads it. */
  atLoad(node: Node): boolean;
  /** Whether the value is in memory whatever the kernels are. */
  isKept(node: Node): boolean;
}

/** `order`: operands before users. */
export function createCosts(graph: Graph, order: readonly Node[]): Costs {
  const users = usersOf(graph, order);
  const kept = keptValues(graph, order);
  const operands = new Set<Node>();
  const operations = new Map<Node, number>();
  const sources = new Map<Node, ReadonlySet<Node>>();
  const expected = new Set<Node>();
  const sourcesOf = (node: Node): ReadonlySet<Node> =>
    isMap(node) && !expected.has(node) ? (sources.get(node) ?? new Set([node])) : new Set([node]);
  const operationsOf = (node: Node): number => {
    if (node.op === "random") return RANDOM_OPERATIONS;
    return isMap(node) && !expected.has(node) ? operations.get(node)! : 0;
  };
  const atLoad = new Set<Node>();
  for (const node of order) {
    if (!isMap(node)) continue;
    const inputs = node.inputs.map(stripLayout);
    const own = OPERATIONS[node.op as MapOp] ?? 1;
    const again: Again = {
      operations: inputs.reduce((sum, input) => sum + operationsOf(input), own),
      sources: new Set(inputs.filter((input) => !isFree(input)).flatMap((x) => [...sourcesOf(x)])),
    };
    operations.set(node, again.operations);
    sources.set(node, again.sources);
    const isHeavy = again.operations > MOST_OPERATIONS || again.sources.size > MOST_SOURCES;
    const readers = [...users.get(node)!];
    const contractions = readers.filter(isContraction) as readonly (NodeOf<"contract"> & Node)[];
    if (contractions.length > 0 && !kept.has(node)) {
      if (!isHeavy && contractions.every((user) => paysAtLoad(node, user, again))) atLoad.add(node);
      else operands.add(node);
    }
    if (kept.has(node) || operands.has(node) || (readers.length > 1 && isHeavy)) expected.add(node);
  }
  return {
    users: (node) => users.get(node) ?? none,
    operations: (node) => operations.get(node) ?? 0,
    sources: (node) => sources.get(node) ?? new Set([node]),
    atLoad: (node) => atLoad.has(node),
    isKept: (node) => kept.has(node) || operands.has(node),
  };
}

const none: ReadonlySet<Node> = new Set();

function usersOf(graph: Graph, order: readonly Node[]): ReadonlyMap<Node, ReadonlySet<Node>> {
  const users = new Map<Node, Set<Node>>(order.map((node) => [node, new Set()]));
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  for (const node of order)
    if (!isLayout(node) || outputs.has(node))
      for (const input of node.inputs) users.get(stripLayout(input))!.add(node);
  return users;
}

/** What is stored whatever the kernels are: outputs, what regions read, tables of look-ups, what is overwritten, operands of pairs. */
function keptValues(graph: Graph, order: readonly Node[]): ReadonlySet<Node> {
  const kept = new Set(graph.outputs.map(({ node }) => node));
  for (const node of order) {
    if (isRegion(node)) for (const input of node.inputs) kept.add(input);
    if (node.op === "gather" || node.op === "scatter_add" || node.op === "update")
      kept.add(stripLayout(node.inputs[0]!));
    if (isPairwise(node)) {
      const { products, x } = pairwiseParts(node);
      for (const { left, right } of products) kept.add(stripLayout(left)).add(stripLayout(right));
      if (x) kept.add(stripLayout(x));
    }
  }
  return kept;
}

interface Again {
  readonly operations: number;
  readonly sources: ReadonlySet<Node>;
}

/**
 * Computing an operand at load: its sources and operations as often as it is loaded. Storing it: written once, its sources read
 * once, then loaded as often. Where a kernel that stores its source anyway could store it instead, nothing is saved.
 */
function paysAtLoad(operand: Node, user: NodeOf<"contract">, { operations, sources }: Again): boolean {
  if ([...sources].some((source) => isContraction(source) || source.op === "reduce")) return false;
  const loads = Math.max(
    ...user.inputs.map((input, n) => (stripLayout(input) === operand ? timesLoaded(user, n) : 0)),
  );
  const elements = estimatedElements(operand.shape);
  const read = elementsOf(sources);
  const again = loads * (read + (elements * operations) / OPERATIONS_PER_ELEMENT);
  const stored = elements + read + loads * elements;
  return again < stored;
}

/** How often each element of an operand is loaded: once for every tile of the other operand's own elements. */
function timesLoaded({ attributes, inputs }: NodeOf<"contract">, side: number): number {
  const labels = [attributes.a, attributes.b];
  const other = labels[1 - side]!.flatMap((label, axis) =>
    labels[side]!.includes(label) ? [] : [inputs[1 - side]!.shape[axis]!],
  );
  return Math.ceil(estimatedElements(other) / TILE);
}

const elementsOf = (nodes: Iterable<Node>): number =>
  [...nodes].reduce((sum, { shape }) => sum + estimatedElements(shape), 0);

/** Whether kernels that read `reads` had better compute `node` again, each for itself, than have it stored. */
export function isBetterAgain(node: Node, reads: readonly ReadonlySet<Node>[], costs: Costs): boolean {
  const sources = costs.sources(node);
  const operations = costs.operations(node);
  if (operations > MOST_OPERATIONS || sources.size > MOST_SOURCES) return false;
  const elements = estimatedElements(node.shape);
  const own = [...sources].filter((source) => isOwn(source, node, costs));
  const more = reads.map((read) => elementsOf([...sources].filter((source) => !read.has(source))));
  const again =
    more.reduce((sum, count) => sum + count, 0) +
    elementsOf(own) +
    (elements * operations * (reads.length - 1)) / OPERATIONS_PER_ELEMENT;
  const stored =
    elements * (1 + reads.length) + elementsOf([...sources].filter((source) => !own.includes(source)));
  return again <= stored;
}

/** Whether a contraction's result is nobody's but this value's: then storing the value means not storing the sum. */
function isOwn(source: Node, node: Node, costs: Costs): boolean {
  if (!isContraction(source)) return false;
  const cone = new Set([node, ...coneBelow(node, costs, () => false)]);
  return [...costs.users(source)].every((user) => cone.has(user));
}

/** The maps below `node` that are read by nothing but `node`, by what `isInside`, and by each other; users before operands. */
export function coneBelow(
  node: Node,
  costs: Pick<Costs, "users" | "isKept">,
  isInside: (node: Node) => boolean,
): readonly Node[] {
  const cone = new Set<Node>([node]);
  for (const member of cone)
    for (const input of member.inputs) {
      const source = stripLayout(input);
      if (!isMap(source) || isInside(source) || costs.isKept(source)) continue;
      if ([...costs.users(source)].every((user) => cone.has(user) || isInside(user))) cone.add(source);
    }
  cone.delete(node);
  return [...cone];
}

/**
 * What it costs that `host`, reducing `axes` where it does, computes `node` for its own readers: the heavy values right below it which
 * that kernel cannot compute, and another one would together with `node`.
 */
export function apartFrom(
  node: Node,
  host: { readonly family: string; readonly axes: string | undefined; readonly space: Shape },
  costs: Costs,
): number {
  let cost = 0;
  const seen = new Set<Node>();
  const visit = (x: Node): void => {
    if (seen.has(x)) return;
    seen.add(x);
    for (const input of x.inputs) {
      const source = stripLayout(input);
      if (source.op === "contract" && source === input && host.family !== "pointwise")
        cost += isOwn(source, node, costs) ? 2 * estimatedElements(source.shape) : 0;
      else if (source.op === "reduce") {
        const axes = source.attributes.axes.join();
        const fits = host.family === "pointwise" || (host.family === "rows" && host.axes === axes);
        if (!fits) cost += 2 * estimatedElements(source.inputs[0]!.shape);
      } else if (isMap(source)) visit(source);
    }
  };
  visit(node);
  return cost;
}
