/** Steps give what the whole text gives, at every split point: the families and the knobs that matter to decoding. */
import { expect, test } from "vitest";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";
import { decoderOf, expectSteps } from "./support.js";

const sizes = { vocab: 11, context: 13, d_model: 12, layers: 2, heads: 2, ffn: "mlp(hidden: 6)" };

test.each<[string, Knobs]>([
  ["as it comes", {}],
  ["no positions", { position: "none" }],
  ["sinusoidal", { position: "sinusoidal" }],
  ["rope", { position: "rope" }],
  ["rope, interleaved", { position: "rope(fraction: 0.5, layout: interleaved)", head_dim: 4 }],
  ["alibi", { position: "alibi" }],
  ["t5", { position: "t5(buckets: 4, distance: 5)" }],
  ["shaw", { position: "shaw(clip: 2)" }],
  ["xpos", { position: "xpos" }],
  ["groups", { heads: 4, kv_heads: 2, head_dim: 4, position: "rope" }],
  ["one head of keys", { heads: 3, kv_heads: 1, head_dim: 4, position: "rope" }],
  ["post", { norm_at: "post" }],
  ["sandwich", { norm_at: "sandwich" }],
  ["deepnorm", { norm_at: "deepnorm" }],
  ["dual_residual", { norm_at: "dual_residual" }],
  ["parallel", { norm_at: "parallel" }],
  ["no norm", { norm_at: "none" }],
  ["shared layers", { share_layers: true }],
  ["experts", { ffn: "moe(experts: 5, hidden: 7)" }],
  ["norms of heads", { qk_norm: "rms_norm", position: "rope" }],
  ["caps", { soft_cap: 5, final_soft_cap: 7 }],
  ["one layer", { layers: 1 }],
  ["swiglu, untied", { ffn: "swiglu(hidden: 7)", tied: false, norm: "rms_norm", bias: false }],
])("a decoder: %s", (_, knobs) => {
  expectSteps(decoderOf(familyText("decoder", { ...sizes, ...knobs })));
});

test.each<[string, number, Knobs]>([
  ["window 3", 1, { mask: "sliding(3)" }],
  ["window 3, chunks of 4", 4, { mask: "sliding(3)", position: "rope" }],
  ["window 1", 2, { mask: "sliding(1)" }],
  ["window 4, t5", 3, { mask: "sliding(4)", position: "t5(buckets: 4, distance: 5)" }],
  ["window 4, alibi", 3, { mask: "sliding(4)", position: "alibi" }],
  ["window 4, shaw", 3, { mask: "sliding(4)", position: "shaw(clip: 2)" }],
  ["window 5, xpos, groups", 2, { mask: "sliding(5)", position: "xpos", heads: 4, kv_heads: 2, head_dim: 4 }],
])("a decoder in a ring: %s", (_, chunk, knobs) => {
  const decoder = decoderOf(familyText("decoder", { ...sizes, context: 23, ...knobs }), chunk);
  expect(decoder.graphs.caches.map(({ kind }) => kind)).toEqual(["ring", "ring", "ring"]);
  expectSteps(decoder, 6, 23);
});

test.each<[string, Knobs]>([
  ["as it comes", {}],
  ["post, rope", { norm_at: "post", position: "rope" }],
  ["t5, untied", { position: "t5(buckets: 4, distance: 5)", tied: "none" }],
  ["alibi, groups", { position: "alibi", heads: 4, kv_heads: 2, head_dim: 4 }],
  ["shaw, parallel", { position: "shaw(clip: 2)", norm_at: "parallel" }],
  ["learned, shared layers", { position: "learned", share_layers: true }],
  ["one layer", { encoder_layers: 1, decoder_layers: 1 }],
  ["norms of heads, dual residual", { qk_norm: "rms_norm", norm_at: "dual_residual" }],
  ["window", { mask: "sliding(2)" }],
])("an encoder-decoder: %s", (_, knobs) => {
  expectSteps(decoderOf(familyText("encoder_decoder", { ...sizes, ...knobs }), 3), 5, 8);
});
