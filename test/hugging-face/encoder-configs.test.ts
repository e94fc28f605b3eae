/** Configs of encoders and encoder-decoders: published models by their number of parameters, and what is refused by its name. */
import { describe, expect, test } from "vitest";
import type { Failure } from "../../cli/failure.js";
import { readConfig } from "../../cli/hugging-face/config.js";
import type { Json } from "../../cli/hugging-face/family.js";
import { modelText, shapesOf } from "../../cli/hugging-face/import.js";
import { planWeights } from "../../cli/hugging-face/plan.js";
import { built } from "../build/support.js";

const read = (fields: Readonly<Record<string, Json>>) => readConfig(JSON.stringify(fields), "config.json");
const parametersOf = (fields: Readonly<Record<string, Json>>) => shapesOf(built(modelText(read(fields))));
const total = (fields: Readonly<Record<string, Json>>): number =>
  [...parametersOf(fields).values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);

const albert = {
  embedding_size: 128,
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  vocab_size: 30000,
};
const t5 = { model_type: "t5", vocab_size: 32128, relative_attention_num_buckets: 32 };
describe("published models have as many parameters as they have", () => {
  test.each<[string, Readonly<Record<string, Json>>, number]>([
    ["bert-base, features", { model_type: "bert", architectures: ["BertModel"] }, 109_482_240],
    ["bert-base, both heads", { model_type: "bert", architectures: ["BertForPreTraining"] }, 110_106_428],
    [
      "bert-base, hidden words",
      { model_type: "bert" },
      109_482_240 - 768 * 769 + 768 * 769 + 2 * 768 + 30_522,
    ],
    ["albert-base-v2", { model_type: "albert", architectures: ["AlbertModel"], ...albert }, 11_683_584],
    ["t5-small", { ...t5, d_ff: 2048, d_kv: 64, d_model: 512, num_heads: 8, num_layers: 6 }, 60_506_624],
    ["t5-base", { ...t5, d_ff: 3072, d_kv: 64, d_model: 768, num_heads: 12, num_layers: 12 }, 222_903_552],
    [
      "t5-v1_1-small",
      {
        ...t5,
        ...{ d_ff: 1024, d_kv: 64, d_model: 512, num_heads: 6, num_layers: 8 },
        ...{ feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
      },
      76_961_152,
    ],
    // Of BART 139,420,416 are learned; the bias of its logits is a buffer.
    [
      "bart-base",
      {
        model_type: "bart",
        ...{ d_model: 768, encoder_layers: 6, decoder_layers: 6, encoder_attention_heads: 12 },
        ...{ decoder_attention_heads: 12, encoder_ffn_dim: 3072, decoder_ffn_dim: 3072, vocab_size: 50265 },
      },
      139_420_416 + 50_265,
    ],
  ])("%s", (_, fields, wanted) => expect(total(fields)).toBe(wanted));
});

describe("what changes the maths and is not understood is refused by its name", () => {
  const refusal = (fields: Readonly<Record<string, Json>>): string => {
    try {
      modelText(read(fields));
    } catch (error) {
      return (error as Failure).message;
    }
    return "";
  };
  test.each<[string, Readonly<Record<string, Json>>]>([
    ["num_hidden_groups", { model_type: "albert", num_hidden_groups: 2 }],
    ["inner_group_num", { model_type: "albert", inner_group_num: 2 }],
    ["rotary_value", { model_type: "roformer", rotary_value: true }],
    ["position_embedding_type", { model_type: "bert", position_embedding_type: "relative_key" }],
    ["is_decoder", { model_type: "bert", is_decoder: true }],
    ["hidden_act", { model_type: "bert", hidden_act: "mish" }],
    [
      "problem_type",
      { model_type: "bert", architectures: ["BertForSequenceClassification"], problem_type: "regression" },
    ],
    ["num_labels", { model_type: "bert", architectures: ["BertForSequenceClassification"], num_labels: 1 }],
    ["feed_forward_proj", { model_type: "t5", feed_forward_proj: "gated-mish" }],
    ["is_gated_act", { model_type: "t5", is_gated_act: true }],
    ["dense_act_fn", { model_type: "t5", dense_act_fn: "silu" }],
    ["decoder_attention_heads", { model_type: "bart", decoder_attention_heads: 8 }],
    ["normalize_before", { model_type: "bart", normalize_before: true }],
    ["decoder_vocab_size", { model_type: "marian", decoder_vocab_size: 7 }],
    [
      "MBartForConditionalGeneration",
      { model_type: "bart", architectures: ["MBartForConditionalGeneration"] },
    ],
  ])("%s", (name, fields) => expect(refusal(fields)).toContain(`\`${name}\``));
});

describe("classes", () => {
  /** The checkpoint that the rows want, by the shapes of the model: what of it and of the model finds no place. */
  const unplaced = (fields: Readonly<Record<string, Json>>): readonly string[] => {
    const { config, family } = read(fields);
    const shapes = parametersOf(fields);
    const targets = planWeights(family.weights(config), new Map(), shapes, family.prefix).missing;
    return targets;
  };
  test.each<[string, Readonly<Record<string, Json>>, string]>([
    [
      "bert labels",
      { model_type: "bert", architectures: ["BertForSequenceClassification"] },
      "classifier.weight",
    ],
    ["bert untied", { model_type: "bert", tie_word_embeddings: false }, "cls.predictions.decoder.weight"],
    [
      "albert labels",
      { model_type: "albert", architectures: ["AlbertForSequenceClassification"] },
      "classifier.bias",
    ],
    ["roformer words", { model_type: "roformer" }, "cls.predictions.bias"],
    ["mt5", { model_type: "mt5" }, "lm_head.weight"],
    // Newer files set tie_word_embeddings for T5 1.1 too.
    ["t5 1.1 as saved lately", { model_type: "t5", scale_decoder_outputs: false }, "lm_head.weight"],
  ])("%s", (_, fields, tensor) => expect(unplaced(fields)).toContain(tensor));
});
