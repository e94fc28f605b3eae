import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readInputsFile, readWeightsFile, writeTensorsFile } from "../../cli/tensor-files.js";
import type { Program } from "../../runtime/program.js";
import type { TensorToWrite } from "../../runtime/safetensors.js";
import { readSafetensors, toFloat32, writeSafetensors } from "../../runtime/safetensors.js";
import { tensor } from "../../runtime/tensor.js";
import { toy } from "../runtime/toy.js";
import { createTestHost, testContext } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-tensors-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The toy with a gradient that reads what its loss reads. */
const program: Program = { ...toy, entries: { ...toy.entries, grad: toy.entries.loss! } };

function file(tensors: Readonly<Record<string, TensorToWrite>>): string {
  const path = join(folder, "inputs.safetensors");
  writeFileSync(path, writeSafetensors(new Map(Object.entries(tensors))));
  return path;
}

function read(path: string, entry: "forward" | "grad" = "grad") {
  const host = createTestHost();
  return { host, inputs: readInputsFile(testContext(host), program, entry, path) };
}

const ids = (rows: number, columns: number) => Int32Array.from({ length: rows * columns }, (_, n) => n % 8);

test("tokens of at most the context are taken as they are; the session shifts them", () => {
  const { inputs } = read(file({ tokens: { data: ids(2, 5), shape: [2, 5] } }));
  expect(inputs).toEqual({ tokens: { data: ids(2, 5), shape: [2, 5] } });
});

test("one column more than the context is inputs and targets", () => {
  const { inputs } = read(file({ tokens: { data: ids(2, 17), shape: [2, 17] } }));
  const all = ids(2, 17);
  const rows = (shift: number) =>
    Int32Array.from([...all.slice(shift, 16 + shift), ...all.slice(17 + shift, 33 + shift)]);
  expect(inputs).toEqual({
    tokens: { data: rows(0), shape: [2, 16] },
    "tokens.next": { data: rows(1), shape: [2, 16] },
  });
});

test("64-bit ids are taken; other tensors are named in a note and ignored", () => {
  const header = JSON.stringify({
    logits: { dtype: "F32", shape: [1], data_offsets: [16, 20] },
    tokens: { dtype: "I64", shape: [1, 2], data_offsets: [0, 16] },
  });
  const bytes = Buffer.alloc(8 + header.length + 20);
  bytes.writeBigUInt64LE(BigInt(header.length), 0);
  bytes.write(header, 8);
  bytes.writeBigInt64LE(7n, 8 + header.length + 8);
  const path = join(folder, "ids.safetensors");
  writeFileSync(path, bytes);
  const { inputs, host } = read(path, "forward");
  expect(inputs).toEqual({ tokens: { data: Int32Array.of(0, 7), shape: [1, 2] } });
  expect(host.printed.err).toContain("no input of the model, ignored: `logits`");
});

test("`labels` are the targets, negative ones do not count; a model with an input of that name keeps it", () => {
  const tokens = { data: ids(1, 3), shape: [1, 3] };
  const labels = { data: Int32Array.of(4, -100, -1), shape: [1, 3] };
  const { inputs, host } = read(file({ tokens, labels }));
  expect(inputs["tokens.next"]).toEqual({ data: Int32Array.of(4, -1, -1), shape: [1, 3] });
  expect(host.printed.err).toBe("");
  expect(read(file({ tokens, labels }), "forward").inputs).toEqual({ tokens });
  const own = { ...program, inputs: [...program.inputs, { ...program.inputs[0]!, name: "labels" }] };
  const path = file({ tokens, labels: { data: ids(1, 3), shape: [1, 3] } });
  expect(readInputsFile(testContext(createTestHost()), own, "grad", path)).toEqual({ tokens });
});

test("a missing input is named", () => {
  const path = file({ token: { data: ids(1, 2), shape: [1, 2] } });
  expect(() => read(path)).toThrow(/lacks the input `tokens`/);
});

test("weights that were cut off are refused with a code", () => {
  const whole = writeSafetensors(new Map([["wte", { data: new Float32Array(32), shape: [8, 4] }]]));
  const path = join(folder, "weights.safetensors");
  for (const size of [0, 7, 20, whole.length - 1]) {
    writeFileSync(path, whole.subarray(0, size));
    expect(() => readWeightsFile(toy, path)).toThrow(/TFM6101/);
  }
  writeFileSync(path, whole);
  expect(() => readWeightsFile(toy, path)).toThrow(
    /TFM6102: `.*weights.safetensors`: Missing: `layers\.0\.gain`, `layers\.1\.gain`/,
  );
});

test("outputs are written whole, scalars with an empty shape", () => {
  const path = join(folder, "out.safetensors");
  writeTensorsFile(path, [["loss", tensor(Float32Array.of(2.5), [])]]);
  const stored = readSafetensors(new Uint8Array(readFileSync(path))).tensors.get("loss")!;
  expect(stored.shape).toEqual([]);
  expect([...toFloat32(stored)]).toEqual([2.5]);
  expect(readdirSync(folder)).toEqual(["out.safetensors"]);
});
