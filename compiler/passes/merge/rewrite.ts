/**
 * Graph, packing → the graph over the packed leaves.
 *
 * ```
 * %5 = contract(%x, slice.0); %6 = contract(%x, slice.1)
 *   → %5 = contract(%x, slice.0) : [b, t, wq+wk]; %6 = slice(%5, 0, 64); %7 = slice(%5, 64, 32)
 * ```
 * Where the parts do not meet one operand together (a step of decoding that wants the queries alone) a part is read as a slice
 * of its leaf.
 */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import type { Axis, Shape } from "../../ir/shape.js";
import { eliminate } from "../eliminate.js";
import { reshaped, transposed } from "../nodes.js";
import { isOp } from "../rule.js";
import type { PackedLeaf, PackedPart, Packing } from "./plan.js";
import type { Projection } from "./projections.js";
import { projectionOf } from "./projections.js";
import type { Scope, Use, Weight } from "./weights.js";
import { scopesOf, stackName, usesOf } from "./weights.js";

interface Home {
  readonly pack: PackedLeaf;
  readonly part: PackedPart;
}

interface Merged extends Home {
  readonly projection: Projection;
}

/** `stacks`: the leaves as written that have a leading axis of turns. */
export function packGraph(graph: Graph, packing: Packing, stacks: ReadonlySet<string>, b: Builder): Graph {
  if (packing.length === 0) return graph;
  const homes = new Map<string, Home>(
    packing.flatMap((pack) => pack.parts.map((part): [string, Home] => [part.leaf, { pack, part }])),
  );
  const scopes = scopesOf(graph, stacks);
  const merged = mergedIn(usesOf(graph, stacks), homes);
  const context: Context = {
    b,
    homes,
    merged,
    packs: new Map(packing.map((pack) => [pack.name, pack])),
    scopes,
  };
  const outputs = rewriteScope(scopes[0]!, (pack) => leafOf(pack, b), context);
  const packed = {
    ...graph,
    outputs: graph.outputs.map(({ name }, n) => ({ name, node: outputs[n]! })),
  };
  return eliminate.run(packed, { builder: b, level: 1 });
}

interface Context {
  readonly b: Builder;
  readonly homes: ReadonlyMap<string, Home>;
  readonly packs: ReadonlyMap<string, PackedLeaf>;
  /** The projections of each body whose parts all meet the same operand, by body. */
  readonly merged: ReadonlyMap<string, ReadonlyMap<Node, Merged>>;
  readonly scopes: readonly Scope[];
}

/** A packed leaf of the whole model. */
function leafOf({ name, shape, turns }: PackedLeaf, b: Builder): Node {
  const stack = turns === undefined ? [] : [{ name: "layer", size: turns }];
  return b.input("parameter", name, [...stack, ...shape], "f32");
}

function mergedIn(uses: readonly Use[], homes: ReadonlyMap<string, Home>) {
  const groups = new Map<string, Merged[]>();
  for (const use of uses) {
    const home = homes.get(use.weight.leaf);
    const projection = home && projectionOf(use);
    if (!projection || projection.axis !== home.pack.axis) continue;
    const key = `${home.pack.name} ${projection.key}`;
    groups.set(key, [...(groups.get(key) ?? []), { ...home, projection }]);
  }
  const found = new Map<string, Map<Node, Merged>>();
  for (const group of groups.values()) {
    const [{ pack, projection }] = group as [Merged, ...Merged[]];
    if (!pack.parts.every(({ leaf }) => group.some((one) => one.part.leaf === leaf))) continue;
    const nodes = found.get(projection.scope.path) ?? new Map<Node, Merged>();
    for (const one of group) nodes.set(one.projection.node, one);
    found.set(projection.scope.path, nodes);
  }
  return found;
}

/** `packedIn`: a packed leaf as this body sees it. */
function rewriteScope(scope: Scope, packedIn: (pack: PackedLeaf) => Node, context: Context): readonly Node[] {
  const { b, homes } = context;
  const merged = context.merged.get(scope.path) ?? new Map<Node, Merged>();
  const sums = sumsOf(merged, context);
  const values = new Map<Node, Node>();
  const value = (node: Node): Node => values.get(node)!;
  /** The parts of the packed projection, with or without biases. */
  const part = (one: Merged, bias: PackedLeaf | undefined): Node =>
    partOf(
      one,
      packedProjection(one, value(one.projection.x), packedIn(one.pack), bias && packedIn(bias), b),
      b,
    );
  scope.order.forEach((node, n) => {
    const home = homeOf(scope.weight(node), node, homes);
    const one = merged.get(node);
    const sum = sums.get(node);
    if (home) values.set(node, partOfLeaf(home, node.shape, packedIn(home.pack), b));
    else if (sum) values.set(node, part(sum.one, sum.bias));
    else if (one) values.set(node, part(one, undefined));
    else if (isOp(node, "repeat")) values.set(node, rewriteRegion(scope, node, n, value, packedIn, context));
    else values.set(node, b.remake(node, node.inputs.map(value)));
  });
  return scope.body.outputs.map(({ node }) => value(node));
}

