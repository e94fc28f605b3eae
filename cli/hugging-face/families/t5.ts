/**
 * T5 (Raffel et al., 2020), both versions, and mT5: pre-norm without biases, relative positions by buckets, products that nothing divides.
 * The first version ties its output to the embeddings and scales it by d_model ^ -0.5; 1.1 has a table of its own and gated layers.
 */
import { activation } from "../activations.js";
import { neutrals, read } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import { call, configForm, unless } from "../model-text.js";
import { textPairInputs } from "./pairs.js";
import type { Projections } from "./parts.js";
import { attention, copies, matrix, norm } from "./parts.js";

const fields: Readonly<Record<string, Field>> = {
  ...neutrals("classifier_dropout dropout_rate output_past"),
  d_ff: read(2048),
  d_kv: read(64),
  d_model: read(512),
  dense_act_fn: read(null),
  feed_forward_proj: read("relu"),
  is_gated_act: read(null),
  layer_norm_epsilon: read(1e-6),
  n_positions: read(512),
  num_decoder_layers: read(null),
  num_heads: read(8),
  num_layers: read(6),
  relative_attention_max_distance: read(128),
  relative_attention_num_buckets: read(32),
  scale_decoder_outputs: read(null),
  tie_word_embeddings: read(true),
  vocab_size: read(32128),
};

export const t5: Family = {
  modelType: "t5",
  architectures: ["T5ForConditionalGeneration"],
  fields,
  model: (config) => model("t5", config),
  weights,
};

export const mt5: Family = {
  modelType: "mt5",
  architectures: ["MT5ForConditionalGeneration"],
  fields: {
    ...fields,
    d_ff: read(1024),
    feed_forward_proj: read("gated-gelu"),
    num_heads: read(6),
    num_layers: read(8),
    tie_word_embeddings: read(false),
    vocab_size: read(250112),
  },
  model: (config) => model("mt5", config),
  weights,
};

function model(name: string, config: Config): string {
  const [left, right] = [config.size("num_layers"), decoderLayers(config)];
  const width = config.size("d_model");
  const heads = config.size("num_heads");
  const settings = {
    vocab: config.size("vocab_size"),
    context: config.size("n_positions"),
    d_model: width,
    layers: left,
    decoder_layers: unless(left, right),
    heads,
    head_dim: unless(width / heads, config.size("d_kv")),
    temperature: 1,
    bias: false,
    norm: call("rms_norm", { eps: unless(1e-6, config.number("layer_norm_epsilon")) }),
    position: buckets(config),
    ffn: feedForward(config),
    ...(scaled(config) ? { head_scale: "d_model ^ -0.5" } : { tied: "input" }),
  };
  return configForm(name, "encoder_decoder", settings, textPairInputs);
}

const decoderLayers = (config: Config): number =>
  config.optionalSize("num_decoder_layers") ?? config.size("num_layers");

/**
 * Whether the output is tied and scaled: version 1.0. Newer files say so; in older ones `tie_word_embeddings` does, which newer ones
 * set for 1.1 as well.
 */
const scaled = (config: Config): boolean =>
  config.get("scale_decoder_outputs") === null
    ? config.boolean("tie_word_embeddings")
    : config.boolean("scale_decoder_outputs");

const buckets = (config: Config): string =>
  call("t5", {
    buckets: unless(32, config.size("relative_attention_num_buckets")),
    distance: unless(128, config.size("relative_attention_max_distance")),
  });

/** `feed_forward_proj` is an activation, or `gated-` and one; gated-gelu means the tanh form. */
function form(config: Config): { readonly gated: boolean; readonly act: string } {
  const text = config.string("feed_forward_proj");
  const gated = text.startsWith("gated-");
  const name = text === "gated-gelu" ? "gelu_new" : text.slice(gated ? "gated-".length : 0);
  if ((config.get("is_gated_act") ?? gated) !== gated)
    config.refuse("is_gated_act", `\`feed_forward_proj\` is \`${text}\` and says otherwise`);
  if ((config.get("dense_act_fn") ?? name) !== name)
    config.refuse("dense_act_fn", `\`feed_forward_proj\` is \`${text}\` and says otherwise`);
  return { gated, act: activation(config, "feed_forward_proj", name) };
}

function feedForward(config: Config): string {
  const { gated, act } = form(config);
  const hidden = unless(4 * config.size("d_model"), config.size("d_ff"));
  return gated
    ? call("gated_mlp", { hidden, act: unless("silu", act) })
    : call("mlp", { hidden, act: unless("gelu", act) });
}

const projections = (at: string): Projections => [`${at}q`, `${at}k`, `${at}v`, `${at}o`];

function weights(config: Config): readonly Weight[] {
  return [
    { from: "shared.weight", to: "wte.table" },
    ...copies("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"),
    scaled(config)
      ? { from: "lm_head.weight", like: "shared.weight" }
      : { from: "lm_head.weight", to: "head.table" },
    ...side("encoder", ["SelfAttention"], config),
    ...side("decoder", ["SelfAttention", "EncDecAttention"], config),
    {
      from: "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
      ignored: "attention to the source has no positions",
    },
  ];
}

/** The sub-layers of a side are numbered: its attentions, then the feed-forward layer. */
function side(name: string, attentions: readonly string[], config: Config): readonly Weight[] {
  const [layer, own] = [`${name}.block.{l}.layer.`, `${name}.layers.{l}.`];
  const numbered = (kind: string, n: number): string => `${own}${kind}${n === 0 ? "" : `_${n + 1}`}`;
  const last = attentions.length;
  return [
    {
      from: `${name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
      to: `${name}.relative_bias.table`,
    },
    ...attentions.flatMap((kind, n) => [
      ...attention(projections(`${layer}${n}.${kind}.`), numbered("attention", n), false),
      ...norm(`${layer}${n}.layer_norm`, numbered("rms_norm", n), false),
    ]),
    ...norm(`${layer}${last}.layer_norm`, numbered("rms_norm", last), false),
    ...feedForwardWeights(`${layer}${last}.DenseReluDense.`, own, config),
    ...norm(`${name}.final_layer_norm`, `${name}.rms_norm`, false),
  ];
}

const feedForwardWeights = (from: string, own: string, config: Config): readonly Weight[] =>
  form(config).gated
    ? [
        ...matrix(`${from}wi_0`, `${own}gated_mlp`, "g", false),
        ...matrix(`${from}wi_1`, `${own}gated_mlp`, "u", false),
        ...matrix(`${from}wo`, `${own}gated_mlp`, "d", false),
      ]
    : [...matrix(`${from}wi`, `${own}mlp`, "1", false), ...matrix(`${from}wo`, `${own}mlp`, "2", false)];
