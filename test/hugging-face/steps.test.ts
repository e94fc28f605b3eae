/** Imported models that generate, step by step: as the whole text at every split, and as PyTorch with the weights of the folders. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readConfig } from "../../cli/hugging-face/config.js";
import { importFolder, modelText } from "../../cli/hugging-face/import.js";
import { readSafetensors, toFloat32, toInt32 } from "../../runtime/safetensors.js";
import type { Inputs } from "../../runtime/tensor.js";
import { createTestHost, testContext } from "../cli/host.js";
import { generating, openWith } from "../decoding/programs.js";
import { decoderOf, expectSteps } from "../decoding/support.js";
import { folderOf, relative } from "./folders.js";

/** What the folders give of a text, and of what it is made from; the symbols of lengths in the first's program. */
interface Reading {
  readonly names: readonly string[];
  readonly source: readonly string[];
  readonly grown: readonly string[];
  /** Besides B and C. */
  readonly lengths: Readonly<Record<string, number>>;
}

const readings: readonly Reading[] = [
  {
    names: [
      "gpt2",
      "gpt_neox",
      "gpt_neox_serial",
      "opt",
      "bloom",
      "llama",
      "mistral",
      "mixtral",
      "qwen2",
      "qwen3",
      "gemma",
      "gemma2",
      "phi",
      "phi3",
    ],
    source: [],
    grown: ["input_ids", "attention_mask"],
    lengths: {},
  },
  {
    names: ["t5", "t5_first", "bart", "marian"],
    source: ["input_ids", "attention_mask"],
    grown: ["decoder_input_ids", "decoder_attention_mask"],
    lengths: { T: 13 },
  },
  { names: ["whisper"], source: ["input_features"], grown: ["decoder_input_ids"], lengths: {} },
];
const cases = readings.flatMap((reading) => reading.names.map((name) => [name, reading] as const));

test.each(cases)("%s: steps are the whole text at every split", (name, { source }) => {
  const config = readFileSync(`${folderOf(name)}/config.json`, "utf8");
  const decoder = decoderOf(modelText(readConfig(config, "config.json")));
  expect(decoder.graphs.encode?.outputs.length ?? 0).toBeGreaterThan(source.length > 0 ? 0 : -1);
  expectSteps(decoder, 5, 7);
});

interface Numbers {
  readonly data: readonly number[];
  readonly shape: readonly number[];
}

/** Positions from … to − 1 of [rows, length, …]. */
function piece({ data, shape }: Numbers, from: number, to: number): Numbers {
  const [rows = 1, length = 1, ...rest] = shape;
  const inner = rest.reduce((product, size) => product * size, 1);
  const cut = Array.from({ length: rows }, (_, row) =>
    Array.from(data.slice((row * length + from) * inner, (row * length + to) * inner)),
  );
  return { data: cut.flat(), shape: [rows, to - from, ...rest] };
}

test.each(cases)("%s: steps give PyTorch's logits", async (name, reading) => {
  const imported = importFolder(testContext(createTestHost()), folderOf(name), "model.tfm")!;
  const { program } = generating(imported.text);
  const stored = readSafetensors(imported.files.get("model.safetensors") as Uint8Array).tensors;
  const weights = new Map([...stored].map(([key, x]) => [key, toFloat32(x, key)]));
  const session = await openWith(program, "cpu", weights);
  const { tensors } = readSafetensors(readFileSync(`${folderOf(name)}/io.safetensors`));
  const numbers = (key: string): Numbers => {
    const x = tensors.get(key)!;
    return { data: Array.from(x.dtype === "I32" ? toInt32(x, key) : toFloat32(x, key)), shape: x.shape };
  };
  const wanted = numbers("logits");
  const [B = 1, C = 1] = wanted.shape;
  const lengths = { B, C, ...reading.lengths };
  const source: Inputs = Object.fromEntries(reading.source.map((key) => [key, numbers(key)]));
  if (program.entries.encode) await session.run("encode", source, {}, { lengths });
  // A prompt of three, and every position after it by itself.
  for (let from = 0, to = 3; to <= C; from = to, to++) {
    const given = Object.fromEntries(reading.grown.map((key) => [key, piece(numbers(key), from, to)]));
    const found = await session.run("step", given, { position: from }, { lengths, read: ["logits"] });
    const there = piece(wanted, from, to).data;
    const largest = Math.max(...there.map(Math.abs));
    const far = Array.from(found["logits"]!, (value, k) => Math.abs(value - there[k]!));
    expect(Math.max(...far)).toBeLessThan(relative * largest);
  }
  session.dispose();
});
