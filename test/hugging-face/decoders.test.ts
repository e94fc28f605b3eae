/**
 * Folders of decoders in odd sizes against plain PyTorch (scripts/reference/hf_decoders.py): logits, the loss, every gradient, and the bytes that
 * export writes; published models by their number of parameters; and what the rows refuse.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Failure } from "../../cli/failure.js";
import { readConfig } from "../../cli/hugging-face/config.js";
import type { Json } from "../../cli/hugging-face/family.js";
import { modelText, shapesOf } from "../../cli/hugging-face/import.js";
import { built } from "../build/support.js";
import { checkLevels } from "../expand/same.js";
import { folderOf, measure, relative } from "./folders.js";

/** Name → the parameters that the folder has. */
const folders: Readonly<Record<string, number>> = {
  gpt2: 6921,
  gpt_neox: 15694,
  gpt_neox_serial: 7558,
  bloom: 10062,
  opt: 4482,
  llama: 8018,
  mistral: 10386,
  mixtral: 6516,
  qwen2: 8280,
  qwen3: 8986,
  gemma: 7200,
  gemma2: 10026,
  phi: 13271,
  phi3: 7794,
};

test.each(Object.entries(folders))("%s", async (name, parameters) => {
  const measured = await measure(folderOf(name), "cpu");
  expect(Object.keys(measured.outputs)).toEqual(["logits"]);
  const { error, largest } = measured.outputs["logits"]!;
  expect(error).toBeLessThan(relative * largest);
  expect(measured.loss).toBeLessThan(relative);
  expect(measured.norm).toBeLessThan(relative);
  expect(measured.gradients).toBeLessThan(relative);
  expect(measured.same).toBe(true);
  expect(measured.parameters).toBe(parameters);
  expect(measured.text.trim().split("\n").length).toBeLessThanOrEqual(22);
});

test.each(["gpt2", "gpt_neox", "opt", "gemma2", "qwen2"])("%s on every level is the same program", (name) => {
  const config = readFileSync(`${folderOf(name)}/config.json`, "utf8");
  checkLevels(modelText(readConfig(config, "config.json")));
});

type Fields = Readonly<Record<string, Json>>;
const textOf = (fields: Fields): string => modelText(readConfig(JSON.stringify(fields), "config.json"));
const parametersOf = (fields: Fields): number =>
  [...shapesOf(built(textOf(fields))).values()].reduce(
    (sum, shape) => sum + shape.reduce((all, size) => all * size, 1),
    0,
  );

const sizes = (width: number, layers: number, heads: number, hidden: number, vocab: number): Fields => ({
  ...{ hidden_size: width, num_hidden_layers: layers, num_attention_heads: heads },
  ...{ intermediate_size: hidden, vocab_size: vocab, max_position_embeddings: 128 },
});

describe("published models have as many parameters as theirs", () => {
  const gpt2 = (n_embd: number, n_layer: number, n_head: number): Fields => ({
    model_type: "gpt2",
    n_embd,
    n_layer,
    n_head,
  });
  const tied = { tie_word_embeddings: true };
  test.each<[string, Fields, number]>([
    ["gpt2", gpt2(768, 12, 12), 124_439_808],
    ["gpt2-medium", gpt2(1024, 24, 16), 354_823_168],
    ["gpt2-large", gpt2(1280, 36, 20), 774_030_080],
    ["gpt2-xl", gpt2(1600, 48, 25), 1_557_611_200],
    ["llama-2-7b", { model_type: "llama", ...sizes(4096, 32, 32, 11008, 32000) }, 6_738_415_616],
    [
      "tinyllama",
      { model_type: "llama", ...sizes(2048, 22, 32, 5632, 32000), num_key_value_heads: 4 },
      1_100_048_384,
    ],
    [
      "llama-3.2-1b",
      { model_type: "llama", ...sizes(2048, 16, 32, 8192, 128256), num_key_value_heads: 8, ...tied },
      1_235_814_400,
    ],
    ["mistral-7b", { model_type: "mistral", ...sizes(4096, 32, 32, 14336, 32000) }, 7_241_732_096],
    ["mixtral-8x7b", { model_type: "mixtral", ...sizes(4096, 32, 32, 14336, 32000) }, 46_702_792_704],
    [
      "gemma-2b",
      { model_type: "gemma", ...sizes(2048, 18, 8, 16384, 256000), num_key_value_heads: 1 },
      2_506_172_416,
    ],
    [
      "gemma-2-2b",
      { model_type: "gemma2", ...sizes(2304, 26, 8, 9216, 256000), num_key_value_heads: 4 },
      2_614_341_888,
    ],
    [
      "phi-2",
      { model_type: "phi", ...sizes(2560, 32, 32, 10240, 51200), partial_rotary_factor: 0.4 },
      2_779_683_840,
    ],
    ["phi-3-mini", { model_type: "phi3", ...sizes(3072, 32, 32, 8192, 32064) }, 3_821_079_552],
    [
      "qwen2-0.5b",
      { model_type: "qwen2", ...sizes(896, 24, 14, 4864, 151936), num_key_value_heads: 2, ...tied },
      494_032_768,
    ],
  ])("%s", (_, fields, wanted) => expect(parametersOf(fields)).toBe(wanted));
});

