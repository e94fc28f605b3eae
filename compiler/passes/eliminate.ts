/**
 * eliminate: Graph → equal Graph, regions compute and read only what is used.
 *
 * ```
 * repeat(%x, %unused, %w) { carry.0 → f(carry.0, fixed.1); carry.1 → carry.1 }   →   repeat(%x, %w) { carry.0 → f(carry.0, fixed.0) }
 * ```
 * In a graph what no output reaches is not there; results of regions that nothing reads are. Goes: results without a
 * reader (a carry also when only its own next value reads it), operands that the body does not read, operands given twice.
 * A carry that never changes becomes a fixed operand, a fixed constant moves into the body, no turns are no region.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node, NodeOf, Output } from "../ir/graph.js";
import { topological, topologicalFrom } from "../ir/rewrite.js";
import { scalarUnder, splatValue, upTo } from "./nodes.js";
import type { Pass, PassContext } from "./pass.js";
import { isOp } from "./rule.js";
import { graphKey, mapBody, mapNodes, withOutputs } from "./walk.js";

/** What stands for one result of a region after pruning. */
type Results = ReadonlyMap<number, Node>;
type Wanted = ReadonlySet<number>;

/** Which results of each region are read, by the region's key. */
function wantedResults(graph: Graph): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Set<number>>();
  for (const node of topological(graph)) {
    if (!isOp(node, "get")) continue;
    const region = node.inputs[0]!.key;
    const indices = wanted.get(region) ?? new Set();
    wanted.set(region, indices.add(node.attributes.index));
  }
  return wanted;
}

/** The named inputs that some nodes of a body read. */
const namesRead = (roots: readonly Node[]): ReadonlySet<string> =>
  new Set(topologicalFrom(roots).flatMap((node) => (isOp(node, "input") ? [node.attributes.name] : [])));

/** The body under other inputs, its outputs chosen. */
function rebody(
  body: Graph,
  outputs: readonly Output[],
  inputs: ReadonlyMap<string, Node>,
  b: Builder,
): Graph {
  return mapNodes({ ...body, outputs }, b, (node) =>
    isOp(node, "input") ? (inputs.get(node.attributes.name) ?? node) : node,
  );
}

/** Outputs of a `repeat` that matter: those read, and the carries that what matters reads. */
function liveOutputs(region: NodeOf<"repeat">, wanted: Wanted): Wanted {
  const { body, carries } = region.attributes;
  const live = new Set(wanted);
  for (let before = -1; before !== live.size; ) {
    before = live.size;
    const read = namesRead([...live].map((index) => body.outputs[index]!.node));
    for (const carry of upTo(carries)) if (read.has(`carry.${carry}`)) live.add(carry);
  }
  return live;
}

/** An operand of a body: what it is bound to outside, and what the body calls it. */
interface Binding {
  readonly name: string;
  readonly outer: Node;
  readonly inner: Node;
}

function bindingsOf(region: NodeOf<"repeat">): readonly Binding[] {
  const { body, carries, slices } = region.attributes;
  const inner = new Map<string, Node>();
  for (const node of topological(body)) if (isOp(node, "input")) inner.set(node.attributes.name, node);
  return region.inputs.flatMap((outer, n) => {
    const name =
      n < carries
        ? `carry.${n}`
        : n < carries + slices
          ? `slice.${n - carries}`
          : `fixed.${n - carries - slices}`;
    const node = inner.get(name);
    return node ? [{ name, outer, inner: node }] : [];
  });
}

