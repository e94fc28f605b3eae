/** Ten small models, compiled: both devices against the independent PyTorch implementation, from the logits to one step of AdamW. */
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { flat } from "../support/numbers.js";
import type { DeviceKind } from "../support/program-runs.js";
import { compileModel, numbersOn } from "../support/program-runs.js";
import { readReference, referenceConfigs, referenceSource, settingsOf } from "../support/reference.js";

/**
 * Compiling one model's kernels takes a software driver about a minute: these two have between them both norms, both kinds of
 * MLP, grouped heads, rotary and learned positions, and sizes that no tile divides. `DEVICE_MODELS=all` takes all ten.
 */
const onDevice: ReadonlySet<string> = new Set(
  process.env.DEVICE_MODELS === "all" ? Object.keys(referenceConfigs) : ["llama", "odd_sizes"],
);
/** 64 roundings of the largest element: what f32 leaves of sums over at most 40 products through three layers. */
const relative = 64 * 2 ** -24;
const learningRate = 1e-3;
const largest = (values: readonly number[]): number => Math.max(0, ...values.map(Math.abs));

function expectNear(found: Tensor<number>, wanted: Tensor<number>, bound: number, name: string): void {
  expect(found.sizes, name).toEqual(wanted.sizes);
  const worst = largest(flat(found).map((value, n) => value - wanted.data[n]!));
  expect(worst <= bound ? "near" : `${worst} > ${bound}`, name).toBe("near");
}

describe.each(Object.entries(referenceConfigs))("%s", (name, config) => {
  const data = readReference(name);
  const model = compileModel(referenceSource, settingsOf(config));
  const weights = new Map(
    model.program.parameters.map((p) => [p.name, Float32Array.from(flat(data.get(`weights.${p.name}`)!))]),
  );
  const batch = { weights, tokens: data.get("tokens")!, next: data.get("targets")!, lr: learningRate };
  const gradients = model.program.parameters.map((p) => flat(data.get(`grad.${p.name}`)!));
  // Some gradients vanish exactly, a key's bias for one: what is left of them is rounding of the others.
  const scale = largest(gradients.flat());

  test.each<DeviceKind>(onDevice.has(name) ? ["cpu", "webgpu"] : ["cpu"])(
    "%s",
    async (kind) => {
      const { forward, train } = await numbersOn(model, kind, batch, ["forward", "train"]);
      const logits = data.get("logits")!;
      expectNear(forward!.logits!, logits, relative * largest(flat(logits)), "logits");
      const mean = train!["loss.sum"]!.data[0]! / train!["loss.count"]!.data[0]!;
      expect(Math.abs(mean - data.get("loss")!.data[0]!)).toBeLessThanOrEqual(
        relative * largest(flat(logits)),
      );
      for (const [n, { name: parameter, shape }] of model.program.parameters.entries()) {
        // After the first step the first moment is a tenth of the gradient.
        const moment = flat(train![`state.m/${parameter}`]!).map((m) => m / Math.fround(1 - 0.9));
        const gradient = { sizes: shape, data: moment };
        const noise = relative * scale;
        expectNear(gradient, data.get(`grad.${parameter}`)!, noise, `gradient of ${parameter}`);
        const after = data.get(`after.${parameter}`)!;
        const found = train![`parameter.${parameter}`]!;
        expect(found.sizes).toEqual(after.sizes);
        // Adam's first step is lr · g / (|g| + 1e-8): as uncertain as the sign of a gradient that is all noise.
        flat(after).forEach((value, at) => {
          const doubt = Math.min(2, (2 * noise) / (Math.abs(gradients[n]![at]!) + 1e-8));
          const bound = learningRate * Math.min(doubt, 2) + relative * Math.abs(value) + 2 ** -30;
          if (!(Math.abs(found.data[at]! - value) <= bound))
            expect.fail(`${parameter}[${at}]: ${found.data[at]} instead of ${value}`);
        });
      }
    },
    600_000,
  );
});