/** A leaf that is a part, seen in a body or, whole, at the top. */
function homeOf(weight: Weight | undefined, node: Node, homes: ReadonlyMap<string, Home>): Home | undefined {
  const name = weight?.leaf ?? stackName(node);
  return name === undefined ? undefined : homes.get(name);
}

/** A part of a packed leaf in its own shape; a stack's turns come before the turn's axes. */
function partOfLeaf({ pack, part }: Home, shape: Shape, packed: Node, b: Builder): Node {
  const axis = pack.axis + packed.shape.length - pack.shape.length;
  return reshaped(b, b.slice(packed, axis, part.start, part.size), shape);
}

/** The sums with a bias that are made of a whole packed bias. */
function sumsOf(merged: ReadonlyMap<Node, Merged>, { homes, packs }: Context) {
  const found = new Map<Node, { readonly one: Merged; readonly bias: PackedLeaf }>();
  const hasBias = ({ pack, projection: { bias } }: Merged): boolean =>
    bias !== undefined && homes.get(bias.weight.leaf)?.pack.name === pack.bias;
  for (const one of merged.values()) {
    const together = [...merged.values()].filter(
      ({ pack, projection }) => pack === one.pack && projection.key === one.projection.key,
    );
    const isWhole = together.every(hasBias);
    const bias = one.pack.bias === undefined ? undefined : packs.get(one.pack.bias);
    if (isWhole && bias) found.set(one.projection.bias!.sum, { one, bias });
  }
  return found;
}

const PARTS = "parts";

/** x's axes that are not summed, then the parts. */
const keptLabels = ({ labels, node }: Projection): readonly string[] =>
  labels.filter((label) => node.attributes.out.includes(label));

function packedProjection(
  { projection }: Merged,
  x: Node,
  packed: Node,
  bias: Node | undefined,
  b: Builder,
): Node {
  const { labels, weights, axis, own } = projection;
  const kept = keptLabels(projection);
  const canonical = new Map(labels.map((label, n) => [label, `x${n}`]));
  const renamed = (names: readonly string[]): readonly string[] =>
    names.map((label) => canonical.get(label)!);
  const product = b.contract(x, packed, {
    a: renamed(labels),
    b: [...renamed(weights.slice(0, axis)), PARTS, ...renamed(weights.slice(axis + own.length))],
    out: [...renamed(kept), PARTS],
  });
  if (!bias) return product;
  const from = product.shape.map((_, n) => (n === kept.length ? 0 : -1));
  return b.add(product, b.broadcastTo(bias, product.shape, from));
}

/** A part of the packed projection, its axes as the projection by itself has them. */
function partOf({ projection, part }: Merged, whole: Node, b: Builder): Node {
  const { node, weights, axis, own } = projection;
  const { out } = node.attributes;
  const at = whole.shape.length - 1;
  const labels = [...keptLabels(projection), ...weights.slice(axis, axis + own.length)];
  const axisOf = (label: string): Axis => node.shape[out.indexOf(label)]!;
  const apart = reshaped(b, b.slice(whole, at, part.start, part.size), labels.map(axisOf));
  return transposed(
    b,
    apart,
    out.map((label) => labels.indexOf(label)),
  );
}

/** Operands that are parts become their packed leaves, in the body as outside. */
function rewriteRegion(
  outer: Scope,
  region: NodeOf<"repeat">,
  place: number,
  value: (node: Node) => Node,
  packedIn: (pack: PackedLeaf) => Node,
  context: Context,
): Node {
  const { b, homes, scopes } = context;
  const { body, carries, slices } = region.attributes;
  const scope = scopes.find(({ path }) => path === `${outer.path}/${place}`)!;
  const homeAt = region.inputs.map((operand, n) => {
    const stack = n >= carries && n < carries + slices ? stackName(operand) : undefined;
    const leaf = stack ?? (n < carries ? undefined : outer.weight(operand)?.leaf);
    return leaf === undefined ? undefined : homes.get(leaf);
  });
  const firsts = new Map<string, number>();
  homeAt.forEach((home, n) => {
    if (home && !firsts.has(home.pack.name)) firsts.set(home.pack.name, n);
  });
  const inside = (pack: PackedLeaf): Node => {
    const n = firsts.get(pack.name)!;
    const name = n < carries + slices ? `slice.${n - carries}` : `fixed.${n - carries - slices}`;
    return b.input(n < carries + slices ? "slice" : "fixed", name, pack.shape, "f32");
  };
  const outputs = rewriteScope(scope, inside, context);
  return b.make(
    "repeat",
    region.inputs.map((operand, n) => (homeAt[n] ? packedIn(homeAt[n].pack) : value(operand))),
    {
      ...region.attributes,
      body: { ...body, outputs: body.outputs.map(({ name }, n) => ({ name, node: outputs[n]! })) },
    },
  );
}
