/**
 * Marian (Junczys-Dowmunt et al., 2018; the Opus-MT models): BART with sinusoids, sines before cosines, and no norm of the embeddings;
 * its languages may have tables of their own.
 */
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import type { Settings } from "../model-text.js";
import { configForm } from "../model-text.js";
import { logitsBias, pairFields, pairNeutrals, sideSettings, sideWeights, textPairInputs } from "./pairs.js";
import { copies } from "./parts.js";

export const marian: Family = {
  modelType: "marian",
  architectures: ["MarianMTModel"],
  fields: {
    ...pairFields,
    ...neutrals(pairNeutrals),
    decoder_vocab_size: { kind: "read", otherwise: null },
    normalize_embedding: { kind: "only", values: [false] },
    share_encoder_decoder_embeddings: { kind: "read", otherwise: true },
    static_position_embeddings: { kind: "only", values: [true] },
    vocab_size: { kind: "read", otherwise: 58101 },
  },
  model,
  weights: (config) => [
    ...tables(config),
    ...sideWeights,
    logitsBias,
    ...sinusoids("encoder"),
    ...sinusoids("decoder"),
  ],
};

function model(config: Config): string {
  const settings = {
    ...vocabularies(config),
    context: config.size("max_position_embeddings"),
    position: "sinusoidal(layout: halves)",
    ...sideSettings(config),
  };
  return configForm("marian", "encoder_decoder", settings, textPairInputs);
}

function vocabularies(config: Config): Settings {
  const source = config.size("vocab_size");
  const target = config.optionalSize("decoder_vocab_size") ?? source;
  if (!config.boolean("share_encoder_decoder_embeddings"))
    return { source_vocab: source, target_vocab: target, tied: "output" };
  if (target !== source)
    config.refuse("decoder_vocab_size", `the languages share one table, of \`vocab_size\` ${source} rows`);
  return { vocab: source };
}

function tables(config: Config): readonly Weight[] {
  const [left, right] = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"];
  if (!config.boolean("share_encoder_decoder_embeddings"))
    return [
      { from: left, to: "source_wte.table" },
      { from: right, to: "wte.table" },
      ...copies(right, "lm_head.weight"),
    ];
  const shared = "model.shared.weight";
  return [{ from: shared, to: "wte.table" }, ...copies(shared, left, right, "lm_head.weight")];
}

const sinusoids = (side: string): readonly Weight[] => [
  { from: `model.${side}.embed_positions.weight`, kept: "the sinusoids, which the class computes" },
];
