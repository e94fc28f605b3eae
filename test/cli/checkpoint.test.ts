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
import type { Checkpoint } from "../../cli/checkpoint.js";
import { readCheckpoint, writeCheckpoint } from "../../cli/checkpoint.js";

let run = "";
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "tfmc-run-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

const at = (step: number): Checkpoint => ({
  state: { format: 1, step, seed: 7, tokens: 10 * step, lossScale: 1 },
  model: Uint8Array.of(step, 1, 2),
  optimizer: Uint8Array.of(step, 3),
});
const read = (): { checkpoint: Checkpoint; complaints: string[] } => {
  const complaints: string[] = [];
  const checkpoint = readCheckpoint(run, (message) => complaints.push(message));
  return { checkpoint, complaints };
};

test("two checkpoints are kept, the newest is read, and lies beside them for other tools", () => {
  for (const step of [1, 2, 30]) writeCheckpoint(run, at(step));
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000002", "step-00000030"]);
  expect(read().checkpoint.state).toEqual(at(30).state);
  expect([...read().checkpoint.model]).toEqual([30, 1, 2]);
  expect([...readFileSync(join(run, "model.safetensors"))]).toEqual([30, 1, 2]);
});

test("a truncated or changed checkpoint is named and the one before it is used", () => {
  for (const step of [1, 2]) writeCheckpoint(run, at(step));
  truncateSync(join(run, "checkpoints", "step-00000002", "model.safetensors"), 2);
  expect(read().checkpoint.state.step).toBe(1);
  expect(read().complaints[0]).toContain("`model.safetensors` has 2 bytes of 3");
  writeFileSync(join(run, "checkpoints", "step-00000002", "model.safetensors"), Uint8Array.of(9, 9, 9));
  expect(read().complaints[0]).toContain("SHA-256");
  rmSync(join(run, "checkpoints", "step-00000002", "manifest.json"));
  expect(read().complaints[0]).toContain("manifest");
});

test("with no whole checkpoint it says so", () => {
  expect(() => read()).toThrow(/holds no checkpoint/);
  writeCheckpoint(run, at(1));
  rmSync(join(run, "checkpoints", "step-00000001", "state.json"));
  expect(() => read()).toThrow(/is whole/);
});

test("what a killed process left is never read, and removed by the next checkpoint", () => {
  mkdirSync(join(run, "checkpoints", ".step-00000009.abcd.tmp"), { recursive: true });
  writeCheckpoint(run, at(1));
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000001"]);
});
