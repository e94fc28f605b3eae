import { expect, test } from "vitest";
import { graphJson, toDot, toMermaid } from "../../cli/graph-picture.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { symbol } from "../../compiler/ir/shape.js";

const b = createBuilder();
const shape = [{ name: "t", size: symbol("T") }];
const x = b.input("input", 'x"<θ>', shape, "f32");
const graph: Graph = { name: "forward", outputs: [{ name: "y", node: b.add(b.exp(x), x) }] };

test("DOT: one box a node, one arrow an operand, names quoted", () => {
  expect(toDot(graph)).toBe(
    `digraph "forward" {
  node [shape=box, fontname=monospace];
  n0 [label="input x\\"<θ>\\nf32 [t=T]"];
  n1 [label="exp\\nf32 [t=T]"];
  n0 -> n1;
  n2 [label="add\\nf32 [t=T]"];
  n1 -> n2;
  n0 -> n2;
  out0 [label="y", shape=ellipse];
  n2 -> out0;
}`.replaceAll("out0", "nout0"),
  );
});

test("Mermaid: what would end a label is an entity", () => {
  expect(toMermaid(graph).split("\n").slice(0, 4)).toEqual([
    "flowchart TD",
    '  n0["input x#34;#60;θ#62;<br/>f32 [t=T]"]',
    '  n1["exp<br/>f32 [t=T]"]',
    "  n0 --> n1",
  ]);
});

test("JSON: nodes by number, operands before users", () => {
  const json = graphJson(graph) as { nodes: { op: string; inputs: number[] }[]; outputs: unknown };
  expect(json.nodes.map(({ op, inputs }) => [op, inputs])).toEqual([
    ["input", []],
    ["exp", [0]],
    ["add", [1, 0]],
  ]);
  expect(json.outputs).toEqual([{ name: "y", node: 2 }]);
});
