/**
 * Graph → DOT, Mermaid, JSON.
 *
 * ```
 * toMermaid(graph)   flowchart TD
 *                      n0["input tokens<br/>i32 [batch=B, t=T]"]
 *                      n0 --> n1
 * ```
 */
import type { Graph, Node } from "../compiler/ir/graph.js";
import { topological } from "../compiler/ir/rewrite.js";
import { shapeText } from "../compiler/ir/shape.js";

interface Numbered {
  readonly nodes: readonly Node[];
  readonly numberOf: ReadonlyMap<Node, number>;
}

function numbered(graph: Graph): Numbered {
  const nodes = topological(graph);
  return { nodes, numberOf: new Map(nodes.map((node, n) => [node, n])) };
}

/** The body of a region, where a node has one. */
const bodyOf = (node: Node): Graph | undefined =>
  node.op === "repeat" || node.op === "fused" ? node.attributes.body : undefined;

function titleOf(node: Node): string {
  if (node.op === "input") return `${node.attributes.kind} ${node.attributes.name}`;
  if (node.op === "const") return String(node.attributes.value);
  if (node.op === "repeat") return `repeat ${node.attributes.count}`;
  return node.op;
}

const typeOf = (node: Node): string =>
  node.results.map(({ dtype, shape }) => `${dtype} ${shapeText(shape)}`).join(", ");

export function toDot(graph: Graph): string {
  const lines = [`digraph ${quote(graph.name)} {`, "  node [shape=box, fontname=monospace];"];
  drawDot(graph, "n", "  ", lines);
  return [...lines, "}"].join("\n");
}

function drawDot(graph: Graph, prefix: string, indent: string, lines: string[]): void {
  const { nodes, numberOf } = numbered(graph);
  nodes.forEach((node, n) => {
    lines.push(`${indent}${prefix}${n} [label=${quote(`${titleOf(node)}\n${typeOf(node)}`)}];`);
    for (const operand of node.inputs)
      lines.push(`${indent}${prefix}${numberOf.get(operand)} -> ${prefix}${n};`);
    const body = bodyOf(node);
    if (!body) return;
    lines.push(`${indent}subgraph cluster_${prefix}${n} {`, `${indent}  label=${quote(titleOf(node))};`);
    drawDot(body, `${prefix}${n}_`, `${indent}  `, lines);
    lines.push(`${indent}}`);
  });
  graph.outputs.forEach(({ name, node }, n) => {
    lines.push(`${indent}${prefix}out${n} [label=${quote(name)}, shape=ellipse];`);
    lines.push(`${indent}${prefix}${numberOf.get(node)} -> ${prefix}out${n};`);
  });
}

const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;

export function toMermaid(graph: Graph): string {
  const lines = ["flowchart TD"];
  drawMermaid(graph, "n", "  ", lines);
  return lines.join("\n");
}

function drawMermaid(graph: Graph, prefix: string, indent: string, lines: string[]): void {
  const { nodes, numberOf } = numbered(graph);
  nodes.forEach((node, n) => {
    lines.push(`${indent}${prefix}${n}["${entity(titleOf(node))}<br/>${entity(typeOf(node))}"]`);
    for (const operand of node.inputs)
      lines.push(`${indent}${prefix}${numberOf.get(operand)} --> ${prefix}${n}`);
    const body = bodyOf(node);
    if (!body) return;
    lines.push(`${indent}subgraph ${prefix}${n}_body ["${entity(titleOf(node))}"]`);
    drawMermaid(body, `${prefix}${n}_`, `${indent}  `, lines);
    lines.push(`${indent}end`);
  });
  graph.outputs.forEach(({ name, node }, n) => {
    lines.push(
      `${indent}${prefix}out${n}(["${entity(name)}"])`,
      `${indent}${prefix}${numberOf.get(node)} --> ${prefix}out${n}`,
    );
  });
}

const entity = (text: string): string =>
  text.replace(/[&<>"#;]/g, (character) => `#${character.charCodeAt(0)};`);

/** Nodes by number; regions hold their body as a graph of its own. */
export function graphJson(graph: Graph): unknown {
  const { nodes, numberOf } = numbered(graph);
  return {
    name: graph.name,
    nodes: nodes.map((node, n) => ({
      id: n,
      op: node.op,
      inputs: node.inputs.map((operand) => numberOf.get(operand)),
      attributes: attributesJson(node),
      results: node.results.map(({ dtype, shape }) => ({ dtype, shape })),
    })),
    outputs: graph.outputs.map(({ name, node }) => ({ name, node: numberOf.get(node) })),
  };
}

/** Attributes as they are; a graph among them (body, mask, score, formula) becomes a graph of its own. */
const attributesJson = (node: Node): unknown =>
  Object.fromEntries(
    Object.entries(node.attributes).map(([name, value]) => [name, isGraph(value) ? graphJson(value) : value]),
  );

const isGraph = (value: unknown): value is Graph =>
  typeof value === "object" && value !== null && "outputs" in value && Array.isArray(value.outputs);
