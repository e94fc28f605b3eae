/** Tensors one after the other, and parts of them: concat, pad, indices with a bound. */
import { describe, expect, test } from "vitest";
import { diagnose, tensorOf } from "../build/support.js";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";

const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, n) => values.slice(n * width, (n + 1) * width));

describe("concat", () => {
  test.each([1, 2, 5, 8])(
    "a row in front of %i rows, in a repeat, with attention, its mask and positions",
    async (t) => {
      const text = `
      model m(d = 8) {
        input x[t <= 12, d] : real
        input target[t] : int(d)
        param cls[1, d] ~ normal(0.02)
        y = concat(cls, x)
        y = learned_position_sum(y, 13)
        seen[j < t + 1] = if j > 0 then valid(x_ids)[j - 1] else true
        repeat 2 { y = y + attention(layer_norm(y), 2, mask: padding(seen)) }
        first[c] = y[0, c]
        rest[i < t, c] = y[i + 1, c]
        output first = first
        output y = rest
        loss cross_entropy(rest, target)
      }
      block learned_position_sum(x[t, d], rows) {
        param table[rows, d] ~ normal(0.02)
        y[i, c] = x[i, c] + table[i, c]
        return y
      }`.replace("valid(x_ids)", "valid(target)");
      const x = drawTensor([2, t, 8]);
      const target = tensorOf(
        [2, t],
        Array.from({ length: 2 * t }, (_, n) => n % 8),
      );
      const valid = tensorOf(
        [2, t],
        Array.from({ length: 2 * t }, (_, n) => (n === 2 * t - 1 && t > 1 ? 0 : 1)),
      );
      const { forward, grad } = await runModel(text, {
        inputs: { x, target, "target.valid": valid },
        lengths: { B: 2, T: t },
      });
      expect(forward!["y"]!.sizes).toEqual([2, t, 8]);
      expect(flat(grad!["grad.cls"]!).some((g) => Math.abs(g) > 1e-6)).toBe(true);
    },
  );

  test("along the last axis, three parts, one of them whole numbers without a batch", async () => {
    const text = `
      model m {
        input x[t <= 6, 3] : real
        input n[t] : int(9)
        table c[1, 2](i, j) = j + 0.5
        many[i < t, j] = if i >= 0 then c[0, j] else 0
        ids[i, j < 1] = if j >= 0 then n[i] else 0
        output y = concat(x, many, ids, axis: -1)
        output z = concat(n, n)
      }`;
    const x = drawTensor([1, 4, 3]);
    const { forward } = await runModel(text, {
      inputs: { x, n: tensorOf([1, 4], [7, 8, 0, 1]) },
      lengths: { B: 1, T: 4 },
    });
    const expected = rowsOf(flat(x), 3).map((row, i) => [...row, 0.5, 1.5, [7, 8, 0, 1][i]!]);
    expect(rowsOf(flat(forward!["y"]!), 6)).toEqual(expected);
    expect(flat(forward!["z"]!)).toEqual([7, 8, 0, 1, 7, 8, 0, 1]);
  });

  test("its gradient is the parts of what comes back", async () => {
    const text = `
      model m {
        input x[t <= 6, 2] : real
        param w[3, 2], v[2, 2] ~ normal(1)
        y = concat(w, x, v)
        output y = y
        loss squared(y)
      }
      block squared(y[s, d]) {
        total = sum[i, c](y[i, c] * y[i, c] * (i + 1))
        return total
      }`;
    const { grad } = await runModel(text, {
      inputs: { x: drawTensor([1, 5, 2]) },
      lengths: { B: 1, T: 5 },
      weights: { w: [1, 2, 3, 4, 5, 6], v: [1, -1, 2, -2] },
    });
    expect(flat(grad!["grad.w"]!)).toEqual([2, 4, 12, 16, 30, 36]);
    expect(flat(grad!["grad.v"]!)).toEqual([18, -18, 40, -40]);
  });
});

describe("indices with a bound", () => {
  test("slices, halves, shifts and a longer axis", async () => {
    const text = `
      model m(d = 6) {
        input x[t <= 9, d] : real
        first[i, c < d / 2] = x[i, c]
        second[i, c < d / 2] = x[i, c + d / 2]
        tail[i < t - 1, c] = x[i + 1, c]
        again[i < t + 2, c] = if i < t then x[i, c] else 7
        odd[i, c < 3] = x[i, 2 * c + 1]
        output first = first
        output second = second
        output tail = tail
        output again = again
        output odd = odd
      }`;
    const x = drawTensor([1, 5, 6]);
    const rows = rowsOf(flat(x), 6);
    const { forward } = await runModel(text, { inputs: { x }, lengths: { B: 1, T: 5 } });
    expect(rowsOf(flat(forward!["first"]!), 3)).toEqual(rows.map((r) => r.slice(0, 3)));
    expect(rowsOf(flat(forward!["second"]!), 3)).toEqual(rows.map((r) => r.slice(3)));
    expect(rowsOf(flat(forward!["tail"]!), 6)).toEqual(rows.slice(1));
    expect(rowsOf(flat(forward!["again"]!), 6)).toEqual([...rows, Array(6).fill(7), Array(6).fill(7)]);
    expect(rowsOf(flat(forward!["odd"]!), 3)).toEqual(rows.map((r) => [r[1], r[3], r[5]]));
  });

  test.each([
    ["y[c < 5] = v[c]", "TFM3004"],
    ["y[c < 3] = v[c + 2]", "TFM3004"],
    ["y[c < t // 2] = v[c]", "TFM3001"],
    ["y[c < 0 - 1] = v[c]", "TFM3005"],
    ["y = concat(v)", "TFM2003"],
    ["y = concat(v, x)", "TFM3002"],
    ["y = concat(v, v, axis: 1)", "TFM3003"],
    ["y = concat(v, v, axes: 0)", "TFM2002"],
    ["y = concat(v, v, axis: 0, axis: 0)", "TFM2002"],
    ["y = concat(v, 3)", "TFM2006"],
    ["y = concat(v, v > 0)", "TFM2006"],
    ["y[c] = concat(v, v)", "TFM2006"],
    ["y = pad(v, 0 - 1, 0)", "TFM3005"],
    ["y = pad(v, 1, 1, 1)", "TFM2002"],
  ])("%s is %s", (line, code) => {
    const { codes } = diagnose(
      `model m { input x[t <= 8, 4] : real; param v[4] ~ zeros; ${line}; output y = y; output x = x }`,
    );
    expect(codes).toEqual([code]);
  });
});

test("pad puts zeros before and after", async () => {
  const { forward } = await runModel(
    "model m { input x[t <= 5, 2] : real; output y = pad(x, 1, t); output z = pad(x, after: 1, axis: -1) }",
    { inputs: { x: tensorOf([1, 2, 2], [1, 2, 3, 4]) }, lengths: { B: 1, T: 2 } },
  );
  expect(flat(forward!["y"]!)).toEqual([0, 0, 1, 2, 3, 4, 0, 0, 0, 0]);
  expect(flat(forward!["z"]!)).toEqual([1, 2, 0, 3, 4, 0]);
});
