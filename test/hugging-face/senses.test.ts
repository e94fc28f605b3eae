/**
 * Folders of ViT, Whisper, CLIP, XLNet and Longformer in odd sizes against plain PyTorch (scripts/reference/hf_senses.py): every output, the
 * loss and every gradient; published models by their number of parameters; and what the rows refuse.
 */
import { describe, expect, test } from "vitest";
import { readConfig } from "../../cli/hugging-face/config.js";
import type { Json } from "../../cli/hugging-face/family.js";
import { modelText, shapesOf } from "../../cli/hugging-face/import.js";
import { built } from "../build/support.js";
import { folderOf, measure, relative } from "./folders.js";

const pair = ["image_embeds", "logits", "logits_per_image", "logits_per_text", "text_embeds"];
/** Name → outputs, the parameters that the folder has, and lines of the text. */
const folders: Readonly<Record<string, readonly [readonly string[], number, number]>> = {
  vit: [["logits"], 4494, 25],
  vit_grey: [["logits"], 1942, 25],
  whisper: [["logits"], 12811, 37],
  clip: [pair, 11999, 51],
  clip_first: [pair, 6115, 57],
  xlnet: [["logits"], 5785, 29],
  longformer: [["logits"], 5743, 31],
  longformer_wide: [["logits"], 3491, 32],
};

test.each(Object.entries(folders))("%s", async (name, [names, parameters, lines]) => {
  const measured = await measure(folderOf(name), "cpu");
  expect(Object.keys(measured.outputs).sort()).toEqual(names);
  for (const { error, largest } of Object.values(measured.outputs))
    expect(error).toBeLessThan(relative * largest);
  expect(measured.loss).toBeLessThan(relative);
  expect(measured.norm).toBeLessThan(relative);
  expect(measured.gradients).toBeLessThan(relative);
  expect(measured.same).toBe(true);
  expect(measured.parameters).toBe(parameters);
  expect(measured.text.trim().split("\n").length).toBeLessThanOrEqual(lines);
});

type Fields = Readonly<Record<string, Json>>;
const textOf = (fields: Fields): string => modelText(readConfig(JSON.stringify(fields), "config.json"));
const parametersOf = (fields: Fields): number =>
  [...shapesOf(built(textOf(fields))).values()].reduce(
    (sum, shape) => sum + shape.reduce((all, size) => all * size, 1),
    0,
  );

describe("published models have as many parameters as theirs", () => {
  test("vit-base-patch16-224", () => {
    const id2label = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [n, `${n}`]));
    expect(parametersOf({ model_type: "vit", architectures: ["ViTForImageClassification"], id2label })).toBe(
      86_567_656,
    );
  });

  test("whisper-tiny, with its 576,000 numbers of frozen positions", () => {
    const fields = { model_type: "whisper", architectures: ["WhisperForConditionalGeneration"] };
    expect(parametersOf(fields)).toBe(37_760_640);
  });

  test("xlnet-base-cased, but for the mask vector, that only training by permutations reads", () => {
    const sizes = { d_model: 768, n_head: 12, n_layer: 12, d_inner: 3072 };
    const fields = { model_type: "xlnet", architectures: ["XLNetLMHeadModel"], ...sizes };
    expect(parametersOf(fields)).toBe(116_750_336 - 768);
  });
});

describe("a field that changes the maths is refused by name", () => {
  test.each<[string, Fields, RegExp]>([
    ["unknown", { model_type: "vit", patch_sise: 8 }, /`patch_sise`.*is not understood/],
    [
      "an untied head",
      { model_type: "whisper", tie_word_embeddings: false },
      /`tie_word_embeddings` is false/,
    ],
    ["one direction", { model_type: "xlnet", attn_type: "uni" }, /`attn_type` is "uni"/],
    ["another width of heads", { model_type: "xlnet", d_model: 8, n_head: 2, d_head: 5 }, /`d_head` is 5/],
    [
      "windows of two sizes",
      { model_type: "longformer", attention_window: [2, 4] },
      /one even number for all/,
    ],
    ["gaps", { model_type: "longformer", attention_dilation: [1, 2] }, /windows without gaps/],
    ["a part's field", { model_type: "clip", text_config: { hidden: 8 } }, /text_config.*`hidden`/],
    ["a part that is none", { model_type: "clip", vision_config: 3 }, /`vision_config` is 3/],
    ["three sides", { model_type: "vit", image_size: [8, 8, 8] }, /`image_size`/],
  ])("%s", (_, fields, message) => {
    expect(() => textOf(fields)).toThrow(message);
  });
});
