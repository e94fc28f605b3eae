/** What must hold of every family whatever its weights: padding, prefixes, shifts, and knobs at the values where they say nothing. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Built } from "../../compiler/ir/graph.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "../build/support.js";
import type { Knobs } from "../support/families.js";
import { familyText, lengthsOf } from "../support/families.js";
import { createDraw, flat } from "../support/numbers.js";

const sizes = { vocab: 11, context: 12, d_model: 8, layers: 2, heads: 2, ffn: "mlp(hidden: 6)" };
const model = (family: string, knobs: Knobs = {}): Built => built(familyText(family, { ...sizes, ...knobs }));

/** Equal names draw equal values, whatever else a model has. */
function weightsOf(m: Built): Record<string, Tensor<number>> {
  return leavesOf(m, (name, shape) => {
    const draw = createDraw([...name].reduce((seed, c) => (seed * 31 + c.charCodeAt(0)) >>> 0, 7));
    const middle = name.endsWith("gain") ? 1 : 0;
    return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => middle + draw() - 0.5);
  });
}

type Rows = Readonly<Record<string, readonly number[]>>;
function logits(m: Built, rows: Rows, weights = weightsOf(m)): number[] {
  const inputs = Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [name, tensorOf([1, row.length], row)]),
  );
  for (const { name, derived } of m.inputs)
    if (derived?.how === "valid" && !inputs[name])
      inputs[name] = tensorOf(
        [1, rows[derived.of]!.length],
        rows[derived.of]!.map(() => 1),
      );
  return flat(evaluateGraph(m.forward, { ...weights, ...inputs }, lengthsOf(m.inputs, inputs))["logits"]!);
}

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  const far = Math.max(...found.map((v, n) => Math.abs(v - wanted[n]!)));
  expect(far < 1e-12 ? "near" : far).toBe("near");
}
const expectFar = (found: readonly number[], wanted: readonly number[]): void =>
  expect(Math.max(...found.map((v, n) => Math.abs(v - wanted[n]!)))).toBeGreaterThan(1e-6);

const tokens = [3, 1, 4, 1, 5, 9, 2];
const positions = [
  "none",
  "learned",
  "sinusoidal",
  "rope",
  "rope(fraction: 0.5, layout: interleaved)",
  "alibi",
  "t5(buckets: 4, distance: 5)",
  "shaw(clip: 2)",
  "xpos",
];

test.each(positions)("a decoder's prefix does not know what follows: %s", (position) => {
  const m = model("decoder", { position });
  const [a, b] = [logits(m, { tokens }), logits(m, { tokens: [...tokens.slice(0, 4), 7, 7, 7] })];
  expectNear(a.slice(0, 4 * 11), b.slice(0, 4 * 11));
  expectFar(a, b);
  expectNear(logits(m, { tokens: tokens.slice(0, 4) }), a.slice(0, 4 * 11));
});

test.each(positions)("an encoder does not read padding: %s", (position) => {
  for (const task of ["masked", "classify"]) {
    const m = model("encoder", { position, task });
    const valid = [1, 1, 1, 1, 1, 0, 0];
    const width = task === "masked" ? 5 * 11 : 2;
    const whole = logits(m, { tokens, "tokens.valid": valid }).slice(0, width);
    expectNear(
      logits(m, { tokens: [...tokens.slice(0, 5), 8, 8], "tokens.valid": valid }).slice(0, width),
      whole,
    );
    expectNear(logits(m, { tokens: tokens.slice(0, 5) }), whole);
    expectFar(logits(m, { tokens }).slice(0, width), whole);
  }
});

