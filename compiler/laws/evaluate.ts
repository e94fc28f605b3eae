/**
 * Graph, values → values, in f64 as the reference and in f32 as what rounding costs; and the gradients of a graph's outputs.
 *
 * ```
 * withGradients({ y }, [x, w])   →   y, gradient of Σ cotangent · y with respect to x and to w
 * ```
 */
import type { Builder } from "../ir/builder.js";
import { countGraph } from "../ir/count.js";
import { differentiate } from "../ir/differentiate.js";
import type { Graph, Node, Output } from "../ir/graph.js";
import type { Known } from "../ir/interpret.js";
import { interpret } from "../ir/interpret.js";
import { f32 } from "../ir/numbers/f32.js";
import { f64 } from "../ir/numbers/f64.js";
import { bodiesOf, topological } from "../ir/rewrite.js";
import type { Values } from "./values.js";

type LengthValues = Readonly<Record<string, number>>;

export const evaluate = (
  graph: Graph,
  inputs: Values,
  lengths: LengthValues,
  known?: Known<number>,
): Values => interpret(graph, f64, { inputs, lengths }, known);
export const evaluateRounded = (
  graph: Graph,
  inputs: Values,
  lengths: LengthValues,
  known?: Known<number>,
): Values => interpret(graph, f32, { inputs, lengths }, known);

/** Operations and moved elements of one evaluation. */
export function workOf(graph: Graph, lengths: LengthValues): number {
  const { flops, bytesRead, bytesWritten } = countGraph(graph, lengths);
  return flops + (bytesRead + bytesWritten) / 4;
}

export const leafName = (node: Node): string | undefined =>
  node.op === "input" ? node.attributes.name : undefined;

/** The leaves outside regions that gradients can be asked for: real inputs and parameters. */
export function realLeaves(graph: Graph): readonly Node[] {
  return topological(graph).filter(
    (node) =>
      node.op === "input" &&
      node.dtype === "f32" &&
      (node.attributes.kind === "input" || node.attributes.kind === "parameter"),
  );
}

/** The names of the leaves that a graph reads, those of its regions' bodies included. */
export function leavesRead(graph: Graph): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Node): void => {
    for (const body of bodiesOf(node)) topological(body).forEach(visit);
    const name = leafName(node);
    if (name !== undefined) names.add(name);
  };
  topological(graph).forEach(visit);
  return names;
}

export const COTANGENT = "cotangent of ";
export const GRADIENT = "gradient of ";

/** The graph with the gradients of Σ cotangent · output: one more output a leaf, one more input an output. */
export function withGradients(graph: Graph, b: Builder): Graph {
  const real = graph.outputs.filter(({ node }) => node.dtype === "f32");
  const leaves = realLeaves(graph);
  if (real.length === 0 || leaves.length === 0) return graph;
  const total = real
    .map(({ name, node }) => {
      const cotangent = b.input("input", COTANGENT + name, node.shape, "f32");
      return b.sum(
        b.mul(node, cotangent),
        node.shape.map((_, axis) => axis),
      ); // []
    })
    .reduce((sum, one) => b.add(sum, one));
  const loss = "sum of cotangents";
  const { graph: extended, gradients } = differentiate(
    { name: graph.name, outputs: [...graph.outputs, { name: loss, node: total }] },
    { loss, wrt: leaves },
    b,
  );
  const added = gradients.map((node, n): Output => ({ name: GRADIENT + leafName(leaves[n]!)!, node }));
  return { ...extended, outputs: [...extended.outputs.filter(({ name }) => name !== loss), ...added] };
}
