/** Whole examples at awkward sizes: both devices against the interpreter, from the logits to the parameters after a step. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { expectClose } from "../support/closeness.js";
import { compileModel, f32, numbersBy, numbersOn, randomBatch } from "../support/program-runs.js";

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8");
const sizes = { vocab: 13, context: 9, layers: 2, heads: 3 };

describe.each([
  ["nano", { ...sizes, d: 15 }],
  ["post-ln", { ...sizes, d: 9 }],
  ["llama", { ...sizes, d_model: 18, kv_heads: 1, ffn: "swiglu(hidden: 11)" }],
])("%s", (name, settings) => {
  const model = compileModel(example(name), settings);
  const batch = randomBatch(model, { batch: 3, length: 7, vocab: 13 });
  const [exact, clean] = [numbersBy(model, batch), numbersBy(model, batch, f32)];

  test("clean f32 is f32", () => expect(clean).not.toEqual(exact));
  test("cpu", async () => expectClose(await numbersOn(model, "cpu", batch), exact, clean));

  // A software driver needs a minute for the kernels of one cold model: reference.test.ts has the other two families.
  test.each(name === "nano" ? (["webgpu"] as const) : [])(
    "%s",
    async (kind) => expectClose(await numbersOn(model, kind, batch), exact, clean),
    600_000,
  );
});