test.each(["pre", "post", "parallel"])("an encoder-decoder reads padding on neither side: %s", (norm_at) => {
  const m = model("encoder_decoder", { norm_at });
  const target = [1, 2, 3, 4];
  const rows = {
    source: tokens,
    target,
    "source.valid": [1, 1, 1, 1, 1, 0, 0],
    "target.valid": [1, 1, 1, 0],
  };
  const whole = logits(m, rows);
  expectNear(logits(m, { ...rows, source: [3, 1, 4, 1, 5, 0, 0] }), whole);
  expectNear(logits(m, { ...rows, target: [1, 2, 3, 9] }).slice(0, 33), whole.slice(0, 33));
  expectNear(logits(m, { source: tokens.slice(0, 5), target: target.slice(0, 3) }), whole.slice(0, 33));
  expectFar(logits(m, { ...rows, source: [3, 1, 4, 1, 6, 9, 2] }), whole);
});

test.each([
  "rope",
  "rope(scaling: yarn, factor: 2)",
  "alibi",
  "t5(buckets: 4, distance: 5)",
  "shaw(clip: 2)",
  "xpos",
])("relative positions do not know where the sequence stands: %s", (position) => {
  // Two places in front that nobody reads: everything else moves by two.
  const m = model("decoder", { position });
  const moved = logits(m, { tokens: [0, 0, ...tokens], "tokens.valid": [0, 0, ...tokens.map(() => 1)] });
  expectNear(moved.slice(2 * 11), logits(m, { tokens }));
});
test.each(["learned", "sinusoidal"])("absolute ones do: %s", (position) => {
  const m = model("decoder", { position });
  const moved = logits(m, { tokens: [0, 0, ...tokens], "tokens.valid": [0, 0, ...tokens.map(() => 1)] });
  expectFar(moved.slice(2 * 11), logits(m, { tokens }));
});

test("without positions an encoder does not know the order", () => {
  const m = model("encoder", { position: "none", task: "classify" });
  expectNear(logits(m, { tokens: [...tokens].reverse() }), logits(m, { tokens }));
});

/** One model at two settings, by the weights of the first where names and shapes agree. */
test.each<[string, string, Knobs, Knobs]>([
  ["as many groups as heads", "decoder", { kv_heads: 2 }, {}],
  ["a window as long as the text", "decoder", { mask: "sliding(12)" }, {}],
  ["a prefix of one", "decoder", { mask: "prefix(1)" }, {}],
  ["a prefix of all", "decoder", { mask: "prefix(12)" }, { mask: "full" }],
  ["no angle", "decoder", { position: "rope(fraction: 0)" }, { position: "none" }],
  ["scaling by one", "decoder", { position: "rope(scaling: linear)" }, { position: "rope" }],
  ["ntk by one", "decoder", { position: "rope(scaling: ntk)" }, { position: "rope" }],
  ["yarn by one", "decoder", { position: "rope(scaling: yarn)" }, { position: "rope" }],
  ["no decay", "decoder", { position: "xpos(gamma: 1e15)" }, { position: "rope(layout: interleaved)" }],
  ["the usual temperature", "decoder", { temperature: 2 }, {}],
  [
    "a gate's own name",
    "decoder",
    { ffn: "gated_mlp(hidden: 6, act: gelu) " },
    { ffn: "gated_mlp(act: gelu, hidden: 6)" },
  ],
  ["one layer, shared or not", "decoder", { layers: 1, share_layers: true }, { layers: 1 }],
  ["a cap far away", "decoder", { soft_cap: "1e9", final_soft_cap: "1e9" }, {}],
])("%s", (_, family, knobs, plain) => {
  const [a, b] = [model(family, knobs), model(family, plain)];
  const [x, y] = [logits(a, { tokens }), logits(b, { tokens }, shared(weightsOf(a), b))];
  const far = Math.max(...x.map((v, n) => Math.abs(v - y[n]!)));
  expect(far).toBeLessThan(knobs.soft_cap ? 1e-7 : 1e-12);
});

/** The weights of `m`, by the names of those that are there already; the last layer is the first where they are shared. */
function shared(there: Record<string, Tensor<number>>, m: Built): Record<string, Tensor<number>> {
  const own = weightsOf(m);
  return Object.fromEntries(
    Object.entries(own).map(([leaf, value]) => [
      leaf,
      there[leaf] ?? there[leaf.replace("layers.0.", "layers.")] ?? value,
    ]),
  );
}