describe("what changes the maths and is not understood is refused by its name", () => {
  const refusal = (fields: Fields): string => {
    try {
      textOf(fields);
    } catch (error) {
      return (error as Failure).message;
    }
    return "";
  };
  const llama = { model_type: "llama", ...sizes(8, 1, 2, 8, 9) };
  const scaled = (rope_scaling: Fields): Fields => ({ ...llama, rope_scaling });
  test.each<[string, string, Fields]>([
    [
      "`scale_attn_by_inverse_layer_idx` is true",
      "gpt2",
      { model_type: "gpt2", scale_attn_by_inverse_layer_idx: true },
    ],
    ["`add_cross_attention` is true", "gpt2", { model_type: "gpt2", add_cross_attention: true }],
    ["known are relu", "activation", { model_type: "gpt2", activation_function: "mish" }],
    [
      "`apply_residual_connection_post_layernorm`",
      "bloom",
      { model_type: "bloom", apply_residual_connection_post_layernorm: true },
    ],
    ["`_remove_final_layer_norm`", "opt", { model_type: "opt", _remove_final_layer_norm: true }],
    ['the kind "dynamic" is not understood', "dynamic rope", scaled({ type: "dynamic", factor: 2 })],
    ['the kind "longrope"', "longrope", scaled({ type: "longrope", factor: 2 })],
    [
      "`short_factor` is not understood",
      "longrope's factors",
      scaled({ type: "longrope", short_factor: [1] }),
    ],
    [
      "`high_freq_factor` is understood as 4 only",
      "llama3",
      scaled({ rope_type: "llama3", factor: 8, high_freq_factor: 3 }),
    ],
    ["`factor` must be a number from 1 up", "linear without a factor", scaled({ type: "linear" })],
    ["`rope_scaling` is [1]: it must be an object", "a list", { ...llama, rope_scaling: [1] }],
    [
      '"chunked_attention" is not understood',
      "layer types",
      { model_type: "qwen2", ...sizes(8, 1, 2, 8, 9), layer_types: ["chunked_attention"] },
    ],
    [
      "there are 1 layers",
      "layer types",
      { model_type: "qwen2", ...sizes(8, 1, 2, 8, 9), layer_types: ["full_attention", "full_attention"] },
    ],
    [
      "`use_bidirectional_attention` is true",
      "gemma",
      { model_type: "gemma", ...sizes(8, 1, 2, 8, 9), use_bidirectional_attention: true },
    ],
    ["lacks the field `max_position_embeddings`", "llama", { model_type: "llama", hidden_size: 8 }],
  ])("%s (%s)", (message, _, fields) => expect(refusal(fields)).toContain(message));
});

test("windows and kinds of layers are said as a person says them", () => {
  const qwen = { model_type: "qwen2", ...sizes(8, 6, 2, 8, 9), use_sliding_window: true, sliding_window: 5 };
  const types = ["sliding_attention", "sliding_attention", "full_attention"];
  expect(textOf({ ...qwen, layer_types: [...types, ...types] })).toContain(
    "layer_masks = [sliding(5), sliding(5), causal]",
  );
  expect(textOf({ ...qwen, max_window_layers: 0 })).toContain("mask = sliding(5)");
  expect(textOf({ ...qwen, use_sliding_window: false })).not.toContain("sliding");
  expect(textOf({ model_type: "mistral", ...sizes(8, 1, 2, 8, 9), sliding_window: 128 })).not.toContain(
    "sliding",
  );
});

test("both spellings of rotary positions say the same", () => {
  const llama = { model_type: "llama", ...sizes(8, 1, 2, 8, 9) };
  const older = { ...llama, rope_theta: 5e5, rope_scaling: { type: "linear", factor: 3 } };
  const newer = { ...llama, rope_parameters: { rope_theta: 5e5, rope_type: "linear", factor: 3 } };
  expect(textOf(older)).toBe(textOf(newer));
  expect(textOf(older)).toContain("rope(base: 5e5, scaling: linear, factor: 3)");
});
