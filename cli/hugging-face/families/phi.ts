/**
 * Phi (Li et al., 2023): attention and feed-forward side by side behind one norm, part of each head turned, biases everywhere; and Phi-3 (Abdin
 * et al., 2024), a LLaMA with fused projections.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import { attention, ends, normOf, norms } from "../llama-weights.js";
import { slidingMask } from "../masks.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";
import { rotary, rotaryFields } from "../rotary.js";

const [layer, own] = ["model.layers.{l}.", "layers.{l}."];

const fields: Readonly<Record<string, Field>> = {
  ...neutrals("attention_dropout embd_pdrop resid_pdrop"),
  hidden_size: { kind: "needed" },
  intermediate_size: { kind: "needed" },
  num_attention_heads: { kind: "needed" },
  num_hidden_layers: { kind: "needed" },
  num_key_value_heads: read(null),
  tie_word_embeddings: read(false),
  vocab_size: { kind: "needed" },
};

function sizes(config: Config) {
  const heads = config.size("num_attention_heads");
  return {
    vocab: config.size("vocab_size"),
    context: config.size("max_position_embeddings"),
    d_model: config.size("hidden_size"),
    layers: config.size("num_hidden_layers"),
    heads,
    kv_heads: unless(heads, config.optionalSize("num_key_value_heads") ?? heads),
  };
}

export const phi: Family = {
  modelType: "phi",
  architectures: ["PhiForCausalLM"],
  prefix: "model.",
  fields: {
    ...fields,
    ...rotaryFields(10000, 0.5),
    hidden_act: read("gelu_new"),
    layer_norm_eps: read(1e-5),
    qk_layernorm: read(false),
  },
  model: (config) => {
    const norm = call("layer_norm", { eps: unless(1e-5, config.number("layer_norm_eps")) });
    const act = activation(config, "hidden_act");
    const settings = {
      ...sizes(config),
      norm: unless("layer_norm", norm),
      norm_at: "parallel",
      position: rotary(config),
      qk_norm: config.boolean("qk_layernorm") ? norm : undefined,
      ffn: call("mlp", { hidden: config.size("intermediate_size"), act: unless("gelu", act) }),
      tied: unless(true, config.boolean("tie_word_embeddings")),
      head_bias: true,
    };
    return configForm("phi", "decoder", settings, causalInputs);
  },
  weights: (config) => {
    const each = (name: string): readonly Weight[] =>
      normOf(`${layer}self_attn.${name}_layernorm`, `${own}attention.${name}_norm`, "layer_norm");
    return [
      ...ends(
        config.boolean("tie_word_embeddings"),
        normOf("model.final_layernorm", "layer_norm", "layer_norm"),
      ),
      { from: "lm_head.bias", to: "unembed.b" },
      ...norms(["input_layernorm"], "layer_norm"),
      ...attention({ qkv: true, out: true }, "dense"),
      ...(config.boolean("qk_layernorm") ? [...each("q"), ...each("k")] : []),
      { from: `${layer}mlp.fc1.weight`, to: `${own}mlp.w1`, layout: "out in -> in out" },
      { from: `${layer}mlp.fc1.bias`, to: `${own}mlp.b1` },
      { from: `${layer}mlp.fc2.weight`, to: `${own}mlp.w2`, layout: "out in -> in out" },
      { from: `${layer}mlp.fc2.bias`, to: `${own}mlp.b2` },
    ];
  },
};

export const phi3: Family = {
  modelType: "phi3",
  architectures: ["Phi3ForCausalLM"],
  prefix: "model.",
  fields: {
    ...fields,
    ...neutrals("original_max_position_embeddings"),
    ...rotaryFields(),
    attention_bias: { kind: "only", values: [false] },
    hidden_act: read("silu"),
    rms_norm_eps: read(1e-5),
    sliding_window: read(null),
  },
  model: (config) => {
    const context = config.size("max_position_embeddings");
    const act = activation(config, "hidden_act");
    const hidden = config.size("intermediate_size");
    const settings = {
      ...sizes(config),
      norm: call("rms_norm", { eps: unless(1e-6, config.number("rms_norm_eps")) }),
      position: rotary(config),
      ...slidingMask(config, context),
      ffn: call("gated_mlp", { hidden, act: unless("silu", act) }),
      bias: false,
      tied: unless(true, config.boolean("tie_word_embeddings")),
    };
    return configForm("phi3", "decoder", settings, causalInputs);
  },
  weights: (config) => {
    const { heads, kv_heads = heads, d_model } = sizes(config);
    const wide = d_model / heads;
    const part = (to: string, count: number) => ({
      to: `${own}attention.${to}`,
      size: count * wide,
      layout: "(h c) d -> d h c",
    });
    return [
      ...ends(config.boolean("tie_word_embeddings")),
      ...norms(["input_layernorm", "post_attention_layernorm"]),
      {
        from: `${layer}self_attn.qkv_proj.weight`,
        axis: 0,
        parts: [part("wq", heads), part("wk", kv_heads), part("wv", kv_heads)],
      },
      { from: `${layer}self_attn.o_proj.weight`, to: `${own}attention.wo`, layout: "d (h c) -> h c d" },
      {
        from: `${layer}mlp.gate_up_proj.weight`,
        split: [`${own}gated_mlp.wg`, `${own}gated_mlp.wu`],
        layout: "(n out) in -> n in out",
      },
      { from: `${layer}mlp.down_proj.weight`, to: `${own}gated_mlp.wd`, layout: "out in -> in out" },
    ];
  },
};
