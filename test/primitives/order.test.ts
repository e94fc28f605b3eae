/** Running sums, ranks and sorting, against JavaScript's own. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { diagnose, tensorOf } from "../build/support.js";
import { difference, reference, runJavascript, runWgsl, shape } from "../codegen/run.js";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";

const text = `
model m {
  input x[t <= 256, 2] : real
  sums[i, c] = cumsum[i](x[i, c])
  ranks[i, c] = rank[i](x[i, c])
  sorted[i, c] = sort[i](x[i, c])
  order[i, c] = argsort[i](x[i, c])
  output sums = sums
  output ranks = ranks
  output sorted = sorted
  output order = order
}`;

/** Few different values, so that there are ties. */
const coarse = (t: number) => {
  const x = drawTensor([2, t, 2], t);
  return tensorOf(
    x.sizes,
    flat(x).map((value) => Math.round(value * 4) / 4 + 0),
  );
};
const column = (values: readonly number[], t: number, example: number, c: number): number[] =>
  Array.from({ length: t }, (_, i) => values[(example * t + i) * 2 + c]!);

describe("along a length", () => {
  test.each([1, 2, 3, 4, 7, 13, 31, 32, 33, 127, 256])("%i rows", async (t) => {
    const x = coarse(t);
    const { forward } = await runModel(text, {
      inputs: { x },
      lengths: { B: 2, T: t },
      devices: t === 7 || t === 33 ? ["cpu", "webgpu"] : ["cpu"],
    });
    for (const [example, c] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const at = (name: string): number[] => column(flat(forward![name]!), t, example, c);
      const own = column(flat(x), t, example, c);
      const order = own.map((_, n) => n).sort((a, b) => own[a]! - own[b]! || a - b);
      const best = own.map((_, n) => n).sort((a, b) => own[b]! - own[a]! || a - b);
      let sum = 0;
      expect(at("sums")).toEqual(own.map((value) => (sum += value)));
      expect(at("order")).toEqual(order);
      expect(at("sorted")).toEqual(order.map((n) => own[n]!));
      expect(at("ranks")).toEqual(own.map((_, n) => best.indexOf(n)));
    }
  });
});

test("gradients follow the elements", async () => {
  const model = `
    block total(y[t, n]) { all = sum[i, c](y[i, c] * y[i, c] * (i + 1) * (c + 1)); return all }
    model m {
      input x[t <= 8, 3] : real
      param w[3] ~ normal(1)
      scaled[i, c] = x[i, c] * w[c]
      sorted[i, c] = sort[i](scaled[i, c])
      sums[i, c] = cumsum[c](scaled[i, c])
      best[i, c] = if rank[c](scaled[i, c]) < 2 then scaled[i, c] else 0
      output sorted = sorted
      output sums = sums
      output best = best
      loss total(sorted)
      loss total(sums)
      loss total(best)
    }`;
  const x = drawTensor([1, 5, 3], 3);
  const w = [0.5, -1.5, 2];
  const value = (u: readonly number[]): number => {
    const scaled = flat(x).map((v, n) => v * u[n % 3]!);
    const cell = (i: number, c: number): number => scaled[i * 3 + c]!;
    let sum = 0;
    for (let c = 0; c < 3; c++) {
      const sorted = [0, 1, 2, 3, 4].map((i) => cell(i, c)).sort((a, b) => a - b);
      sorted.forEach((v, i) => (sum += v * v * (i + 1) * (c + 1)));
    }
    for (let i = 0; i < 5; i++) {
      const row = [0, 1, 2].map((c) => cell(i, c));
      let running = 0;
      row.forEach((v, c) => {
        running += v;
        sum += running * running * (i + 1) * (c + 1);
        if (row.filter((other) => other > v).length < 2) sum += v * v * (i + 1) * (c + 1);
      });
    }
    return sum;
  };
  const { grad } = await runModel(model, { inputs: { x }, lengths: { B: 1, T: 5 }, weights: { w } });
  flat(grad!["grad.w"]!).forEach((g, n) => {
    const step = (h: number): number => value(w.map((v, k) => (k === n ? v + h : v)));
    expect(g).toBeCloseTo((step(1e-5) - step(-1e-5)) / 2e-5, 4);
  });
});

test("what does not count adds nothing, and ranks behind all others", async () => {
  const model = `
    model m {
      input x[t <= 8] : real
      sums[i] = cumsum[i](x[i] where valid(x)[i])
      ranks[i] = rank[i](x[i] where valid(x)[i])
      output sums = sums
      output ranks = ranks
    }`;
  const { forward } = await runModel(model, {
    inputs: { x: tensorOf([1, 5], [3, -1, 9, 4, 4]), "x.valid": tensorOf([1, 5], [1, 1, 0, 1, 1]) },
    lengths: { B: 1, T: 5 },
  });
  expect(flat(forward!["sums"]!)).toEqual([3, 2, 2, 6, 10]);
  expect(flat(forward!["ranks"]!)).toEqual([2, 3, 4, 0, 1]);
});

describe("the kernel of a running sum", () => {
  const b = createBuilder();
  const [R, C] = [symbol("R"), symbol("C")];
  const cases: readonly [readonly Size[], number][] = [
    [[R, C], 1],
    [[R, C], 0],
    [[3, R, 8], 1],
    [[R, 64], 1],
    [[R], 0],
  ];
  test.each(cases)("over %j along %i, both ways", async (sizes, axis) => {
    for (const reverse of [false, true])
      for (const [r, c] of [
        [5, 3],
        [1, 1],
        [33, 65],
        [0, 4],
        [4, 0],
      ]) {
        const x = b.input("fixed", "fixed.0", shape(...sizes), "f32");
        const node = b.cumsum(b.mul(x, x), axis, reverse);
        const given = { body: { name: "body", outputs: [{ name: "y", node }] }, lengths: { R: r!, C: c! } };
        const expected = reference(given);
        const bound = (output: number, n: number): number => 1e-5 * (1 + Math.abs(expected[output]![n]!));
        expect(difference(runJavascript(given), expected, bound)).toBeUndefined();
        if (r === 5 || r === 33) expect(difference(await runWgsl(given), expected, bound)).toBeUndefined();
        const over = { ...given, aliases: new Map([[0, 0]]) };
        expect(difference(runJavascript(over), expected, bound)).toBeUndefined();
      }
  });
});

test.each([
  ["sort[c](v[c] where c > 1)", "TFM2009"],
  ["argsort[c](v[c] where c > 1)", "TFM2009"],
  ["cumsum[c](v)", "TFM2008"],
  ["rnk[c](v[c])", "TFM2001"],
])("%s is %s", (formula, code) => {
  const { codes } = diagnose(
    `model m { input x[t <= 8, 4] : real; param v[4] ~ ones; y[c] = ${formula}; output y = y; output x = x }`,
  );
  expect(codes).toEqual([code]);
});
