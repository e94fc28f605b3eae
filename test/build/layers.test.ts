/** The library's smaller parts: cross attention, padding, dropout, sinusoids, optimizers. */
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import { mix } from "../../compiler/ir/numbers/random.js";
import { flat } from "../support/numbers.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "./support.js";

const ones = (model: ReturnType<typeof built>) =>
  leavesOf(model, (name, sizes) =>
    Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, (_, n) => Math.sin(n + name.length)),
  );

test("attention over a memory of another length and width, padded", () => {
  const model = built(`model m {
  input x[t, 4] : real
  input memory[s, 6] : real
  input valid[s] : bool
  output y = attention(x, 2, memory: memory, mask: padding(valid))
}`);
  expect(Object.keys(model.lengths)).toEqual(["B", "T", "S"]);
  const inputs = (s: number, fill: number) => ({
    ...ones(model),
    x: tensorOf(
      [1, 3, 4],
      Array.from({ length: 12 }, (_, n) => Math.cos(n)),
    ),
    memory: tensorOf(
      [1, s, 6],
      Array.from({ length: 6 * s }, (_, n) => (n < 12 ? Math.cos(2 * n) : fill)),
    ),
    valid: tensorOf(
      [1, s],
      Array.from({ length: s }, (_, n) => (n < 2 ? 1 : 0)),
    ),
  });
  const short = evaluateGraph(model.forward, inputs(2, 0), { B: 1, T: 3, S: 2 })["y"]!;
  const padded = evaluateGraph(model.forward, inputs(5, 99), { B: 1, T: 3, S: 5 })["y"]!;
  flat(padded).forEach((v, n) => expect(v).toBeCloseTo(short.data[n]!, 12));
});

test("dropout draws by seed, step, path, turn and element", () => {
  const model = built(
    "model m { input x[t, 4] : real\n z = x\n repeat 3 { z = dropout(z, 0.5) }\n output y = z\n loss sum[i, c](z[i, c]) }",
  );
  const x = tensorOf([2, 2, 4], new Array(16).fill(1));
  const lengths = { B: 2, T: 2 };
  expect(flat(evaluateGraph(model.forward, { x }, lengths)["y"]!)).toEqual(flat(x));
  const uniform = (turn: number, element: number): number => {
    const fnv = [...new TextEncoder().encode("repeat.*.dropout.random")].reduce(
      (h, c) => Math.imul(h ^ c, 0x01000193) >>> 0,
      0x811c9dc5,
    );
    const key = mix((mix((mix((mix(7) ^ 3) >>> 0) ^ fnv) >>> 0) ^ turn) >>> 0) >>> 0;
    const rotated = ((key << 25) | (key >>> 7)) >>> 0;
    const u = mix((mix((element ^ key) >>> 0) + rotated) >>> 0) >>> 0;
    return (u >>> 8) * 2 ** -24;
  };
  const scalar = (v: number) => tensorOf([], [v]);
  const sum = evaluateGraph(model.loss!, { x, seed: scalar(7), step: scalar(3) }, lengths)["loss.sum"]!
    .data[0];
  let expected = 0;
  for (let n = 0; n < 16; n++) expected += [0, 1, 2].every((turn) => uniform(turn, n) >= 0.5) ? 8 : 0;
  expect(sum).toBe(expected);
});

test("sinusoids", () => {
  const model = built(
    "model m { input x[t <= 6, 4] : real\n y[i, c] = x[i, c] + sinusoidal_position(positions(x), 4)[i, c]\n output y = y }",
  );
  const y = evaluateGraph(model.forward, { x: tensorOf([1, 3, 4], new Array(12).fill(0)) }, { B: 1, T: 3 })[
    "y"
  ]!;
  flat(y).forEach((v, n) => {
    const [i, c] = [Math.floor(n / 4), n % 4];
    const angle = i / 10000 ** ((c - (c % 2)) / 4);
    expect(v).toBeCloseTo(c % 2 === 0 ? Math.sin(angle) : Math.cos(angle), 12);
  });
});

test("rope turns pairs of either layout and keeps their length", () => {
  for (const interleaved of [false, true]) {
    const model = built(
      `model m { input x[2, t <= 6, 4] : real\n output y = rope(x, layout: ${interleaved ? "interleaved" : "halves"}) }`,
    );
    const x = tensorOf(
      [1, 2, 3, 4],
      Array.from({ length: 24 }, (_, n) => Math.sin(n)),
    );
    const y = evaluateGraph(model.forward, { x }, { B: 1, T: 3 })["y"]!;
    for (let row = 0; row < 6; row++) {
      for (const c of [0, 1]) {
        const [p, q] = interleaved ? [2 * c, 2 * c + 1] : [c, c + 2];
        const angle = (row % 3) / 10000 ** (c / 2);
        const [a, b] = [x.data[row * 4 + p]!, x.data[row * 4 + q]!];
        expect(y.data[row * 4 + p]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 12);
        expect(y.data[row * 4 + q]).toBeCloseTo(b * Math.cos(angle) + a * Math.sin(angle), 12);
      }
    }
  }
});

test("gradient descent with momentum", () => {
  const { optimizer } = built(
    "model m { input x[t] : real\n param w[1] ~ ones\n loss sum[i](x[i] * w[0])\n train { optimizer = sgd(lr: 0.1, momentum: 0.5, weight_decay: 0.25) } }",
  );
  expect(optimizer!.states).toEqual([{ name: "velocity", initial: 0 }]);
  const b = createBuilder();
  const leaf = (kind: "parameter" | "state", name: string) =>
    b.input(kind, name, [{ name: "n", size: 1 }], "f32");
  const step = optimizer!.apply(leaf("parameter", "w"), leaf("parameter", "g"), [leaf("state", "v")], true);
  const graph = {
    name: "step",
    outputs: [
      { name: "w", node: step.parameter },
      { name: "v", node: step.states[0]! },
    ],
  };
  const one = (v: number) => tensorOf([1], [v]);
  const inputs = { w: one(2), g: one(3), v: one(4), lr: tensorOf([], [0.1]), step: tensorOf([], [0]) };
  const { w, v } = interpret(graph, f64, { inputs, lengths: {} });
  expect([v!.data[0], w!.data[0]]).toEqual([0.5 * 4 + 3 + 0.5, 2 - 0.1 * 5.5]);
});
