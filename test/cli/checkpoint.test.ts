import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../cli/checkpoint.js";
import { packCheckpoint } from "../../runtime/checkpoint.js";
import { tensor } from "../../runtime/tensor.js";

let run = "";
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "tfmc-run-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

async function write(...steps: readonly number[]): Promise<void> {
  for (const step of steps) {
    const weights = new Map([["w", tensor(Float32Array.of(step), [1])]]);
    const state = { format: 1, step, seed: 7, tokens: 10 * step, lossScale: 1 } as const;
    writeCheckpoint(run, step, await packCheckpoint({ state, weights, states: new Map() }));
  }
}

async function read(): Promise<{ step: number; complaints: readonly string[] }> {
  const complaints: string[] = [];
  const files = await readCheckpoint(run, (message) => complaints.push(message));
  const { step } = JSON.parse(new TextDecoder().decode(files.get("state.json"))) as { step: number };
  return { step, complaints };
}

const newest = (...names: string[]): string => join(run, "checkpoints", "step-00000002", ...names);

test("two checkpoints are kept, the newest is read, and lies beside them for other tools", async () => {
  await write(1, 2, 30);
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000002", "step-00000030"]);
  expect(await read()).toEqual({ step: 30, complaints: [] });
  const kept = readFileSync(join(run, "checkpoints", "step-00000030", "model.safetensors"));
  expect(readFileSync(join(run, "model.safetensors")).equals(kept)).toBe(true);
});

test("a truncated, changed or incomplete checkpoint is named and the one before it is used", async () => {
  await write(1, 2);
  const bytes = readFileSync(newest("model.safetensors"));
  truncateSync(newest("model.safetensors"), 2);
  const truncated = await read();
  expect(truncated.step).toBe(1);
  expect(truncated.complaints[0]).toContain(`\`model.safetensors\` has 2 bytes of ${bytes.length}`);
  writeFileSync(newest("model.safetensors"), bytes.fill(9, bytes.length - 1));
  expect((await read()).complaints[0]).toContain("SHA-256");
  rmSync(newest("manifest.json"));
  expect((await read()).complaints[0]).toContain("`manifest.json` is missing");
});

test("with no whole checkpoint it says so", async () => {
  await expect(read()).rejects.toThrow(/holds no checkpoint/);
  await write(2);
  rmSync(newest("state.json"));
  await expect(read()).rejects.toThrow(/is whole/);
});

test("what a killed process left is never read, and removed by the next checkpoint", async () => {
  mkdirSync(join(run, "checkpoints", ".step-00000009.abcd.tmp"), { recursive: true });
  await write(1);
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000001"]);
});
