/** Ten small models, each one text with settings, against the independent PyTorch implementation: logits, loss, gradients, one step of AdamW. */
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { flat } from "../support/numbers.js";
import { readReference, referenceConfigs, referenceSource, settingsOf } from "../support/reference.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "./support.js";

const scalar = (value: number): Tensor<number> => tensorOf([], [value]);

function distance(x: Tensor<number>, y: Tensor<number>): number {
  expect(x.sizes).toEqual(y.sizes);
  return Math.max(...Array.from({ length: x.data.length }, (_, n) => Math.abs(x.data[n]! - y.data[n]!)));
}

test.each(Object.entries(referenceConfigs))("%s", (name, config) => {
  const data = readReference(name);
  const model = built(referenceSource, { settings: settingsOf(config) });
  const weights = leavesOf(model, (parameter) => flat(data.get(`weights.${parameter}`)!));
  expect(model.parameters.map((p) => `weights.${p.name}`).sort()).toEqual(
    [...data.keys()].filter((key) => key.startsWith("weights.")).sort(),
  );
  const inputs = { ...weights, tokens: data.get("tokens")!, "tokens.next": data.get("targets")! };
  const lengths = { B: Number(config.batch), T: Number(config.length) };
  const { logits } = evaluateGraph(model.forward, inputs, lengths);
  expect(distance(logits!, data.get("logits")!)).toBeLessThan(2e-5);

  const { grad, train } = deriveEntries(model, createBuilder());
  const steps = { seed: scalar(0), step: scalar(1), lr: scalar(1e-3) };
  const values = evaluateGraph(grad!, { ...inputs, ...steps }, lengths);
  expect(values["loss.sum"]!.data[0]! / values["loss.count"]!.data[0]!).toBeCloseTo(
    data.get("loss")!.data[0]!,
    5,
  );
  const states = Object.entries(weights).flatMap(([leaf, { sizes, data: own }]) =>
    ["m", "v"].map((state) => [`${state}/${leaf}`, tensorOf(sizes, new Float64Array(own.length))]),
  );
  const after = evaluateGraph(train!, { ...inputs, ...steps, ...Object.fromEntries(states) }, lengths);
  for (const p of model.parameters) {
    const slice = (x: Tensor<number>, like: Tensor<number>): Tensor<number> =>
      tensorOf(
        like.sizes,
        Array.from(like.data, (_, n) => x.data[(p.turn ?? 0) * like.data.length + n]!),
      );
    const gradient = data.get(`grad.${p.name}`)!;
    const scale = Math.max(1e-3, ...Array.from(gradient.data, Math.abs));
    expect(distance(slice(values[`grad.${p.leaf}`]!, gradient), gradient) / scale, p.name).toBeLessThan(1e-5);
    const next = data.get(`after.${p.name}`)!;
    // A first step of Adam is the sign of the gradient: where that is all rounding, it says nothing.
    const loud = Array.from(gradient.data, (g) => Math.abs(g) > 1e-7);
    const stepped = slice(after[`parameter.${p.leaf}`]!, next);
    const difference = Math.max(
      0,
      ...Array.from(next.data, (v, n) => (loud[n] ? Math.abs(v - stepped.data[n]!) : 0)),
    );
    expect(difference, p.name).toBeLessThan(1e-6);
  }
});
