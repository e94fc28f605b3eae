/**
 * What the rows of encoder-decoders have in common: the inputs, and the names that BART's kin give their parts.
 *
 *   model.decoder.layers.{l}.encoder_attn.q_proj.weight   →   decoder.layers.{l}.attention_2.wq
 */
import { activation } from "../activations.js";
import type { Config, Field, Weight } from "../family.js";
import type { Settings } from "../model-text.js";
import { call, unless } from "../model-text.js";
import type { Projections } from "./parts.js";
import { attention, matrix, norm } from "./parts.js";

export const textPairInputs = [
  "source as input_ids",
  "valid(source) as attention_mask",
  "target as decoder_input_ids",
  "valid(target) as decoder_attention_mask",
  "next(target) as labels",
];

/** Fields that BART and Marian have, with the values where the file says nothing. */
export const pairFields: Readonly<Record<string, Field>> = {
  activation_function: { kind: "read", otherwise: "gelu" },
  add_bias_logits: { kind: "only", values: [false] },
  add_final_layer_norm: { kind: "only", values: [false] },
  d_model: { kind: "read", otherwise: 1024 },
  decoder_attention_heads: { kind: "read", otherwise: 16 },
  decoder_ffn_dim: { kind: "read", otherwise: 4096 },
  decoder_layers: { kind: "read", otherwise: 12 },
  encoder_attention_heads: { kind: "read", otherwise: 16 },
  encoder_ffn_dim: { kind: "read", otherwise: 4096 },
  encoder_layers: { kind: "read", otherwise: 12 },
  max_position_embeddings: { kind: "read", otherwise: 1024 },
  normalize_before: { kind: "only", values: [false] },
  scale_embedding: { kind: "read", otherwise: false },
  tie_word_embeddings: { kind: "only", values: [true] },
};

/** Training, generation and what older files repeat. */
export const pairNeutrals =
  "activation_dropout attention_dropout dropout encoder_layerdrop decoder_layerdrop classif_dropout classifier_dropout num_hidden_layers extra_pos_embeddings output_past";

export function sideSettings(config: Config): Settings {
  const [left, right] = [config.size("encoder_layers"), config.size("decoder_layers")];
  const width = config.size("d_model");
  const hidden = both(config, "ffn_dim");
  const act = activation(config, "activation_function");
  return {
    d_model: width,
    layers: left,
    decoder_layers: unless(left, right),
    heads: both(config, "attention_heads"),
    norm_at: "post",
    embedding_scale: config.boolean("scale_embedding") ? "sqrt(d_model)" : undefined,
    ffn: unless("mlp", call("mlp", { hidden: unless(4 * width, hidden), act: unless("gelu", act) })),
    head_bias: "frozen",
  };
}

/** A size that both sides must share. */
function both(config: Config, field: string): number {
  const size = config.size(`encoder_${field}`);
  if (config.size(`decoder_${field}`) !== size)
    config.refuse(
      `decoder_${field}`,
      `the encoder's is ${size}, and sides that differ in it are not understood`,
    );
  return size;
}

const projections = (at: string): Projections => [
  `${at}q_proj`,
  `${at}k_proj`,
  `${at}v_proj`,
  `${at}out_proj`,
];

/** The layers of both sides. */
export const sideWeights: readonly Weight[] = [
  ...side("encoder", ["self_attn"]),
  ...side("decoder", ["self_attn", "encoder_attn"]),
];

function side(name: string, attentions: readonly string[]): readonly Weight[] {
  const [layer, own] = [`model.${name}.layers.{l}.`, `${name}.layers.{l}.`];
  const numbered = (kind: string, n: number): string => `${own}${kind}${n === 0 ? "" : `_${n + 1}`}`;
  return [
    ...attentions.flatMap((kind, n) => [
      ...attention(projections(`${layer}${kind}.`), numbered("attention", n)),
      ...norm(`${layer}${kind}_layer_norm`, numbered("layer_norm", n)),
    ]),
    ...matrix(`${layer}fc1`, `${own}mlp`, "1"),
    ...matrix(`${layer}fc2`, `${own}mlp`, "2"),
    ...norm(`${layer}final_layer_norm`, numbered("layer_norm", attentions.length)),
  ];
}

/** A buffer, [1, vocab]. */
export const logitsBias: Weight = { from: "final_logits_bias", to: "unembed.b", layout: "one v -> (one v)" };
