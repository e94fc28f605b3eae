/** Values with the gradient of something else: stop_gradient, straight_through, and BitNet's linear map made of them. */
import { describe, expect, test } from "vitest";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";

const total = "block total(y[t, n]) { all = sum[i, c](y[i, c] * y[i, c] * (c + 1)); return all }";

describe("straight_through", () => {
  test("the value is the first, bit for bit, and the gradient the second's", async () => {
    const text = `${total}
      model m { input x[t <= 8, 3] : real
        param w[3], v[3] ~ normal(1)
        soft[i, c] = x[i, c] * w[c]
        hard = round(soft * 3) / 3 + 1e-7 * soft
        output hard = hard
        y = straight_through(hard, soft)
        output y = y
        z[i, c] = stop_gradient(y[i, c]) * v[c] + straight_through(x[i, c] * v[c], stop_gradient(x[i, c]))
        loss total(y)
        loss total(z) }`;
    const x = drawTensor([1, 5, 3]);
    const [w, v] = [
      [1, -2, 0.5],
      [0.25, 2, 1],
    ];
    const { forward, grad } = await runModel(text, {
      inputs: { x },
      lengths: { B: 1, T: 5 },
      weights: { w: w!, v: v! },
    });
    expect(flat(forward!["y"]!)).toEqual(flat(forward!["hard"]!));
    const y = flat(forward!["y"]!);
    const wanted = [0, 1, 2].map((c) =>
      [0, 1, 2, 3, 4].reduce((sum, i) => sum + 2 * (c + 1) * y[i * 3 + c]! * flat(x)[i * 3 + c]!, 0),
    );
    flat(grad!["grad.w"]!).forEach((g, n) => {
      expect(g).toBeCloseTo(wanted[n]!, 12);
    });
  });

  test("round takes the even neighbour, on every device", async () => {
    const values = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609, -3.2, 7.7];
    const text =
      "model m { input x[t <= 16, 1] : real; output y = round(x); output z = clip(x, -2, 2); output s = sign(x) }";
    const { forward } = await runModel(text, {
      inputs: { x: { sizes: [1, 10, 1], data: Float64Array.from(values.map(Math.fround)) } },
      lengths: { B: 1, T: 10 },
    });
    expect(flat(forward!["y"]!).map((r) => r + 0)).toEqual([0, 2, 2, 0, -2, -2, 0, 8388609, -3, 8]);
    expect(flat(forward!["z"]!).slice(-3)).toEqual([2, -2, 2]);
    expect(flat(forward!["s"]!)).toEqual([1, 1, 1, -1, -1, -1, 1, 1, -1, 1]);
  });
});

/** Ma et al., 2024: weights of -1, 0 and 1, activations of 8 bits. */
const bitnet = `
block bitlinear(x[t, d], out) {
  param w[d, out] ~ normal(0.02)
  norm = rms_norm(x)
  a[i] = 127 / max(max[c](abs(norm[i, c])), 1e-5)
  q[i, c] = straight_through(clip(round(norm[i, c] * a[i]), -128, 127) / a[i], norm[i, c])
  s = max(mean[m, n](abs(w[m, n])), 1e-5)
  ternary = straight_through(clip(round(w / s), -1, 1) * s, w)
  y[i, n] = q[i, m] * ternary[m, n]
  return y, q, ternary, s
}
${total}
model m {
  input x[t <= 9, 6] : real
  p = bitlinear(x, 4) as bit
  output y = p[0]
  output q = p[1]
  output ternary = p[2]
  output s = p[3]
  loss total(p[0])
}`;

describe("BitNet's linear map", () => {
  const x = drawTensor([1, 7, 6], 4);
  const w = flat(drawTensor([6, 4], 8));
  const run = (weights: readonly number[], devices: readonly ("cpu" | "webgpu")[] = ["cpu"]) =>
    runModel(bitnet, {
      inputs: { x },
      lengths: { B: 1, T: 7 },
      weights: { "bit.w": weights, "bit.rms_norm.gain": [1, 1, 1, 1, 1, 1] },
      devices,
    });

  test("has weights of three values, activations of 255, and is whole-number arithmetic", async () => {
    const { forward } = await run(w, ["cpu", "webgpu"]);
    const s = forward!["s"]!.data[0]!;
    const signs = flat(forward!["ternary"]!).map((value) => Math.round(value / s));
    expect(new Set(signs.map((value) => value + 0))).toEqual(new Set([-1, 0, 1]));
    const q = flat(forward!["q"]!);
    for (let i = 0; i < 7; i++) {
      const row = q.slice(i * 6, i * 6 + 6);
      const step = Math.max(...row.map(Math.abs)) / 127;
      const whole = row.map((value) => Math.round(value / step));
      expect(Math.max(...row.map((value, n) => Math.abs(value / step - whole[n]!)))).toBeLessThan(1e-9);
      for (let n = 0; n < 4; n++) {
        const product = whole.reduce((sum, value, m) => sum + value * signs[m * 4 + n]!, 0);
        expect(flat(forward!["y"]!)[i * 4 + n]).toBeCloseTo(product * step * s, 12);
      }
    }
  });

  test("scales with its weights, and their gradient is that of the rounded ones", async () => {
    const [one, four] = [await run(w), await run(w.map((value) => 4 * value))];
    flat(one.forward!["y"]!).forEach((value, n) => {
      expect(flat(four.forward!["y"]!)[n]).toBeCloseTo(4 * value, 10);
    });
    const [y, q] = [flat(one.forward!["y"]!), flat(one.forward!["q"]!)];
    flat(one.grad!["grad.bit.w"]!).forEach((g, at) => {
      const [m, n] = [Math.floor(at / 4), at % 4];
      const wanted = [0, 1, 2, 3, 4, 5, 6].reduce(
        (sum, i) => sum + q[i * 6 + m]! * 2 * (n + 1) * y[i * 4 + n]!,
        0,
      );
      expect(g).toBeCloseTo(wanted, 10);
    });
  });
});
