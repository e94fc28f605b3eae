/** Random decoders and encoder-decoders: steps give what the whole text gives, cut up anyhow. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { familyText } from "../support/families.js";
import { decoderOf, distance, textOf } from "./support.js";

const positions = [
  "none",
  "learned",
  "sinusoidal",
  "rope",
  "alibi",
  "t5(buckets: 4, distance: 5)",
  "shaw(clip: 2)",
  "xpos",
];
const placements = ["pre", "post", "sandwich", "deepnorm", "dual_residual", "parallel", "none"];

const knobs = fc.record({
  family: fc.constantFrom("decoder", "decoder", "encoder_decoder"),
  layers: fc.integer({ min: 1, max: 3 }),
  groups: fc.constantFrom([1, 1], [3, 1], [4, 2], [3, 3]),
  position: fc.constantFrom(...positions),
  norm_at: fc.constantFrom(...placements),
  norm: fc.constantFrom("layer_norm", "rms_norm"),
  mask: fc.constantFrom("causal", "sliding(1)", "sliding(2)", "sliding(5)"),
  qk_norm: fc.constantFrom("none", "rms_norm"),
  soft_cap: fc.constantFrom("none", 3),
  ffn: fc.constantFrom("mlp(hidden: 5)", "swiglu(hidden: 4)", "moe(experts: 3, hidden: 3)"),
  bias: fc.boolean(),
  share_layers: fc.boolean(),
});

test("steps are the whole text, whatever the knobs", () => {
  fc.assert(
    fc.property(
      knobs,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 2 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 7 }),
      ({ family, groups: [heads, kv_heads], ...others }, chunk, batch, pieces) => {
        const sizes = { vocab: 5, context: 28, d_model: 6, heads: heads!, kv_heads: kv_heads!, head_dim: 2 };
        const decoder = decoderOf(familyText(family, { ...sizes, ...others }), chunk);
        const cut = pieces.map((size) => Math.min(size, decoder.graphs.chunk ?? size));
        const length = cut.reduce((a, b) => a + b);
        expect(distance(decoder, textOf(decoder, batch, length, 3, 4), cut)).toBeLessThan(1e-9);
      },
    ),
    { numRuns: 25, seed: 4 },
  );
});
