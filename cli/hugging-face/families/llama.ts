/**
 * LLaMA (Touvron et al., 2023) and those that differ from it in little: Mistral, Qwen2, Qwen3, Mixtral. Pre-norm with rms_norm, rotary
 * positions, grouped queries, swiglu.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import { attention, ends, gatedMlp, normOf, norms } from "../llama-weights.js";
import { layerMasks, slidingMask } from "../masks.js";
import type { Settings } from "../model-text.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";
import { rotary, rotaryFields } from "../rotary.js";

const fields: Readonly<Record<string, Field>> = {
  ...neutrals("attention_dropout pretraining_tp"),
  ...rotaryFields(),
  head_dim: read(null),
  hidden_act: read("silu"),
  hidden_size: { kind: "needed" },
  intermediate_size: { kind: "needed" },
  num_attention_heads: { kind: "needed" },
  num_hidden_layers: { kind: "needed" },
  num_key_value_heads: read(null),
  rms_norm_eps: read(1e-6),
  tie_word_embeddings: read(false),
  vocab_size: { kind: "needed" },
};

/** The knobs that all of them set. */
function shared(config: Config, headWidth?: number): Settings {
  const [width, heads] = [config.size("hidden_size"), config.size("num_attention_heads")];
  const wide = config.optionalSize("head_dim") ?? headWidth ?? width / heads;
  return {
    vocab: config.size("vocab_size"),
    context: config.size("max_position_embeddings"),
    d_model: width,
    layers: config.size("num_hidden_layers"),
    heads,
    kv_heads: unless(heads, config.optionalSize("num_key_value_heads") ?? heads),
    head_dim: unless(width / heads, wide),
    norm: call("rms_norm", { eps: unless(1e-6, config.number("rms_norm_eps")) }),
    position: rotary(config),
    bias: false,
    tied: unless(true, config.boolean("tie_word_embeddings")),
  };
}

/** The feed-forward layer, and what it is called in the model. */
function feedForward(config: Config, withBias = false): { readonly block: string; readonly text: string } {
  const hidden = config.size("intermediate_size");
  const act = activation(config, "hidden_act");
  if (act === "silu" && !withBias) return { block: "swiglu", text: call("swiglu", { hidden }) };
  return {
    block: "gated_mlp",
    text: call("gated_mlp", { hidden, act: unless("silu", act), with_bias: withBias || undefined }),
  };
}

const form = (name: string, settings: Settings): string =>
  configForm(name, "decoder", settings, causalInputs);

const layerNorms = norms(["input_layernorm", "post_attention_layernorm"]);

export const llama: Family = {
  modelType: "llama",
  architectures: ["LlamaForCausalLM"],
  prefix: "model.",
  fields: { ...fields, attention_bias: read(false), mlp_bias: read(false) },
  model: (config) => {
    const bias = config.boolean("attention_bias") || undefined;
    const ffn = feedForward(config, config.boolean("mlp_bias")).text;
    return form("llama", { ...shared(config), ffn, qkv_bias: bias, out_bias: bias });
  },
  weights: (config) => {
    const [bias, inner] = [config.boolean("attention_bias"), config.boolean("mlp_bias")];
    return [
      ...ends(config.boolean("tie_word_embeddings")),
      ...layerNorms,
      ...attention({ qkv: bias, out: bias }),
      ...gatedMlp(feedForward(config, inner).block, inner),
    ];
  },
};

const plain = (config: Config): readonly Weight[] => [
  ...ends(config.boolean("tie_word_embeddings")),
  ...layerNorms,
  ...attention({ qkv: false, out: false }),
];

export const mistral: Family = {
  modelType: "mistral",
  architectures: ["MistralForCausalLM"],
  prefix: "model.",
  fields: { ...fields, num_key_value_heads: read(8), sliding_window: read(4096) },
  model: (config) =>
    form("mistral", {
      ...shared(config),
      ...slidingMask(config, config.size("max_position_embeddings")),
      ffn: feedForward(config).text,
    }),
  weights: (config) => [...plain(config), ...gatedMlp(feedForward(config).block)],
};

