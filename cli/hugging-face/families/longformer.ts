/**
 * Longformer (Beltagy, Peters and Cohan, 2020): RoBERTa whose tokens see a window, and some of them everything.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, parameterList } from "../model-text.js";
import { attention, copies, inward, matrix, norm, unused } from "./parts.js";

export const longformer: Family = {
  modelType: "longformer",
  architectures: ["LongformerForMaskedLM"],
  prefix: "longformer.",
  fields: {
    ...neutrals(
      "attention_probs_dropout_prob hidden_dropout_prob onnx_export ignore_attention_mask attention_mode",
    ),
    attention_window: { kind: "read", otherwise: 512 },
    attention_dilation: { kind: "read", otherwise: null },
    hidden_act: { kind: "read", otherwise: "gelu" },
    hidden_size: { kind: "read", otherwise: 768 },
    intermediate_size: { kind: "read", otherwise: 3072 },
    layer_norm_eps: { kind: "read", otherwise: 1e-12 },
    max_position_embeddings: { kind: "read", otherwise: 512 },
    num_attention_heads: { kind: "read", otherwise: 12 },
    num_hidden_layers: { kind: "read", otherwise: 12 },
    pad_token_id: { kind: "read", otherwise: 1 },
    position_embedding_type: { kind: "only", values: ["absolute"] },
    tie_word_embeddings: { kind: "read", otherwise: true },
    type_vocab_size: { kind: "read", otherwise: 2 },
    vocab_size: { kind: "read", otherwise: 30522 },
  },
  model,
  weights,
};

function model(config: Config): string {
  const dilation = config.get("attention_dilation");
  if (Array.isArray(dilation) ? dilation.some((step) => step !== 1) : dilation !== null)
    config.refuse("attention_dilation", "understood are windows without gaps, 1 for each layer");
  const types = config.size("type_vocab_size");
  const parameters = parameterList({
    vocab: config.size("vocab_size"),
    places: config.size("max_position_embeddings"),
    padding_id: config.number("pad_token_id"),
    d_model: config.size("hidden_size"),
    layers: config.size("num_hidden_layers"),
    heads: config.size("num_attention_heads"),
    hidden: config.size("intermediate_size"),
    window: window(config),
    types,
    norm: call("layer_norm", { eps: config.number("layer_norm_eps") }),
  });
  const tied = config.boolean("tie_word_embeddings");
  return `model longformer(${parameters}) {
  input input_ids[t <= places - padding_id - 1] : int(vocab)
${types > 1 ? "  input token_type_ids[t] : int(types)\n" : ""}  input marks(input_ids) as global_attention_mask
  input valid(input_ids) as attention_mask
  input original(input_ids) as labels

  use wte = embedding(vocab, d_model)
  use wpe = embedding(places, d_model)
  use wse = embedding(types, d_model)
  x = wte(input_ids) + wpe(counted_positions(input_ids, padding_id))
  ${types > 1 ? "x = x + wse(token_type_ids)" : "x[i, m] = x[i, m] + wse.table[0, m]"}
  x = norm(x)
  repeat layers {
    x = norm(x + local_global_attention(x, marks(input_ids), valid(input_ids), heads, reach: window / 2))
    x = norm(x + mlp(x, hidden, act: ${activation(config, "hidden_act")}))
  }
  x = dense_norm(x, norm: norm)
${tied ? "" : "  use head = embedding(vocab, d_model)\n"}  output logits = unembed(x, ${tied ? "wte" : "head"}.table, bias: true)
  loss cross_entropy(logits, original(input_ids))
}
`;
}

/** One number, or one for each layer. */
function window(config: Config): number {
  const given = config.get("attention_window");
  const all = Array.isArray(given) ? config.numbers("attention_window") : [config.size("attention_window")];
  const [first, ...others] = all;
  if (first === undefined || first % 2 !== 0 || others.some((other) => other !== first))
    config.refuse("attention_window", "understood is one even number for all layers");
  return first;
}

function weights(config: Config): readonly Weight[] {
  const [from, own] = ["longformer.encoder.layer.{l}.", "layers.{l}."];
  const self = `${from}attention.self.`;
  const look = `${own}local_global_attention`;
  const names = ["query", "key", "value"].map((name) => `${self}${name}`) as [string, string, string];
  const everywhere = names.map((name) => `${name}_global`) as [string, string, string];
  return [
    { from: "longformer.embeddings.word_embeddings.weight", to: "wte.table" },
    { from: "longformer.embeddings.position_embeddings.weight", to: "wpe.table" },
    { from: "longformer.embeddings.token_type_embeddings.weight", to: "wse.table" },
    { from: "longformer.embeddings.position_ids", ignored: "the numbers from 0 up" },
    ...norm("longformer.embeddings.LayerNorm", "layer_norm"),
    ...attention([...names, `${from}attention.output.dense`], look),
    ...inward(everywhere, look).map((row) => ("to" in row ? { ...row, to: `${row.to}_global` } : row)),
    ...norm(`${from}attention.output.LayerNorm`, `${own}layer_norm`),
    ...matrix(`${from}intermediate.dense`, `${own}mlp`, "1"),
    ...matrix(`${from}output.dense`, `${own}mlp`, "2"),
    ...norm(`${from}output.LayerNorm`, `${own}layer_norm_2`),
    ...matrix("lm_head.dense", "dense_norm"),
    ...norm("lm_head.layer_norm", "dense_norm.layer_norm"),
    { from: "lm_head.bias", to: "unembed.b" },
    ...copies("lm_head.bias", "lm_head.decoder.bias"),
    ...(config.boolean("tie_word_embeddings")
      ? copies("longformer.embeddings.word_embeddings.weight", "lm_head.decoder.weight")
      : [{ from: "lm_head.decoder.weight", to: "head.table" }]),
    ...unused("the first token's summary", "longformer.pooler.dense"),
  ];
}
