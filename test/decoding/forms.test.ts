/** Steps of models that are written out: nothing is known of them but their formulas. */
import { expect, test } from "vitest";
import { decoderOf, expectSteps } from "./support.js";

/** A model of one stream whose `body` turns x[t, d] into y. */
const model = (body: string, more = ""): string => `
${more}
model m(vocab = 7, context = 12, d = 6) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  ${body}
  output logits = unembed(y, wte.table)
  loss cross_entropy(logits, next(tokens))
}`;

const projections = `
  param wq[d, d], wk[d, d], wv[d, d] ~ normal(0.3)
  q[i, c] = x[i, m] * wq[m, c]
  k[j, c] = x[j, m] * wk[m, c]
  v[j, c] = x[j, m] * wv[m, c]
  s[i, j] = q[i, c] * k[j, c]`;

const blocks = `
# Weights that fall with the distance.
block retention(x[t, d], gamma = 0.8) {
  ${projections}
  w[i < t, j < t] = if j <= i then gamma ^ (i - j) else 0
  y[i, c] = s[i, j] * w[i, j] * v[j, c]
  return y
}
block looks(x[t, d], memory[s, d]) {
  param wq[d, d], wk[d, d], wv[d, d] ~ normal(0.3)
  q[i, c] = x[i, m] * wq[m, c]
  k[j, c] = memory[j, m] * wk[m, c]
  v[j, c] = memory[j, m] * wv[m, c]
  r[i, j] = q[i, c] * k[j, c]
  p[i, j] = softmax[j](r[i, j] where j <= i)
  y[i, c] = p[i, j] * v[j, c]
  return y
}
# Queries of one's own, keys and values of all layers together.
block reads(x[t, d], k[s, e], v[s, e]) {
  param wq[d, e], wo[e, d] ~ normal(0.3)
  q[i, c] = x[i, m] * wq[m, c]
  r[i, j] = q[i, c] * k[j, c]
  p[i, j] = softmax[j](r[i, j] where j <= i)
  y[i, n] = p[i, j] * v[j, c] * wo[c, n]
  return y
}`;

