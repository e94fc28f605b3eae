/** The library's convolutions against plain sums in f64, and the laws that they obey. */
import { describe, expect, test } from "vitest";
import { diagnose } from "../build/support.js";
import type { Tensor } from "../support/model-runs.js";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";

interface Conv {
  readonly width: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly before: number;
  readonly after: number;
}

/** x [t, d], w [groups, width, d / groups, out / groups] → [rows, out] */
function conv(
  x: readonly number[],
  t: number,
  d: number,
  w: readonly number[],
  out: number,
  c: Conv,
): number[] {
  const { width, stride = 1, dilation = 1, groups = 1, before, after } = c;
  const [inner, outer] = [d / groups, out / groups];
  const rows = Math.floor((t + before + after - dilation * (width - 1) - 1) / stride) + 1;
  const y = new Array<number>(rows * out).fill(0);
  for (let i = 0; i < rows; i++)
    for (let g = 0; g < groups; g++)
      for (let n = 0; n < outer; n++)
        for (let k = 0; k < width; k++)
          for (let m = 0; m < inner; m++) {
            const at = i * stride + k * dilation - before;
            if (at < 0 || at >= t) continue;
            y[i * out + g * outer + n]! +=
              x[at * d + g * inner + m]! * w[((g * width + k) * inner + m) * outer + n]!;
          }
  return y;
}

const near = (found: Tensor<number>, wanted: readonly number[]): void => {
  expect(flat(found).length).toBe(wanted.length);
  const far = flat(found).reduce((most, value, n) => Math.max(most, Math.abs(value - wanted[n]!)), 0);
  expect(far).toBeLessThan(1e-12);
};

/** The software driver takes seconds for a kernel's compilation. */
const onBoth: ReadonlySet<string> = new Set(["width: 3", "width: 3, groups: 2", "width: 3, stride: 2"]);
const loss = "loss squares(y)";
const squares =
  "block squares(y[r, n]) { total = sum[i, c](y[i, c] * y[i, c] * (i + 1) * (c + 2)); return total }";
const draw = (count: number, seed: number): number[] => flat(drawTensor([count], seed));
const last = (t: Tensor<number>, example: number, size: number): number[] =>
  flat(t).slice(example * size, (example + 1) * size);

