/**
 * BERT (Devlin et al., 2019): a post-norm encoder over words, positions and segments; hidden words, a label per sequence, or both.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import type { Settings } from "../model-text.js";
import { call, configForm, unless } from "../model-text.js";
import { attention, classOf, copies, labelCount, labelFields, matrix, norm, unused } from "./parts.js";

const classes = [
  "BertForMaskedLM",
  "BertForSequenceClassification",
  "BertForPreTraining",
  "BertModel",
] as const;

/** What BERT and its kin read alike. */
export const bertFields: Readonly<Record<string, Field>> = {
  ...neutrals("attention_probs_dropout_prob hidden_dropout_prob"),
  ...labelFields,
  layer_norm_eps: { kind: "read", otherwise: 1e-12 },
  type_vocab_size: { kind: "read", otherwise: 2 },
  tie_word_embeddings: { kind: "read", otherwise: true },
};

export const bert: Family = {
  modelType: "bert",
  architectures: classes,
  prefix: "bert.",
  fields: {
    ...bertFields,
    ...neutrals("classifier_dropout output_past"),
    hidden_act: { kind: "read", otherwise: "gelu" },
    hidden_size: { kind: "read", otherwise: 768 },
    intermediate_size: { kind: "read", otherwise: 3072 },
    max_position_embeddings: { kind: "read", otherwise: 512 },
    num_attention_heads: { kind: "read", otherwise: 12 },
    num_hidden_layers: { kind: "read", otherwise: 12 },
    position_embedding_type: { kind: "only", values: ["absolute"] },
    vocab_size: { kind: "read", otherwise: 30522 },
  },
  model(config) {
    const task = tasks[classOf(config, classes)];
    return configForm(
      "bert",
      "encoder",
      { ...bertSettings(config), ...task.settings(config) },
      inputsOf(task),
    );
  },
  weights: (config) => [
    { from: "bert.embeddings.position_embeddings.weight", to: "wpe.table" },
    { from: "bert.embeddings.position_ids", ignored: "the numbers from 0 up" },
    ...bertEmbeddings("bert.embeddings."),
    ...bertLayers("bert."),
    ...tasks[classOf(config, classes)].weights(config),
  ],
};

/** What a class computes of the stream. */
export interface Task {
  settings(config: Config): Settings;
  readonly targets: readonly string[];
  weights(config: Config): readonly Weight[];
}

export const inputsOf = ({ targets }: Task): readonly string[] => [
  "tokens as input_ids",
  "valid(tokens) as attention_mask",
  "segment as token_type_ids",
  ...targets,
];

export function bertSettings(config: Config): Settings {
  const width = config.size("hidden_size");
  const act = activation(config, "hidden_act");
  const hidden = config.size("intermediate_size");
  return {
    vocab: config.size("vocab_size"),
    context: config.size("max_position_embeddings"),
    segments: config.size("type_vocab_size"),
    d_model: width,
    layers: config.size("num_hidden_layers"),
    heads: config.size("num_attention_heads"),
    norm: unless("layer_norm", call("layer_norm", { eps: unless(1e-5, config.number("layer_norm_eps")) })),
    norm_at: "post",
    embedding_norm: "norm",
    ffn: unless("mlp", call("mlp", { hidden: unless(4 * width, hidden), act: unless("gelu", act) })),
  };
}

/** The output of hidden words: a layer of its own, then the table of the embeddings and a bias. */
export const maskedHead = (config: Config): Settings => ({
  head_transform: call("dense_norm", { act: unless("gelu", activation(config, "hidden_act")) }),
  head_bias: true,
  tied: unless(true, config.boolean("tie_word_embeddings")),
});

export const hiddenWords = "original(tokens) as labels";

export const maskedTask = (weights: Task["weights"]): Task => ({
  settings: maskedHead,
  targets: [hiddenWords],
  weights,
});

export const labelTask = (
  weights: Task["weights"],
  pooler: (config: Config) => string = () => "dense",
): Task => ({
  settings: (config) => ({
    task: "classify",
    classes: labelCount(config),
    pooling: "first",
    pooler: pooler(config),
  }),
  targets: ["label as labels"],
  weights,
});

export const bothTask = (label: string, weights: Task["weights"]): Task => ({
  settings: (config) => ({ task: "both", pooling: "first", pooler: "dense", ...maskedHead(config) }),
  targets: [hiddenWords, `label as ${label}`],
  weights,
});

export const featureTask = (weights: Task["weights"]): Task => ({
  settings: () => ({ task: "features", pooling: "first", pooler: "dense" }),
  targets: [],
  weights,
});

const pooler = matrix("bert.pooler.dense", "pooler");
const elsewhere = "of another class than the file is read as";

const tasks: Readonly<Record<(typeof classes)[number], Task>> = {
  BertForMaskedLM: maskedTask((config) => [
    ...predictions(config, "bert.embeddings.word_embeddings.weight"),
    ...unused(elsewhere, "bert.pooler.dense", "cls.seq_relationship"),
  ]),
  BertForSequenceClassification: labelTask(() => [...pooler, ...matrix("classifier", "head")]),
  BertForPreTraining: bothTask("next_sentence_label", (config) => [
    ...predictions(config, "bert.embeddings.word_embeddings.weight"),
    ...pooler,
    ...matrix("cls.seq_relationship", "label_head"),
  ]),
  BertModel: featureTask(() => pooler),
};

export const bertEmbeddings = (from: string): readonly Weight[] => [
  { from: `${from}word_embeddings.weight`, to: "wte.table" },
  { from: `${from}token_type_embeddings.weight`, to: "wse.table" },
  ...norm(`${from}LayerNorm`, "embedding_norm"),
];

export function bertLayers(prefix: string): readonly Weight[] {
  const [layer, own] = [`${prefix}encoder.layer.{l}.`, "layers.{l}."];
  const inside = `${layer}attention.self.`;
  return [
    ...attention(
      [`${inside}query`, `${inside}key`, `${inside}value`, `${layer}attention.output.dense`],
      `${own}attention`,
    ),
    ...norm(`${layer}attention.output.LayerNorm`, `${own}layer_norm`),
    ...matrix(`${layer}intermediate.dense`, `${own}mlp`, "1"),
    ...matrix(`${layer}output.dense`, `${own}mlp`, "2"),
    ...norm(`${layer}output.LayerNorm`, `${own}layer_norm_2`),
  ];
}

/** The head that says which words were hidden; `words` is the table that it is tied to. */
export function predictions(config: Config, words: string, prefix = "cls."): readonly Weight[] {
  const at = `${prefix}predictions.`;
  return [
    ...matrix(`${at}transform.dense`, "head_transform"),
    ...norm(`${at}transform.LayerNorm`, "head_transform.layer_norm"),
    ...wordBias(config, at, words),
  ];
}

/** `at` is where the bias per word stands, once or twice, and the table where it is not that of `words`. */
export const wordBias = (config: Config, at: string, words: string): readonly Weight[] => [
  { from: `${at}bias`, to: "unembed.b" },
  ...copies(`${at}bias`, `${at}decoder.bias`),
  config.boolean("tie_word_embeddings")
    ? { from: `${at}decoder.weight`, like: words }
    : { from: `${at}decoder.weight`, to: "head.table" },
];
