/**
 * Walks over a graph: its nodes in order, who reads whom, and the same graph with its regions' bodies or leaves replaced.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";
import type { Shape } from "../ir/shape.js";
import { reshaped } from "./nodes.js";
import { isOp } from "./rule.js";

/** Every node reachable from `roots`, inputs before readers. */
export function nodesUnder(roots: readonly Node[]): readonly Node[] {
  const order: Node[] = [];
  const state = new Map<string, "open" | "done">();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const seen = state.get(node.key);
    if (seen === undefined) {
      state.set(node.key, "open");
      for (const input of [...node.inputs].reverse()) if (!state.has(input.key)) stack.push(input);
      continue;
    }
    stack.pop();
    if (seen === "open") {
      state.set(node.key, "done");
      order.push(node);
    }
  }
  return order;
}

export const nodesOf = (graph: Graph): readonly Node[] => nodesUnder(graph.outputs.map(({ node }) => node));

/** Reads of each node, by key: one per input place and one per output. */
export function useCounts(graph: Graph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const count = (node: Node): void => void counts.set(node.key, (counts.get(node.key) ?? 0) + 1);
  for (const node of nodesOf(graph)) node.inputs.forEach(count);
  for (const { node } of graph.outputs) count(node);
  return counts;
}

/** `node` on other inputs. */
export function rebuild(b: Builder, node: Node, inputs: readonly Node[]): Node {
  const same = inputs.every((input, n) => input === node.inputs[n]);
  return same ? node : b.make(node.op, inputs, node.attributes as never);
}

/** `node` with `change` applied to the body of a region. */
export function mapBody(b: Builder, node: Node, change: (body: Graph) => Graph): Node {
  if (isOp(node, "repeat")) {
    const body = change(node.attributes.body);
    return body === node.attributes.body ? node : b.make("repeat", node.inputs, { ...node.attributes, body });
  }
  if (isOp(node, "fused")) {
    const body = change(node.attributes.body);
    return body === node.attributes.body ? node : b.make("fused", node.inputs, { body });
  }
  return node;
}

/** The graph with every node replaced bottom-up: `change` gets the node on its new inputs, and the node as it was. */
export function mapNodes(graph: Graph, b: Builder, change: (node: Node, old: Node) => Node): Graph {
  const done = new Map<string, Node>();
  for (const node of nodesOf(graph)) {
    const inputs = node.inputs.map((input) => done.get(input.key)!);
    done.set(node.key, change(rebuild(b, node, inputs), node));
  }
  return withOutputs(graph, b, (node) => done.get(node.key)!);
}

/** The graph with `change` applied to the body of every region in it. */
export const mapRegions = (graph: Graph, b: Builder, change: (body: Graph) => Graph): Graph =>
  mapNodes(graph, b, (node) => mapBody(b, node, change));

/** The graph with other outputs of the same names; the graph itself where they are the same. */
export function withOutputs(graph: Graph, b: Builder, change: (node: Node) => Node): Graph {
  const outputs = graph.outputs.map(({ name, node }) => ({ name, node: named(b, change(node), node.shape) }));
  const same = outputs.every(({ node }, n) => node.key === graph.outputs[n]!.node.key);
  return same ? graph : { ...graph, outputs };
}

/** `node` with the axis names of `shape`: what leaves a graph keeps its names. */
const named = (b: Builder, node: Node, shape: Shape): Node =>
  node.shape.every((axis, n) => axis.name === shape[n]!.name) ? node : reshaped(b, node, shape);

/** The same text for the same graph: its outputs' names and content addresses. */
export const graphKey = (graph: Graph): string => graph.outputs.map(({ name, node }) => `${name}=${node.key}`).join(";");
