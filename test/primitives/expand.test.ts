/** The primitives of the language through expansion, the formatter and JSON: every form builds to the same. */
import { expect, test } from "vitest";
import { formatModel } from "../../compiler/parser/format.js";
import { formatJson } from "../../compiler/parser/format-json.js";
import { readJson } from "../../compiler/parser/read-json.js";
import { read } from "../build/support.js";
import { checkLevels } from "../expand/same.js";
import { bare } from "../parser/trees.js";

const text = `model m(d = 8, width = 3, top = 2) {
  input tokens[t <= 12] : int(16)
  input image[8, 8, 2] : real
  use wte = embedding(16, d)
  param cls[1, d] ~ normal(0.02)
  table omega[4, d](r, c) = gaussian(draw(7, r, c), draw(8, r, c))
  x = concat(cls, wte(tokens), axis: 0)
  x = x + conv1d(x, d, width, dilation: 2, causal: true) + depthwise_conv1d(x, width)
  x = x + dynamic_conv(x, width, 2) + separable_conv1d(x, d, width) + conv1d(x, d, width, groups: 2)
  s[i, r] = x[i, c] * omega[r, c]
  best[i, r] = if rank[r](s[i, r]) < top then sort[r](s[i, r]) else cumsum[r](s[i, r])
  hard[i, r] = straight_through(clip(round(best[i, r]), -1, 1), best[i, r])
  y[i < t, c] = x[i + 1, c] + hard[i + 1, r] * omega[r, c]
  stem = conv2d(image, d, 3, stride: 2)
  z[c] = sum[i, j](stem[i, j, c])
  output z = z
  output logits = unembed(y, wte.table)
  loss cross_entropy(logits, next(tokens))
}`;

test("expansion", () => {
  expect(checkLevels(text).length).toBeGreaterThan(0);
});

test("the formatter and JSON", () => {
  const model = read(text);
  expect(bare(read(formatModel(model)))).toEqual(bare(model));
  const { model: back, diagnostics } = readJson(formatJson(model), "m.json");
  expect(diagnostics).toEqual([]);
  expect(bare(back)).toEqual(bare(model));
});
