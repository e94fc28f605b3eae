/** Fifteen small models of the families against plain PyTorch written from the papers: logits, loss and every gradient. */
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "../build/support.js";
import { familyReferences, familyText, lengthsOf, readFamily } from "../support/families.js";
import { flat } from "../support/numbers.js";

/** Both sides compute in f64 from the same f32 weights; what is written is f32. */
const relative = 2 ** -22;
const largest = (x: Tensor<number>): number => Math.max(...Array.from(x.data, Math.abs));

function distance(x: Tensor<number>, y: Tensor<number>): number {
  expect(x.sizes).toEqual(y.sizes);
  return Math.max(...Array.from(x.data, (v, n) => Math.abs(v - y.data[n]!)));
}

test.each(Object.entries(familyReferences))("%s", (name, { family, settings }) => {
  const { tensors, inputs } = readFamily(name);
  const model = built(familyText(family, settings));
  const weights = leavesOf(model, (parameter) => flat(tensors.get(`weights.${parameter}`)!));
  expect(model.parameters.map((p) => `weights.${p.name}`).sort()).toEqual(
    [...tensors.keys()].filter((key) => key.startsWith("weights.")).sort(),
  );
  expect(model.inputs.map((input) => input.name).sort()).toEqual(Object.keys(inputs).sort());
  const lengths = lengthsOf(model.inputs, inputs);
  const { logits } = evaluateGraph(model.forward, { ...weights, ...inputs }, lengths);
  const wanted = tensors.get("logits")!;
  expect(distance(logits!, wanted) / largest(wanted)).toBeLessThan(relative);

  const { grad } = deriveEntries(model, createBuilder());
  const scalars = { seed: tensorOf([], [0]), step: tensorOf([], [1]) };
  const values = evaluateGraph(grad!, { ...weights, ...inputs, ...scalars }, lengths);
  const loss = values["loss.sum"]!.data[0]! / values["loss.count"]!.data[0]!;
  expect(Math.abs(loss / tensors.get("loss")!.data[0]! - 1)).toBeLessThan(relative);
  const scale = Math.max(...model.parameters.map((p) => largest(tensors.get(`grad.${p.name}`)!)));
  for (const p of model.parameters) {
    const gradient = tensors.get(`grad.${p.name}`)!;
    const count = gradient.data.length;
    const own = Array.from(values[`grad.${p.leaf}`]!.data).slice(
      (p.turn ?? 0) * count,
      ((p.turn ?? 0) + 1) * count,
    );
    expect(distance(tensorOf(gradient.sizes, own), gradient), p.name).toBeLessThan(relative * scale);
  }
});
