/** Imported encoder-decoders step by step: as the whole text at every split, and as PyTorch with the weights of the folders. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readConfig } from "../../cli/hugging-face/config.js";
import { importFolder, modelText } from "../../cli/hugging-face/import.js";
import type { StoredTensor } from "../../runtime/safetensors.js";
import { readSafetensors, toFloat32, toInt32 } from "../../runtime/safetensors.js";
import type { Inputs } from "../../runtime/tensor.js";
import { createTestHost, testContext } from "../cli/host.js";
import { generating, openWith } from "../decoding/programs.js";
import { decoderOf, expectSteps } from "../decoding/support.js";

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../reference/hugging-face/${name}`, import.meta.url));

test.each(["t5", "t5_first", "bart", "marian"])("%s: steps are the whole text at every split", (name) => {
  const config = readFileSync(`${folderOf(name)}/config.json`, "utf8");
  const decoder = decoderOf(modelText(readConfig(config, "config.json")));
  expect(decoder.graphs.encode?.outputs.length).toBeGreaterThan(0);
  expectSteps(decoder, 5, 7);
});

/** f32 against f64, through softmaxes and norms of a few dozen terms: roundings of the largest element. */
const relative = 96 * 2 ** -24;

/** Positions from … to − 1 of [rows, length, …]. */
function piece({ data, shape }: Numbers, from: number, to: number): Numbers {
  const [rows = 1, length = 1, ...rest] = shape;
  const inner = rest.reduce((product, size) => product * size, 1);
  const cut = Array.from({ length: rows }, (_, row) =>
    Array.from(data.slice((row * length + from) * inner, (row * length + to) * inner)),
  );
  return { data: cut.flat(), shape: [rows, to - from, ...rest] };
}
interface Numbers {
  readonly data: readonly number[];
  readonly shape: readonly number[];
}

test.each(["t5", "t5_first", "bart", "marian"])("%s: steps give PyTorch's logits", async (name) => {
  const imported = importFolder(testContext(createTestHost()), folderOf(name), "model.tfm")!;
  const { program } = generating(imported.text);
  const stored = readSafetensors(imported.files.get("model.safetensors") as Uint8Array).tensors;
  const weights = new Map([...stored].map(([key, x]) => [key, toFloat32(x, key)]));
  const session = await openWith(program, "cpu", weights);
  const { tensors } = readSafetensors(readFileSync(`${folderOf(name)}/io.safetensors`));
  const numbers = (key: string, read: (x: StoredTensor, key: string) => ArrayLike<number>): Numbers => {
    const x = tensors.get(key)!;
    return { data: Array.from(read(x, key)), shape: x.shape };
  };
  const ids = (key: string): Numbers => numbers(key, toInt32);
  const source: Inputs = { input_ids: ids("input_ids"), attention_mask: ids("attention_mask") };
  const grown = ["decoder_input_ids", "decoder_attention_mask"];
  const wanted = numbers("logits", toFloat32);
  const lengths = { B: 3, T: 13, C: 8 };
  await session.run("encode", source, {}, { lengths });
  const ends = [3, 4, 5, 8];
  for (const [n, to] of ends.entries()) {
    const from = ends[n - 1] ?? 0;
    const given = Object.fromEntries(grown.map((key) => [key, piece(ids(key), from, to)]));
    const found = await session.run("step", given, { position: from }, { lengths, read: ["logits"] });
    const there = piece(wanted, from, to).data;
    const largest = Math.max(...there.map(Math.abs));
    const far = Array.from(found["logits"]!, (value, k) => Math.abs(value - there[k]!));
    expect(Math.max(...far)).toBeLessThan(relative * largest);
  }
});
