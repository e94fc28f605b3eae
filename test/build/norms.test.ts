/**
 * The norms that a build lets out on request: those of the residual stream, whatever the loops look like, and nothing else
 * of the program changes.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../compiler/index.js";
import { build } from "../../compiler/ir/build.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { openDevice } from "../../runtime/device.js";
import { createSession } from "../../runtime/session.js";
import { initialise } from "../../runtime/weights.js";
import { built, evaluateGraph, leavesOf, read, tensorOf } from "./support.js";

const values = (name: string, sizes: readonly number[]): readonly number[] =>
  Array.from({ length: sizes.reduce((n, size) => n * size, 1) }, (_, n) => Math.sin(n + name.length));

/** Outputs of a model whose input x is [batch=2, t=3, d=4]. */
function outputsOf(
  text: string,
  norms: boolean,
  settings: Readonly<Record<string, number>> = {},
): Readonly<Record<string, Tensor<number>>> {
  const model = built(text, { norms, settings });
  const x = tensorOf(
    [2, 3, 4],
    Array.from({ length: 24 }, (_, n) => Math.cos(n)),
  );
  return evaluateGraph(model.forward, { x, ...leavesOf(model, values) }, { B: 2, T: 3, P: 0 });
}

const meanSquare = ({ data }: Tensor<number>): number =>
  Array.from(data).reduce((sum, value) => sum + value * value, 0) / data.length;

const model = (loop: string): string => `
model m(layers = 3) {
  input x[t <= 8, 4] : real
  y = x
  ${loop}
  output y = y
}
block scale(x[t, d]) {
  param w[d] ~ normal(1)
  y[i, n] = x[i, n] * w[n]
  return y
}`;

test.each([
  ["one region", "repeat layers { y = y + scale(y) }"],
  ["runs of turns", "repeat layers as l { if l < 2 { y = y + scale(y) } else { y = scale(y) } }"],
])("%s: one norm a turn, and the one before", (_, loop) => {
  const outputs = outputsOf(model(loop), true);
  expect(outputs["norm.layers.y@before"]!.sizes).toEqual([]);
  const after = outputs["norm.layers.y"]!;
  expect(after.sizes).toEqual([3]);
  expect(after.data[2]).toBeCloseTo(meanSquare(outputs["y"]!), 12);
  expect(Object.keys(outputsOf(model(loop), false))).toEqual(["y"]);
});

test("a turn's norm is that of the values after it", () => {
  const text = model("repeat layers { y = y + scale(y) }");
  const after = outputsOf(text, true)["norm.layers.y"]!;
  for (const layers of [1, 2, 3]) {
    const shorter = outputsOf(text, true, { layers });
    expect(shorter["norm.layers.y"]!.sizes).toEqual([layers]);
    expect(after.data[layers - 1]).toBeCloseTo(meanSquare(shorter["y"]!), 12);
  }
});

test("several loops, loops in loops and shared turns are kept apart", () => {
  const outputs = outputsOf(
    model(`repeat layers { y = y + scale(y) }
  z = y * 2
  repeat layers {
    repeat 2 { z = z * 0.5 }
    y = y + z
  }
  repeat shared 2 { y = y + scale(y) }`),
    true,
  );
  const sizes = Object.fromEntries(Object.entries(outputs).map(([name, { sizes }]) => [name, sizes]));
  expect(sizes).toMatchObject({
    "norm.layers.y": [3],
    "norm.layers_2.y": [3],
    "norm.layers_2.z": [3],
    "norm.layers_2.*.repeat.z": [3, 2],
    "norm.repeat.y": [2],
  });
  expect(outputs["norm.repeat.y"]!.data[1]).toBeCloseTo(meanSquare(outputs["y"]!), 12);
});

test("a block used twice has two sets", () => {
  const text = `
block tower(x[t, d]) {
  repeat 2 { x = x * 0.5 }
  return x
}
model m() {
  input x[t <= 8, 4] : real
  use f = tower()
  output y = f(f(x))
}`;
  const { forward } = built(text, { norms: true });
  const names = forward.outputs.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => name.startsWith("norm."))).toHaveLength(4);
});

test("on a device: the interpreter's values, and the training step is the very same", async () => {
  const source = readFileSync("examples/nano.tfm", "utf8");
  const settings = { layers: 3, d: 16, heads: 2, vocab: 20, context: 8 };
  const program = compile(source, { settings, norms: true }).program!;
  const plain = compile(source, { settings }).program!;
  expect(program.entries.train!.steps.length).toBe(plain.entries.train!.steps.length);
  expect(program.entries.train!.outputs.map(({ name }) => name)).toEqual(
    plain.entries.train!.outputs.map(({ name }) => name),
  );
  const weights = initialise(program, 1);
  const device = await openDevice({ device: "cpu" });
  const session = await createSession(program, device);
  session.writeParameters(weights);
  const tokens = { data: Int32Array.from({ length: 16 }, (_, n) => (n * 7) % 20), shape: [2, 8] };
  const names = ["norm.layers.x@before", "norm.layers.x"];
  const found = await session.run("forward", { tokens }, {}, { read: names });
  session.dispose();
  device.dispose();

  const model = build(read(source), { settings, norms: true, resolve: () => undefined }).built!;
  const leaves = leavesOf(model, (name) => [...weights.get(name)!]);
  const exact = evaluateGraph(
    model.forward,
    { tokens: tensorOf([2, 8], tokens.data), ...leaves },
    { B: 2, T: 8, P: 0 },
  );
  for (const name of names)
    Array.from(found[name] as ArrayLike<number>).forEach((value, n) => {
      expect(value / exact[name]!.data[n]!).toBeCloseTo(1, 5);
    });
});
