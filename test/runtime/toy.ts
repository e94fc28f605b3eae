/**
 * A hand-written Program of five kernels, and what it computes, written once more in plain loops.
 *
 *   x0 = wte[tokens];  x1 = x0 · gain[0] + shift · 0;  x2 = x1 · gain[1] + shift · 1;  logits = x2 wteᵀ
 */
import type { Kernel, KernelText, Place, Program, Size, Step } from "../../runtime/program.js";

export const vocabulary = 8;
export const width = 4;

const tokens: Size = [[1, "B", "T"]];
const features: Size = [[width, "B", "T"]];
const scores: Size = [[vocabulary, "B", "T"]];

const wgslHead = `
@group(0) @binding(0) var<uniform> sizes: array<vec4<u32>, 1>;
@group(0) @binding(1) var<uniform> scalars: array<vec4<u32>, 4>;
`;
const storage = (n: number, type: string): string =>
  `@group(0) @binding(${n + 2}) var<storage, read_write> b${n}: array<${type}>;\n`;

interface Draft {
  readonly name: string;
  readonly types: readonly ("f32" | "i32")[];
  readonly count: Size;
  /** Bodies over `i`, the invocation; `turn` and the bindings b0, b1, … are in scope. */
  readonly wgsl: string;
  readonly javascript: string;
}

function kernel({ name, types, count, wgsl, javascript }: Draft): Kernel {
  const text = (code: string): KernelText => ({
    code,
    grid: [count, 1, 1],
    workgroup: [64, 1, 1],
    extents: [count],
  });
  const declarations = types.map((type, n) => storage(n, type)).join("");
  return {
    name,
    bindings: types.map((type) => ({ type, access: "both" })),
    wgsl: text(`${wgslHead}${declarations}
@compute @workgroup_size(64) fn main(@builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 64 + local); let turn = i32(sizes[0].y);
  if (i >= i32(sizes[0].x)) { return; }
  ${wgsl}
}`),
    javascript: text(`(n, s, b, from, to) => { const turn = n[1]; const [${types.map((_, n) => `b${n}`)}] = b;
  for (let i = from; i < to; i++) { ${javascript} } }`),
  };
}

const kernels: readonly Kernel[] = [
  kernel({
    name: "embed",
    types: ["i32", "f32", "f32"],
    count: features,
    wgsl: `b2[i] = b1[b0[i / ${width}] * ${width} + i % ${width}];`,
    javascript: `b2[i] = b1[b0[(i / ${width}) | 0] * ${width} + (i % ${width})];`,
  }),
  kernel({
    name: "gain_shift",
    types: ["f32", "f32", "f32", "f32"],
    count: features,
    wgsl: `b3[i] = b0[i] * b1[i % ${width}] + b2[i % ${width}] * f32(turn);`,
    javascript: `b3[i] = Math.fround(b0[i] * b1[i % ${width}]) + b2[i % ${width}] * turn;`,
  }),
  kernel({
    name: "unembed",
    types: ["f32", "f32", "f32"],
    count: scores,
    wgsl: `var sum = 0.0;
  for (var c = 0; c < ${width}; c++) { sum += b0[i / ${vocabulary} * ${width} + c] * b1[i % ${vocabulary} * ${width} + c]; }
  b2[i] = sum;`,
    javascript: `let sum = 0;
  for (let c = 0; c < ${width}; c++) sum += b0[((i / ${vocabulary}) | 0) * ${width} + c] * b1[(i % ${vocabulary}) * ${width} + c];
  b2[i] = sum;`,
  }),
  kernel({
    name: "loss",
    types: ["f32", "i32", "f32", "f32", "f32"],
    count: 1,
    wgsl: `var sum = 0.0; var count = 0.0;
  for (var k = 0; k < i32(arrayLength(&b1)); k++) {
    if (k * ${width} < i32(arrayLength(&b0)) && b1[k] > 0) { sum += b0[k * ${width}]; count += 1.0; }
  }
  b2[0] = sum; b3[0] = count; b4[0] = 0.5 * sum;`,
    javascript: `let sum = 0; let count = 0;
  for (let k = 0; k < b1.length; k++) if (k * ${width} < b0.length && b1[k] > 0) { sum += b0[k * ${width}]; count += 1; }
  b2[0] = sum; b3[0] = count; b4[0] = 0.5 * sum;`,
  }),
  kernel({
    name: "momentum",
    types: ["f32", "f32"],
    count: width,
    wgsl: "b1[i] = 0.5 * b1[i] + 1.0; b0[i] = b0[i] - bitcast<f32>(scalars[0].x) * b1[i];",
    javascript: "b1[i] = 0.5 * b1[i] + 1; b0[i] -= Math.fround(s.f[0] * b1[i]);",
  }),
];

const place = (slot: number, length: Size, turn = 0, stride: Size = length): Place => ({
  slot,
  turn,
  stride,
  length,
});
const slots = {
  tokens: 0,
  next: 1,
  wte: 2,
  gain: 3,
  momentum: 4,
  shift: 5,
  even: 6,
  odd: 7,
  logits: 8,
  scalars: 9,
};
const wte = place(slots.wte, vocabulary * width);
const gain = (turn: number) => place(slots.gain, width, turn);
const momentum = (turn: number) => place(slots.momentum, width, turn);
const scalar = (turn: number) => place(slots.scalars, 1, turn);
const even = place(slots.even, features);
const odd = place(slots.odd, features);

