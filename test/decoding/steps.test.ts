/** Steps give what the whole text gives, at every split point: the families and the knobs that matter to decoding. */
import { test } from "vitest";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";
import { decoderOf, expectSteps, textOf } from "./support.js";

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
  const decoder = decoderOf(familyText("decoder", { ...sizes, ...knobs }));
  expectSteps(decoder, textOf(decoder, 1, 7));
  expectSteps(decoder, textOf(decoder, 3, 13, 5));
});
