import { afterAll, describe, expect, test } from "vitest";
import type { TrainingState } from "../../runtime/checkpoint.js";
import { openCheckpoint, packCheckpoint, verifyCheckpoint } from "../../runtime/checkpoint.js";
import { evaluationBatches, trainingBatch } from "../../runtime/data.js";
import type { Device } from "../../runtime/device.js";
import { openDevice } from "../../runtime/device.js";
import { evaluate } from "../../runtime/evaluate.js";
import { Model, openModel } from "../../runtime/model.js";
import { profile, summarise } from "../../runtime/profile.js";
import type { Program } from "../../runtime/program.js";
import { createSession } from "../../runtime/session.js";
import type { StepRecord } from "../../runtime/trainer.js";
import { createTrainer } from "../../runtime/trainer.js";
import { initialise } from "../../runtime/weights.js";
import { logits64, toy, vocabulary } from "./toy.js";

const opened = new Map<string, Promise<Device>>();
const device = (kind: "cpu" | "webgpu"): Promise<Device> => {
  const known = opened.get(kind) ?? openDevice({ device: kind });
  opened.set(kind, known);
  return known;
};
afterAll(async () => {
  for (const promise of opened.values()) (await promise).dispose();
});

const weights = initialise(toy, 2);
const stream = Int32Array.from({ length: 200 }, (_, n) => (n * n + 3 * n) % vocabulary);
const session = async (kind: "cpu" | "webgpu") => {
  const made = await createSession(toy, await device(kind));
  made.writeParameters(weights);
  return made;
};
const batchAt = (step: number) => trainingBatch(toy, stream, { length: 6, batch: 2, seed: 3, step });
const schedule = { kind: "linear", warmup: 3, steps: 20, floor: 0 } as const;