test("shared layers are equal layers", () => {
  const [one, two] = [model("decoder", { share_layers: true }), model("decoder")];
  const weights = weightsOf(one);
  const stacked = Object.fromEntries(
    Object.entries(weightsOf(two)).map(([leaf, own]) => {
      const same = weights[leaf.replace("layers.*.", "layers.")]!;
      return [leaf, leaf.includes("*") ? tensorOf(own.sizes, [...flat(same), ...flat(same)]) : same];
    }),
  );
  expectNear(logits(one, { tokens }, weights), logits(two, { tokens }, stacked));
});

test("as many experts as are asked for is all of them; equal experts are one", () => {
  const m = model("decoder", {
    ffn: "moe(experts: 3, top: 3, hidden: 6, gated: false, act: gelu)",
    bias: false,
  });
  const weights = weightsOf(m);
  const equal = Object.fromEntries(
    Object.entries(weights).map(([leaf, w]) => {
      const each = w.data.length / 6;
      const first = (turn: number) => flat(w).slice(3 * turn * each, (3 * turn + 1) * each);
      const three = [0, 1].flatMap((turn) => [...first(turn), ...first(turn), ...first(turn)]);
      return [leaf, /\.w[12]$/.test(leaf) ? tensorOf(w.sizes, three) : w];
    }),
  );
  const mlp = model("decoder", { bias: false });
  const single = Object.fromEntries(
    Object.entries(weightsOf(mlp)).map(([leaf, own]) => {
      const from = equal[leaf.replace(".mlp.", ".moe.")]!;
      const each = own.data.length / 2;
      const rows = [0, 1].flatMap((turn) => flat(from).slice(3 * turn * each, (3 * turn + 1) * each));
      return [leaf, leaf.includes(".mlp.") ? tensorOf(own.sizes, rows) : from];
    }),
  );
  expectNear(logits(m, { tokens }, equal), logits(mlp, { tokens }, single));
});

const written = {
  gpt2: `model gpt2(vocab = 11, context = 12, d = 8, layers = 2, heads = 2, rate = 0.1) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  use wpe = learned_position(context, d, std: 0.01)
  residual = 0.02 / sqrt(2 * layers)
  x = dropout(wte(tokens) + wpe(tokens), rate)
  repeat layers {
    a = attention(layer_norm(x), heads, mask: causal, dropout_rate: rate, out_std: residual)
    x = x + dropout(a, rate)
    m = mlp(layer_norm(x), hidden: 4 * d, act: gelu_tanh, out_std: residual)
    x = x + dropout(m, rate)
  }
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}`,
  llama: `model llama(vocab = 11, context = 12, d = 8, layers = 2, heads = 2, kv_heads = 1, hidden = 6) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  use head = embedding(vocab, d)
  x = wte(tokens)
  repeat layers {
    x = x + attention(rms_norm(x), heads, kv_heads: kv_heads, mask: causal, bias: false, rotary: rope(base: 10000))
    x = x + gated_mlp(rms_norm(x), hidden: hidden, act: silu) as swiglu
  }
  output logits = unembed(rms_norm(x), head.table)
  loss cross_entropy(logits, next(tokens))
}`,
};

test.each([
  ["gpt2", {}],
  ["llama", { kv_heads: 1, ffn: "swiglu(hidden: 6)" }],
] as const)("%s in config form is what it is written out", (name, more) => {
  const text = readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8");
  const small = { vocab: 11, context: 12, d_model: 8, layers: 2, heads: 2, ...more };
  const [a, b] = [built(text, { settings: small }), built(written[name])];
  const rows = (m: Built) =>
    m.parameters.map(({ name: own, shape, init, decay }) => ({
      own,
      sizes: shape.map(({ size }) => size),
      init,
      decay,
    }));
  const byName = (x: { readonly own: string }, y: { readonly own: string }): number =>
    x.own < y.own ? -1 : 1;
  expect(rows(a).sort(byName)).toEqual(rows(b).sort(byName));
  expectNear(logits(a, { tokens }), logits(b, { tokens }));
});
