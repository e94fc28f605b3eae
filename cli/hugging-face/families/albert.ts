/**
 * ALBERT (Lan et al., 2020): BERT with narrow embeddings and one layer that is applied many times.
 */
import { neutrals } from "../common.js";
import type { Family, Weight } from "../family.js";
import { configForm } from "../model-text.js";
import type { Task } from "./bert.js";
import {
  bertEmbeddings,
  bertFields,
  bertSettings,
  bothTask,
  featureTask,
  inputsOf,
  labelTask,
  maskedTask,
  wordBias,
} from "./bert.js";
import { attention, classOf, matrix, norm, unused } from "./parts.js";

const classes = [
  "AlbertForMaskedLM",
  "AlbertForSequenceClassification",
  "AlbertForPreTraining",
  "AlbertModel",
] as const;

export const albert: Family = {
  modelType: "albert",
  architectures: classes,
  prefix: "albert.",
  fields: {
    ...bertFields,
    ...neutrals("classifier_dropout_prob"),
    down_scale_factor: { kind: "only", values: [1] },
    embedding_size: { kind: "read", otherwise: 128 },
    gap_size: { kind: "only", values: [0] },
    hidden_act: { kind: "read", otherwise: "gelu_new" },
    hidden_size: { kind: "read", otherwise: 4096 },
    inner_group_num: { kind: "only", values: [1] },
    intermediate_size: { kind: "read", otherwise: 16384 },
    max_position_embeddings: { kind: "read", otherwise: 512 },
    net_structure_type: { kind: "only", values: [0] },
    num_attention_heads: { kind: "read", otherwise: 64 },
    num_hidden_groups: { kind: "only", values: [1] },
    num_hidden_layers: { kind: "read", otherwise: 12 },
    num_memory_blocks: { kind: "only", values: [0] },
    position_embedding_type: { kind: "only", values: ["absolute"] },
    vocab_size: { kind: "read", otherwise: 30000 },
  },
  model(config) {
    const task = tasks[classOf(config, classes)];
    const shared = { embedding_size: config.size("embedding_size"), share_layers: true };
    const settings = { ...bertSettings(config), ...shared, ...task.settings(config) };
    return configForm("albert", "encoder", settings, inputsOf(task));
  },
  weights: (config) => [
    { from: "albert.embeddings.position_embeddings.weight", to: "wpe.table" },
    { from: "albert.embeddings.position_ids", ignored: "the numbers from 0 up" },
    ...bertEmbeddings("albert.embeddings."),
    ...matrix("albert.encoder.embedding_hidden_mapping_in", "embedding_map"),
    ...layer,
    ...tasks[classOf(config, classes)].weights(config),
  ],
};

const at = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
const inside = `${at}attention.`;
const layer: readonly Weight[] = [
  ...attention([`${inside}query`, `${inside}key`, `${inside}value`, `${inside}dense`], "layers.attention"),
  ...norm(`${inside}LayerNorm`, "layers.layer_norm"),
  ...matrix(`${at}ffn`, "layers.mlp", "1"),
  ...matrix(`${at}ffn_output`, "layers.mlp", "2"),
  ...norm(`${at}full_layer_layer_norm`, "layers.layer_norm_2"),
];

const pooler = matrix("albert.pooler", "pooler");
const predictions: Task["weights"] = (config) => [
  ...matrix("predictions.dense", "head_transform"),
  ...norm("predictions.LayerNorm", "head_transform.layer_norm"),
  ...wordBias(config, "predictions.", "albert.embeddings.word_embeddings.weight"),
];

const tasks: Readonly<Record<(typeof classes)[number], Task>> = {
  AlbertForMaskedLM: maskedTask((config) => [
    ...predictions(config),
    ...unused("of another class than the file is read as", "albert.pooler", "sop_classifier.classifier"),
  ]),
  AlbertForSequenceClassification: labelTask(() => [...pooler, ...matrix("classifier", "head")]),
  AlbertForPreTraining: bothTask("sentence_order_label", (config) => [
    ...predictions(config),
    ...pooler,
    ...matrix("sop_classifier.classifier", "label_head"),
  ]),
  AlbertModel: featureTask(() => pooler),
};
