/**
 * OPT (Zhang et al., 2022): learned positions whose table begins with two rows that stand for none, relu; the 350M model is post-norm, with embeddings
 * narrower than the stream.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, causalInputs, configForm, unless } from "../model-text.js";

export const opt: Family = {
  modelType: "opt",
  architectures: ["OPTForCausalLM"],
  prefix: "model.",
  fields: {
    ...neutrals("attention_dropout activation_dropout dropout layerdrop"),
    _remove_final_layer_norm: read(false),
    activation_function: read("relu"),
    do_layer_norm_before: read(true),
    enable_bias: read(true),
    ffn_dim: read(3072),
    hidden_size: read(768),
    layer_norm_elementwise_affine: read(true),
    max_position_embeddings: read(2048),
    num_attention_heads: read(12),
    num_hidden_layers: read(12),
    tie_word_embeddings: read(true),
    vocab_size: read(50272),
    word_embed_proj_dim: read(null),
  },
  model,
  weights,
};

/** Width of the embeddings where it is not the stream's. */
const narrow = (config: Config): number | undefined =>
  unless(
    config.size("hidden_size"),
    config.optionalSize("word_embed_proj_dim") ?? config.size("hidden_size"),
  );

function model(config: Config): string {
  const before = config.boolean("do_layer_norm_before");
  if (before && config.boolean("_remove_final_layer_norm"))
    config.refuse("_remove_final_layer_norm", "understood is false only where norms come first");
  const act = activation(config, "activation_function");
  const affine = config.boolean("layer_norm_elementwise_affine") ? undefined : false;
  return configForm(
    "opt",
    "decoder",
    {
      vocab: config.size("vocab_size"),
      context: config.size("max_position_embeddings"),
      d_model: config.size("hidden_size"),
      layers: config.size("num_hidden_layers"),
      heads: config.size("num_attention_heads"),
      norm: unless("layer_norm", call("layer_norm", { affine })),
      norm_at: before ? undefined : "post",
      position: "learned(offset: 2)",
      ffn: call("mlp", { hidden: config.size("ffn_dim"), act: unless("gelu", act) }),
      bias: unless(true, config.boolean("enable_bias")),
      tied: unless(true, config.boolean("tie_word_embeddings")),
      embedding_size: narrow(config),
    },
    causalInputs,
  );
}

function weights(config: Config): readonly Weight[] {
  const [all, layer, own] = ["model.decoder.", "model.decoder.layers.{l}.", "layers.{l}."];
  const [bias, affine] = [config.boolean("enable_bias"), config.boolean("layer_norm_elementwise_affine")];
  const norm = (from: string, to: string): readonly Weight[] =>
    affine
      ? [
          { from: `${from}.weight`, to: `${to}.gain` },
          { from: `${from}.bias`, to: `${to}.bias` },
        ]
      : [];
  const matrix = (
    from: string,
    to: string,
    letter: string,
    layout: string,
    biasLayout?: string,
  ): readonly Weight[] => [
    { from: `${layer}${from}.weight`, to: `${own}${to}.w${letter}`, layout },
    ...(bias
      ? [
          {
            from: `${layer}${from}.bias`,
            to: `${own}${to}.b${letter}`,
            ...(biasLayout && { layout: biasLayout }),
          },
        ]
      : []),
  ];
  const maps: readonly Weight[] =
    narrow(config) === undefined
      ? []
      : [
          { from: `${all}project_in.weight`, to: "embedding_map.w", layout: "out in -> in out" },
          { from: `${all}project_out.weight`, to: "output_map.w", layout: "out in -> in out" },
        ];
  return [
    { from: `${all}embed_tokens.weight`, to: "wte.table" },
    { from: `${all}embed_positions.weight`, to: "wpe.table" },
    ...maps,
    ...["q", "k", "v"].flatMap((name) =>
      matrix(`self_attn.${name}_proj`, "attention", name, "(h c) d -> d h c", "(h c) -> h c"),
    ),
    ...matrix("self_attn.out_proj", "attention", "o", "d (h c) -> h c d"),
    ...norm(`${layer}self_attn_layer_norm`, `${own}layer_norm`),
    ...matrix("fc1", "mlp", "1", "out in -> in out"),
    ...matrix("fc2", "mlp", "2", "out in -> in out"),
    ...norm(`${layer}final_layer_norm`, `${own}layer_norm_2`),
    ...(config.boolean("do_layer_norm_before") ? norm(`${all}final_layer_norm`, "layer_norm") : []),
    config.boolean("tie_word_embeddings")
      ? { from: "lm_head.weight", like: `${all}embed_tokens.weight` }
      : { from: "lm_head.weight", to: "head.table" },
  ];
}