describe("conv1d", () => {
  const cases: readonly [string, number, number, number, Conv, "length" | number][] = [
    ["width: 1", 5, 3, 4, { width: 1, before: 0, after: 0 }, "length"],
    ["width: 3", 5, 3, 4, { width: 3, before: 1, after: 1 }, "length"],
    ["width: 3", 1, 3, 4, { width: 3, before: 1, after: 1 }, "length"],
    ["width: 4, causal: true", 5, 2, 3, { width: 4, before: 3, after: 0 }, "length"],
    [
      "width: 3, dilation: 2, causal: true",
      7,
      2,
      3,
      { width: 3, dilation: 2, before: 4, after: 0 },
      "length",
    ],
    ["width: 3, padding: 0", 7, 2, 5, { width: 3, before: 0, after: 0 }, "length"],
    ["width: 3, groups: 2", 6, 4, 6, { width: 3, groups: 2, before: 1, after: 1 }, "length"],
    ["width: 3, groups: 4, causal: true", 6, 4, 4, { width: 3, groups: 4, before: 2, after: 0 }, "length"],
    ["width: 3, stride: 2", 7, 3, 4, { width: 3, stride: 2, before: 1, after: 1 }, 7],
    ["width: 3, stride: 2", 8, 3, 4, { width: 3, stride: 2, before: 1, after: 1 }, 8],
    ["width: 2, stride: 3, padding: 0", 11, 3, 4, { width: 2, stride: 3, before: 0, after: 0 }, 11],
    ["width: 4, stride: 4, padding: 0", 8, 3, 5, { width: 4, stride: 4, before: 0, after: 0 }, 8],
    [
      "width: 5, stride: 2, dilation: 3, groups: 3, padding: 7",
      13,
      3,
      6,
      { width: 5, stride: 2, dilation: 3, groups: 3, before: 7, after: 7 },
      13,
    ],
  ];
  test.each(cases)("%s of %i rows", async (given, t, d, out, c, size) => {
    const text = `${squares}
      model m { input x[${size === "length" ? "t <= 16" : size}, ${d}] : real
        y = conv1d(x, ${out}, ${given}) as conv; output y = y; ${loss} }`;
    const w = draw((c.width * d * out) / (c.groups ?? 1), 3);
    const b = draw(out, 4);
    const x = drawTensor([2, t, d], 9);
    const { forward, grad } = await runModel(text, {
      inputs: { x },
      lengths: size === "length" ? { B: 2, T: t } : { B: 2 },
      weights: { "conv.w": w, "conv.b": b },
      devices: onBoth.has(given) ? ["cpu", "webgpu"] : ["cpu"],
    });
    const whole = [0, 1].map((n) => conv(last(x, n, t * d), t, d, w.map(Math.fround), out, c));
    near(
      forward!["y"]!,
      whole.flat().map((value, n) => value + Math.fround(b[n % out]!)),
    );
    expect(flat(grad!["grad.conv.w"]!).every(Number.isFinite)).toBe(true);
  });

  test("of width 1 is linear", async () => {
    const w = draw(12, 1);
    const text =
      "model m { input x[t <= 9, 3] : real; output y = conv1d(x, 4, 1) as f; output z = linear(x, 4) as g }";
    const { forward } = await runModel(text, {
      inputs: { x: drawTensor([2, 5, 3]) },
      lengths: { B: 2, T: 5 },
      weights: { "f.w": w, "g.w": w, "f.b": [1, 2, 3, 4], "g.b": [1, 2, 3, 4] },
    });
    near(forward!["y"]!, flat(forward!["z"]!));
  });

  test("a length is not halved", () => {
    const { codes, rendered } = diagnose(
      "model m { input x[t <= 9, 3] : real; output y = conv1d(x, 4, 3, stride: 2) }",
    );
    expect(codes).toEqual(["TFM3001"]);
    expect(rendered[0]).toContain("give the input's axis a number");
  });

  test("causal: no row sees a later one; dilation r of width k sees (k - 1) r + 1 rows", async () => {
    const text =
      "model m { input x[t <= 16, 1] : real; output y = conv1d(x, 1, 3, dilation: 4, causal: true, bias: false) as c }";
    const run = async (values: readonly number[]): Promise<number[]> =>
      flat(
        (
          await runModel(text, {
            inputs: { x: { sizes: [1, 16, 1], data: Float64Array.from(values) } },
            lengths: { B: 1, T: 16 },
            weights: { "c.w": [1, 2, 3] },
            devices: ["cpu"],
          })
        ).forward!["y"]!,
      );
    const x = draw(16, 2);
    const before = await run(x);
    const after = await run(x.map((value, n) => (n === 3 ? value + 1 : value)));
    expect(after.flatMap((value, n) => (Math.abs(value - before[n]!) > 1e-9 ? [n] : []))).toEqual([3, 7, 11]);
  });
});

test("transposed_conv1d is the adjoint of conv1d: ⟨conv x, y⟩ = ⟨x, convᵀ y⟩", async () => {
  for (const [t, stride, dilation, padding] of [
    [7, 1, 1, 1],
    [7, 2, 1, 0],
    [9, 2, 2, 0],
    [10, 3, 1, 0],
  ] as const) {
    const width = 3;
    const rows = Math.floor((t + 2 * padding - dilation * (width - 1) - 1) / stride) + 1;
    const given = `${width}, stride: ${stride}, dilation: ${dilation}, padding: ${padding}, bias: false`;
    const text = `model m { input x[${t}, 2] : real; input y[${rows}, 3] : real
      output a = conv1d(x, 3, ${given}) as a
      output b = transposed_conv1d(y, 2, ${given}) as b }`;
    const [x, y] = [drawTensor([1, t, 2], 1), drawTensor([1, rows, 3], 2)];
    const w = draw(width * 2 * 3, 7);
    const { forward } = await runModel(text, {
      inputs: { x, y },
      lengths: { B: 1 },
      weights: { "a.w": w, "b.w": w },
    });
    const product = (p: Tensor<number>, q: Tensor<number>): number =>
      flat(p).reduce((sum, value, n) => sum + value * flat(q)[n]!, 0);
    expect(flat(forward!["b"]!).length).toBe(
      ((rows - 1) * stride + dilation * (width - 1) + 1 - 2 * padding) * 2,
    );
    const whole = flat(forward!["b"]!).length === t * 2;
    const back = whole ? forward!["b"]! : padded(forward!["b"]!, t * 2);
    expect(product(forward!["a"]!, y)).toBeCloseTo(product(x, back), 12);
  }
});

