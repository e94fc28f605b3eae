/**
 * Gemma and Gemma 2 (Gemma Team, 2024): LLaMA with gains that start from 1, embeddings scaled by √d and the output tied to them; the second
 * with norms on both sides of a sub-layer, bounded scores and logits, and a window in every other layer.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import { attention, ends, gatedMlp, norms } from "../llama-weights.js";
import { layerMasks } from "../masks.js";
import type { Settings } from "../model-text.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";
import { rotary, rotaryFields } from "../rotary.js";

const fields: Readonly<Record<string, Field>> = {
  ...neutrals("attention_dropout cache_implementation"),
  ...rotaryFields(),
  attention_bias: read(false),
  head_dim: read(256),
  // The class computes the tanh form whatever stands here; `hidden_activation` changes that.
  hidden_act: { kind: "only", values: ["gelu_pytorch_tanh", "gelu"] },
  hidden_activation: read(null),
  hidden_size: { kind: "needed" },
  intermediate_size: { kind: "needed" },
  num_attention_heads: { kind: "needed" },
  num_hidden_layers: { kind: "needed" },
  num_key_value_heads: read(null),
  rms_norm_eps: read(1e-6),
  tie_word_embeddings: read(true),
  use_bidirectional_attention: { kind: "only", values: [null, false] },
  vocab_size: { kind: "needed" },
};

function shared(config: Config): Settings {
  const [width, heads] = [config.size("hidden_size"), config.size("num_attention_heads")];
  const bias = config.boolean("attention_bias") || undefined;
  return {
    vocab: config.size("vocab_size"),
    context: config.size("max_position_embeddings"),
    d_model: width,
    layers: config.size("num_hidden_layers"),
    heads,
    kv_heads: unless(heads, config.optionalSize("num_key_value_heads") ?? heads),
    head_dim: unless(width / heads, config.size("head_dim")),
    norm: call("rms_norm", { eps: unless(1e-6, config.number("rms_norm_eps")), offset: 1 }),
    position: rotary(config),
    ffn: call("gated_mlp", { hidden: config.size("intermediate_size"), act: activationOf(config) }),
    bias: false,
    qkv_bias: bias,
    out_bias: bias,
    tied: unless(true, config.boolean("tie_word_embeddings")),
    embedding_scale: "sqrt(d_model)",
  };
}

const activationOf = (config: Config): string =>
  config.get("hidden_activation") === null ? "gelu_tanh" : activation(config, "hidden_activation");

function weights(config: Config, layerNorms: readonly string[]): readonly Weight[] {
  const bias = config.boolean("attention_bias");
  return [
    ...ends(config.boolean("tie_word_embeddings")),
    ...norms(layerNorms),
    ...attention({ qkv: bias, out: bias }),
    ...gatedMlp("gated_mlp"),
  ];
}

export const gemma: Family = {
  modelType: "gemma",
  architectures: ["GemmaForCausalLM"],
  prefix: "model.",
  fields: { ...fields },
  model: (config) => configForm("gemma", "decoder", shared(config), causalInputs),
  weights: (config) => weights(config, ["input_layernorm", "post_attention_layernorm"]),
};

export const gemma2: Family = {
  modelType: "gemma2",
  architectures: ["Gemma2ForCausalLM"],
  prefix: "model.",
  fields: {
    ...fields,
    attn_logit_softcapping: read(50),
    final_logit_softcapping: read(30),
    layer_types: read(null),
    query_pre_attn_scalar: read(256),
    sliding_window: read(4096),
  },
  model: (config) => {
    const layers = config.size("num_hidden_layers");
    const kinds = () =>
      Array.from({ length: layers }, (_, l) => (l % 2 === 0 ? "sliding_attention" : "full_attention"));
    const scale = config.number("query_pre_attn_scalar");
    const settings: Settings = {
      ...shared(config),
      norm_at: "sandwich",
      ...layerMasks(config, { window: config.optionalSize("sliding_window"), layers, kinds }),
      temperature: scale === config.size("head_dim") ? undefined : `sqrt(${scale})`,
      soft_cap: config.optionalNumber("attn_logit_softcapping"),
      final_soft_cap: config.optionalNumber("final_logit_softcapping"),
    };
    return configForm("gemma2", "decoder", settings, causalInputs);
  },
  weights: (config) =>
    weights(config, [
      "input_layernorm",
      "post_attention_layernorm",
      "pre_feedforward_layernorm",
      "post_feedforward_layernorm",
    ]),
};
