/** Ten small models, each one text with settings, against the independent PyTorch implementation: logits, loss, gradients, one step of AdamW. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { flat } from "../support/numbers.js";
import { built, evaluateGraph, leavesOf, tensorOf } from "./support.js";

const SOURCE = `
model reference(vocab, context, d, layers, heads, kv_heads, hidden, norm = layer_norm, norm_at, position, mask = causal, window, act, gated, bias, tied, smoothing) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  rotary = none
  score_of = none
  if position == learned { x = x + learned_position(tokens, context, d) }
  if position == rope_half { rotary = rope }
  if position == slopes { score_of = alibi(alibi_slopes(heads)) }
  seen = causal
  if mask == full { seen = full }
  if mask == window_of { seen = sliding(window) }
  repeat layers {
    match norm_at {
      pre {
        x = x + attention(norm(x), heads, kv_heads, mask: seen, score: score_of, rotary: rotary, bias: bias)
        if gated { x = x + gated_mlp(norm(x), hidden, act: act) } else { x = x + mlp(norm(x), hidden, act: act, bias: bias) }
      }
      post {
        x = norm(x + attention(x, heads, kv_heads, mask: seen, score: score_of, rotary: rotary, bias: bias))
        if gated { x = norm(x + gated_mlp(x, hidden, act: act)) } else { x = norm(x + mlp(x, hidden, act: act, bias: bias)) }
      }
    }
  }
  if norm_at == pre { x = norm(x) }
  if tied { output logits = unembed(x, wte.table) } else {
    use head = embedding(vocab, d)
    output logits = unembed(x, head.table)
  }
  loss cross_entropy(logits, next(tokens), smoothing: smoothing)
  train { optimizer = adamw(lr: 1e-3, weight_decay: 0.1); clip = none }
}
`;

type Config = Readonly<Record<string, string | number | boolean>>;
const scalar = (value: number): Tensor<number> => tensorOf([], [value]);
const folder = new URL("../reference/", import.meta.url);
const configs = JSON.parse(readFileSync(new URL("models.json", folder), "utf8")) as Readonly<
  Record<string, Config>
>;

function readSafetensors(name: string): Map<string, Tensor<number>> {
  const bytes = readFileSync(new URL(`${name}.safetensors`, folder));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8")) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor<number>>();
  for (const [key, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const [from, to] = data_offsets;
    const data = bytes.subarray(8 + length + from, 8 + length + to);
    const values = Array.from({ length: data.length / 4 }, (_, n) =>
      dtype === "I32" ? data.readInt32LE(4 * n) : data.readFloatLE(4 * n),
    );
    tensors.set(key, tensorOf(shape, values));
  }
  return tensors;
}

const WORDS: Readonly<Record<string, string>> = { rope: "rope_half", alibi: "slopes", sliding: "window_of" };
const word = (value: string | number | boolean): string | number | boolean =>
  typeof value === "string" ? (WORDS[value] ?? value) : value;

function settingsOf(config: Config) {
  const { batch: _batch, length: _length, ...rest } = config;
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, word(value)]));
}

function distance(x: Tensor<number>, y: Tensor<number>): number {
  expect(x.sizes).toEqual(y.sizes);
  return Math.max(...Array.from({ length: x.data.length }, (_, n) => Math.abs(x.data[n]! - y.data[n]!)));
}

test.each(Object.entries(configs))("%s", (name, config) => {
  const data = readSafetensors(name);
  const model = built(SOURCE, { settings: settingsOf(config) });
  const weights = leavesOf(model, (parameter) => flat(data.get(`weights.${parameter}`)!));
  expect(model.parameters.map((p) => `weights.${p.name}`).sort()).toEqual(
    [...data.keys()].filter((key) => key.startsWith("weights.")).sort(),
  );
  const inputs = { ...weights, tokens: data.get("tokens")!, "tokens.next": data.get("targets")! };
  const lengths = { B: Number(config.batch), T: Number(config.length) };
  const { logits } = evaluateGraph(model.forward, inputs, lengths);
  expect(distance(logits!, data.get("logits")!)).toBeLessThan(2e-5);

  const { grad, train } = deriveEntries(model, createBuilder());
  const steps = { seed: scalar(0), step: scalar(1), lr: scalar(1e-3) };
  const values = evaluateGraph(grad!, { ...inputs, ...steps }, lengths);
  expect(values["loss.sum"]!.data[0]! / values["loss.count"]!.data[0]!).toBeCloseTo(
    data.get("loss")!.data[0]!,
    5,
  );
  const states = Object.entries(weights).flatMap(([leaf, { sizes, data: own }]) =>
    ["m", "v"].map((state) => [`${state}/${leaf}`, tensorOf(sizes, new Float64Array(own.length))]),
  );
  const after = evaluateGraph(train!, { ...inputs, ...steps, ...Object.fromEntries(states) }, lengths);
  for (const p of model.parameters) {
    const slice = (x: Tensor<number>, like: Tensor<number>): Tensor<number> =>
      tensorOf(
        like.sizes,
        Array.from(like.data, (_, n) => x.data[(p.turn ?? 0) * like.data.length + n]!),
      );
    const gradient = data.get(`grad.${p.name}`)!;
    const scale = Math.max(1e-3, ...Array.from(gradient.data, Math.abs));
    expect(distance(slice(values[`grad.${p.leaf}`]!, gradient), gradient) / scale, p.name).toBeLessThan(1e-5);
    const next = data.get(`after.${p.name}`)!;
    // A first step of Adam is the sign of the gradient: where that is all rounding, it says nothing.
    const loud = Array.from(gradient.data, (g) => Math.abs(g) > 1e-7);
    const stepped = slice(after[`parameter.${p.leaf}`]!, next);
    const difference = Math.max(
      0,
      ...Array.from(next.data, (v, n) => (loud[n] ? Math.abs(v - stepped.data[n]!) : 0)),
    );
    expect(difference, p.name).toBeLessThan(1e-6);
  }
});
