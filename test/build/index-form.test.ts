/** Index formulas against loops written by hand. */
import { expect, test } from "vitest";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { built, evaluateGraph, tensorOf } from "./support.js";

const B = 2;
const T = 5;
const D = 4;
const X = Array.from({ length: B * T * D }, (_, n) => Math.sin(1 + 3 * n));
const x = (b: number, i: number, c: number): number => X[(b * T + i) * D + c]!;
const range = (n: number): number[] => Array.from({ length: n }, (_, k) => k);
const add = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** y of a model that has x[t, 4], ids[t] and valid[t], for every example. */
function run(body: string, before = ""): Tensor<number> {
  const source = `${before}\nmodel m(n = ${D}) {\n  input x[t <= 8, n] : real\n  input ids[t] : int(4)\n  input valid[t] : bool\n${body}\n  output y = y\n}\n`;
  const model = built(source);
  const inputs = {
    x: tensorOf([B, T, D], X),
    ids: tensorOf([B, T], IDS),
    valid: tensorOf([B, T], VALID),
    w: tensorOf([4, D], new Array(4 * D).fill(2)),
  };
  return evaluateGraph(model.forward, inputs, { B, T })["y"]!;
}
const IDS = [0, 3, 1, 2, 2, 3, 0, 1, 1, 2];
const VALID = [1, 1, 0, 1, 0, 0, 0, 0, 0, 0];
const id = (b: number, i: number): number => IDS[b * T + i]!;

function expectValues(y: Tensor<number>, sizes: readonly number[], f: (...at: number[]) => number): void {
  expect(y.sizes).toEqual(sizes);
  const at = sizes.map(() => 0);
  for (let n = 0; n < y.data.length; n++) {
    expect(y.data[n], `[${at}]`).toBeCloseTo(f(...at), 9);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      if (++at[axis]! < sizes[axis]!) break;
      at[axis] = 0;
    }
  }
}

const cases: readonly [string, readonly number[], (...at: number[]) => number][] = [
  ["y[i, c] = x[i, c] * 2 + 1", [B, T, D], (b, i, c) => 2 * x(b!, i!, c!) + 1],
  ["y[c, i] = x[i, c]", [B, D, T], (b, c, i) => x(b!, i!, c!)],
  [
    "y[i, j] = x[i, c] * x[j, c] / 2",
    [B, T, T],
    (b, i, j) => add(range(D).map((c) => x(b!, i!, c) * x(b!, j!, c))) / 2,
  ],
  [
    "y[i] = x[i, c] * x[j, c] * x[j, k] * x[i, k]",
    [B, T],
    (b, i) =>
      add(
        range(D).flatMap((c) =>
          range(D).flatMap((k) =>
            range(T).map((j) => x(b!, i!, c) * x(b!, j, c) * x(b!, j, k) * x(b!, i!, k)),
          ),
        ),
      ),
  ],
  [
    "y[i, c] = x[i, c] - sum[j](x[j, c])",
    [B, T, D],
    (b, i, c) => x(b!, i!, c!) - add(range(T).map((j) => x(b!, j, c!))),
  ],
  ["y[i, c] = x[i, c] * (i - c)", [B, T, D], (b, i, c) => x(b!, i!, c!) * (i! - c!)],
  ["y[i, c] = if i > 0 then x[i - 1, c] else 0", [B, T, D], (b, i, c) => (i! > 0 ? x(b!, i! - 1, c!) : 0)],
  [
    "y[i, c] = if i > 1 then x[i - 2, c] else x[i, c]",
    [B, T, D],
    (b, i, c) => (i! > 1 ? x(b!, i! - 2, c!) : x(b!, i!, c!)),
  ],
  ["y[i, c] = x[t - 1 - i, c]", [B, T, D], (b, i, c) => x(b!, T - 1 - i!, c!)],
  [
    "a[i, h] = x[i, h] * 1\n y[i, c] = a[i, c // 2] * x[i, c]",
    [B, T, D],
    (b, i, c) => x(b!, i!, Math.floor(c! / 2)) * x(b!, i!, c!),
  ],
  ["a[i, c] = x[i, c] * x[i, c % 2]\n y = a", [B, T, D], (b, i, c) => x(b!, i!, c!) * x(b!, i!, c! % 2)],
  [
    "a[i, c] = x[i, (c + 1) % n]\n y[i, c] = a[i, c] * x[i, c]",
    [B, T, D],
    (b, i, c) => x(b!, i!, (c! + 1) % D) * x(b!, i!, c!),
  ],
  ["y[i] = x[i, 1] + x[i, n - 1]", [B, T], (b, i) => x(b!, i!, 1) + x(b!, i!, D - 1)],
  ["y[i] = x[i, ids[i]]", [B, T], (b, i) => x(b!, i!, id(b!, i!))],
  [
    "param w[4, n] ~ constant(2)\n y[i, c] = w[ids[i], c] * x[i, c]",
    [B, T, D],
    (b, i, c) => 2 * x(b!, i!, c!),
  ],
  ["y[i] = max[c](x[i, c])", [B, T], (b, i) => Math.max(...range(D).map((c) => x(b!, i!, c)))],
  ["y[i] = min[c](x[i, c] where c > 1)", [B, T], (b, i) => Math.min(x(b!, i!, 2), x(b!, i!, 3))],
  [
    "y[c] = max[i](x[i, c] where valid[i])",
    [B, D],
    (b, c) => (b === 0 ? Math.max(x(0, 0, c!), x(0, 1, c!), x(0, 3, c!)) : 0),
  ],
  [
    "y[c] = mean[i](x[i, c] where valid[i])",
    [B, D],
    (b, c) => (b === 0 ? (x(0, 0, c!) + x(0, 1, c!) + x(0, 3, c!)) / 3 : 0),
  ],
  ["y[c] = mean[i](x[i, c])", [B, D], (b, c) => add(range(T).map((i) => x(b!, i, c!))) / T],
  [
    "y[i] = logsumexp[c](x[i, c])",
    [B, T],
    (b, i) => Math.log(add(range(D).map((c) => Math.exp(x(b!, i!, c))))),
  ],
  [
    "y[i, c] = softmax[c](x[i, c] where c < 2)",
    [B, T, D],
    (b, i, c) => (c! < 2 ? Math.exp(x(b!, i!, c!)) / (Math.exp(x(b!, i!, 0)) + Math.exp(x(b!, i!, 1))) : 0),
  ],
  [
    "y[i, c] = softmax[i, c](x[i, c])",
    [B, T, D],
    (b, i, c) =>
      Math.exp(x(b!, i!, c!)) / add(range(T).flatMap((k) => range(D).map((e) => Math.exp(x(b!, k, e))))),
  ],
  [
    "y[i] = argmax[c](x[i, c])",
    [B, T],
    (b, i) => range(D).reduce((best, c) => (x(b!, i!, c) > x(b!, i!, best) ? c : best), 0),
  ],
  [
    "y[i, c] = x[i, c] * (if c % 2 == 0 then 1 else 0 - 1)",
    [B, T, D],
    (b, i, c) => x(b!, i!, c!) * (c! % 2 === 0 ? 1 : -1),
  ],
  ["y[i, c] = x[i, c]\n y = y + y", [B, T, D], (b, i, c) => 2 * x(b!, i!, c!)],
  [
    "y[i, c] = x[i, c]\n y[i, c] += x[i, c] * x[i, c]",
    [B, T, D],
    (b, i, c) => x(b!, i!, c!) + x(b!, i!, c!) ** 2,
  ],
  ["y = x * x / 2 - 1", [B, T, D], (b, i, c) => x(b!, i!, c!) ** 2 / 2 - 1],
  ["y = if x > 0 then x else 0 - x", [B, T, D], (b, i, c) => Math.abs(x(b!, i!, c!))],
  [
    "total = sum[i, c](x[i, c])\n y = x * total",
    [B, T, D],
    (b, i, c) => x(b!, i!, c!) * add(range(T).flatMap((k) => range(D).map((e) => x(b!, k, e)))),
  ],
  [
    "y[i, c] = gelu(x[i, c])",
    [B, T, D],
    (b, i, c) => 0.5 * x(b!, i!, c!) * (1 + erf(x(b!, i!, c!) / Math.SQRT2)),
  ],
  ["y[i, c] = x[i, c] ^ 2 + t", [B, T, D], (b, i, c) => x(b!, i!, c!) ** 2 + T],
];

