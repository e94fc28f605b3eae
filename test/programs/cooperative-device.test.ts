/** nano with TFMC_KERNELS=cooperative: every variant is a pipeline of the device, and its numbers are those of the graphs. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expectClose } from "../support/closeness.js";
import {
  compileModel,
  f32,
  numbersBy,
  numbersOn,
  randomBatch,
  sharedDevice,
} from "../support/program-runs.js";

beforeAll(() => {
  vi.stubEnv("TFMC_KERNELS", "cooperative");
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const nano = readFileSync(new URL("../../examples/nano.tfm", import.meta.url), "utf8");
const model = compileModel(nano, { vocab: 67, context: 20, layers: 1, heads: 2, d: 64 });

test("the device takes every variant", async () => {
  const device = await sharedDevice("webgpu");
  expect(device.info).toMatchObject({ software: true, cooperative: true });
  const variants = model.program.kernels.flatMap((kernel) =>
    (kernel.variants ?? []).map(({ wgsl, needs }) => ({ ...kernel, wgsl, needs })),
  );
  // Short rows, sums split among lanes, tiles: each has a number of invocations of its own.
  expect(new Set(variants.map(({ needs }) => needs.invocations))).toEqual(new Set([64, 128, 256]));
  expect((await device.compile(variants)).length).toBe(variants.length);
});

// A software driver needs a minute for the kernels of one cold model.
test("its numbers", async () => {
  const batch = randomBatch(model, { batch: 1, length: 19, vocab: 67 });
  const [exact, clean] = [numbersBy(model, batch), numbersBy(model, batch, f32)];
  expectClose(await numbersOn(model, "webgpu", batch, ["forward"]), exact, clean);
}, 600_000);
