import { describe, expect, it } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import { ops } from "../../compiler/ir/ops/index.js";
import { bodiesOf, rewrite, topological } from "../../compiler/ir/rewrite.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { unroll } from "../../compiler/passes/decoding/unroll.js";
import { forwardDerivative, reverseGradient, weightedLoss } from "../support/gradients.js";
import { createDraw, dot, flat, normOf, randomTensor } from "../support/numbers.js";
import { sampleGraph } from "../support/random-graphs.js";

const SEEDS = Array.from({ length: 150 }, (_, n) => n);
const opsIn = (graph: Graph): string[] =>
  topological(graph).flatMap((node) => [node.op, ...bodiesOf(node).flatMap(opsIn)]);

describe("random graphs", () => {
  it("are valid, finite, and use every op", () => {
    const seen = new Set<string>(["fused", "to_bool"]);
    for (const seed of SEEDS) {
      const { graph, point } = sampleGraph(seed);
      expect(verify(graph), printGraph(graph)).toEqual([]);
      const values = interpret(graph, f64, point);
      for (const value of Object.values(values))
        expect(flat(value).every(Number.isFinite), printGraph(graph)).toBe(true);
      opsIn(graph).forEach((op) => void seen.add(op));
    }
    expect(Object.keys(ops).filter((op) => !seen.has(op))).toEqual([]);
  });

  it("print → parse → print is the identity, and parse gives the same keys", () => {
    for (const seed of SEEDS) {
      const { graph, builder } = sampleGraph(seed);
      const text = printGraph(graph);
      const other = parseGraph(text);
      expect(printGraph(other)).toBe(text);
      expect(other.outputs.map(({ node }) => node.key)).toEqual(graph.outputs.map(({ node }) => node.key));
      expect(parseGraph(text, builder).outputs.every(({ node }, n) => node === graph.outputs[n]!.node)).toBe(
        true,
      );
    }
  });

  it("rewritten by nothing, stay the same nodes; in another builder, the same keys", () => {
    for (const seed of SEEDS) {
      const { graph, builder } = sampleGraph(seed);
      const same = rewrite(graph, builder, () => undefined, { bodies: true });
      expect(same.outputs.every(({ node }, n) => node === graph.outputs[n]!.node)).toBe(true);
      const moved = rewrite(graph, createBuilder(), () => undefined, { bodies: true });
      expect(moved.outputs.map(({ node }) => node.key)).toEqual(graph.outputs.map(({ node }) => node.key));
    }
  });

  it("mean what they mean expanded and with their turns written out", () => {
    for (const seed of SEEDS) {
      const { graph, builder, point } = sampleGraph(seed);
      const other = unroll(expand(graph, builder), builder);
      expect(verify(other)).toEqual([]);
      expect(opsIn(other).filter((op) => op === "repeat" || op === "mix" || op === "softmax")).toEqual([]);
      expect(interpret(other, f64, point)).toEqual(interpret(graph, f64, point));
    }
  });

  it("have the same gradients in reverse and in forward mode", () => {
    for (const seed of SEEDS) {
      const { graph, builder, wrt, generic: point } = sampleGraph(seed);
      const loss = weightedLoss(
        builder,
        graph.outputs.map(({ node }) => node),
      );
      const { gradient } = reverseGradient(loss, wrt, point, builder);
      const directions = wrt.map((leaf) =>
        randomTensor(
          createDraw(seed),
          leaf.shape.map((axis) => evaluateSize(axis.size, point.lengths)),
        ),
      );
      const forward = forwardDerivative(loss, wrt, point, directions);
      const direction = directions.flatMap(flat);
      const error =
        Math.abs(forward - dot(gradient, direction)) /
        (Math.max(normOf(gradient), 1e-3) * normOf(direction) || 1);
      expect(error, `seed ${seed}\n${printGraph(graph)}`).toBeLessThan(1e-12);
    }
  });
});
