/**
 * Folders of decoders in odd sizes against plain PyTorch (scripts/reference/hf_decoders.py): logits, the loss, every gradient, and the bytes that
 * export writes; published models by their number of parameters; and what the rows refuse.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Failure } from "../../cli/failure.js";
import { readConfig } from "../../cli/hugging-face/config.js";
import type { Json } from "../../cli/hugging-face/family.js";
import { modelText, shapesOf } from "../../cli/hugging-face/import.js";
import { built } from "../build/support.js";
import { checkLevels } from "../expand/same.js";
import { measure } from "./folders.js";

/** f32 against f64, through softmaxes and norms of a few dozen terms: roundings of the largest element. */
const relative = 96 * 2 ** -24;
const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../reference/hugging-face/${name}`, import.meta.url));

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
  expect(measured.text.trim().split("\n").length).toBeLessThanOrEqual(21);
});

test.each(["gpt2", "gpt_neox", "opt", "gemma2", "qwen2"])("%s on every level is the same program", (name) => {
  const config = readFileSync(`${folderOf(name)}/config.json`, "utf8");
  checkLevels(modelText(readConfig(config, "config.json")));
});
