import { describe, expect, it } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { countGraph } from "../../compiler/ir/count.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Axis, Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64, tensor } from "../../compiler/ir/numbers/f64.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { symbol } from "../../compiler/ir/shape.js";
import { printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { unroll } from "../../compiler/passes/decoding/unroll.js";
import { expectGradients, weightedLoss } from "../support/gradients.js";
import { createDraw, flat, randomTensor } from "../support/numbers.js";
import { sampleGraph } from "../support/random-graphs.js";

const T: Axis = { name: "t", size: symbol("T") };
const D: Axis = { name: "d", size: 4 };
const lossOf = (node: Node): Graph => ({ name: "g", outputs: [{ name: "loss", node }] });

describe("differentiate", () => {
  it("gives zeros where the loss does not depend, and leaves nodes outside alone", () => {
    const b = createBuilder();
    const [x, y] = [b.input("parameter", "x", [D], "f32"), b.input("parameter", "y", [T], "f32")];
    const graph = lossOf(b.sum(b.mul(x, x), [0]));
    const { graph: same, gradients } = differentiate(graph, { loss: "loss", wrt: [x, y] }, b);
    expect(same.outputs[0]!.node).toBe(graph.outputs[0]!.node);
    expect(gradients[1]).toBe(b.full(0, [T], "f32"));
    expect(gradients[0]!.shape).toEqual([D]);
  });

  it("differentiates with respect to inner nodes, and through them", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [D], "f32");
    const inner = b.exp(x);
    const graph = lossOf(b.sum(b.mul(inner, inner), [0]));
    const { gradients } = differentiate(graph, { loss: "loss", wrt: [inner, x] }, b);
    const outputs = gradients.map((node, n) => ({ name: String(n), node }));
    const values = interpret({ name: "g", outputs }, f64, {
      inputs: { x: tensor([4], [0, 0, 1, 2]) },
      lengths: {},
    });
    expect(flat(values["0"]!)[3]).toBeCloseTo(2 * Math.exp(2), 12);
    expect(flat(values["1"]!)[3]).toBeCloseTo(2 * Math.exp(4), 12);
  });

  it("keeps every other output of the graph", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [D], "f32");
    const outputs = [{ name: "y", node: b.exp(x) }, ...lossOf(b.sum(x, [0])).outputs];
    const { graph } = differentiate({ name: "g", outputs }, { loss: "loss", wrt: [x] }, b);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["y", "loss"]);
    expect(() => differentiate(graph, { loss: "missing", wrt: [x] }, b)).toThrow(
      "internal: graph g has no output missing",
    );
  });

  it("can be applied twice: the gradient of a squared gradient norm", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [T, D], "f32");
    const w = b.input("parameter", "w", [D, D], "f32");
    const h = b.softmax(b.tanh(b.contract(x, w, { a: ["t", "d"], b: ["d", "e"], out: ["t", "e"] })), 1);
    const first = weightedLoss(b, [h, b.logsumexp(b.mul(x, x), 1)]);
    const { gradients } = differentiate(first, { loss: "loss", wrt: [x, w] }, b);
    const second = weightedLoss(
      b,
      gradients.map((g) => b.mul(g, g)),
    );
    const draw = createDraw(3);
    expectGradients(
      second,
      [x, w],
      { lengths: { T: 3 }, inputs: { x: randomTensor(draw, [3, 4]), w: randomTensor(draw, [4, 4]) } },
      b,
    );
  });

  it("can be applied twice through a region", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [D], "f32");
    const w = b.input("parameter", "w", [{ name: "layer", size: 3 }, D], "f32");
    const [carry, slice] = [b.input("carry", "carry.0", [D], "f32"), b.input("slice", "slice.0", [D], "f32")];
    const body = { name: "body", outputs: [{ name: "0", node: b.sin(b.add(b.mul(carry, slice), carry)) }] };
    const region = b.repeat([x, w], { body, first: 0, count: 3, reverse: false, carries: 1, slices: 1 });
    const { gradients } = differentiate(
      weightedLoss(b, [b.get(region, 0)]),
      { loss: "loss", wrt: [x, w] },
      b,
    );
    const second = weightedLoss(
      b,
      gradients.map((g) => b.mul(g, g)),
    );
    const draw = createDraw(4);
    const point = { lengths: {}, inputs: { x: randomTensor(draw, [4]), w: randomTensor(draw, [3, 4]) } };
    expectGradients(second, [x, w], point, b);
  });

  it("gives valid graphs, for every random graph and for its turns written out the same values", () => {
    for (let seed = 0; seed < 120; seed++) {
      const { builder, graph, wrt, generic } = sampleGraph(seed);
      const loss = weightedLoss(
        builder,
        graph.outputs.map(({ node }) => node),
      );
      const [one, other] = [loss, unroll(loss, builder)].map((g) => {
        const { graph: forward, gradients } = differentiate(g, { loss: "loss", wrt }, builder);
        const outputs = [...forward.outputs, ...gradients.map((node, n) => ({ name: `d${n}`, node }))];
        const whole = { name: "grad", outputs };
        expect(verify(whole), printGraph(whole)).toEqual([]);
        gradients.forEach((node, n) => void expect(node.shape.length).toBe(wrt[n]!.shape.length));
        return Object.values(interpret(whole, f64, generic)).flatMap(flat);
      }) as [number[], number[]];
      const scale = Math.max(1, ...other.map(Math.abs));
      one.forEach(
        (value, n) => void expect(Math.abs(value - other[n]!) / scale, `seed ${seed}`).toBeLessThan(1e-13),
      );
    }
  });

  it("is deterministic, and independent of the builder", () => {
    for (let seed = 0; seed < 40; seed++) {
      const text = (): string => {
        const { builder, graph, wrt } = sampleGraph(seed);
        const loss = weightedLoss(
          builder,
          graph.outputs.map(({ node }) => node),
        );
        const { gradients } = differentiate(loss, { loss: "loss", wrt }, builder);
        return printGraph({ name: "g", outputs: gradients.map((node, n) => ({ name: String(n), node })) });
      };
      expect(text()).toBe(text());
    }
  });

  it("handles graphs that are thousands of nodes deep", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [D], "f32");
    let y: Node = x;
    for (let n = 0; n < 10_000; n++) y = n % 2 === 0 ? b.sin(y) : b.add(y, x);
    const graph = lossOf(b.sum(y, [0]));
    const { gradients } = differentiate(graph, { loss: "loss", wrt: [x] }, b);
    expect(topological(lossOf(gradients[0]!)).length).toBeGreaterThan(15_000);
    expect(verify(graph)).toEqual([]);
    expect(
      interpret(graph, f64, { inputs: { x: tensor([4], [1, 2, 3, 4]) }, lengths: {} })["loss"]!.data[0],
    ).toBeTypeOf("number");
  });
});

describe("countGraph", () => {
  it("counts contractions, maps, reductions and turns", () => {
    const b = createBuilder();
    const [x, w] = [
      b.input("input", "x", [T, D], "f32"),
      b.input("parameter", "w", [D, { name: "e", size: 8 }], "f32"),
    ];
    const y = b.contract(x, w, { a: ["t", "d"], b: ["d", "e"], out: ["t", "e"] });
    const { flops, bytesRead, bytesWritten, nodes } = countGraph(
      lossOf(b.sum(b.transpose(b.exp(y), [1, 0]), [0, 1])),
      { T: 16 },
    );
    expect(nodes.get([...nodes.keys()].find((node) => node.op === "contract")!)).toEqual({
      flops: 1024,
      bytesRead: 384,
      bytesWritten: 512,
    });
    expect([flops, bytesRead, bytesWritten]).toEqual([1024 + 128 + 128, 384 + 512 + 512, 512 + 512 + 4]);
    const body = lossOf(b.exp(b.input("carry", "carry.0", [T, D], "f32")));
    const region = b.repeat([x], { body, first: 0, count: 5, reverse: false, carries: 1, slices: 0 });
    expect(countGraph(lossOf(b.get(region, 0)), { T: 2 }).flops).toBe(40);
  });
});