const padded = (x: Tensor<number>, count: number): Tensor<number> => ({
  sizes: [count],
  data: Float64Array.from({ length: count }, (_, n) => flat(x)[n] ?? 0),
});

test("separable is a convolution whose weights are products", async () => {
  const text = `model m { input x[t <= 9, 3] : real
    output y = separable_conv1d(x, 2, 3, bias: false) as s; output z = conv1d(x, 2, 3, bias: false) as c }`;
  const [place, channel] = [draw(9, 1), draw(6, 2)];
  const whole = Array.from({ length: 18 }, (_, n) => {
    const [k, c, o] = [Math.floor(n / 6), Math.floor(n / 2) % 3, n % 2];
    return Math.fround(place[k * 3 + c]!) * Math.fround(channel[c * 2 + o]!);
  });
  const { forward } = await runModel(text, {
    inputs: { x: drawTensor([1, 6, 3]) },
    lengths: { B: 1, T: 6 },
    weights: { "s.depthwise.w": place, "s.pointwise.w": channel, "c.w": whole },
  });
  const far = flat(forward!["y"]!).map((value, n) => Math.abs(value - flat(forward!["z"]!)[n]!));
  expect(Math.max(...far)).toBeLessThan(1e-6);
});

test("Whisper's stem: 2n frames become n rows", async () => {
  const text = `model m(frames = 20, mel = 5, d = 8) {
    input features[mel, frames] : real
    x[i, m] = features[m, i]
    x = gelu(conv1d(x, d, 3) as conv1)
    x = gelu(conv1d(x, d, 3, stride: 2) as conv2)
    output y = x }`;
  const { forward } = await runModel(text, {
    inputs: { features: drawTensor([2, 5, 20]) },
    lengths: { B: 2 },
  });
  expect(forward!["y"]!.sizes).toEqual([2, 10, 8]);
});

test("conv2d against plain sums, and patches are one of its kind", async () => {
  const [h, w, c, out, size] = [6, 5, 2, 3, 3];
  const text = `${squares.replace("y[r, n]", "y[r, q, n]").replace("sum[i, c]", "sum[i, j, c]").replaceAll("y[i, c]", "y[i, j, c]")}
    model m { input image[${h}, ${w}, ${c}] : real
      y = conv2d(image, ${out}, ${size}, stride: 2) as conv; output y = y; ${loss}
      output one = depthwise_conv2d(image, 3) as deep }`;
  const weights = draw(size * size * c * out, 3);
  const deep = draw(9 * c, 5);
  const image = drawTensor([1, h, w, c], 8);
  const { forward } = await runModel(text, {
    inputs: { image },
    lengths: { B: 1 },
    weights: { "conv.w": weights, "conv.b": [0, 0, 0], "deep.w": deep, "deep.b": [0, 0] },
  });
  const at = (i: number, j: number, m: number): number =>
    i < 0 || j < 0 || i >= h || j >= w ? 0 : flat(image)[(i * w + j) * c + m]!;
  const wanted: number[] = [];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++)
      for (let n = 0; n < out; n++) {
        let sum = 0;
        for (let r = 0; r < 3; r++)
          for (let s = 0; s < 3; s++)
            for (let m = 0; m < c; m++)
              sum +=
                at(2 * i + r - 1, 2 * j + s - 1, m) * Math.fround(weights[((r * 3 + s) * c + m) * out + n]!);
        wanted.push(sum);
      }
  near(forward!["y"]!, wanted);
  const single: number[] = [];
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++)
      for (let m = 0; m < c; m++) {
        let sum = 0;
        for (let r = 0; r < 3; r++)
          for (let s = 0; s < 3; s++)
            sum += at(i + r - 1, j + s - 1, m) * Math.fround(deep[(r * 3 + s) * c + m]!);
        single.push(sum);
      }
  near(forward!["one"]!, single);
});

