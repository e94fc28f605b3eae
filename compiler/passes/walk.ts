/**
 * Walks over a graph: its nodes in order, who reads whom, and the same graph with its regions' bodies or leaves replaced.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { reshaped } from "./nodes.js";

/** Reads of each node, by key: one per input place and one per output. */
export function useCounts(graph: Graph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const count = (node: Node): void => void counts.set(node.key, (counts.get(node.key) ?? 0) + 1);
  for (const node of topological(graph)) node.inputs.forEach(count);
  for (const { node } of graph.outputs) count(node);
  return counts;
}

/** `node` with `change` applied to the body of a region. */
export function mapBody(b: Builder, node: Node, change: (body: Graph) => Graph): Node {
  if (node.op === "repeat")
    return b.make("repeat", node.inputs, { ...node.attributes, body: change(node.attributes.body) });
  if (node.op === "fused") return b.make("fused", node.inputs, { body: change(node.attributes.body) });
  return node;
}

/** The graph with every node replaced bottom-up: `change` gets the node on its new inputs, and the node as it was. */
export function mapNodes(graph: Graph, b: Builder, change: (node: Node, old: Node) => Node): Graph {
  const done = new Map<string, Node>();
  for (const node of topological(graph)) {
    const inputs = node.inputs.map((input) => done.get(input.key)!);
    done.set(node.key, change(b.remake(node, inputs), node));
  }
  return withOutputs(graph, b, (node) => done.get(node.key)!);
}

/** The graph with `change` applied to the body of every region in it. */
export const mapRegions = (graph: Graph, b: Builder, change: (body: Graph) => Graph): Graph =>
  mapNodes(graph, b, (node) => mapBody(b, node, change));

/** The graph with other nodes behind its outputs' names. */
export function withOutputs(graph: Graph, b: Builder, change: (node: Node) => Node): Graph {
  const outputs = graph.outputs.map(({ name, node }) => ({ name, node: named(b, change(node), node.shape) }));
  return { ...graph, outputs };
}

/** `node` with the axis names of `shape`: what leaves a graph keeps its names. */
const named = (b: Builder, node: Node, shape: Shape): Node =>
  node.shape.every((axis, n) => axis.name === shape[n]!.name) ? node : reshaped(b, node, shape);

/** The same text for the same graph: its outputs' names and content addresses. */
export const graphKey = (graph: Graph): string =>
  graph.outputs.map(({ name, node }) => `${name}=${node.key}`).join(";");