/** erf by its Taylor series: fine for |x| < 1. */
function erf(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; n < 40; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test.each(cases)("%s", (text, sizes, f) => expectValues(run(`  ${text}`), sizes, f));

const WEIGH = `
mask near(w)(i, j) = j <= i and i - j < w
mask seen(valid[s])(i, j) = valid[j]
score fall(rate)(s, i, j) = s - rate * (i - j)
block weigh(x[t, d], mask = full, score = none) {
  r[i, j] = x[i, c] * x[j, c]
  y[i, j] = softmax[j](score(r[i, j], i, j) where mask(i, j))
  return y
}
`;
const dotted = (b: number, i: number, j: number): number => add(range(D).map((c) => x(b, i, c) * x(b, j, c)));
const softmaxOf = (f: (j: number) => number | undefined): number[] => {
  const e = range(T)
    .map((j) => f(j))
    .map((l) => (l === undefined ? 0 : Math.exp(l)));
  return e.map((v) => v / (add(e) || 1));
};

test.each<[string, (b: number, i: number, j: number) => number | undefined]>([
  ["weigh(x)", dotted],
  ["weigh(x, mask: near(2))", (b, i, j) => (j <= i && i - j < 2 ? dotted(b, i, j) : undefined)],
  ["weigh(x, score: fall(0.5))", (b, i, j) => dotted(b, i, j) - 0.5 * (i - j)],
  [
    "weigh(x, mask: seen(valid), score: fall(rate: 0.5))",
    (b, i, j) => (VALID[b * T + j] ? dotted(b, i, j) - 0.5 * (i - j) : undefined),
  ],
  ["weigh(x, mask: causal)", (b, i, j) => (j <= i ? dotted(b, i, j) : undefined)],
])("%s", (call, f) =>
  expectValues(run(`  y = ${call}`, WEIGH), [B, T, T], (b, i, j) => softmaxOf((k) => f(b!, i!, k))[j!]!),
);

test("the same index over a length and over a longer constant axis bounds the length", () => {
  const model = built(
    "model m { input x[t] : real\n param table[10] ~ ones\n y[i] = x[i] * table[i]\n output y = y }",
  );
  expect(model.lengths["T"]).toEqual({ axis: "t", maximum: 10 });
});