test.each<[string, string, readonly string[]]>([
  [
    "attention by its formula",
    `${projections}\n p[i, j] = softmax[j](s[i, j] where not (i < j))\n y[i, c] = p[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  [
    "earlier positions only",
    `${projections}\n p[i, j] = softmax[j](s[i, j] where j < i)\n y[i, c] = x[i, c] + p[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  [
    "a sum and its share",
    `${projections}\n w[i, j] = if j <= i then exp(0.1 * s[i, j]) else 0\n z[i] = sum[j](w[i, j])\n u[i, c] = w[i, j] * v[j, c]\n y[i, c] = u[i, c] / z[i]`,
    ["k", "v"],
  ],
  ["retention", "y = retention(x)", ["retention.k", "retention.v"]],
  [
    "retention, weights of both signs",
    "y = retention(x, 0.5) - retention(x, 0.9)",
    ["retention.k", "retention.v", "retention_2.k", "retention_2.v"],
  ],
  [
    "a truth value as a factor",
    `${projections}\n seen[i < t, j < t] = if j <= i then 1 else 0\n y[i, c] = seen[i, j] * s[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  [
    "factors that are not finite",
    `${projections}\n seen[i < t, j < t] = if j <= i then 1 else 0\n w[i, j] = seen[i, j] / s[i, j]\n y[i, c] = w[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  ["the largest so far", "y[i < t, c] = max[j](x[j, c] where j <= i)", ["wte"]],
  ["the least of what came before", "y[i < t, c] = min[j](x[j, c] where j < i) + x[i, c]", ["wte"]],
  ["the mean so far", "y[i < t, c] = mean[j](x[j, c] where j <= i)", ["wte"]],
  [
    "the mean by a division",
    "u[i < t, c] = sum[j](x[j, c] where j <= i)\n y[i, c] = u[i, c] / (i + 1)",
    ["wte"],
  ],
  ["log sum exp so far", "y[i < t, c] = logsumexp[j](x[j, c] where j <= i)", ["wte"]],
  [
    "two sums, one in the other",
    "u[i < t, c] = sum[j](x[j, c] where j <= i)\n y[i < t, c] = sum[j](tanh(u[j, c]) where j <= i)",
    ["wte", "wte_2"],
  ],
  [
    "two masks in one product",
    "param a[context, context] ~ normal(0.3)\n low[i < t, j < t] = if j <= i then a[i, j] else 0\n y[i, c] = low[i, j] * low[j, k] * x[k, c]",
    ["wte"],
  ],
  [
    "a null position before the first",
    "param null[1, d] ~ normal(1)\n z = concat(null, x)\n s[i < t, j < t + 1] = x[i, c] * z[j, c]\n p[i, j] = softmax[j](s[i, j] where j <= i + 1)\n y[i, c] = p[i, j] * z[j, c]",
    ["wte"],
  ],
  ["running sums", "y[i, c] = cumsum[i](x[i, c])", ["wte"]],
  [
    "running sums of running sums in layers",
    "repeat 3 { u[i, c] = cumsum[i](tanh(x[i, c]))\n z[i, c] = cumsum[i](u[i, c])\n x = tanh(z) }\n y = x",
    ["kept.value", "kept.value_2"],
  ],
  ["the first position", "y[i, c] = x[i, c] + x[0, c]", ["wte"]],
  [
    "blocks of 3 and what is before",
    `${projections}\n p[i, j] = softmax[j](s[i, j] where j // 3 == i // 3 and j <= i)\n y[i, c] = p[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  [
    "every other position",
    `${projections}\n p[i, j] = softmax[j](s[i, j] where j <= i and (i - j) % 2 == 0)\n y[i, c] = p[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  [
    "either of two masks",
    `${projections}\n p[i, j] = softmax[j](s[i, j] where j <= i and i - j < 2 or j <= i and j == 0)\n y[i, c] = p[i, j] * v[j, c]`,
    ["k", "v"],
  ],
  ["hidden states as memory", "y = looks(x + 1, tanh(x))", ["looks.k", "looks.v"]],
  [
    "keys and values for all layers",
    "param wk[d, 4], wv[d, 4] ~ normal(0.3)\n k[j, c] = x[j, m] * wk[m, c]\n v[j, c] = x[j, m] * wv[m, c]\n repeat 3 { x = x + reads(x, k, v) }\n y = x",
    ["wk".slice(1), "v"],
  ],
  [
    "layers of two kinds",
    "repeat 5 as l { if l < 3 { x = x + retention(x) } else { x = x + looks(x, x) } }\n y = x",
    ["repeat.*@0.retention.k", "repeat.*@0.retention.v", "repeat.*@3.looks.k", "repeat.*@3.looks.v"],
  ],
  [
    "a repeat in a repeat",
    "repeat 2 { repeat 2 { x = tanh(x) + 0.1 * x }\n x = x + retention(x) }\n y = x",
    ["repeat.*.retention.k", "repeat.*.retention.v"],
  ],
  [
    "what the last layer sees of all before",
    "repeat 2 { x = x + retention(x) }\n y = looks(x, x)",
    ["repeat.*.retention.k", "repeat.*.retention.v", "looks.k", "looks.v"],
  ],
  [
    "hard attention",
    "q[h < 1, i, c] = x[i, c]\n z = mix(q, q, q, mask: causal, weight: hard(k: 2))\n y[i, c] = z[0, i, c]",
    ["wte"],
  ],
  [
    "a null key",
    "q[h < 1, i, c] = x[i, c]\n z = mix(q, q, q, mask: causal, weight: softmax1)\n y[i, c] = z[0, i, c]",
    ["wte"],
  ],
  [
    "shares of products",
    "q[h < 1, i, c] = exp(x[i, c])\n z = mix(q, q, q, mask: causal, weight: l1)\n y[i, c] = z[0, i, c]",
    ["wte"],
  ],
])("%s", (_, body, caches) => {
  const decoder = decoderOf(model(body, blocks));
  expect(decoder.graphs.caches.map(({ name }) => name)).toEqual(caches);
  expectSteps(decoder, 5, 12);
});

test.each<[string, string, number, readonly number[]]>([
  ["the position before", "y[i, c] = x[i, c] + (if i > 0 then x[i - 1, c] else 0)", 2, [3]],
  [
    "the third before, and its square",
    "y[i, c] = if i > 2 then x[i - 3, c] * x[i - 3, c] else x[i, c]",
    3,
    [6],
  ],
  [
    "three shifts in a row",
    "a[i, c] = tanh(x[i, c]) + (if i > 0 then x[i - 1, c] else 1)\n b[i, c] = sigmoid(a[i, c]) + (if i > 1 then a[i - 2, c] else 1)\n y[i, c] = b[i, c] + (if i > 0 then b[i - 1, c] else 1)",
    2,
    [3, 4, 3],
  ],
  ["a causal convolution", "y = conv1d(x, d, width: 3, causal: true)", 2, [4]],
  [
    "one in groups, one by channels",
    "z = conv1d(x, d, width: 2, groups: 2, dilation: 3, causal: true)\n y = depthwise_conv1d(z, width: 4, causal: true)",
    3,
    [6, 6],
  ],
  ["a padded shift", "z = pad(x, 1, 0)\n y[i < t, c] = x[i, c] + z[i, c]", 2, [3]],
  ["a window of sums", "y[i < t, c] = sum[j](x[j, c] where j <= i and i - j < 3)", 2, [4]],
  ["a window in a layer", "repeat 3 { x = x + mixed(x) }\n y = x", 2, [5, 5]],
  [
    "a window and all",
    "p[i < t, c] = sum[j](x[j, c] where j <= i and i - j < 3)\n y[i, c] = p[i, c] + sum[j](x[j, c] where j <= i)",
    2,
    [0],
  ],
  [
    "two windows on one cache",
    "p[i < t, c] = sum[j](x[j, c] where j <= i and i - j < 3)\n y[i, c] = p[i, c] + sum[j](x[j, c] where j <= i and i - j < 5)",
    2,
    [6],
  ],
  ["blocks of 3", "y[i < t, c] = sum[j](x[j, c] where j // 3 == i // 3 and j <= i)", 2, [4]],
])("a ring: %s", (_, body, chunk, rings) => {
  const mixed = `
block mixed(x[t, d]) {
  param wk[d, d], wv[d, d] ~ normal(0.3)
  k[j, c] = x[j, m] * wk[m, c]
  v[j, c] = x[j, m] * wv[m, c]
  s[i, j] = x[i, c] * k[j, c]
  p[i, j] = softmax[j](s[i, j] where j <= i and i < j + 4)
  y[i, c] = p[i, j] * v[j, c]
  return y
}`;
  const decoder = decoderOf(model(body, mixed), chunk);
  const sizes = decoder.graphs.caches.map(({ kind, shape }) =>
    kind === "ring" ? shape.find(({ name }) => name === "t")?.size : 0,
  );
  expect(sizes).toEqual(rings);
  expectSteps(decoder, 4, 12);
});

test("another output and another input of the same length", () => {
  const text = `model m(vocab = 7, context = 9, d = 4) {
  input tokens[t <= context] : int(vocab)
  input weight[t] : real
  use wte = embedding(vocab, d)
  x[i, c] = wte(tokens)[i, c] * weight[i]
  y[i < t, c] = sum[j](x[j, c] where j <= i)
  output logits = unembed(y, wte.table)
  output hidden = y
  output all = sum[i](y[i, 0])
  loss cross_entropy(logits, next(tokens))
}`;
  const decoder = decoderOf(text);
  expect(decoder.graphs.step.outputs.map(({ name }) => name)).toEqual(["logits", "hidden", "cache.wte"]);
  expectSteps(decoder);
});
