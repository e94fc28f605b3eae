import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph, Node, ParameterInfo } from "../../compiler/ir/graph.js";
import type { Shape } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import { schedule } from "../../compiler/passes/schedule.js";
import { summarize } from "../../compiler/passes/summary.js";

const [layers, vocab, d] = [3, 10, 4];
const b = createBuilder();
const axis = (name: string, size: Shape[number]["size"]) => ({ name, size });
const batch = [axis("batch", symbol("B")), axis("t", symbol("T"))];
const tokens = b.input("input", "tokens", batch, "i32");
const wte = b.input("parameter", "wte.table", [axis("vocab", vocab), axis("d", d)], "f32");
const stack = b.input(
  "parameter",
  "layers.*.mlp.w",
  [axis("layer", layers), axis("d", d), axis("e", d)],
  "f32",
);
const x = b.gather(wte, tokens, 0); // [b, t, d]

/** One turn: x · w, then tanh. */
const carry = b.input("carry", "carry.0", x.shape, "f32");
const w = b.input("slice", "slice.0", stack.shape.slice(1), "f32");
const labels = { a: ["b", "t", "d"], b: ["d", "e"], out: ["b", "t", "e"] };
const body: Graph = { name: "body", outputs: [{ name: "x", node: b.tanh(b.contract(carry, w, labels)) }] };
const repeat = b.repeat([x, stack], { body, first: 0, count: layers, reverse: false, carries: 1, slices: 1 });
const y = b.get(repeat, 0);
const logits: Node = b.contract(y, wte, { a: ["b", "t", "d"], b: ["v", "d"], out: ["b", "t", "v"] });
const forward: Graph = { name: "forward", outputs: [{ name: "logits", node: logits }] };

const parameter = (name: string, leaf: string, turn: number | undefined, shape: Shape): ParameterInfo => ({
  ...{ name, leaf, turn, shape, frozen: false, decay: true },
  init: { kind: "zeros" },
});
const built: Built = {
  name: "m",
  forward,
  loss: undefined,
  optimizer: undefined,
  probes: [],
  inputs: [{ name: "tokens", shape: batch, dtype: "i32", bound: vocab, derived: undefined }],
  parameters: [
    parameter("wte.table", "wte.table", undefined, wte.shape),
    ...[0, 1, 2].map((turn) => parameter(`layers.${turn}.mlp.w`, "layers.*.mlp.w", turn, w.shape)),
  ],
  lengths: { B: { axis: "batch", maximum: 64 }, T: { axis: "t", maximum: 8 } },
  recipe: {
    learningRate: 1,
    schedule: { kind: "constant", warmup: 0 },
    clip: undefined,
    batch: 2,
    steps: 1,
    accumulate: 1,
  },
};

test("parameters and FLOPs are those of the blocks, turns counted", () => {
  const kernels = runPipeline(forward, { builder: b, level: 2 });
  const planned = schedule([{ name: "forward", graph: kernels }], built);
  const summary = summarize({ built, forward, train: undefined, schedule: planned }, { length: 5 });
  const points = 2 * 5; // the recipe's batch times the length
  expect(summary.lengths).toMatchObject({ B: 2, T: 5 });
  expect(summary.blocks).toEqual([
    {
      name: "wte",
      shape: [
        { axis: "batch", size: 2 },
        { axis: "t", size: 5 },
        { axis: "vocab", size: vocab },
      ],
      parameters: vocab * d,
      flops: 2 * points * d * vocab,
      bytes: 4 * vocab * d,
    },
    {
      name: "layers.*.mlp",
      shape: [
        { axis: "batch", size: 2 },
        { axis: "t", size: 5 },
        { axis: "d", size: d },
      ],
      parameters: layers * d * d,
      flops: layers * (2 * points * d * d + points * d),
      bytes: 4 * layers * d * d,
    },
  ]);
  expect(summary.parameters).toBe(vocab * d + layers * d * d);
  expect(summary.flops.forward).toBe(summary.blocks.reduce((sum, { flops }) => sum + flops, 0));
  expect(summary.flops.decode).toBe(summary.flops.forward / points);
  expect(summary.cacheBytes).toBeUndefined();
  // At least one layer's values live at a time; the arena shares slots of 64 elements between layers.
  expect(summary.activationBytes.forward).toBeGreaterThanOrEqual(4 * 64);
  expect(summary.activationBytes.forward).toBeLessThanOrEqual(4 * (3 * 64 + 128));
});
