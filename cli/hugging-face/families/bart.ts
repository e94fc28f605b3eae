/**
 * BART (Lewis et al., 2020): a post-norm encoder-decoder with learned positions, the first two rows of whose table stand for none.
 */
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { configForm } from "../model-text.js";
import { logitsBias, pairFields, pairNeutrals, sideSettings, sideWeights, textPairInputs } from "./pairs.js";
import { copies, norm } from "./parts.js";

export const bart: Family = {
  modelType: "bart",
  architectures: ["BartForConditionalGeneration"],
  fields: {
    ...pairFields,
    ...neutrals(pairNeutrals),
    normalize_embedding: { kind: "only", values: [true] },
    static_position_embeddings: { kind: "only", values: [false] },
    vocab_size: { kind: "read", otherwise: 50265 },
  },
  model,
  weights: () => weights,
};

function model(config: Config): string {
  const settings = {
    vocab: config.size("vocab_size"),
    context: config.size("max_position_embeddings"),
    position: "learned(offset: 2)",
    embedding_norm: "layer_norm",
    ...sideSettings(config),
  };
  return configForm("bart", "encoder_decoder", settings, textPairInputs);
}

const embeddings = (side: string): readonly Weight[] => [
  { from: `model.${side}.embed_positions.weight`, to: `${side}.wpe.table` },
  ...norm(`model.${side}.layernorm_embedding`, `${side}.embedding_norm`),
];

const weights: readonly Weight[] = [
  { from: "model.shared.weight", to: "wte.table" },
  ...copies(
    "model.shared.weight",
    "model.encoder.embed_tokens.weight",
    "model.decoder.embed_tokens.weight",
    "lm_head.weight",
  ),
  ...embeddings("encoder"),
  ...embeddings("decoder"),
  ...sideWeights,
  logitsBias,
];
