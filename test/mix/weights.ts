/** Attention that differs in its weights and in what stands before and after them: how each is said, and its formula. */
import { besideNull, each, hard, identity, l1, over, range, relu2, sigmoid, softmax1 } from "./formula.js";
import type { Reader, Saying } from "./said.js";
import { sizes } from "./said.js";

const { channels, heads, width } = sizes;
const scaled =
  (x: Reader) =>
  (h: number, i: number, j: number): number =>
    x.qk(h, i, j) / Math.sqrt(channels);
const causal = (_h: number, i: number, j: number): boolean => j <= i;
const elu1 = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));
const compositions = ["pre", "post"] as const;
const compose = `block compose(r[heads, t, s], base[heads, heads], q1[t, k, heads], q2[t, k, heads], k1[s, k, heads], k2[s, k, heads], gq[t, heads], gk[s, heads]) {
  from_q[i, j, n] = r[h, i, j] * q1[i, n, h]
  from_k[i, j, n] = r[h, i, j] * k1[j, n, h]
  y[m, i, j] = r[h, i, j] * base[h, m] + from_q[i, j, n] * q2[i, n, m] + from_k[i, j, n] * k2[j, n, m] + r[m, i, j] * gq[i, m] + r[m, i, j] * gk[j, m]
  return y
}`;

/** What one composition of DCMHA makes of all heads' numbers of a pair of positions. */
const composed =
  (x: Reader, all: (n: number) => number, i: number, j: number, p: string) =>
  (m: number): number =>
    over(heads, (h) => all(h) * x.at(`${p}_base`, h, m)) +
    over(2, (n) => over(heads, (h) => all(h) * x.at(`${p}_q1`, i, n, h)) * x.at(`${p}_q2`, i, n, m)) +
    over(2, (n) => over(heads, (h) => all(h) * x.at(`${p}_k1`, j, n, h)) * x.at(`${p}_k2`, j, n, m)) +
    all(m) * (x.at(`${p}_gq`, i, m) + x.at(`${p}_gk`, j, m));

