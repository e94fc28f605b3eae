/** Knobs in any combination: it builds, and its gradient is the slope of its loss. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { dual, dualTensor } from "../../compiler/ir/numbers/dual.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "../build/support.js";
import { familyText, lengthsOf } from "../support/families.js";
import { createDraw, flat } from "../support/numbers.js";

const norms = ["pre", "post", "sandwich", "deepnorm", "dual_residual", "parallel", "none"];
const positions = [
  "none",
  "learned",
  "sinusoidal",
  "rope",
  "alibi",
  "t5(buckets: 4, distance: 4)",
  "shaw(clip: 1)",
  "xpos",
];
const ffns = ["mlp(hidden: 5)", "swiglu(hidden: 5)", "moe(experts: 3, top: 2, hidden: 4)"];
const sizes = { vocab: 7, context: 5, d_model: 4, layers: 2, heads: 2 };

test.each(norms)(
  "%s with every position and every feed-forward block builds",
  (norm_at) => {
    for (const position of positions)
      for (const ffn of ffns) built(familyText("encoder_decoder", { ...sizes, norm_at, position, ffn }));
  },
  120_000,
);

const knobs = fc.record({
  family: fc.constantFrom("decoder", "encoder", "encoder_decoder"),
  norm_at: fc.constantFrom(...norms),
  position: fc.constantFrom(...positions),
  ffn: fc.constantFrom(...ffns, "geglu(hidden: 5)", "mlp(hidden: 5, act: silu)"),
  norm: fc.constantFrom("layer_norm", "rms_norm", "layer_norm(shift: false)"),
  qk_norm: fc.constantFrom("none", "rms_norm", "layer_norm"),
  kv_heads: fc.constantFrom(1, 2),
  soft_cap: fc.constantFrom("none", 3),
  final_soft_cap: fc.constantFrom("none", 3),
  share_layers: fc.boolean(),
  bias: fc.boolean(),
  smoothing: fc.constantFrom(0, 0.1),
  embedding_norm: fc.constantFrom("none", "layer_norm"),
});

test("the gradient is the slope along any direction", () => {
  fc.assert(
    fc.property(knobs, fc.integer({ min: 1, max: 1e6 }), ({ family, ...rest }, seed) => {
      const model = built(familyText(family, { ...sizes, ...rest }));
      const draw = createDraw(seed);
      const random = (_: string, shape: readonly number[]) =>
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * draw() - 1);
      const [weights, direction] = [leavesOf(model, random), leavesOf(model, random)];
      const inputs = Object.fromEntries(
        model.inputs.map(({ name, dtype, bound }): [string, Tensor<number>] => [
          name,
          tensorOf(
            [1, 4],
            Array.from({ length: 4 }, () => (dtype === "bool" ? 1 : Math.floor(draw() * bound!))),
          ),
        ]),
      );
      const lengths = lengthsOf(model.inputs, inputs);
      const scalars = { seed: tensorOf([], [0]), step: tensorOf([], [1]) };
      const moved = Object.fromEntries(
        Object.entries(weights).map(([leaf, w]) => [leaf, dualTensor(w, direction[leaf]!)]),
      );
      const fixed = Object.entries({ ...inputs, ...scalars }).map(
        ([name, x]) => [name, dualTensor(x)] as const,
      );
      const forward = interpret(model.loss!, dual, {
        inputs: { ...moved, ...Object.fromEntries(fixed) },
        lengths,
      });
      const [sum, count] = ["loss.sum", "loss.count"].map((name) => forward[name]!.data[0]!);
      const found = sum!.tangent / count!.value;
      const gradients = evaluateGraph(
        deriveEntries(model, createBuilder()).grad!,
        { ...weights, ...inputs, ...scalars },
        lengths,
      );
      const slope = Object.entries(direction).reduce(
        (sum, [leaf, d]) => sum + flat(gradients[`grad.${leaf}`]!).reduce((s, g, n) => s + g * d.data[n]!, 0),
        0,
      );
      expect(Math.abs(found - slope) / (1 + Math.abs(slope))).toBeLessThan(1e-10);
    }),
    { numRuns: 20 },
  );
}, 300_000);
