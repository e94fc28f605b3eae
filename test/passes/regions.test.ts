/** What eliminate takes out of regions, what factor_reductions makes of reductions, and what each level runs. */
import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Shape } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { eliminate } from "../../compiler/passes/eliminate.js";
import { balancedDivisor, factorReductions } from "../../compiler/passes/factor_reductions.js";
import { modelPasses, pipeline, runPipeline } from "../../compiler/passes/pipeline.js";
import { difference, randomLeaves } from "./support/meaning.js";
import { createRandom } from "./support/random.js";

const D = [{ name: "d", size: 3 }];
const graphOf = (...nodes: readonly Node[]): Graph => ({
  name: "test",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});
const leaf = (b: Builder, name: string, shape: Shape): Node => b.input("input", name, shape, "f32");
const repeats = (graph: Graph): readonly NodeOf<"repeat">[] =>
  topological(graph).filter((node): node is NodeOf<"repeat"> => node.op === "repeat");

/** Two carries, a stack, two fixed operands; every result can be asked for. */
function region(b: Builder, second: (own: Node, first: Node) => Node): Node {
  const inner = (kind: "carry" | "slice" | "fixed", n: number): Node =>
    b.input(kind, `${kind}.${n}`, D, "f32");
  const first = b.add(b.mul(inner("carry", 0), inner("slice", 0)), inner("fixed", 1));
  const outputs = [first, second(inner("carry", 1), inner("carry", 0)), b.exp(inner("carry", 1))];
  const stack = leaf(b, "w", [{ name: "layer", size: 2 }, ...D]);
  const operands = [leaf(b, "x", D), leaf(b, "z", D), stack, leaf(b, "unread", D), leaf(b, "bias", D)];
  return b.repeat(operands, {
    body: { name: "body", outputs: outputs.map((node, n) => ({ name: `out.${n}`, node })) },
    first: 0,
    count: 2,
    reverse: false,
    carries: 2,
    slices: 1,
  });
}

function eliminated(b: Builder, ...nodes: readonly Node[]): readonly NodeOf<"repeat">[] {
  const graph = graphOf(...nodes);
  const after = eliminate.run(graph, { builder: b, level: 1 });
  expect(difference(graph, after, randomLeaves(graph, createRandom(5)))).toBeUndefined();
  return repeats(after);
}

describe("eliminate", () => {
  it("takes out results and carries that nothing reads, and operands that the body does not", () => {
    const b = createBuilder();
    const [one] = eliminated(
      b,
      b.get(
        region(b, (own) => b.mul(own, own)),
        0,
      ),
    );
    expect(one!.attributes).toMatchObject({ carries: 1, slices: 1 });
    expect(one!.attributes.body.outputs.length).toBe(1);
    expect(one!.inputs.map((input) => (input.op === "input" ? input.attributes.name : input.op))).toEqual([
      "x",
      "w",
      "bias",
    ]);
  });

  it("keeps a carry that a wanted result reads", () => {
    const b = createBuilder();
    const [one] = eliminated(
      b,
      b.get(
        region(b, (own, first) => b.add(own, first)),
        2,
      ),
    );
    expect(one!.attributes.carries).toBe(2);
  });

  it("makes a carry that never changes a fixed operand", () => {
    const b = createBuilder();
    const whole = region(b, (own) => own);
    const [one] = eliminated(b, b.get(whole, 0), b.get(whole, 1), b.get(whole, 2));
    expect(one!.attributes.carries).toBe(1);
    expect(one!.inputs.length).toBe(4);
  });

  it("takes a whole region out where only unchanged carries are read", () => {
    const b = createBuilder();
    expect(
      eliminated(
        b,
        b.get(
          region(b, (own) => own),
          1,
        ),
      ),
    ).toEqual([]);
  });
});

describe("factor_reductions", () => {
  const steps = (shape: Shape, axes: readonly number[], kind: "sum" | "max" = "sum"): readonly string[] => {
    const b = createBuilder();
    const graph = graphOf(b.reduce(kind, leaf(b, "x", shape), axes));
    const after = factorReductions.run(graph, { builder: b, level: 1 });
    expect(difference(graph, after, randomLeaves(graph, createRandom(5)))).toBeUndefined();
    return topological(after).flatMap((node) =>
      node.op === "reduce" ? [node.inputs[0]!.shape.map((axis) => String(axis.size)).join("×")] : [],
    );
  };
  const axis = (size: number) => ({ name: "n", size });

  it("takes one axis after the other", () => {
    const [B, T] = [
      { name: "b", size: symbol("B") },
      { name: "t", size: symbol("T") },
    ];
    expect(steps([B, T], [0, 1])).toEqual(["1,B×1,T", "1,B"]);
  });
  it("sums to one number by way of a row", () => {
    expect(steps([axis(4096)], [0])).toEqual(["512×8", "512"]);
    expect(steps([axis(997)], [0])).toEqual(["512×2", "512"]);
    expect(steps([axis(3), axis(5), axis(7000)], [0, 1, 2])).toEqual(["512×206", "512"]);
  });
  it("cuts a long axis near its root", () =>
    expect(steps([axis(4096)], [0], "max")).toEqual(["64×64", "64"]));
  it("does so for a maximum", () => expect(steps([axis(900)], [0], "max")).toEqual(["30×30", "30"]));
  it("leaves a prime axis", () => expect(steps([axis(997)], [0], "max")).toEqual(["997"]));
  it("leaves short rows", () => expect(steps([axis(512)], [0])).toEqual(["512"]));
  it("leaves many rows", () => expect(steps([axis(100), axis(600)], [1])).toEqual(["100×600"]));
  it("chooses the divisor nearest the root", () => {
    expect([4096, 50257, 997, 6].map(balancedDivisor)).toEqual([64, 29, undefined, undefined]);
  });
});

describe("runPipeline", () => {
  const ran = (level: 0 | 1 | 2): readonly string[] => {
    const names: string[] = [];
    const b = createBuilder();
    const graph = graphOf(b.softmax(leaf(b, "x", D), 0));
    runPipeline(graph, {
      level,
      builder: b,
      verify: true,
      passes: [...modelPasses, ...pipeline],
      hook: (name) => names.push(name),
    });
    return names;
  };
  it("runs what lowering needs at level 0", () => expect(ran(0)).toEqual(["expand", "fuse"]));
  it("runs every pass at level 2, and at 1 what adds no arithmetic", () => {
    const all = [
      "form_mix",
      "merge_projections",
      "order_contractions",
      "stream",
      "merge_pairs",
      "expand",
      "fold",
      "simplify",
      "order_contractions",
      "fold_gain",
      "eliminate",
      "chunk_rows",
      "factor_reductions",
      "fuse",
    ];
    const last = ["order_contractions", "fold_gain", "chunk_rows"];
    expect([ran(1), ran(2)]).toEqual([all.filter((name) => !last.includes(name)), all]);
  });
  it("says which pass broke a graph", () => {
    const b = createBuilder();
    const broken = {
      name: "break",
      says: "",
      from: 0 as const,
      run: () => graphOf({ ...leaf(b, "x", D), shape: [] }),
    };
    expect(() => runPipeline(graphOf(leaf(b, "x", D)), { level: 0, verify: true, passes: [broken] })).toThrow(
      /internal: pass break broke the graph/,
    );
  });
});