const windowFields: Readonly<Record<string, Field>> = {
  layer_types: read(null),
  max_window_layers: read(28),
  sliding_window: read(4096),
  use_sliding_window: read(false),
};

/** Qwen's windows are there only where `use_sliding_window` says so, above the first `max_window_layers` layers. */
function qwenMasks(config: Config): Settings {
  const layers = config.size("num_hidden_layers");
  const window = config.boolean("use_sliding_window") ? config.optionalSize("sliding_window") : undefined;
  const first = window === undefined ? layers : config.number("max_window_layers");
  const kinds = () =>
    Array.from({ length: layers }, (_, l) => (l < first ? "full_attention" : "sliding_attention"));
  return layerMasks(config, { window, layers, kinds });
}

export const qwen2: Family = {
  modelType: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  prefix: "model.",
  fields: { ...fields, ...windowFields, ...neutrals("use_mrope") },
  model: (config) =>
    form("qwen2", { ...shared(config), ...qwenMasks(config), ffn: feedForward(config).text, qkv_bias: true }),
  weights: (config) => [
    ...ends(config.boolean("tie_word_embeddings")),
    ...layerNorms,
    ...attention({ qkv: true, out: false }),
    ...gatedMlp(feedForward(config).block),
  ],
};

export const qwen3: Family = {
  modelType: "qwen3",
  architectures: ["Qwen3ForCausalLM"],
  prefix: "model.",
  fields: { ...fields, ...windowFields, attention_bias: read(false) },
  model: (config) => {
    const bias = config.boolean("attention_bias") || undefined;
    const norm = call("rms_norm", { eps: unless(1e-6, config.number("rms_norm_eps")) });
    const ffn = feedForward(config).text;
    return form("qwen3", {
      ...shared(config, 128),
      ...qwenMasks(config),
      ...{ qk_norm: norm, ffn, qkv_bias: bias, out_bias: bias },
    });
  },
  weights: (config) => {
    const bias = config.boolean("attention_bias");
    const each = (name: string): readonly Weight[] =>
      normOf(`model.layers.{l}.self_attn.${name}_norm`, `layers.{l}.attention.${name}_norm`, "rms_norm");
    return [
      ...ends(config.boolean("tie_word_embeddings")),
      ...layerNorms,
      ...attention({ qkv: bias, out: bias }),
      ...each("q"),
      ...each("k"),
      ...gatedMlp(feedForward(config).block),
    ];
  },
};

export const mixtral: Family = {
  modelType: "mixtral",
  architectures: ["MixtralForCausalLM"],
  prefix: "model.",
  fields: {
    ...fields,
    ...rotaryFields(1e6),
    ...neutrals("output_router_logits router_aux_loss_coef"),
    num_experts_per_tok: read(2),
    num_key_value_heads: read(8),
    num_local_experts: read(8),
    rms_norm_eps: read(1e-5),
    router_jitter_noise: read(0),
    sliding_window: read(null),
  },
  model: (config) =>
    form("mixtral", {
      ...shared(config),
      ...slidingMask(config, config.size("max_position_embeddings")),
      ffn: call("moe", {
        experts: config.size("num_local_experts"),
        hidden: config.size("intermediate_size"),
        top: unless(2, config.size("num_experts_per_tok")),
        act: unless("silu", activation(config, "hidden_act")),
      }),
    }),
  weights: (config) => {
    const experts = Array.from({ length: config.size("num_local_experts") }, (_, e) => e);
    const joined = (name: string, to: string): Weight => ({
      join: experts.map((e) => `model.layers.{l}.block_sparse_moe.experts.${e}.${name}.weight`),
      to: `layers.{l}.moe.${to}`,
      layout: "e out in -> e in out",
    });
    return [
      ...plain(config),
      {
        from: "model.layers.{l}.block_sparse_moe.gate.weight",
        to: "layers.{l}.moe.router",
        layout: "out in -> in out",
      },
      joined("w1", "wg"),
      joined("w2", "w2"),
      joined("w3", "w1"),
    ];
  },
};