export const weights: Readonly<Record<string, Saying>> = {
  // Miller, 2023
  softmax1: {
    lines: "y = mix(q, k, v, mask: causal, weight: softmax1)",
    formula: (x) => ({ score: scaled(x), allowed: causal, weights: softmax1 }),
  },
  // OpenAI, 2025: a learned score per head beside the keys
  "a sink without a value": {
    more: "param null[2] ~ normal(1)",
    lines: "y = mix(q, k, v, mask: causal, sink: of_head(null))",
    formula: (x) => ({
      score: scaled(x),
      allowed: causal,
      weights: (s, h) => besideNull(s, x.at("null", h)),
    }),
  },
  // Katharopoulos et al., 2020
  "linear attention": {
    declarations: "block feature(x[*]) { return if x > 0 then x + 1 else exp(x) }",
    lines: "y = mix(feature(q), feature(k), v, mask: causal, weight: l1, temperature: 1)",
    formula: (x) => ({
      score: (h, i, j) => over(channels, (c) => elu1(x.q(h, i, c)) * elu1(x.k(h, j, c))),
      allowed: causal,
      weights: l1,
    }),
  },
  "linear attention with a sink": {
    declarations: "block feature(x[*]) { return if x > 0 then x + 1 else exp(x) }",
    more: "param null[2], null_v[2, 4] ~ ones",
    lines: `y = mix(feature(q), feature(k), v, mask: causal, weight: l1, temperature: 1, sink: of_head(null ^ 2), sink_value: null_v)`,
    formula: (x) => ({
      score: (h, i, j) => over(channels, (c) => elu1(x.q(h, i, c)) * elu1(x.k(h, j, c))),
      allowed: causal,
      weights: (s, h) => {
        const sum = s.reduce((a, b) => a + b, x.at("null", h) ** 2);
        return s.map((one) => one / sum);
      },
      nullValue: (h, c) => x.at("null_v", h, c),
    }),
  },
  // Sun et al., 2023
  retention: {
    declarations: "score decayed(s, h, i, j) = s * (1 - 2 ^ (-5 - h)) ^ max(i - j, 0)",
    lines: "y = mix(q, k, v, mask: causal, score: decayed, weight: identity, temperature: 1)",
    formula: (x) => ({
      score: (h, i, j) => x.qk(h, i, j) * (1 - 2 ** (-5 - h)) ** (i - j),
      allowed: causal,
      weights: identity,
    }),
  },
  // Ramapuram et al., 2024: a bias of -log(number of keys)
  "sigmoid attention": {
    declarations: "score less(n)(s) = s - log(n)",
    lines: "y = mix(q, k, v, mask: causal, score: less(5), weight: sigmoid)",
    formula: (x) => ({
      score: (h, i, j) => scaled(x)(h, i, j) - Math.log(5),
      allowed: causal,
      weights: each(sigmoid),
    }),
  },
  // Hua et al., 2022
  "gated attention unit": {
    lines: "y = mix(q, k, v, mask: causal, weight: relu2, temperature: 5)",
    formula: (x) => ({
      score: (h, i, j) => x.qk(h, i, j) / 5,
      allowed: causal,
      weights: each(relu2),
    }),
  },
  "a formula of s": {
    declarations: "score soft_step(s) = s / (1 + abs(s)) + s ^ 2",
    lines: "y = mix(q, k, v, mask: causal, weight: soft_step)",
    formula: (x) => ({
      score: scaled(x),
      allowed: causal,
      weights: each((s) => s / (1 + Math.abs(s)) + s ** 2),
    }),
  },
  // Xu et al., 2015
  "hard attention": {
    lines: "y = mix(q, k, v, weight: hard)",
    formula: (x) => ({ score: scaled(x), weights: hard(1) }),
  },
  "the two best keys": {
    lines: "y = mix(q, k, v, mask: causal, weight: hard(k: 2))",
    formula: (x) => ({ score: scaled(x), allowed: causal, weights: hard(2) }),
  },
  // Luong, Pham and Manning, 2015: a window around p_i, and a Gaussian after the softmax
  "local-p": {
    declarations: `mask around(p[h, t], w)(h, i, j) = abs(j - p[h, i]) <= w
score gaussian(p[h, t], w)(a, h, i, j) = a * exp(-2 * (j - p[h, i]) ^ 2 / w ^ 2)`,
    more: "param vp[3] ~ normal(1)",
    lines: `hidden = tanh(q)
  raw[h, i] = hidden[h, i, c] * vp[c]
  p = sigmoid(raw) * s
  y = mix(q, k, v, mask: around(p, 2), post: gaussian(p, 2))`,
    formula: (x) => {
      const p = (h: number, i: number): number =>
        5 * sigmoid(over(channels, (c) => Math.tanh(x.q(h, i, c)) * x.at("vp", c)));
      return {
        score: scaled(x),
        allowed: (h, i, j) => Math.abs(j - p(h, i)) <= 2,
        post: (a, h, i, j) => a * Math.exp((-2 * (j - p(h, i)) ** 2) / 4),
      };
    },
  },
  // Shazeer et al., 2020
  "talking heads": {
    declarations: `block talking(r[heads, t, s], w[heads, heads]) {
  y[n, i, j] = r[h, i, j] * w[h, n]
  return y
}`,
    more: "param before[2, 2], behind[2, 2] ~ normal(1)",
    lines: "y = mix(q, k, v, mask: causal, blend: talking(w: before), post_blend: talking(w: behind))",
    formula: (x) => ({
      score: (h, i, j) => over(heads, (n) => scaled(x)(n, i, j) * x.at("before", n, h)),
      allowed: causal,
      across: (w) => range(heads).map((h) => over(heads, (n) => w[n]! * x.at("behind", n, h))),
    }),
  },
  "a mask by heads behind heads that change places": {
    declarations: `mask own(h, i, j) = h == 0 and j <= i or h == 1 and j > i
block swapped(r[heads, t, s]) {
  y[h, i, j] = r[1 - h, i, j]
  return y
}`,
    lines: "y = mix(q, k, v, mask: own, blend: swapped)",
    formula: (x) => ({
      score: (h, i, j) => scaled(x)(1 - h, i, j),
      allowed: (h, i, j) => (h === 0 ? j <= i : j > i),
    }),
  },
  // Xiao et al., 2024: the scores' composition stands before the mask, the weights' behind the softmax
  DCMHA: {
    declarations: compose,
    more: `param pre_base[2, 2], post_base[2, 2] ~ normal(1)
  ${compositions.map((p) => `input ${p}_q1[t, 2, 2] : real; input ${p}_q2[t, 2, 2] : real; input ${p}_k1[t, 2, 2] : real; input ${p}_k2[t, 2, 2] : real; input ${p}_gq[t, 2] : real; input ${p}_gk[t, 2] : real`).join("\n  ")}`,
    inputs: Object.fromEntries(
      compositions.flatMap((p) => [
        ...["q1", "q2", "k1", "k2"].map((one): [string, readonly number[]] => [`${p}_${one}`, [4, 2, 2]]),
        ...["gq", "gk"].map((one): [string, readonly number[]] => [`${p}_${one}`, [4, 2]]),
      ]),
    ),
    alone: true,
    lines: `${compositions
      .map(
        (p) =>
          `${p} = compose(base: ${p}_base, q1: ${p}_q1, q2: ${p}_q2, k1: ${p}_k1, k2: ${p}_k2, gq: ${p}_gq, gk: ${p}_gk)`,
      )
      .join("\n  ")}
  y = mix(q, k, v, mask: causal, blend: pre, post_blend: post)`,
    formula: (x) => ({
      score: (h, i, j) => composed(x, (n) => scaled(x)(n, i, j), i, j, "pre")(h),
      allowed: causal,
      across: (w, i, j) => range(heads).map(composed(x, (n) => w[n]!, i, j, "post")),
    }),
  },
  // Peng et al., 2023: a softmax per channel, no queries
  "RWKV-4": {
    more: "param bonus[2, 4], decay[2, 4], wr[3, 4], wz[3, 4] ~ normal(0.5)",
    alone: true,
    lines: `z[h, j, c] = k[h, j, m] * wz[m, c]
  w[h, c, i < t, j] = softmax[j]((if i == j then bonus[h, c] + z[h, j, c] else z[h, j, c] - (i - 1 - j) * exp(decay[h, c])) where j <= i)
  wkv[h, i, c] = w[h, c, i, j] * v[h, j, c]
  r[h, i, c] = q[h, i, m] * wr[m, c]
  y = sigmoid(r) * wkv`,
    formula: (x) =>
      range(width).map((channel) => {
        const z = (h: number, j: number): number =>
          over(channels, (m) => x.k(h, j, m) * x.at("wz", m, channel));
        const decay = (h: number): number => Math.exp(x.at("decay", h, channel));
        const receptance = (h: number, i: number): number =>
          sigmoid(over(channels, (m) => x.q(h, i, m) * x.at("wr", m, channel)));
        return {
          score: (h, i, j) =>
            i === j ? x.at("bonus", h, channel) + z(h, j) : z(h, j) - (i - 1 - j) * decay(h),
          allowed: causal,
          value: (h, i, j, c) => (c === channel ? receptance(h, i) * x.v(h, j, c) : 0),
        };
      }),
  },
};
