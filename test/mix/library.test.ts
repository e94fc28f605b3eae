/**
 * Kinds of attention, each in the lines that it takes: what the model gives is what the formula gives, in value and in
 * gradient, before any pass in f64 and compiled on both devices.
 */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { built, leavesOf, tensorOf } from "../build/support.js";
import { reverseGradient } from "../support/gradients.js";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";
import type { Saying } from "./said.js";
import { byFormula, drawInputs, lengthsOf, textOf } from "./said.js";
import { scores } from "./scores.js";
import { weights } from "./weights.js";

const sayings: Readonly<Record<string, Saying>> = { ...scores, ...weights };
const onWebgpu: ReadonlySet<string> = new Set(["additive", "softmax1", "RETRO", "talking heads"]);

const square = (values: readonly number[]): number => values.reduce((sum, y) => sum + y * y, 0);

/** The gradient of Σ y², by differences of the formula. */
function differences(
  saying: Saying,
  tensors: Readonly<Record<string, Tensor<number>>>,
  name: string,
): readonly number[] {
  const x = tensors[name]!;
  const h = 1e-4;
  return flat(x).map((value, n) => {
    const at = (step: number): number => {
      const data = Float64Array.from(flat(x));
      data[n] = value + step * h;
      return square(byFormula(saying, { ...tensors, [name]: { sizes: x.sizes, data } }));
    };
    return (-at(2) + 8 * at(1) - 8 * at(-1) + at(-2)) / (12 * h);
  });
}

describe.each(Object.entries(sayings))("%s", (name, saying) => {
  const model = built(textOf(saying));
  const leaves = leavesOf(model, (parameter, sizes) => flat(drawTensor(sizes, 40 + parameter.length)));
  const tensors = { ...leaves, ...drawInputs(saying) };
  const wanted = byFormula(saying, tensors);

  test("value", () => {
    const found = interpret(model.forward, f64, { inputs: tensors, lengths: lengthsOf(saying) })["y"]!;
    flat(found).forEach((y, n) => expect(y).toBeCloseTo(wanted[n]!, 12));
    expect(found.data.length).toBe(wanted.length);
  });

  test("gradient", () => {
    const node = model.loss!.outputs[0]!.node;
    const graph = { name: "loss", outputs: [{ name: "loss", node }] };
    const wrt = topological(graph).filter(
      (x) => x.op === "input" && x.dtype === "f32" && x.attributes.kind !== "scalar",
    );
    const point = { inputs: tensors, lengths: lengthsOf(saying) };
    const { gradient } = reverseGradient(graph, wrt, point, createBuilder());
    let at = 0;
    for (const leaf of wrt) {
      const own = leaf.op === "input" ? leaf.attributes.name : "";
      for (const slope of differences(saying, tensors, own)) expect(gradient[at++], own).toBeCloseTo(slope, 7);
    }
  });

  test("compiled", async () => {
    await runModel(textOf(saying), {
      inputs: drawInputs(saying),
      lengths: lengthsOf(saying),
      weights: Object.fromEntries(Object.entries(leaves).map(([own, x]) => [own, flat(x)])),
      devices: onWebgpu.has(name) ? ["cpu", "webgpu"] : ["cpu"],
    });
  }, 120_000);
});

test("a straight-through choice has the value of the hard one and the gradient of the soft one", () => {
  const one = (weight: string): readonly number[][] => {
    const saying: Saying = { lines: `y = mix(q, k, v, weight: ${weight})`, formula: () => ({ score: () => 0 }) };
    const model = built(textOf(saying).replace("y[h, i, c] * y[h, i, c]", "y[h, i, c] * u[h, i, c]"));
    const leaves = leavesOf(model, (_, sizes) => flat(drawTensor(sizes, 9)));
    const inputs = { ...leaves, ...drawInputs(saying), unused: tensorOf([], [0]) };
    const lengths = { B: 2, T: 4, S: 4 };
    const cut = { ...inputs, b: drawTensor([2, 2, 4, 3], 4), u: drawTensor([2, 2, 4, 4], 5) };
    const graph = { name: "loss", outputs: [{ name: "loss", node: model.loss!.outputs[0]!.node }] };
    const wrt = topological(graph).filter((x) => x.op === "input" && x.attributes.kind === "parameter");
    const { gradient } = reverseGradient(graph, wrt, { inputs: cut, lengths }, createBuilder());
    return [flat(interpret(model.forward, f64, { inputs: cut, lengths })["y"]!), [...gradient]];
  };
  const [hard, soft, straight] = [one("hard"), one("softmax"), one("hard(straight: true)")] as const;
  straight[0]!.forEach((y, n) => expect(y).toBeCloseTo(hard[0]![n]!, 14));
  const differs = straight[1]!.filter((g, n) => Math.abs(g - soft[1]![n]!) > 1e-12);
  expect(differs.length).toBeLessThanOrEqual(16);
});
