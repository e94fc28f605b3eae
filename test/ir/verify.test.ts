import { describe, expect, it } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Axis, Graph, Node } from "../../compiler/ir/graph.js";
import { symbol } from "../../compiler/ir/shape.js";
import { parseGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";

const T: Axis = { name: "t", size: symbol("T") };
const D: Axis = { name: "d", size: 4 };
const b = createBuilder();
const x = b.input("input", "x", [T, D], "f32");
const graphOf = (...nodes: Node[]): Graph => ({
  name: "g",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});
const broken = (node: Node, change: object): Node => ({ ...node, ...change }) as Node;
const region = (body: Graph): Node =>
  broken(
    b.repeat([x], {
      body: graphOf(b.input("carry", "carry.0", [T, D], "f32")),
      first: 0,
      count: 2,
      reverse: false,
      carries: 1,
      slices: 0,
    }),
    {
      attributes: { body, first: 0, count: 2, reverse: false, carries: 1, slices: 0 },
    },
  );

const FAULTS: readonly (readonly [string, Graph, RegExp])[] = [
  ["a wrong shape", graphOf(broken(b.exp(x), { shape: [T] })), /its type is not f32 \[t=T, d=4\]/],
  ["a wrong element type", graphOf(broken(b.exp(x), { dtype: "i32" })), /its type is not/],
  [
    "operands that the row refuses",
    graphOf(broken(b.add(x, x), { inputs: [x, b.sum(x, [0])] })),
    /sizes differ/,
  ],
  ["a stale key", graphOf(broken(b.exp(x), { inputs: [b.neg(x)] })), /its key is not that of its content/],
  ["a node made twice", graphOf(b.exp(x), broken(b.exp(x), {})), /is another node again/],
  ["an op that does not exist", graphOf(broken(b.exp(x), { op: "gelu" })), /no such op/],
  [
    "a carry outside a body",
    graphOf(b.input("carry", "carry.0", [T], "f32")),
    /carry carry.0 is not bound here/,
  ],
  [
    "a parameter inside a body",
    graphOf(region(graphOf(b.input("parameter", "w", [T, D], "f32")))),
    /parameter w is not bound here/,
  ],
  [
    "an unbound operand",
    graphOf(region(graphOf(b.input("fixed", "fixed.0", [T, D], "f32")))),
    /nothing is bound to fixed fixed.0/,
  ],
  ["an input of two types", graphOf(x, b.input("input", "x", [T], "f32")), /x has two types/],
  [
    "a formula that is no scalar",
    graphOf(b.make("table", [], { name: "t", shape: [D], formula: graphOf(b.sum(b.iota([D], 0), [0])) })),
    /does not belong in a formula/,
  ],
  [
    "an argument that does not exist",
    graphOf(
      b.make("table", [], { name: "t", shape: [D], formula: graphOf(b.input("fixed", "q", [], "f32")) }),
    ),
    /q is no argument/,
  ],
  [
    "two outputs of one name",
    { name: "g", outputs: [...graphOf(x).outputs, ...graphOf(b.exp(x)).outputs] },
    /two outputs of one name/,
  ],
];

describe("verify", () => {
  for (const [what, graph, message] of FAULTS)
    it(`finds ${what}`, () => {
      expect(verify(graph).join("\n")).toMatch(message);
    });
  it("finds nothing in a valid graph", () => {
    expect(verify(graphOf(b.softmax(b.exp(x), 1)))).toEqual([]);
  });
});

describe("text", () => {
  const TEXTS: readonly (readonly [string, RegExp])[] = [
    ['graph "g" {\n  %1 = const 1 : f32 []\n}', /line 2: expected %0/],
    [
      'graph "g" {\n  %0 = input.input "x" : f32 [t=T]\n  %1 = exp(%0) : f32 [t=4]\n}',
      /line 3: expected the type f32 \[t=T\]/,
    ],
    ['graph "g" {\n  %0 = gelu(%1) : f32 []\n}', /line 2: expected an op/],
    ['graph "g" {\n  %0 = exp(%4) : f32 []\n}', /expected a node above/],
    ['graph "g" {\n} x', /expected the end/],
  ];
  for (const [text, message] of TEXTS)
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseGraph(text)).toThrow(message);
    });
});
