/**
 * RoFormer (Su et al., 2021): BERT with rotary positions instead of a table of them. Checkpoints hold the sinusoids, which are used as
 * they stand there.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family } from "../family.js";
import { call, configForm, unless } from "../model-text.js";
import type { Task } from "./bert.js";
import {
  bertEmbeddings,
  bertFields,
  bertLayers,
  bertSettings,
  inputsOf,
  labelTask,
  maskedTask,
  predictions,
} from "./bert.js";
import { classOf, matrix } from "./parts.js";

const classes = ["RoFormerForMaskedLM", "RoFormerForSequenceClassification"] as const;

export const roformer: Family = {
  modelType: "roformer",
  architectures: classes,
  prefix: "roformer.",
  fields: {
    ...bertFields,
    ...neutrals("classifier_dropout"),
    embedding_size: { kind: "read", otherwise: null },
    hidden_act: { kind: "read", otherwise: "gelu" },
    hidden_size: { kind: "read", otherwise: 768 },
    intermediate_size: { kind: "read", otherwise: 3072 },
    max_position_embeddings: { kind: "read", otherwise: 1536 },
    num_attention_heads: { kind: "read", otherwise: 12 },
    num_hidden_layers: { kind: "read", otherwise: 12 },
    rotary_value: { kind: "only", values: [false] },
    vocab_size: { kind: "read", otherwise: 50000 },
  },
  model(config) {
    const task = tasks[classOf(config, classes)];
    const settings = {
      ...bertSettings(config),
      position: "stored_rope",
      embedding_size: mapped(config) ? config.size("embedding_size") : undefined,
      ...task.settings(config),
    };
    return configForm("roformer", "encoder", settings, inputsOf(task));
  },
  weights: (config) => [
    { from: "roformer.encoder.embed_positions.weight", to: "rotary.table" },
    ...bertEmbeddings("roformer.embeddings."),
    ...(mapped(config) ? matrix("roformer.embeddings_project", "embedding_map") : []),
    ...bertLayers("roformer."),
    ...tasks[classOf(config, classes)].weights(config),
  ],
};

const mapped = (config: Config): boolean =>
  (config.optionalSize("embedding_size") ?? config.size("hidden_size")) !== config.size("hidden_size");

const tasks: Readonly<Record<(typeof classes)[number], Task>> = {
  RoFormerForMaskedLM: maskedTask((config) =>
    predictions(config, "roformer.embeddings.word_embeddings.weight"),
  ),
  RoFormerForSequenceClassification: labelTask(
    () => [...matrix("classifier.dense", "pooler"), ...matrix("classifier.out_proj", "head")],
    (config) => call("dense", { act: unless("tanh", activation(config, "hidden_act")) }),
  ),
};
