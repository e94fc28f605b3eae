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
import { built, leavesOf } from "../build/support.js";
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

type Tensors = Readonly<Record<string, Tensor<number>>>;

/** The derivative of Σ y² by one element, by differences of the formula. */
function difference(saying: Saying, tensors: Tensors, name: string, n: number): number {
  const x = tensors[name]!;
  const h = 1e-4;
  const at = (step: number): number => {
    const data = Float64Array.from(flat(x));
    data[n] = x.data[n]! + step * h;
    return square(byFormula(saying, { ...tensors, [name]: { sizes: x.sizes, data } }));
  };
  return (-at(2) + 8 * at(1) - 8 * at(-1) + at(-2)) / (12 * h);
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
    let from = 0;
    for (const leaf of wrt) {
      const own = leaf.op === "input" ? leaf.attributes.name : "";
      const count = tensors[own]!.data.length;
      // Every element, or five of many, from the first to the last.
      const step = Math.max(1, Math.floor((count - 1) / 5));
      for (let n = 0; n < count; n += step)
        expect(gradient[from + n], `${own} ${n}`).toBeCloseTo(difference(saying, tensors, own, n), 7);
      from += count;
    }
    expect(gradient.length).toBe(from);
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
  // The loss is linear in y: its gradient by queries and keys passes through the weights alone.
  const one = (weight: string): readonly (readonly number[])[] => {
    const model = built(`model m {
  param q[2, 4, 3], k[2, 5, 3] ~ normal(1)
  input v[2, 5, 4] : real
  input dy[2, 4, 4] : real
  y = mix(q, k, v, weight: ${weight})
  output y = y
  loss sum[h, i, c](y[h, i, c] * dy[h, i, c])
}`);
    const inputs = {
      ...leavesOf(model, (name, sizes) => flat(drawTensor(sizes, name.charCodeAt(0)))),
      v: drawTensor([1, 2, 5, 4], 7),
      dy: drawTensor([1, 2, 4, 4], 8),
    };
    const point = { inputs, lengths: { B: 1 } };
    const graph = { name: "loss", outputs: [{ name: "loss", node: model.loss!.outputs[0]!.node }] };
    const wrt = topological(graph).filter((x) => x.op === "input" && x.attributes.kind === "parameter");
    return [
      flat(interpret(model.forward, f64, point)["y"]!),
      reverseGradient(graph, wrt, point, createBuilder()).gradient,
    ];
  };
  const [hard, soft, straight] = ["hard", "softmax", "hard(straight: true)"].map(one);
  straight![0]!.forEach((y, n) => expect(y).toBeCloseTo(hard![0]![n]!, 14));
  straight![1]!.forEach((g, n) => expect(g).toBeCloseTo(soft![1]![n]!, 14));
  expect(Math.max(...hard![1]!.map(Math.abs))).toBe(0);
});
