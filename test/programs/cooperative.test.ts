/** A whole model whose every kernel is cooperative, in lockstep on the CPU: its numbers are those of the graphs before any pass. */
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { growingModel } from "../../runtime/growing.js";
import type { Kernel } from "../../runtime/program.js";
import { nextLogits } from "../../runtime/steps.js";
import { expectClose, tolerances } from "../support/closeness.js";
import { flat } from "../support/numbers.js";
import {
  compileModel,
  f32,
  numbersBy,
  numbersOn,
  openSession,
  randomBatch,
} from "../support/program-runs.js";

const taken = vi.hoisted(() => ({ which: undefined as number | undefined, count: 0 }));

// The texts for the CPU become those of the first or of the last variant.
vi.mock("../../compiler/codegen/lower.js", async (original) => {
  const real = await original<typeof import("../../compiler/codegen/lower.js")>();
  const lower: typeof real.lower = (body, reads, writes, options = {}) => {
    const variant = taken.which === undefined ? undefined : real.cooperations(body, reads).at(taken.which);
    if (variant) taken.count++;
    return real.lower(body, reads, writes, { cooperation: variant?.cooperation, ...options });
  };
  return { ...real, lower };
});

// What is rounding alone says nothing of the kernels: Adam's first step is nearly the sign of a gradient, however tiny, and a key's
// bias moves no softmax, so that its gradient is zero.
const nano = readFileSync(new URL("../../examples/nano.tfm", import.meta.url), "utf8")
  .replace("adamw(lr: 1e-3, weight_decay: 0.1)", "sgd(lr: 1e-3)")
  .replace("mask: causal", "mask: causal, key_bias: false");
const settings = { vocab: 18, context: 18, layers: 2, heads: 2, d: 64 };
const plain = compileModel(nano, settings);
const batch = randomBatch(plain, { batch: 1, length: 17, vocab: 18 });
const [exact, clean] = [numbersBy(plain, batch), numbersBy(plain, batch, f32)];

test.each([
  ["first", 0],
  ["last", -1],
])("nano, the %s variant of each kernel: forward and a step of training", async (_, which) => {
  taken.which = which;
  const model = compileModel(nano, settings);
  expect(taken.count).toBeGreaterThan(40);
  taken.count = 0;
  expectClose(await numbersOn(model, "cpu", batch, ["forward", "grad", "train"]), exact, clean);
});

const isSplit = ({ name, javascript: { code } }: Kernel): boolean =>
  name.startsWith("pairwise") && code.includes("local < 64");

test("nano, token by token: the logits of its caches, whose rows lanes share, are those of whole texts", async () => {
  taken.which = 0;
  const model = compileModel(nano, settings);
  expect(model.program.kernels.some(isSplit)).toBe(true);
  const session = await openSession(model, "cpu");
  session.writeParameters(batch.weights);
  const next = nextLogits(session, growingModel(model.program), 1);
  const ids = flat(batch.tokens);
  const wanted = flat(exact.forward["logits"]!);
  const bound = tolerances(exact.forward, clean.forward)["logits"]!;
  for (const length of [5, 6, 7, 8, 17]) {
    const [logits] = await next([{ ids: ids.slice(0, length) }]);
    const expected = wanted.slice((length - 1) * 18, length * 18);
    const worst = Math.max(...expected.map((value, n) => Math.abs(value - logits![n]!)));
    expect(worst, `${length}`).toBeLessThanOrEqual(bound);
  }
  session.dispose();
});
