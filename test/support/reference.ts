/** The ten small models of test/reference: one text with settings, and what the independent PyTorch implementation computed. */
import { readFileSync } from "node:fs";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { tensorOf } from "../build/support.js";

export const referenceSource = `
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

export type Config = Readonly<Record<string, string | number | boolean>>;
const folder = new URL("../reference/", import.meta.url);
export const referenceConfigs = JSON.parse(readFileSync(new URL("models.json", folder), "utf8")) as Readonly<
  Record<string, Config>
>;

export function readReference(name: string): Map<string, Tensor<number>> {
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

export function settingsOf(config: Config) {
  const { batch: _batch, length: _length, ...rest } = config;
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, word(value)]));
}
