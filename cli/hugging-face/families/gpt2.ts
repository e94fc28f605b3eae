/**
 * GPT-2 (Radford et al., 2019): pre-norm, learned positions, queries, keys and values in one matrix [in, out].
 */

import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";

export const gpt2: Family = {
  modelType: "gpt2",
  architectures: ["GPT2LMHeadModel"],
  prefix: "transformer.",
  fields: {
    ...neutrals("resid_pdrop embd_pdrop attn_pdrop n_ctx reorder_and_upcast_attn"),
    ...neutrals(
      "summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj",
    ),
    activation_function: { kind: "read", otherwise: "gelu_new" },
    layer_norm_epsilon: { kind: "read", otherwise: 1e-5 },
    n_embd: { kind: "read", otherwise: 768 },
    n_head: { kind: "read", otherwise: 12 },
    n_inner: { kind: "read", otherwise: null },
    n_layer: { kind: "read", otherwise: 12 },
    n_positions: { kind: "read", otherwise: 1024 },
    scale_attn_by_inverse_layer_idx: { kind: "only", values: [false] },
    scale_attn_weights: { kind: "read", otherwise: true },
    tie_word_embeddings: { kind: "read", otherwise: true },
    vocab_size: { kind: "read", otherwise: 50257 },
  },
  model,
  weights,
};

function model(config: Config): string {
  const width = config.size("n_embd");
  const hidden = config.optionalSize("n_inner");
  const act = activation(config, "activation_function");
  return configForm(
    "gpt2",
    "decoder",
    {
      vocab: config.size("vocab_size"),
      context: config.size("n_positions"),
      d_model: width,
      layers: config.size("n_layer"),
      heads: config.size("n_head"),
      norm: unless(
        "layer_norm",
        call("layer_norm", { eps: unless(1e-5, config.number("layer_norm_epsilon")) }),
      ),
      ffn: call("mlp", { hidden: unless(4 * width, hidden ?? 4 * width), act: unless("gelu", act) }),
      temperature: config.boolean("scale_attn_weights") ? undefined : 1,
      tied: unless(true, config.boolean("tie_word_embeddings")),
    },
    causalInputs,
  );
}

function weights(config: Config): readonly Weight[] {
  const [layer, own] = ["transformer.h.{l}.", "layers.{l}."];
  const fused = ["q", "k", "v"];
  return [
    { from: "transformer.wte.weight", to: "wte.table" },
    { from: "transformer.wpe.weight", to: "wpe.table" },
    { from: `${layer}ln_1.weight`, to: `${own}layer_norm.gain` },
    { from: `${layer}ln_1.bias`, to: `${own}layer_norm.bias` },
    {
      from: `${layer}attn.c_attn.weight`,
      split: fused.map((name) => `${own}attention.w${name}`),
      layout: "d (n h c) -> n d h c",
    },
    {
      from: `${layer}attn.c_attn.bias`,
      split: fused.map((name) => `${own}attention.b${name}`),
      layout: "(n h c) -> n h c",
    },
    { from: `${layer}attn.c_proj.weight`, to: `${own}attention.wo`, layout: "(h c) d -> h c d" },
    { from: `${layer}attn.c_proj.bias`, to: `${own}attention.bo` },
    { from: `${layer}ln_2.weight`, to: `${own}layer_norm_2.gain` },
    { from: `${layer}ln_2.bias`, to: `${own}layer_norm_2.bias` },
    { from: `${layer}mlp.c_fc.weight`, to: `${own}mlp.w1` },
    { from: `${layer}mlp.c_fc.bias`, to: `${own}mlp.b1` },
    { from: `${layer}mlp.c_proj.weight`, to: `${own}mlp.w2` },
    { from: `${layer}mlp.c_proj.bias`, to: `${own}mlp.b2` },
    { from: "transformer.ln_f.weight", to: "layer_norm.gain" },
    { from: "transformer.ln_f.bias", to: "layer_norm.bias" },
    config.boolean("tie_word_embeddings")
      ? { from: "lm_head.weight", like: "transformer.wte.weight" }
      : { from: "lm_head.weight", to: "head.table" },
    { from: `${layer}attn.bias`, ignored: "the causal mask" },
    { from: `${layer}attn.masked_bias`, ignored: "what stands for minus infinity" },
  ];
}