const step = (kernelNumber: number, label: string, bindings: readonly Place[], turn = 0): Step => ({
  kernel: kernelNumber,
  label,
  bindings,
  turn,
});
const shift = place(slots.shift, width);
const body: readonly Step[] = [
  step(0, "wte", [place(slots.tokens, tokens), wte, even]),
  step(1, "layers.0", [even, gain(0), shift, odd], 0),
  step(1, "layers.1", [odd, gain(1), shift, even], 1),
];
const lossStep = step(3, "loss", [even, place(slots.next, tokens), scalar(0), scalar(1), scalar(2)]);
const value = (name: string, at: Place, axes: readonly string[], shape: readonly Size[]) =>
  ({ name, place: at, axes, shape, dtype: "f32" }) as const;
const losses = ["loss.sum", "loss.count", "grad_norm"].map((name, n) => value(name, scalar(n), [], []));
const tokenAxes = {
  axes: ["batch", "t"],
  shape: [[[1, "B"]], [[1, "T"]]],
  dtype: "i32",
  bound: vocabulary,
} as const;
const once = (elements: Size) => [{ count: 1, elements }];

export const toy: Program = {
  format: 1,
  name: "toy",
  compiler: "hand",
  source: "",
  lengths: { B: { axis: "batch", maximum: 4096 }, T: { axis: "t", maximum: 16 } },
  slots: [
    { role: "input", sizes: once(tokens) },
    { role: "input", sizes: once(tokens) },
    { role: "parameter", sizes: once(vocabulary * width) },
    { role: "parameter", sizes: [{ count: 2, elements: width }] },
    { role: "state", sizes: [{ count: 2, elements: width }] },
    { role: "table", sizes: once(width) },
    { role: "temporary", sizes: once(features) },
    { role: "temporary", sizes: once(features) },
    { role: "temporary", sizes: once(scores) },
    { role: "temporary", sizes: [{ count: 3, elements: 1 }] },
  ],
  kernels,
  inputs: [
    { name: "tokens", place: place(slots.tokens, tokens), ...tokenAxes, derived: null },
    {
      name: "tokens.next",
      place: place(slots.next, tokens),
      ...tokenAxes,
      derived: { how: "next", of: "tokens" },
    },
  ],
  parameters: [
    {
      name: "wte",
      shape: [vocabulary, width],
      axes: ["vocab", "d"],
      place: wte,
      init: { kind: "normal", deviation: 0.5, mean: 0 },
      frozen: false,
      decay: true,
    },
    ...[0, 1].map((turn) => ({
      name: `layers.${turn}.gain`,
      shape: [width],
      axes: ["d"],
      place: gain(turn),
      init: { kind: "uniform", low: 0.5, high: 1.5 } as const,
      frozen: false,
      decay: false,
    })),
  ],
  states: [0, 1].map((turn) => ({
    name: `sgd.m/layers.${turn}.gain`,
    parameter: `layers.${turn}.gain`,
    shape: [width],
    place: momentum(turn),
    initial: turn,
  })),
  tables: [{ name: "shift", shape: [width], dtype: "f32", place: shift, formula: ["mul", ["i", 0], 0.25] }],
  scalars: [
    { name: "lr", type: "f32" },
    { name: "seed", type: "i32" },
    { name: "step", type: "i32" },
  ],
  entries: {
    forward: {
      steps: [...body, step(2, "logits", [even, wte, place(slots.logits, scores)])],
      inputs: ["tokens"],
      outputs: [
        value(
          "logits",
          place(slots.logits, scores),
          ["batch", "t", "vocab"],
          [[[1, "B"]], [[1, "T"]], vocabulary],
        ),
        value("x", even, ["batch", "t", "d"], [[[1, "B"]], [[1, "T"]], width]),
      ],
      updates: false,
    },
    loss: {
      steps: [...body, lossStep],
      inputs: ["tokens", "tokens.next"],
      outputs: losses.slice(0, 2),
      updates: false,
    },
    train: {
      steps: [
        ...body,
        lossStep,
        ...[0, 1].map((turn) => step(4, `update.${turn}`, [gain(turn), momentum(turn)])),
      ],
      inputs: ["tokens", "tokens.next"],
      outputs: losses,
      updates: true,
    },
  },
  recipe: {
    learningRate: 0.1,
    schedule: { kind: "constant", warmup: 0 },
    clip: null,
    batch: 2,
    steps: 10,
    accumulate: 1,
  },
  decoding: null,
};

/** x after both layers, in f64. */
export function features64(
  ids: ArrayLike<number>,
  weights: ReadonlyMap<string, ArrayLike<number>>,
): readonly number[] {
  return Array.from(ids).flatMap((id) =>
    Array.from({ length: width }, (_, c) => {
      const x = weights.get("wte")![id * width + c]! * weights.get("layers.0.gain")![c]!;
      return x * weights.get("layers.1.gain")![c]! + 0.25 * c;
    }),
  );
}

export function logits64(
  ids: ArrayLike<number>,
  weights: ReadonlyMap<string, ArrayLike<number>>,
): readonly number[] {
  const x = features64(ids, weights);
  return Array.from(ids).flatMap((_, row) =>
    Array.from({ length: vocabulary }, (_, v) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += x[row * width + c]! * weights.get("wte")![v * width + c]!;
      return sum;
    }),
  );
}
