/**
 * Whisper (Radford et al., 2022): two convolutions over log-mel features and a pre-norm encoder, read by a decoder; keys have no bias.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, parameterList, unless } from "../model-text.js";
import { copies, inward, matrix, norm, outward } from "./parts.js";

export const whisper: Family = {
  modelType: "whisper",
  architectures: ["WhisperForConditionalGeneration"],
  fields: {
    ...neutrals("activation_dropout attention_dropout dropout decoder_layerdrop encoder_layerdrop"),
    ...neutrals("apply_spec_augment mask_feature_length mask_feature_min_masks mask_feature_prob"),
    ...neutrals("mask_time_length mask_time_min_masks mask_time_prob median_filter_width alignment_heads"),
    ...neutrals("classifier_proj_size use_weighted_layer_sum num_hidden_layers"),
    activation_function: { kind: "read", otherwise: "gelu" },
    d_model: { kind: "read", otherwise: 384 },
    decoder_attention_heads: { kind: "read", otherwise: 6 },
    decoder_ffn_dim: { kind: "read", otherwise: 1536 },
    decoder_layers: { kind: "read", otherwise: 4 },
    encoder_attention_heads: { kind: "read", otherwise: 6 },
    encoder_ffn_dim: { kind: "read", otherwise: 1536 },
    encoder_layers: { kind: "read", otherwise: 4 },
    max_source_positions: { kind: "read", otherwise: 1500 },
    max_target_positions: { kind: "read", otherwise: 448 },
    num_mel_bins: { kind: "read", otherwise: 80 },
    scale_embedding: { kind: "read", otherwise: false },
    tie_word_embeddings: { kind: "only", values: [true] },
    vocab_size: { kind: "read", otherwise: 51865 },
  },
  model,
  weights,
};

function model(config: Config): string {
  const [heads, others] = [config.size("encoder_attention_heads"), config.size("decoder_attention_heads")];
  const [hidden, wide] = [config.size("encoder_ffn_dim"), config.size("decoder_ffn_dim")];
  const act = unless("gelu", activation(config, "activation_function"));
  const parameters = parameterList({
    bands: config.size("num_mel_bins"),
    frames: 2 * config.size("max_source_positions"),
    vocab: config.size("vocab_size"),
    context: config.size("max_target_positions"),
    d_model: config.size("d_model"),
    encoder_layers: config.size("encoder_layers"),
    decoder_layers: config.size("decoder_layers"),
    heads,
    hidden,
    decoder_heads: unless(heads, others),
    decoder_hidden: unless(hidden, wide),
  });
  const written = others === heads ? "heads" : "decoder_heads";
  const feed = (width: string): string => call("mlp", { hidden: width, act });
  const scale = config.boolean("scale_embedding") ? " * sqrt(d_model)" : "";
  return `model whisper(${parameters}) {
  input input_features[bands, frames] : real
  input decoder_input_ids[t <= context] : int(vocab)
  input next(decoder_input_ids) as labels

  x = frozen_position(sound_embedding(input_features, d_model))
  feed = ${feed("hidden")}
  repeat encoder_layers {
    x = x + attention(layer_norm(x), heads, key_bias: false)
    x = x + feed(layer_norm(x))
  }
  memory = layer_norm(x)

  use wte = embedding(vocab, d_model)
  y = learned(wte(decoder_input_ids)${scale}, context) as wpe
  write = attention(heads: ${written}, key_bias: false)
${wide === hidden ? "" : `  feed = ${feed("decoder_hidden")}\n`}  repeat decoder_layers {
    y = y + write(layer_norm(y), mask: causal)
    y = y + write(layer_norm(y), memory: memory) as cross
    y = y + feed(layer_norm(y))
  }
  output logits = unembed(layer_norm(y), wte.table)
  loss cross_entropy(logits, next(decoder_input_ids))
}
`;
}

function weights(): readonly Weight[] {
  const [encoder, decoder] = ["model.encoder.", "model.decoder."];
  return [
    ...["conv1", "conv2"].flatMap((conv): readonly Weight[] => [
      { from: `${encoder}${conv}.weight`, to: `sound_embedding.${conv}.kernel` },
      { from: `${encoder}${conv}.bias`, to: `sound_embedding.${conv}.bias` },
    ]),
    { from: `${encoder}embed_positions.weight`, to: "frozen_position.table" },
    ...layer(`${encoder}layers.{l}.`, "encoder_layers.{l}.", false),
    ...norm(`${encoder}layer_norm`, "layer_norm"),
    { from: `${decoder}embed_tokens.weight`, to: "wte.table" },
    { from: `${decoder}embed_positions.weight`, to: "wpe.table" },
    ...layer(`${decoder}layers.{l}.`, "decoder_layers.{l}.", true),
    ...norm(`${decoder}layer_norm`, "layer_norm_2"),
    ...copies(`${decoder}embed_tokens.weight`, "proj_out.weight"),
  ];
}

function layer(from: string, to: string, crosses: boolean): readonly Weight[] {
  const look = (name: string, own: string): readonly Weight[] => [
    ...inward([`${from}${name}.q_proj`, `${from}${name}.k_proj`, `${from}${name}.v_proj`], own, true, false),
    ...outward(`${from}${name}.out_proj`, own),
  ];
  return [
    ...norm(`${from}self_attn_layer_norm`, `${to}layer_norm`),
    ...look("self_attn", `${to}attention`),
    ...(crosses ? norm(`${from}encoder_attn_layer_norm`, `${to}layer_norm_2`) : []),
    ...(crosses ? look("encoder_attn", `${to}cross`) : []),
    ...norm(`${from}final_layer_norm`, `${to}layer_norm_${crosses ? 3 : 2}`),
    ...matrix(`${from}fc1`, `${to}mlp`, "1"),
    ...matrix(`${from}fc2`, `${to}mlp`, "2"),
  ];
}
