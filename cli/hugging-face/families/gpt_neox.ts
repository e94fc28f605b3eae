/**
 * GPT-NeoX (Black et al., 2022) and Pythia: attention and feed-forward side by side, each behind a norm of its own; part of each head turned;
 * queries, keys and values in one matrix, head by head.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";
import { rotary, rotaryFields } from "../rotary.js";

export const gptNeox: Family = {
  modelType: "gpt_neox",
  architectures: ["GPTNeoXForCausalLM"],
  prefix: "gpt_neox.",
  fields: {
    ...neutrals("attention_dropout classifier_dropout hidden_dropout"),
    ...rotaryFields(10000, 0.25),
    attention_bias: read(true),
    hidden_act: read("gelu"),
    hidden_size: { kind: "needed" },
    intermediate_size: { kind: "needed" },
    layer_norm_eps: read(1e-5),
    num_attention_heads: { kind: "needed" },
    num_hidden_layers: { kind: "needed" },
    rotary_emb_base: read(null),
    rotary_pct: read(null),
    tie_word_embeddings: read(false),
    use_parallel_residual: read(true),
    vocab_size: { kind: "needed" },
  },
  model,
  weights,
};

/** Files of version 4 say `rotary_pct` and `rotary_emb_base`. */
function older(config: Config): Config {
  const names: Readonly<Record<string, string>> = {
    partial_rotary_factor: "rotary_pct",
    rope_theta: "rotary_emb_base",
  };
  const number = (field: string): number => {
    const old = Object.hasOwn(names, field) ? config.optionalNumber(names[field]!) : undefined;
    return old ?? config.number(field);
  };
  return { ...config, number };
}

function model(config: Config): string {
  const hidden = config.size("intermediate_size");
  const act = activation(config, "hidden_act");
  const norm = call("layer_norm", { eps: unless(1e-5, config.number("layer_norm_eps")) });
  const bias = config.boolean("attention_bias");
  return configForm(
    "gpt_neox",
    "decoder",
    {
      vocab: config.size("vocab_size"),
      context: config.size("max_position_embeddings"),
      d_model: config.size("hidden_size"),
      layers: config.size("num_hidden_layers"),
      heads: config.size("num_attention_heads"),
      norm: unless("layer_norm", norm),
      norm_at: config.boolean("use_parallel_residual") ? "parallel_norms" : undefined,
      position: rotary(older(config)),
      ffn: call("mlp", { hidden, act: unless("gelu", act) }),
      qkv_bias: unless(true, bias),
      out_bias: unless(true, bias),
      tied: unless(true, config.boolean("tie_word_embeddings")),
    },
    causalInputs,
  );
}

function weights(config: Config): readonly Weight[] {
  const [layer, own] = ["gpt_neox.layers.{l}.", "layers.{l}."];
  const parts = ["q", "k", "v"];
  const bias = config.boolean("attention_bias");
  const pair = (from: string, to: string, letter: string): readonly Weight[] => [
    { from: `${layer}${from}.weight`, to: `${own}${to}.w${letter}`, layout: "out in -> in out" },
    { from: `${layer}${from}.bias`, to: `${own}${to}.b${letter}` },
  ];
  const norm = (from: string, to: string): readonly Weight[] => [
    { from: `${from}.weight`, to: `${to}.gain` },
    { from: `${from}.bias`, to: `${to}.bias` },
  ];
  return [
    { from: "gpt_neox.embed_in.weight", to: "wte.table" },
    ...norm(`${layer}input_layernorm`, `${own}layer_norm`),
    ...norm(`${layer}post_attention_layernorm`, `${own}layer_norm_2`),
    {
      from: `${layer}attention.query_key_value.weight`,
      split: parts.map((name) => `${own}attention.w${name}`),
      layout: "(h n c) d -> n d h c",
    },
    ...(bias
      ? [
          {
            from: `${layer}attention.query_key_value.bias`,
            split: parts.map((name) => `${own}attention.b${name}`),
            layout: "(h n c) -> n h c",
          },
          { from: `${layer}attention.dense.bias`, to: `${own}attention.bo` },
        ]
      : []),
    { from: `${layer}attention.dense.weight`, to: `${own}attention.wo`, layout: "d (h c) -> h c d" },
    ...pair("mlp.dense_h_to_4h", "mlp", "1"),
    ...pair("mlp.dense_4h_to_h", "mlp", "2"),
    ...norm("gpt_neox.final_layer_norm", "layer_norm"),
    config.boolean("tie_word_embeddings")
      ? { from: "embed_out.weight", like: "gpt_neox.embed_in.weight" }
      : { from: "embed_out.weight", to: "head.table" },
    { from: `${layer}attention.bias`, ignored: "the causal mask" },
    { from: `${layer}attention.masked_bias`, ignored: "what stands for minus infinity" },
    { from: `${layer}attention.rotary_emb.inv_freq`, ignored: "the frequencies of rotary positions" },
  ];
}
