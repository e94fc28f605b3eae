/** Kernels of sums over pairs: what they compute is what their expansions mean, on both devices. */
import { describe, expect, test } from "vitest";
import { symbol } from "../../compiler/ir/shape.js";
import type { Formula } from "./pairs.js";
import {
  attention,
  b,
  body,
  causal,
  clipped,
  dropped,
  formula,
  gradients,
  kept,
  masks,
  meaning,
  number,
  pairwise,
  plain,
  score,
  setup,
} from "./pairs.js";
import type { Case } from "./run.js";
import { difference, runJavascript, runWgsl } from "./run.js";

async function agree(given: Case): Promise<void> {
  const { expected, bound } = meaning(given);
  expect(difference(runJavascript(given), expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const [B, T, S] = [symbol("B"), symbol("T"), symbol("S")];

describe("attention in one pass", () => {
  test("sizes at the edges of tiles, some of them lengths", async () => {
    const of = setup({ ...plain, batch: [B], i: T, j: S });
    const [l, y] = attention(of);
    for (const [t, s] of [
      [1, 1],
      [2, 4],
      [5, 7],
      [3, 9],
      [4, 0],
      [0, 3],
    ] as const)
      await agree({ body: body(y, l), lengths: { B: 2, T: t, S: s } });
  });
  test.each(Object.entries(masks))("mask %s", async (_, mask) => {
    const of = setup({ ...plain, batch: [1], i: 9, j: 11 });
    const [l, y] = attention(of, mask);
    await agree({ body: body(y, l) });
  });
  test("shared keys, two axes of batch, odd channels, another width of values", async () => {
    const of = setup({ ...plain, batch: [2, B], heads: 4, channels: 3, values: 5 });
    const [l, y] = attention(of, causal, clipped);
    await agree({ body: body(y, l), lengths: { B: 2 } });
    const shared = setup({ ...plain, heads: 4, groups: 2, channels: 4, values: 6 });
    const [m, z] = attention(shared, causal);
    await agree({ body: body(z, m) });
  });
  test("the logsumexp alone, and a sum that reads it from memory", async () => {
    const of = setup({ ...plain, i: 7 });
    const [l] = attention(of, causal);
    await agree({ body: body(l) });
    const weight: Formula = (x) => b.exp(b.sub(score(x), x("field0")));
    const own = { formula: formula(weight), valued: true, fields: [kept(of.space, "h", "i")] };
    const stored = b.input("fixed", "fixed.3", of.l.shape, "f32");
    await agree({ body: body(pairwise(of, [of.q, of.k, of.v, stored], own)) });
  });
  test("large scores", async () => {
    const of = setup({ ...plain, i: 6, j: 10 });
    const large: Formula = (x) => b.mul(x("s0"), number(1e4));
    const [l, y] = attention(of, causal, large);
    await agree({ body: body(y, l) });
  });
  test("dropout that is drawn where it is read", async () => {
    const of = setup({ ...plain, i: 9, j: 9 });
    const [, y] = dropped(of, causal);
    await agree({ body: body(y), scalars: { seed: 7, step: 3 } });
  });
});

describe("gradients", () => {
  test.each([
    [2, 2, undefined],
    [4, 2, causal],
    [3, 1, causal],
  ] as const)("of %i heads and %i of keys", async (heads, groups, mask) => {
    const { dq, dk, dv, count } = gradients(
      setup({ ...plain, heads, groups, i: 9, j: T, values: 4 }),
      groups,
      mask,
    );
    await agree({ body: body(dq), lengths: { T: 9 } });
    await agree({ body: body(dv, dk), lengths: { T: 9 } });
    await agree({ body: body(count), lengths: { T: 9 } });
  });
  test("of fields, over the batch", async () => {
    const of = setup({ ...plain, i: 5, j: 6, batch: [B], heads: 3, groups: 3 });
    const { two, given } = gradients(of, 3, causal);
    const batch = { ...given, over: "batch" } as const;
    const heads = pairwise(of, [...two, of.l, of.d], { ...batch, kept: [1, 2, 3] });
    const pairs = pairwise(of, [...two, of.l, of.d], { ...batch, kept: [2, 3] });
    await agree({ body: body(heads), lengths: { B: 3 } });
    await agree({ body: body(pairs), lengths: { B: 3 } });
  });
});
