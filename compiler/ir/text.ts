/**
 * Graph ↔ text, exactly.
 *
 * ```
 * graph "forward" {
 *   %0 = input.input "tokens" : i32 [batch=B, t=T]
 *   %1 = input.parameter "wte.table" : f32 [vocab=256, d=64]
 *   %2 = gather(%1, %0) axis=0 : f32 [batch=B, t=T, d=64]
 *   output "x" = %2
 * }
 * ```
 * `shape` and `dtype` attributes stand in the type. Bodies and formulas are nested blocks that number their own nodes.
 */
import { attributeText, numberText } from "./attributes.js";
import type { Builder } from "./builder.js";
import { createBuilder } from "./builder.js";
import type { Graph, Node, ValueType } from "./graph.js";
import { rowOf } from "./ops/index.js";
import type { AttributeKind } from "./ops/row.js";
import { typeText } from "./ops/row.js";
import { topological } from "./rewrite.js";
import type { DType, Shape } from "./shape.js";
import type { Reader } from "./text/reader.js";
import { createReader } from "./text/reader.js";
import type { InputKind, OpName, Vocabulary } from "./vocabulary.js";

export const printGraph = (graph: Graph): string => `${block(graph, "")}\n`;

function block(graph: Graph, indent: string): string {
  const inner = `${indent}  `;
  const numbers = new Map<Node, string>();
  const lines = topological(graph).map((node, n) => {
    numbers.set(node, `%${n}`);
    return `${inner}%${n} = ${nodeText(node, numbers, inner)}`;
  });
  const outputs = graph.outputs.map(
    ({ name, node }) => `${inner}output ${JSON.stringify(name)} = ${numbers.get(node)}`,
  );
  return [`graph ${JSON.stringify(graph.name)} {`, ...lines, ...outputs, `${indent}}`].join("\n");
}

/** One node as text; `numbers` names its operands. */
function nodeText(node: Node, numbers: ReadonlyMap<Node, string>, indent: string): string {
  return `${head(node, numbers)}${attributesText(node, indent)} : ${typesText(node)}`;
}

function head(node: Node, numbers: ReadonlyMap<Node, string>): string {
  if (node.op === "input") return `input.${node.attributes.kind} ${JSON.stringify(node.attributes.name)}`;
  if (node.op === "const") return `const ${numberText(node.attributes.value)}`;
  return node.inputs.length === 0
    ? node.op
    : `${node.op}(${node.inputs.map((x) => numbers.get(x)).join(", ")})`;
}

function attributesText(node: Node, indent: string): string {
  const values = node.attributes as Readonly<Record<string, unknown>>;
  return written(node.op)
    .map(([name, kind]) => ` ${name}=${attributeText(kind, values[name], (body) => block(body, indent))}`)
    .join("");
}

const typesText = (node: Node): string =>
  node.op === "repeat" || node.op === "fused" ? `(${node.results.map(typeText).join(", ")})` : typeText(node);

/** The attributes that are written as `name=value`, in the order of the row. */
function written(op: OpName): readonly (readonly [string, AttributeKind])[] {
  if (op === "input" || op === "const") return [];
  return Object.entries(rowOf(op).attributes).filter(([, kind]) => kind !== "shape" && kind !== "dtype");
}

/** Throws `internal:` with the line where the text is no graph, or where a written type is not the inferred one. */
export function parseGraph(text: string, b: Builder = createBuilder()): Graph {
  const reader = createReader(text);
  const graph = readBlock(reader, b);
  reader.end();
  return graph;
}

function readBlock(reader: Reader, b: Builder): Graph {
  reader.expect("graph");
  const name = reader.string();
  reader.expect("{");
  const nodes: Node[] = [];
  const operand = (): Node => {
    reader.expect("%");
    return nodes[reader.number()] ?? reader.fail("a node above");
  };
  while (reader.accept("%")) {
    if (reader.number() !== nodes.length) reader.fail(`%${nodes.length}`);
    reader.expect("=");
    nodes.push(readNode(reader, b, operand));
  }
  const outputs = [];
  while (reader.accept("output")) {
    const output = reader.string();
    reader.expect("=");
    outputs.push({ name: output, node: operand() });
  }
  reader.expect("}");
  return { name, outputs };
}

function readNode(reader: Reader, b: Builder, operand: () => Node): Node {
  const op = reader.word() as OpName;
  if (!rowOf(op)) reader.fail("an op");
  const attributes: Record<string, unknown> = {};
  if (op === "input") Object.assign(attributes, readInput(reader));
  if (op === "const") attributes["value"] = reader.number();
  const inputs = reader.accept("(") ? reader.list(")", operand) : [];
  for (const [name, kind] of written(op)) {
    reader.expect(name);
    reader.expect("=");
    attributes[name] = readAttribute(reader, b, kind);
  }
  reader.expect(":");
  const types = reader.accept("(") ? reader.list(")", () => readType(reader)) : [readType(reader)];
  for (const [name, kind] of Object.entries(rowOf(op).attributes)) {
    if (kind === "shape") attributes[name] = types[0]!.shape;
    if (kind === "dtype") attributes[name] = types[0]!.dtype;
  }
  const node = b.make(op, inputs, attributes as Vocabulary[OpName]) as Node;
  if (node.results.map(typeText).join() !== types.map(typeText).join())
    reader.fail(`the type ${typesText(node)}`);
  return node;
}

function readInput(reader: Reader): { kind: InputKind; name: string } {
  reader.expect(".");
  const kind = reader.word() as InputKind;
  return { kind, name: reader.string() };
}

const readType = (reader: Reader): ValueType => ({ dtype: reader.word() as DType, shape: readShape(reader) });

function readShape(reader: Reader): Shape {
  reader.expect("[");
  return reader.list("]", () => {
    const name = reader.name();
    reader.expect("=");
    return { name, size: reader.size() };
  });
}

function readAttribute(reader: Reader, b: Builder, kind: AttributeKind): unknown {
  const numbers = (): readonly number[] => {
    reader.expect("[");
    return reader.list("]", reader.number);
  };
  switch (kind) {
    case "number":
      return reader.number();
    case "boolean":
      return reader.word() === "true";
    case "string":
      return reader.string();
    case "size":
      return reader.size();
    case "space":
      return readShape(reader);
    case "numbers":
      return numbers();
    case "strings":
      reader.expect("[");
      return reader.list("]", reader.name);
    case "lists":
      reader.expect("[");
      return reader.list("]", numbers);
    case "turns": {
      const size = reader.size();
      return reader.accept("/") ? { size, tile: reader.number() } : size;
    }
    case "graph":
      return readBlock(reader, b);
    case "optional graph":
      return reader.accept("none") ? undefined : readBlock(reader, b);
    case "shape":
    case "dtype":
      throw new Error(`internal: ${kind} stands in the type`);
    default:
      return kind satisfies never;
  }
}
