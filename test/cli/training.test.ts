import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCheckpoint } from "../../cli/checkpoint.js";
import type { CommonOptions } from "../../cli/context.js";
import { streamDataset } from "../../cli/data/stream.js";
import { taskOf } from "../../cli/data/task.js";
import { Failure } from "../../cli/failure.js";
import type { Resolved } from "../../cli/run-folder.js";
import type { TrainingPlan } from "../../cli/train-plan.js";
import { trainPlan } from "../../cli/training.js";
import { openCheckpoint } from "../../runtime/checkpoint.js";
import { characterTokenizer } from "../../runtime/tokenizer.js";
import { toy } from "../runtime/toy.js";
import type { TestHost } from "./host.js";
import { createTestHost, testContext } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-train-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = "abcdefgh".repeat(20);
const tokenizer = characterTokenizer(text);

function planFor(run: string, change: Partial<Resolved> = {}): TrainingPlan {
  const resolved: Resolved = {
    format: 1,
    compiler: "0.1.0",
    file: "toy.tfm",
    model: "toy",
    settings: {},
    imports: {},
    data: "text.txt",
    dataSha256: "",
    tokenizer: "chars",
    validation: "0.1",
    batch: 2,
    length: 8,
    steps: 6,
    learningRate: 0.01,
    scheduleSteps: 6,
    seed: 3,
    evalEvery: 2,
    saveEvery: 2,
    ...change,
  };
  return {
    run: { folder: run, source: "model toy() {}", resolved, tokenizer: JSON.stringify(tokenizer.toJSON()) },
    program: toy,
    task: taskOf("toy", toy.inputs),
    encoding: { tokenizer, labels: [] },
    training: streamDataset(toy, tokenizer.encode(text.slice(0, 120)), resolved),
    validation: streamDataset(toy, tokenizer.encode(text.slice(120)), resolved),
    checkpoint: undefined,
  };
}

const train = (host: TestHost, plan: TrainingPlan, options: Partial<CommonOptions> = {}) =>
  trainPlan(testContext(host, options), plan);
const filesOf = (run: string) =>
  readCheckpoint(run, (message) => {
    throw new Error(message);
  });

test("a run folder holds the model, its settings, metrics and two checkpoints", async () => {
  const host = createTestHost();
  const run = join(folder, "run");
  expect(await train(host, planFor(run))).toBe(0);
  expect(readdirSync(run).sort()).toEqual([
    "checkpoints",
    "env.json",
    "manifest.json",
    "metrics.jsonl",
    "model.safetensors",
    "model.tfm",
    "optimizer.safetensors",
    "resolved.json",
    "state.json",
    "tokenizer.json",
  ]);
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000004", "step-00000006"]);
  const metrics = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const steps = metrics.map((line) => JSON.parse(line) as { step: number; loss?: number });
  expect(steps.filter(({ loss }) => loss !== undefined).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(host.printed.out).toMatch(
    /^training loss [-\d.]+, validation loss [-\d.]+\n\n[a-h]+\n\ncheckpoint: .*step-00000006\n$/,
  );
});

test("interrupt writes a checkpoint and exits with 130; resuming ends with the same bits", async () => {
  const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
  expect(await train(createTestHost(), planFor(whole))).toBe(0);

  const host: TestHost = createTestHost({
    onMessage: (message) => message.startsWith("step 2:") && host.interrupt(),
  });
  expect(await train(host, planFor(parts))).toBe(130);
  expect(host.printed.err).toContain("interrupted after step 2");
  const checkpoint = await openCheckpoint(toy, await filesOf(parts));
  expect(checkpoint.state.step).toBe(2);
  writeFileSync(join(parts, "metrics.jsonl"), '{"step":99,"loss":1}\n{"step":1', { flag: "a" });
  expect(await train(createTestHost(), { ...planFor(parts), checkpoint })).toBe(0);

  const [a, b] = [await filesOf(whole), await filesOf(parts)];
  for (const name of ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]) {
    expect(Buffer.from(b.get(name)!).equals(Buffer.from(a.get(name)!))).toBe(true);
  }
  const metrics = (run: string) =>
    readFileSync(join(run, "metrics.jsonl"), "utf8").replaceAll(/,"seconds":[\d.]+/g, "");
  expect(metrics(parts)).toBe(metrics(whole));
});

test("divergence ends with the step and an intact checkpoint", async () => {
  const plan = planFor(join(folder, "run"), { learningRate: 1e38, saveEvery: 1, evalEvery: 0 });
  const error = await train(createTestHost(), plan).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "TFM6008" });
  expect(String(error)).toMatch(/diverged at step 2: loss NaN/);
  for (const [, data] of (await openCheckpoint(toy, await filesOf(plan.run.folder))).weights) {
    expect(data.every(Number.isFinite)).toBe(true);
  }
});

test("an existing run is not overwritten", async () => {
  const plan = planFor(join(folder, "run"), { steps: 1 });
  await train(createTestHost(), plan);
  const again = train(createTestHost(), plan);
  await expect(again).rejects.toBeInstanceOf(Failure);
  await expect(again).rejects.toMatchObject({ kind: "existing-run" });
});

test("--json prints one event a line and nothing else", async () => {
  const host = createTestHost();
  await train(host, planFor(join(folder, "run"), { steps: 2 }), { json: true, quiet: true });
  const events = host.printed.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });
  expect(events.map(({ event }) => event)).toEqual(["start", "step", "step", "eval", "checkpoint", "done"]);
  expect(events.every((event) => "schemaVersion" in event)).toBe(true);
});

test("on a terminal one line is rewritten in place", async () => {
  const host = createTestHost({ terminal: true });
  await train(host, planFor(join(folder, "run"), { steps: 3, evalEvery: 0, saveEvery: 0 }));
  expect(host.printed.err).toContain("\r\u001b[Kstep 1/3 · loss");
  expect(host.printed.err).toMatch(/step 3\/3 .*tokens\/s · ETA 0:00.*\n/);
});