function pruneRepeat(region: NodeOf<"repeat">, wanted: Wanted, b: Builder): Results {
  const { body, carries, count } = region.attributes;
  if (count === 0 && [...wanted].every((index) => index < carries))
    return new Map([...wanted].map((index) => [index, region.inputs[index]!]));
  const live = liveOutputs(region, wanted);
  const isConstant = (carry: number): boolean => {
    const next = body.outputs[carry]!.node;
    return isOp(next, "input") && next.attributes.name === `carry.${carry}`;
  };
  const results = new Map<number, Node>();
  for (const index of wanted)
    if (index < carries && isConstant(index)) results.set(index, region.inputs[index]!);
  const keptCarries = upTo(carries).filter((carry) => live.has(carry) && !isConstant(carry));
  const keptStacks = upTo(body.outputs.length).filter((index) => index >= carries && live.has(index));
  const kept = [...keptCarries, ...keptStacks];
  if (kept.length === 0) return results;

  const outputs = kept.map((index) => body.outputs[index]!);
  const read = namesRead(outputs.map(({ node }) => node));
  const bindings = bindingsOf(region).filter(({ name }) => read.has(name));
  const inputs = new Map<string, Node>();
  const place = (kind: "slice" | "fixed", group: readonly Binding[]): readonly Node[] => {
    const outers: Node[] = [];
    for (const { name, outer, inner } of group) {
      const constant = kind === "fixed" && splatValue(outer) !== undefined ? scalarUnder(outer) : undefined;
      if (constant) {
        inputs.set(name, splatLike(b, constant, inner));
        continue;
      }
      const seen = outers.findIndex((other) => other.key === outer.key);
      const at = seen < 0 ? outers.push(outer) - 1 : seen;
      inputs.set(name, b.input(kind, `${kind}.${at}`, inner.shape, inner.dtype));
    }
    return outers;
  };
  const carried = keptCarries.map((carry, n) => {
    const { shape, dtype } =
      bindings.find(({ name }) => name === `carry.${carry}`)?.inner ?? region.inputs[carry]!;
    inputs.set(`carry.${carry}`, b.input("carry", `carry.${n}`, shape, dtype));
    return region.inputs[carry]!;
  });
  const isLeft = ({ name }: Binding): boolean => !inputs.has(name);
  const slices = place(
    "slice",
    bindings.filter((one) => one.name.startsWith("slice.")),
  );
  const fixed = place(
    "fixed",
    bindings.filter((one) => !one.name.startsWith("slice.") && isLeft(one)),
  );
  const smaller = b.make("repeat", [...carried, ...slices, ...fixed], {
    ...region.attributes,
    body: rebody(body, outputs, inputs, b),
    carries: carried.length,
    slices: slices.length,
  });
  for (const index of wanted) {
    const at = kept.indexOf(index);
    if (at >= 0) results.set(index, b.make("get", [smaller as Node], { index: at }));
  }
  return results;
}

const splatLike = (b: Builder, scalar: Node, like: Node): Node =>
  like.shape.length === 0
    ? scalar
    : b.make("broadcast", [scalar], { shape: like.shape, from: like.shape.map(() => -1) });

/** One round over a graph and, inside first, the bodies of its regions. */
function prune(graph: Graph, context: PassContext): Graph {
  const b = context.builder;
  const inner = mapNodes(graph, b, (node) => mapBody(b, node, (body) => pruned(body, context)));
  const wanted = wantedResults(inner);
  const results = new Map<string, Results>();
  const done = new Map<string, Node>();
  for (const node of topological(inner)) {
    const region = isOp(node, "get") ? node.inputs[0]! : undefined;
    const replacement =
      region && isOp(node, "get") ? results.get(region.key)?.get(node.attributes.index) : undefined;
    const current =
      replacement ??
      b.remake(
        node,
        node.inputs.map((input) => done.get(input.key)!),
      );
    done.set(node.key, current);
    if (isOp(node, "repeat"))
      results.set(node.key, pruneRepeat(current as NodeOf<"repeat">, wanted.get(node.key) ?? new Set(), b));
  }
  return withOutputs(inner, b, (node) => done.get(node.key)!);
}

/** Rounds until nothing goes: an operand that vanishes may have been the only reader of another region's result. */
function pruned(graph: Graph, context: PassContext): Graph {
  const next = prune(graph, context);
  return graphKey(next) === graphKey(graph) ? next : pruned(next, context);
}

export const eliminate: Pass = {
  name: "eliminate",
  says: "repeat(x, unused) { …, unread } => repeat(x) { … }",
  from: 1,
  run: pruned,
};
