/** What holds of every weight: rows that see nothing are 0 and have no gradient; the mask comes last; positions are absolute. */
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

const weights = [
  "softmax",
  "softmax1",
  "l1",
  "identity",
  "sigmoid",
  "relu2",
  "exp",
  "hard",
  "hard(k: 2, straight: true)",
  "halved",
];

const text = (weight: string, mask: string): string => `
mask late(i, j) = j < i - 1
score halved(s) = s / 2 + sqrt(abs(s))
model m {
  input x[2, t <= 6, 3] : real
  param wq[3, 3], wk[3, 3], wv[3, 3] ~ normal(0.5)
  q[h, i, c] = x[h, i, m] * wq[m, c]
  k[h, j, c] = x[h, j, m] * wk[m, c]
  v[h, j, c] = x[h, j, m] * wv[m, c]
  y = mix(q, k, v, mask: ${mask}, weight: ${weight})
  output y = y
  loss sum[h, i, c](y[h, i, c] * y[h, i, c] * (h + 1))
}`;

/** y and the gradient of the loss by x, both [2, rows, 3]. */
function run(weight: string, mask: string, x: Tensor<number>) {
  const model = built(text(weight, mask));
  const leaves = leavesOf(model, (name, sizes) => flat(drawTensor(sizes, name.charCodeAt(1))));
  const point = { inputs: { ...leaves, x }, lengths: { B: 1, T: x.sizes[2]! } };
  const graph = { name: "loss", outputs: [{ name: "loss", node: model.loss!.outputs[0]!.node }] };
  const wrt = topological(graph).filter((n) => n.op === "input" && n.attributes.kind !== "scalar");
  const { gradient } = reverseGradient(graph, wrt, point, createBuilder());
  return { y: flat(interpret(model.forward, f64, point)["y"]!), gradient };
}

describe.each(weights)("%s", (weight) => {
  const large = (x: Tensor<number>, factor: number): Tensor<number> => ({
    ...x,
    data: Float64Array.from(flat(x).map((v) => v * factor)),
  });

  test.each([1, 300])("rows that see nothing are 0, at %d times the scores", (factor) => {
    const x = large(drawTensor([1, 2, 4, 3], 2), factor);
    const { y, gradient } = run(weight, "late", x);
    // i = 0 and i = 1 see nothing.
    for (const h of [0, 1]) expect(y.slice(h * 12, h * 12 + 6)).toEqual([0, 0, 0, 0, 0, 0]);
    if (weight !== "exp" || factor === 1) expect(gradient.every(Number.isFinite)).toBe(true);
    const nothing = run(weight, "late", large(drawTensor([1, 2, 2, 3], 3), factor));
    expect(nothing.y.every((v) => v === 0)).toBe(true);
    expect(nothing.gradient.every((v) => v === 0)).toBe(true);
  });

  test("what is masked out changes nothing", () => {
    const x = drawTensor([1, 2, 4, 3], 4);
    const other = { ...x, data: Float64Array.from(x.data) };
    // The last position, which only the last row could see, and does not.
    for (const h of [0, 1]) for (const c of [0, 1, 2]) other.data[h * 12 + 9 + c] = 50;
    const [before, after] = [run(weight, "late", x).y, run(weight, "late", other).y];
    for (const h of [0, 1]) expect(after.slice(h * 12, h * 12 + 9)).toEqual(before.slice(h * 12, h * 12 + 9));
  });
});

test("rows that see nothing, compiled", async () => {
  const found = await runModel(text("softmax1", "late"), {
    inputs: { x: drawTensor([1, 2, 4, 3], 2) },
    lengths: { B: 1, T: 4 },
    devices: ["cpu"],
  });
  expect(flat(found.forward!["y"]!).slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("the mask stands after the score: what it forbids is no part of any row", () => {
  const y = (lines: string): readonly number[] => {
    const model = built(`score high(s, h, i, j) = if j > i then 1e4 else s
model m {
  input q[2, t <= 6, 3] : real
  output y = mix(q, q, q, ${lines})
}`);
    const inputs = { q: drawTensor([1, 2, 4, 3], 2) };
    return flat(interpret(model.forward, f64, { inputs, lengths: { B: 1, T: 4 } })["y"]!);
  };
  expect(y("mask: causal, score: high")).toEqual(y("mask: causal"));
});

/** Parameters that an option of `attention` brings, beside its own four. */
const options: Readonly<Record<string, readonly string[]>> = {
  "weight: hard(k: 2)": [],
  "weight: l1, temperature: 1": [],
  "post: damped, weight: softmax1": [],
  "value: shifted": [],
  "blend: talking, post_blend: talking": ["attention.talking.w", "attention.talking_2.w"],
  "sink: logit": ["attention.sink_score"],
  "sink: null_key, kv_heads: 1": ["attention.sink_key", "attention.sink_value"],
};

test.each(Object.entries(options))("attention(%s)", async (option, more) => {
  const model = `# Infinite where j = i + 1, which the mask forbids.
score damped(a, h, i, j) = a / (1 + i - j)
score shifted(v, h, i, j, c) = v + j - i
block talking(r[heads, t, s]) {
  param w[heads, heads] ~ normal(1)
  y[n, i, j] = r[h, i, j] * w[h, n]
  return y
}
model m {
  input x[t <= 6, 4] : real
  y = attention(x, 2, mask: causal, bias: false, ${option})
  output y = y
  loss sum[i, c](y[i, c] * y[i, c])
}`;
  const own = ["wq", "wk", "wv", "wo"].map((name) => `attention.${name}`);
  expect(
    built(model)
      .parameters.map(({ name }) => name)
      .sort(),
  ).toEqual([...own, ...more].sort());
  await runModel(model, {
    inputs: { x: drawTensor([2, 5, 4], 3) },
    lengths: { B: 2, T: 5 },
    devices: ["cpu"],
  });
});
