/** Attention that differs in its scores and masks: how each is said, and its formula. */
import { besideNull, over } from "./formula.js";
import type { Reader, Saying } from "./said.js";
import { sizes } from "./said.js";

const { channels, width } = sizes;
const scaled =
  (x: Reader) =>
  (h: number, i: number, j: number): number =>
    x.qk(h, i, j) / Math.sqrt(channels);
const causal = (_h: number, i: number, j: number): boolean => j <= i;
const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const norm = (f: (c: number) => number): number => Math.sqrt(over(channels, (c) => f(c) ** 2));

export const scores: Readonly<Record<string, Saying>> = {
  "scaled products, causal": {
    lines: "y = mix(q, k, v, mask: causal)",
    formula: (x) => ({ score: scaled(x), allowed: causal }),
  },
  // Bahdanau, Cho and Bengio, 2015
  additive: {
    declarations:
      "score additive(w[c], q[h, t, c], k[g, s, c])(s, h, i, j) = sum[c](w[c] * tanh(q[h, i, c] + k[h, j, c]))",
    more: "param w[3] ~ normal(1)",
    lines: "y = mix(q, k, v, score: additive(w))",
    formula: (x) => ({
      score: (h, i, j) => over(channels, (c) => x.at("w", c) * Math.tanh(x.q(h, i, c) + x.k(h, j, c))),
    }),
  },
  // Luong, Pham and Manning, 2015: general, location
  general: {
    more: "param w[3, 3] ~ normal(0.5)",
    lines: `wk_j[h, j, c] = w[c, m] * k[h, j, m]
  y = mix(q, wk_j, v, temperature: 1)`,
    formula: (x) => ({
      score: (h, i, j) =>
        over(channels, (c) => over(channels, (m) => x.q(h, i, c) * x.at("w", c, m) * x.k(h, j, m))),
    }),
  },
  location: {
    declarations: "score only(a[h, t, s])(s, h, i, j) = a[h, i, j]",
    more: "param w[3, 8] ~ normal(1)",
    lines: `a_ij[h, i, j < s] = q[h, i, c] * w[c, j]
  y = mix(q, k, v, score: only(a_ij)) + mix(q, k, v)`,
    formula: (x) => [
      { score: (h, i, j) => over(channels, (c) => x.q(h, i, c) * x.at("w", c, j)) },
      { score: scaled(x) },
    ],
  },
  // Graves, Wayne and Danihelka, 2014
  content: {
    declarations: `score cosine(sharpness, q[h, t, c], k[g, s, c])(s, h, i, j) = (
  sharpness * s / sqrt(sum[c](q[h, i, c] ^ 2) * sum[c](k[h, j, c] ^ 2))
)`,
    lines: "y = mix(q, k, v, score: cosine(3), temperature: 1)",
    formula: (x) => ({
      score: (h, i, j) => (3 * x.qk(h, i, j)) / (norm((c) => x.q(h, i, c)) * norm((c) => x.k(h, j, c))),
    }),
  },
  // Gemma Team, 2024: the cap stands before the mask
  "soft cap": {
    lines: "y = mix(q, k, v, mask: causal, soft_cap: 0.3)",
    formula: (x) => ({ score: (h, i, j) => 0.3 * Math.tanh(scaled(x)(h, i, j) / 0.3), allowed: causal }),
  },
  "soft cap as a score": {
    declarations: "score cap(c)(s) = c * tanh(s / c)",
    lines: "y = mix(q, k, v, mask: causal, score: cap(0.3))",
    formula: (x) => ({ score: (h, i, j) => 0.3 * Math.tanh(scaled(x)(h, i, j) / 0.3), allowed: causal }),
  },
  // Ding et al., 2023: m counts the branches (w, r) that hold the pair
  LongNet: {
    declarations: `score branch(w, r)(h, i, j) = if i // w == j // w and i % w % r == h % r and j % w % r == h % r then 1 else 0
score multiplicity(h, i, j) = branch(2, 1)(h, i, j) + branch(4, 2)(h, i, j)
score dilated(s, h, i, j) = s + log(max(multiplicity(h, i, j), 1))
mask reached(h, i, j) = j <= i and multiplicity(h, i, j) > 0`,
    alone: true,
    lines: "y = mix(q, k, v, mask: reached, score: dilated)",
    formula: (x) => {
      const m = (h: number, i: number, j: number): number =>
        Number(Math.floor(i / 2) === Math.floor(j / 2)) +
        Number(Math.floor(i / 4) === Math.floor(j / 4) && (i % 4) % 2 === h && (j % 4) % 2 === h);
      return {
        score: (h, i, j) => scaled(x)(h, i, j) + Math.log(m(h, i, j)),
        allowed: (h, i, j) => j <= i && m(h, i, j) > 0,
      };
    },
  },
  // Yang et al., 2019: content, position and segment, each with a query's bias of its own
  XLNet: {
    declarations: `score xlnet(u[h, c], w[h, c], o[h, c], r[n, c], g[two, h, c], segment[t], far, q[h, t, c], k[groups, s, c])(s, h, i, j) = sum[c](
  (q[h, i, c] + u[h, c]) * k[h, j, c] + (q[h, i, c] + w[h, c]) * r[i - j + far, c]
  + (q[h, i, c] + o[h, c]) * (if segment[i] == segment[j] then g[0, h, c] else g[1, h, c])
) / sqrt(3)`,
    more: `param u_h[2, 3], w_h[2, 3], o_h[2, 3], r_n[15, 3], g_h[2, 2, 3] ~ normal(1)
  input segment[t] : int(2)`,
    inputs: { segment: { sizes: [4], values: [0, 0, 1, 1] } },
    alone: true,
    lines: "y = mix(q, k, v, score: xlnet(u_h, w_h, o_h, r_n, g_h, segment, 7))",
    formula: (x) => ({
      score: (h, i, j) =>
        over(
          channels,
          (c) =>
            (x.q(h, i, c) + x.at("u_h", h, c)) * x.k(h, j, c) +
            (x.q(h, i, c) + x.at("w_h", h, c)) * x.at("r_n", i - j + 7, c) +
            (x.q(h, i, c) + x.at("o_h", h, c)) *
              x.at("g_h", x.at("segment", i) === x.at("segment", j) ? 0 : 1, h, c),
        ) / Math.sqrt(3),
    }),
  },
  // Kitaev, Kaiser and Levskaya, 2020: equal buckets see each other
  buckets: {
    declarations: "mask same(bucket[t])(i, j) = bucket[i] == bucket[j] and j <= i",
    more: "input bucket[t] : int(3)",
    inputs: { bucket: { sizes: [4], values: [2, 0, 2, 0] } },
    alone: true,
    lines: "y = mix(q, k, v, mask: same(bucket))",
    formula: (x) => ({
      score: scaled(x),
      allowed: (_h, i, j) => x.at("bucket", i) === x.at("bucket", j) && j <= i,
    }),
  },
  // Shaw, Uszkoreit and Vaswani, 2018, by a score and a value
  Shaw: {
    declarations: `score near(table[n, c], q[h, t, c], k[g, s, c])(s, h, i, j) = sum[c](
  q[h, i, c] * (k[h, j, c] + table[min(max(j - i, -2), 2) + 2, c])
) / sqrt(3)
score far(table[n, c])(v, h, i, j, c) = v + table[min(max(j - i, -2), 2) + 2, c]`,
    more: "param table_k[5, 3], table_v[5, 4] ~ normal(1)",
    lines: "y = mix(q, k, v, score: near(table_k), value: far(table_v))",
    formula: (x) => ({
      score: (h, i, j) =>
        over(channels, (c) => x.q(h, i, c) * (x.k(h, j, c) + x.at("table_k", clip(j - i, -2, 2) + 2, c))) /
        Math.sqrt(3),
      value: (h, i, j, c) => x.v(h, j, c) + x.at("table_v", clip(j - i, -2, 2) + 2, c),
    }),
  },
  // Borgeaud et al., 2022: chunks of 2 tokens, each with 2 neighbours of 3 tokens, beside self-attention
  RETRO: {
    declarations: "mask chunked(m, own)(i, j) = (i - (m - 1)) // m == j // own",
    more: `input e[2, 2, 2, 3, 4] : real
  param wke[4, 3], wve[4, 4], null_k[2, 3], null_v[2, 4] ~ normal(0.5)`,
    inputs: { e: [2, 2, 2, 3, 4] },
    alone: true,
    lines: `all[h, j, c] = e[h, j // 6, j // 3 % 2, j % 3, c]
  ke[h, j, c] = all[h, j, m] * wke[m, c]
  ve[h, j, c] = all[h, j, m] * wve[m, c]
  retrieved = mix(q, ke, ve, mask: chunked(2, 6), sink_key: null_k, sink_value: null_v)
  y = mix(q, k, v, mask: causal) + retrieved`,
    formula: (x) => {
      const e = (h: number, j: number, m: number): number =>
        x.at("e", h, Math.floor(j / 6), Math.floor(j / 3) % 2, j % 3, m);
      const ke = (h: number, j: number, c: number): number =>
        over(width, (m) => e(h, j, m) * x.at("wke", m, c));
      return [
        { score: scaled(x), allowed: causal },
        {
          keys: 12,
          score: (h, i, j) => over(channels, (c) => x.q(h, i, c) * ke(h, j, c)) / Math.sqrt(3),
          allowed: (_h, i, j) => Math.floor((i - 1) / 2) === Math.floor(j / 6),
          weights: (s, h, i) =>
            besideNull(s, over(channels, (c) => x.q(h, i, c) * x.at("null_k", h, c)) / Math.sqrt(3)),
          value: (h, _i, j, c) => over(width, (m) => e(h, j, m) * x.at("wve", m, c)),
          nullValue: (h, c) => x.at("null_v", h, c),
        },
      ];
    },
  },
};