describe.each(["cpu", "webgpu"] as const)("training on %s", (kind) => {
  test("losses of every step come back, however seldom they are read", async () => {
    const train = async (logEvery: number): Promise<readonly StepRecord[]> => {
      const made = await session(kind);
      const trainer = createTrainer(made, { logEvery, schedule });
      const records: StepRecord[] = [];
      for (let step = 1; step <= 10; step++) {
        const result = await trainer.step(batchAt(step));
        expect(result.loss === undefined).toBe(step % logEvery !== 0);
        records.push(...result.recent);
      }
      records.push(...(await trainer.flush()));
      made.dispose();
      return records;
    };
    const each = await train(1);
    expect(each.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(each[0]!.lr).toBeCloseTo(0.1 / 3, 12);
    expect(await train(4)).toEqual(each);
    expect(await train(100)).toEqual(each);
  });

  test("resuming from a checkpoint continues bit for bit", async () => {
    const run = async (from: number, to: number, files?: ReadonlyMap<string, Uint8Array>) => {
      const made = await session(kind);
      if (files) {
        const parts = await openCheckpoint(toy, files);
        made.writeParameters(parts.weights);
        made.writeStates(parts.states);
        expect(parts.state.step).toBe(from);
      }
      const trainer = createTrainer(made, { step: from, schedule, seed: 1 });
      for (let step = from + 1; step <= to; step++) await trainer.step(batchAt(step));
      const state: TrainingState = {
        format: 1,
        step: trainer.stepsDone,
        seed: 1,
        tokens: 12 * to,
        lossScale: 1,
      };
      const packed = packCheckpoint({
        state,
        weights: await made.readParameters(),
        states: await made.readStates(),
        files: { "model.tfm": "model toy() {}\n" },
      });
      made.dispose();
      return packed;
    };
    const whole = await run(0, 9);
    const half = await run(0, 4);
    expect([...half.keys()].at(-1)).toBe("manifest.json");
    expect(await run(4, 9, half)).toEqual(whole);
    expect(await run(0, 4)).not.toEqual(whole);
  });

  test("divergence is an error with the step and the first bad tensor", async () => {
    const made = await session(kind);
    const trainer = createTrainer(made, { lr: 3e38, schedule: { kind: "constant", warmup: 0 }, logEvery: 3 });
    await trainer.step(batchAt(1));
    await trainer.step(batchAt(2));
    await expect(trainer.step(batchAt(3))).rejects.toThrow(
      /TFM6008: Training diverged at step 2: .*first bad tensor is `layers\.\d\.gain` \(element 0 of \[4\] is -?(Infinity|NaN)\)/,
    );
    made.dispose();
  });

  test("evaluation weighs batches by what counts", async () => {
    const made = await session(kind);
    const whole = await evaluate(made, evaluationBatches(toy, stream, { length: 16, batch: 100 }));
    const small = await evaluate(made, evaluationBatches(toy, stream, { length: 2, batch: 1 }));
    expect(small.count).toBe(whole.count);
    expect(small.loss).toBeCloseTo(whole.loss, 5);
    expect(whole.perplexity).toBe(Math.exp(whole.loss));
    made.dispose();
  });

  test("generation is deterministic, greedy where asked, and stops where asked", async () => {
    const made = new Model({ session: await session(kind), ownsDevice: false });
    const collect = async (
      options: Parameters<typeof made.generate>[1],
      prompt: readonly number[] = [1, 2],
    ) => {
      const ids: number[] = [];
      for await (const id of made.generate(prompt, options)) ids.push(id);
      return ids;
    };
    const text = [1, 2];
    for (let n = 0; n < 20; n++) {
      const row = logits64(text, weights).slice(-vocabulary);
      text.push(row.indexOf(Math.max(...row)));
    }
    const best = await collect({ temperature: 0, maxNewTokens: 20 }); // past the window of 16
    expect(best).toEqual(text.slice(2));
    const sampled = await collect({ seed: 5, maxNewTokens: 12 });
    expect(await collect({ seed: 5, maxNewTokens: 12 })).toEqual(sampled);
    expect(await collect({ seed: 6, maxNewTokens: 12 })).not.toEqual(sampled);
    // where a text is continued from does not matter: draws belong to positions
    expect(await collect({ seed: 5, maxNewTokens: 8 }, [1, 2, ...sampled.slice(0, 4)])).toEqual(
      sampled.slice(4),
    );
    expect(await collect({ temperature: 0, stop: [best[0]!] })).toEqual([best[0]]);
    await expect(collect({}, [])).rejects.toThrow(/prompt is empty/);
    await expect(collect({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    made.dispose();
  });

  test("a profile has one time for each step, and its summary adds up", async () => {
    const made = await session(kind);
    const measured = await profile(made, "forward", { tokens: [[1, 2, 3]] });
    expect(measured.steps.map(({ kernel }) => kernel)).toEqual([
      "embed",
      "gain_shift",
      "gain_shift",
      "unembed",
    ]);
    const rows = summarise(measured);
    expect(rows.find(({ kernel }) => kernel === "gain_shift")!.calls).toBe(2);
    const total = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    expect(total).toBeCloseTo(
      measured.steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
      9,
    );
    made.dispose();
  });
});

describe("checkpoints", () => {
  const state: TrainingState = { format: 1, step: 3, seed: 1, tokens: 30, lossScale: 1 };
  const states = new Map([...weights].slice(1).map(([name, data]) => [`sgd.m/${name}`, data]));
  const pack = (program: Program = toy) =>
    packCheckpoint({
      state,
      weights: initialise(program, 2),
      states,
      files: { "tokenizer.json": '{"type":"bytes"}' },
    });

  test("every flipped bit, cut and missing file is noticed", async () => {
    const files = await pack();
    await verifyCheckpoint(files);
    for (const [name, bytes] of files) {
      const without = new Map(files);
      without.delete(name);
      await expect(openCheckpoint(toy, without)).rejects.toThrow(/TFM6301/);
      const shorter = new Map(files).set(name, bytes.slice(0, -1 - (name === "manifest.json" ? 1 : 0)));
      await expect(openCheckpoint(toy, shorter)).rejects.toThrow(/TFM6301/);
      if (name === "manifest.json") continue;
      for (let at = 0; at < bytes.length; at += 13) {
        const flipped = bytes.slice();
        flipped[at]! ^= 1 << (at % 8);
        await expect(openCheckpoint(toy, new Map(files).set(name, flipped))).rejects.toThrow(
          /TFM6301.*SHA-256/,
        );
      }
    }
  });

  test("another model's checkpoint is told from a damaged one", async () => {
    const other = {
      ...toy,
      parameters: toy.parameters.map((p) => ({ ...p, name: p.name.replace("gain", "scale") })),
    };
    await expect(openCheckpoint(toy, await pack(other))).rejects.toThrow(/TFM6302.*layers.0.gain/);
  });

  test("further files come back as they were", async () => {
    const parts = await openCheckpoint(toy, await pack());
    expect(new TextDecoder().decode(parts.files!["tokenizer.json"] as Uint8Array)).toBe('{"type":"bytes"}');
    expect(parts.state).toEqual(state);
  });
});

test("a Model loads from a file's bytes, a map or a seed, runs, trains and saves", async () => {
  const fresh = new Model(await openModel(toy, undefined, { seed: 2 }, { device: "cpu" }));
  const file = await fresh.save({ note: "fresh" });
  const loaded = new Model(await openModel(toy, undefined, file, { device: await device("webgpu") }));
  const fromMap = new Model(await openModel(toy, undefined, weights, { device: await device("cpu") }));
  const inputs = { tokens: [[1, 2, 3]] };
  const { logits } = await fromMap.forward(inputs);
  const other = await loaded.forward(inputs, { read: ["logits"] });
  expect(Object.keys(other)).toEqual(["logits"]);
  logits!.forEach((value, n) => {
    expect(Math.abs(value - other.logits![n]!)).toBeLessThanOrEqual(16 * 2 ** -24 * (1 + Math.abs(value)));
  });
  const { loss, step } = await fresh.trainer({ lr: 0.01 }).step(inputs);
  expect([typeof loss, step]).toEqual(["number", 1]);
  expect(await fresh.save({ note: "fresh" })).not.toEqual(file);
  for (const model of [fresh, loaded, fromMap]) model.dispose();
  await expect(openModel(toy, undefined, "no/such/file.safetensors")).rejects.toThrow(
    /TFM6104.*no\/such\/file/,
  );
});