test("lightweight and dynamic: width 1 is the identity, no weights the mean, constant ones alike", async () => {
  const text = `model m { input x[t <= 9, 4] : real
    output same = lightweight_conv(x, 1, 2); output mean = dynamic_conv(x, 3, 2, causal: true) as d
    output light = lightweight_conv(x, 3, 2, causal: true) as l }`;
  const x = drawTensor([1, 6, 4]);
  const { forward } = await runModel(text, {
    inputs: { x },
    lengths: { B: 1, T: 6 },
    weights: { "d.w": new Array(24).fill(0), "l.w": new Array(6).fill(0.7) },
  });
  near(forward!["same"]!, flat(x));
  const row = (n: number): number => (n < 0 ? 0 : flat(x)[n]!);
  const mean = flat(x).map((_, n) => (row(n) + row(n - 4) + row(n - 8)) / 3);
  near(forward!["mean"]!, mean);
  near(forward!["light"]!, mean);
});

test("involution in index form: a kernel for each place, of constants a shared depthwise convolution", async () => {
  const text = `model m(d = 4, groups = 2, size = 3) {
    input image[5, 6, d] : real
    param w[d, groups, size, size], c[groups, size, size] ~ normal(1)
    kernel[i, j, g, r, s] = image[i, j, m] * w[m, g, r, s] + c[g, r, s]
    framed = pad(pad(image, 1, 1), 1, 1, axis: 1)
    parts[i, j, g < groups, m < d / groups] = framed[i, j, g * (d / groups) + m]
    z[i < 5, j < 6, g, m] = parts[i + r, j + s, g, m] * kernel[i, j, g, r, s]
    y[i, j, n < d] = z[i, j, n // (d / groups), n % (d / groups)]
    output y = y
    output deep = depthwise_conv2d(image, 3, bias: false) as deep
    loss total(y) }
    block total(y[h, w, d]) { all = sum[i, j, c](y[i, j, c] * y[i, j, c]); return all }`;
  const own = draw(18, 3);
  const deep = Array.from({ length: 36 }, (_, n) => own[(n % 4 >= 2 ? 9 : 0) + Math.floor(n / 4)]!);
  const { forward } = await runModel(text, {
    inputs: { image: drawTensor([2, 5, 6, 4]) },
    lengths: { B: 2 },
    weights: { w: new Array(72).fill(0), c: own, "deep.w": deep },
    devices: ["cpu"],
  });
  near(forward!["y"]!, flat(forward!["deep"]!));
});

test("LSRA: half the channels attend, half are convolved, both at once", async () => {
  const text = `model m(d = 8) {
    input tokens[t <= 8] : int(11)
    use wte = embedding(11, d)
    x = wte(tokens)
    repeat 2 {
      left[i, c < d / 2] = x[i, c]
      right[i, c < d / 2] = x[i, c + d / 2]
      x = layer_norm(x + concat(attention(left, 2, mask: causal), dynamic_conv(right, 3, 2, causal: true), axis: -1))
      x = layer_norm(x + mlp(x, hidden: d))
    }
    output logits = unembed(x, wte.table)
    loss cross_entropy(logits, next(tokens)) }`;
  const ids = { sizes: [2, 6], data: Float64Array.from([1, 2, 3, 4, 5, 6, 10, 9, 8, 7, 6, 5]) };
  const next = { sizes: [2, 6], data: Float64Array.from([2, 3, 4, 5, 6, -1, 9, 8, 7, 6, 5, -1]) };
  await runModel(text, {
    inputs: { tokens: ids, "tokens.next": next },
    lengths: { B: 2, T: 6 },
    relative: 5e-5,
  });
});
