/** Cotangents of some nodes → cotangents of everything below them that depends on `wrt`, within one body. */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import { graphScalar } from "../numbers/graph.js";
import { rowOf } from "../ops/index.js";
import type { Cotangents } from "../ops/row.js";
import { rewrite } from "../rewrite.js";
import type { OpName, Vocabulary } from "../vocabulary.js";
import { dependents } from "./dependents.js";

export interface Pullback {
  readonly cotangents: ReadonlyMap<Node, Node>;
  /** The same nodes over the regions that also give the residuals of their backward regions. */
  extend(nodes: readonly Node[]): readonly Node[];
}

/** The pullback of a region (`repeat.ts`, which itself pulls back through its body). `dys`: by result. */
export type RegionPullback = (
  b: Builder,
  region: NodeOf<"repeat">,
  dys: Cotangents,
  isActive: (operand: Node) => boolean,
) => {
  readonly cotangents: Cotangents;
  /** The forward region's attributes, with the residuals as further results. */
  readonly attributes: Vocabulary["repeat"];
};

export function pullback(
  b: Builder,
  order: readonly Node[],
  seeds: readonly (readonly [Node, Node])[],
  wrt: ReadonlySet<Node>,
  pullRegion: RegionPullback,
): Pullback {
  const active = dependents(order, wrt);
  const cotangents = new Map<Node, Node>();
  const results = new Map<Node, (Node | undefined)[]>();
  const extended = new Map<Node, Vocabulary["repeat"]>();

  const add = (node: Node, dx: Node | undefined): void => {
    if (!dx || !active.has(node) || node.dtype !== "f32") return;
    const known = cotangents.get(node);
    cotangents.set(node, known ? b.add(known, dx) : dx);
  };
  function pull(node: Node): Cotangents {
    if (node.op === "repeat") {
      const dys = results.get(node);
      if (!dys) return [];
      const { cotangents: dxs, attributes } = pullRegion(b, node, dys, (input) => active.has(input));
      extended.set(node, attributes);
      return dxs;
    }
    const dy = cotangents.get(node);
    return dy ? pullValue(b, dy, node) : [];
  }

  for (const [node, seed] of seeds) add(node, seed);
  for (let n = order.length - 1; n >= 0; n--) {
    const node = order[n]!;
    if (!active.has(node)) continue;
    if (node.op === "get") route(node, cotangents.get(node), results);
    else pull(node).forEach((dx, k) => add(node.inputs[k]!, dx));
  }
  return { cotangents, extend: (nodes) => extendRegions(b, nodes, extended) };
}

function pullValue(b: Builder, dy: Node, node: Node): Cotangents {
  const row = rowOf(node.op);
  switch (row.kind) {
    case "map":
      return row.slope(graphScalar(b), dy, node, ...node.inputs);
    case "primitive":
      return row.vjp(b, dy, node as NodeOf<OpName>);
    case "composite":
      if (row.vjp) return row.vjp(b, dy, node as NodeOf<OpName>);
      throw new Error(`internal: ${node.op} is not expanded`);
    case "region":
      throw new Error(`internal: no gradient flows through ${node.op}`);
    default:
      return row satisfies never;
  }
}

/** A region's cotangents are collected by result. */
function route(node: NodeOf<"get">, dy: Node | undefined, results: Map<Node, (Node | undefined)[]>): void {
  if (!dy) return;
  const region = node.inputs[0]!;
  const known = results.get(region) ?? region.results.map(() => undefined);
  known[node.attributes.index] = dy;
  results.set(region, known);
}

function extendRegions(
  b: Builder,
  nodes: readonly Node[],
  extended: ReadonlyMap<Node, Vocabulary["repeat"]>,
): readonly Node[] {
  if (extended.size === 0) return nodes;
  const graph = { name: "", outputs: nodes.map((node, n) => ({ name: String(n), node })) };
  const replaced = rewrite(graph, b, (node, inputs) => {
    const attributes = extended.get(node);
    return attributes && b.make("repeat", inputs, attributes);
  });
  return replaced.outputs.map(({ node }) => node);
}
