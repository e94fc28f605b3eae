/** The number of parameters of families, in closed form; published models among them. */
import { expect, test } from "vitest";
import { built } from "../build/support.js";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";

const count = (family: string, knobs: Knobs): number =>
  built(familyText(family, knobs)).parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((product, { size }) => product * (size as number), 1),
    0,
  );

const [V, C, D, L, H] = [29, 11, 24, 3, 4];
const base = { vocab: V, context: C, d_model: D, layers: L, heads: H };
const attention = (kv = H, e = D / H, bias = 1): number =>
  2 * D * H * e + 2 * D * kv * e + bias * (H * e + 2 * kv * e + D);
const mlp = (f = 4 * D, bias = 1): number => 2 * D * f + bias * (f + D);
const norm = 2 * D;
const whole = (layer: number, rest: number): number => V * D + L * layer + rest;

test.each<[string, Knobs, number]>([
  ["as it comes", {}, whole(attention() + mlp() + 2 * norm, C * D + norm)],
  ["post", { norm_at: "post" }, whole(attention() + mlp() + 2 * norm, C * D)],
  ["deepnorm", { norm_at: "deepnorm" }, whole(attention() + mlp() + 2 * norm, C * D)],
  ["dual_residual", { norm_at: "dual_residual" }, whole(attention() + mlp() + 2 * norm, C * D + norm)],
  ["sandwich", { norm_at: "sandwich" }, whole(attention() + mlp() + 4 * norm, C * D + norm)],
  ["parallel", { norm_at: "parallel" }, whole(attention() + mlp() + norm, C * D + norm)],
  ["no norm", { norm_at: "none" }, whole(attention() + mlp(), C * D)],
  ["rms_norm", { norm: "rms_norm" }, whole(attention() + mlp() + norm, C * D + D)],
  ["rope", { position: "rope" }, whole(attention() + mlp() + 2 * norm, norm)],
  ["t5", { position: "t5(buckets: 8)" }, whole(attention() + mlp() + 2 * norm, norm + 8 * H)],
  ["shaw", { position: "shaw(clip: 3)" }, whole(attention() + mlp() + 2 * norm + 2 * 7 * (D / H), norm)],
  ["groups", { kv_heads: 2 }, whole(attention(2) + mlp() + 2 * norm, C * D + norm)],
  ["narrow heads", { head_dim: 2 }, whole(attention(H, 2) + mlp() + 2 * norm, C * D + norm)],
  ["no biases", { bias: false }, whole(attention(H, D / H, 0) + mlp(4 * D, 0) + 2 * norm, C * D + norm)],
  ["swiglu", { ffn: "swiglu(hidden: 7)" }, whole(attention() + 3 * D * 7 + 2 * norm, C * D + norm)],
  [
    "experts",
    { ffn: "moe(experts: 5, hidden: 7)" },
    whole(attention() + D * 5 + 5 * 3 * D * 7 + 2 * norm, C * D + norm),
  ],
  [
    "norms of heads",
    { qk_norm: "rms_norm" },
    whole(attention() + mlp() + 2 * norm + 2 * (D / H), C * D + norm),
  ],
  ["untied", { tied: false }, whole(attention() + mlp() + 2 * norm, C * D + norm + V * D)],
  ["shared", { share_layers: true }, V * D + attention() + mlp() + 2 * norm + C * D + norm],
])("decoder: %s", (_, knobs, wanted) => expect(count("decoder", { ...base, ...knobs })).toBe(wanted));

