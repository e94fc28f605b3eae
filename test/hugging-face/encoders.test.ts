/**
 * Folders of encoders and encoder-decoders in odd sizes against plain PyTorch (scripts/reference/hf_encoders.py): every output, the loss and
 * every gradient.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readConfig } from "../../cli/hugging-face/config.js";
import { modelText } from "../../cli/hugging-face/import.js";
import { checkLevels } from "../expand/same.js";
import { folderOf, measure, relative } from "./folders.js";

/** Name → outputs and the parameters that the folder has. */
const folders: Readonly<Record<string, readonly [readonly string[], number]>> = {
  bert: [["logits"], 7333],
  albert: [["label_logits", "logits"], 3179],
  roformer: [["logits"], 8465],
  t5: [["logits"], 9510],
  t5_first: [["logits"], 6500],
  bart: [["logits"], 8533],
  marian: [["logits"], 9020],
};

test.each(Object.entries(folders))("%s", async (name, [names, parameters]) => {
  const measured = await measure(folderOf(name), "cpu");
  expect(Object.keys(measured.outputs).sort()).toEqual(names);
  for (const { error, largest } of Object.values(measured.outputs))
    expect(error).toBeLessThan(relative * largest);
  expect(measured.loss).toBeLessThan(relative);
  expect(measured.norm).toBeLessThan(relative);
  expect(measured.gradients).toBeLessThan(relative);
  expect(measured.same).toBe(true);
  expect(measured.parameters).toBe(parameters);
  expect(measured.text.split("\n").length).toBeLessThanOrEqual(26);
});

const textOf = (name: string): string =>
  modelText(readConfig(readFileSync(`${folderOf(name)}/config.json`, "utf8"), "config.json"));

test.each(["albert", "t5", "marian"])("%s on the levels below", (name) => {
  checkLevels(textOf(name));
});

test("the text is what a person would have written", () => {
  expect(textOf("t5")).toBe(`model t5 : encoder_decoder {
  vocab = 97
  context = 33
  d_model = 14
  layers = 1
  decoder_layers = 2
  heads = 3
  head_dim = 5
  temperature = 1
  bias = false
  norm = rms_norm
  position = t5(buckets: 10, distance: 11)
  ffn = gated_mlp(hidden: 19, act: gelu_tanh)
  tied = input
  input source as input_ids
  input valid(source) as attention_mask
  input target as decoder_input_ids
  input valid(target) as decoder_attention_mask
  input next(target) as labels
}
`);
});
