import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import { entryNames, schedule } from "../../compiler/passes/schedule.js";
import { allocate, runEntry, writePlace } from "../support/run-schedule.js";
import { residualNetwork } from "../support/small-graphs.js";

const lengths = { B: 2, T: 5, P: 0 };
const names = entryNames;

function leafValues(graphs: readonly Graph[]): Record<string, Tensor<number>> {
  const values: Record<string, Tensor<number>> = {};
  let seed = 1;
  const next = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647 - 0.5;
  };
  for (const node of graphs.flatMap((graph) => topological(graph))) {
    if (node.op !== "input" || values[node.attributes.name]) continue;
    const sizes = node.shape.map((axis) => evaluateSize(axis.size, lengths));
    values[node.attributes.name] = {
      sizes,
      data: Float64Array.from({ length: sizes.reduce((a, c) => a * c, 1) }, next),
    };
  }
  return values;
}

describe.each([
  { width: 6, hidden: 7, turns: 3 },
  { width: 64, hidden: 5, turns: 1 },
  { width: 3, hidden: 2, turns: 2 },
])("a residual network of %o", (model) => {
  const b = createBuilder();
  const { built } = residualNetwork(b, model);
  const entries = deriveEntries(built, b);
  const written = names.map((name) => ({ name, graph: entries[name]! }));
  const fused = written.map(({ name, graph }) => ({
    name,
    graph: runPipeline(graph, { level: 2, builder: b, verify: true }),
  }));
  const values = leafValues(written.map(({ graph }) => graph));

  test.each(names.map((name, n) => ({ name, n })))(
    "$name computes what was written, slots and all",
    ({ n }) => {
      const plan = schedule(fused, built);
      const memory = allocate(plan, lengths);
      for (const [slot, { role, name, sizes }] of plan.slots.entries()) {
        if (role === "temporary") continue;
        const { count, elements } = sizes[0]!;
        const place = { slot, turn: 0, stride: elements, length: elements, stacked: count > 1, count };
        writePlace(memory, place, values[name]!, lengths);
      }
      const expected = interpret(written[n]!.graph, f64, { inputs: values, lengths });
      const actual = runEntry(plan.entries[n]!, plan, memory, values, lengths);
      for (const [name, tensor] of Object.entries(expected)) {
        const scale = Math.max(
          1e-6,
          ...Array.from({ length: tensor.data.length }, (_, e) => Math.abs(tensor.data[e]!)),
        );
        for (let e = 0; e < tensor.data.length; e++)
          expect(Math.abs(actual[name]!.data[e]! - tensor.data[e]!) / scale, `${name}[${e}]`).toBeLessThan(
            1e-11,
          );
      }
    },
  );

  test("every node of the fused graphs is in a kernel", () => {
    for (const { graph } of fused)
      for (const node of topological(graph))
        expect(["fused", "get", "repeat", "input", "table"]).toContain(node.op);
  });

  test("fusing what is fused changes nothing", () => {
    const counts = (graph: Graph): number => topological(graph).filter((node) => node.op === "fused").length;
    for (const { graph } of fused)
      expect(counts(runPipeline(graph, { level: 0, builder: b }))).toBe(counts(graph));
  });
});