test.each<[string, Knobs, number]>([
  ["segments", { segments: 3 }, whole(attention() + mlp() + 2 * norm, C * D + norm + 3 * D)],
  [
    "labels",
    { task: "classify", classes: 5 },
    whole(attention() + mlp() + 2 * norm, C * D + norm + 5 * D + 5),
  ],
  ["a head's bias", { head_bias: true }, whole(attention() + mlp() + 2 * norm, C * D + norm + V)],
  [
    "a layer before the head",
    { head_transform: "dense_norm" },
    whole(attention() + mlp() + 2 * norm, C * D + norm + D * D + D + norm),
  ],
  [
    "narrow embeddings",
    { embedding_size: 5, tied: true, head_transform: "dense_norm", segments: 2 },
    (V + C + 2) * 5 + 5 * D + D + L * (attention() + mlp() + 2 * norm) + norm + D * 5 + 5 + 10,
  ],
  [
    "both tasks",
    { task: "both", pooler: "dense" },
    whole(attention() + mlp() + 2 * norm, C * D + norm + D * D + D + 2 * D + 2),
  ],
  ["features", { task: "features" }, whole(attention() + mlp() + 2 * norm, C * D + norm)],
  [
    "stored sinusoids",
    { position: "stored_rope" },
    whole(attention() + mlp() + 2 * norm, norm + (C * D) / H),
  ],
])("encoder: %s", (_, knobs, wanted) => expect(count("encoder", { ...base, ...knobs })).toBe(wanted));

const sides = L * (attention() + mlp() + 2 * norm) + L * (2 * attention() + mlp() + 3 * norm);
test.each<[string, Knobs, number]>([
  ["pre", {}, V * D + sides + 2 * norm],
  ["post", { norm_at: "post" }, V * D + sides],
  ["output tied", { tied: "output", source_vocab: 31 }, (V + 31) * D + sides + 2 * norm],
  ["untied", { tied: "none" }, 3 * V * D + sides + 2 * norm],
  ["inputs tied", { tied: "input" }, 2 * V * D + sides + 2 * norm],
  ["learned positions", { position: "learned" }, V * D + sides + 2 * norm + 2 * C * D],
])("encoder_decoder: %s", (_, knobs, wanted) =>
  expect(count("encoder_decoder", { ...base, ...knobs })).toBe(wanted),
);

const llama = { norm: "rms_norm", position: "rope", bias: false };
test.each<[string, string, Knobs, number]>([
  ["GPT-2", "decoder", { vocab: 50257, context: 1024, d_model: 768, layers: 12, heads: 12 }, 124_439_808],
  [
    "GPT-2 medium",
    "decoder",
    { vocab: 50257, context: 1024, d_model: 1024, layers: 24, heads: 16 },
    354_823_168,
  ],
  [
    "LLaMA 2 7B",
    "decoder",
    {
      ...llama,
      vocab: 32000,
      d_model: 4096,
      layers: 32,
      heads: 32,
      ffn: "swiglu(hidden: 11008)",
      tied: false,
    },
    6_738_415_616,
  ],
  [
    "Llama 3.2 1B",
    "decoder",
    {
      ...llama,
      vocab: 128256,
      d_model: 2048,
      layers: 16,
      heads: 32,
      kv_heads: 8,
      ffn: "swiglu(hidden: 8192)",
    },
    1_235_814_400,
  ],
  [
    "Mixtral 8x7B",
    "decoder",
    {
      ...llama,
      vocab: 32000,
      d_model: 4096,
      layers: 32,
      heads: 32,
      kv_heads: 8,
      ffn: "moe(experts: 8, hidden: 14336)",
      tied: false,
    },
    46_702_792_704,
  ],
  [
    "T5 small",
    "encoder_decoder",
    {
      vocab: 32128,
      d_model: 512,
      layers: 6,
      heads: 8,
      norm: "rms_norm",
      position: "t5",
      bias: false,
      ffn: "mlp(hidden: 2048, act: relu)",
    },
    60_506_624,
  ],
  [
    "the first Transformer",
    "encoder_decoder",
    { vocab: 37000, d_model: 512, layers: 6, heads: 8, norm_at: "post" },
    63_082_496,
  ],
  [
    "BERT base without its heads",
    "encoder",
    {
      vocab: 30522,
      context: 512,
      d_model: 768,
      layers: 12,
      heads: 12,
      segments: 2,
      norm_at: "post",
      embedding_norm: "layer_norm",
    },
    109_482_240 - 768 * 769,
  ],
])("%s", (_, family, knobs, wanted) => expect(count(family, knobs)).toBe(wanted));
