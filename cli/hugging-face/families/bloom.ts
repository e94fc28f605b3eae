/**
 * BLOOM (BigScience, 2022): ALiBi, a norm of the embeddings, queries, keys and values in one matrix, head by head.
 */
import { neutrals, read } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";

export const bloom: Family = {
  modelType: "bloom",
  architectures: ["BloomForCausalLM"],
  prefix: "transformer.",
  fields: {
    ...neutrals(
      "attention_dropout hidden_dropout pretraining_tp slow_but_exact skip_bias_add skip_bias_add_qkv",
    ),
    ...neutrals("attention_softmax_in_fp32 bias_dropout_fusion masked_softmax_fusion offset_alibi"),
    apply_residual_connection_post_layernorm: { kind: "only", values: [false] },
    hidden_size: read(64),
    layer_norm_epsilon: read(1e-5),
    n_embed: read(null),
    n_head: read(8),
    n_layer: read(2),
    num_attention_heads: read(null),
    num_hidden_layers: read(null),
    seq_length: read(2048),
    tie_word_embeddings: read(true),
    vocab_size: read(250880),
  },
  model,
  weights,
};

function model(config: Config): string {
  const norm = call("layer_norm", { eps: unless(1e-5, config.number("layer_norm_epsilon")) });
  return configForm(
    "bloom",
    "decoder",
    {
      vocab: config.size("vocab_size"),
      context: config.size("seq_length"),
      d_model: config.optionalSize("n_embed") ?? config.size("hidden_size"),
      layers: config.optionalSize("num_hidden_layers") ?? config.size("n_layer"),
      heads: config.optionalSize("num_attention_heads") ?? config.size("n_head"),
      norm: unless("layer_norm", norm),
      position: "alibi",
      ffn: "mlp(act: gelu_tanh)",
      tied: unless(true, config.boolean("tie_word_embeddings")),
      embedding_norm: norm,
    },
    causalInputs,
  );
}

function weights(config: Config): readonly Weight[] {
  const [layer, own] = ["transformer.h.{l}.", "layers.{l}."];
  const parts = ["q", "k", "v"];
  const norm = (from: string, to: string): readonly Weight[] => [
    { from: `${from}.weight`, to: `${to}.gain` },
    { from: `${from}.bias`, to: `${to}.bias` },
  ];
  return [
    { from: "transformer.word_embeddings.weight", to: "wte.table" },
    ...norm("transformer.word_embeddings_layernorm", "embedding_norm"),
    ...norm(`${layer}input_layernorm`, `${own}layer_norm`),
    {
      from: `${layer}self_attention.query_key_value.weight`,
      split: parts.map((name) => `${own}attention.w${name}`),
      layout: "(h n c) d -> n d h c",
    },
    {
      from: `${layer}self_attention.query_key_value.bias`,
      split: parts.map((name) => `${own}attention.b${name}`),
      layout: "(h n c) -> n h c",
    },
    { from: `${layer}self_attention.dense.weight`, to: `${own}attention.wo`, layout: "d (h c) -> h c d" },
    { from: `${layer}self_attention.dense.bias`, to: `${own}attention.bo` },
    ...norm(`${layer}post_attention_layernorm`, `${own}layer_norm_2`),
    { from: `${layer}mlp.dense_h_to_4h.weight`, to: `${own}mlp.w1`, layout: "out in -> in out" },
    { from: `${layer}mlp.dense_h_to_4h.bias`, to: `${own}mlp.b1` },
    { from: `${layer}mlp.dense_4h_to_h.weight`, to: `${own}mlp.w2`, layout: "out in -> in out" },
    { from: `${layer}mlp.dense_4h_to_h.bias`, to: `${own}mlp.b2` },
    ...norm("transformer.ln_f", "layer_norm"),
    config.boolean("tie_word_embeddings")
      ? { from: "lm_head.weight", like: "transformer.word_embeddings.weight" }
      : { from: "lm_head.weight", to: "head.table" },
  ];
}
