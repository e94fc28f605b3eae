/** Sums over pairs that a workgroup shares: in lockstep, forwards and backwards, and on the device, against what they mean. */
import { describe, expect, test } from "vitest";
import type { Cooperation } from "../../compiler/codegen/variants.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { Formula, Setup } from "./pairs.js";
import {
  attention,
  body,
  causal,
  clipped,
  dropped,
  gradients,
  masks,
  meaning,
  plain,
  setup,
} from "./pairs.js";
import type { Case } from "./run.js";
import { backwards, difference, runJavascript, runWgsl } from "./run.js";

const [B, T, S] = [symbol("B"), symbol("T"), symbol("S")];
const ways: readonly Cooperation[] = [
  { how: "split", invocations: 4 },
  { how: "split", invocations: 16 },
  { how: "pairs", tile: { invocations: 4, own: 1, other: 4, keepsOwn: true } },
  { how: "pairs", tile: { invocations: 4, own: 2, other: 8, keepsOwn: false } },
];

function agree(given: Case): void {
  const { expected, bound } = meaning(given);
  for (const cooperation of ways) {
    const shared: Case = { ...given, cooperation };
    const how = JSON.stringify(cooperation);
    const forwards = runJavascript(shared);
    expect(difference(forwards, expected, bound), how).toBeUndefined();
    expect(runJavascript(shared, backwards), `${how} in the other order`).toEqual(forwards);
  }
}

const sizes = [
  [1, 1],
  [1, 15],
  [1, 16],
  [1, 17],
  [1, 67],
  [2, 4],
  [5, 7],
  [3, 9],
  [13, 33],
  [4, 0],
  [0, 3],
] as const;

describe("attention that a workgroup shares", () => {
  test("sizes at the edges of tiles, constant and symbolic", () => {
    for (const [t, s] of sizes) {
      const cases: readonly (readonly [Size, Size])[] = [
        [T, S],
        [t, S],
      ];
      for (const [i, j] of cases) {
        const [l, y] = attention(setup({ ...plain, batch: [B], i, j }));
        agree({ body: body(y, l), lengths: { B: 2, T: t, S: s } });
      }
    }
  });
  test.each(Object.entries(masks))("mask %s", (_, mask) => {
    for (const [t, s] of [
      [9, 11],
      [1, 37],
      [23, 23],
    ] as const) {
      const [l, y] = attention(setup({ ...plain, batch: [1], i: T, j: S }), mask);
      agree({ body: body(y, l), lengths: { T: t, S: s } });
    }
  });
  test("shared keys, two axes of batch, odd channels, another width of values", () => {
    const odd = setup({ ...plain, batch: [2, B], heads: 4, channels: 3, values: 5 });
    agree({ body: body(...attention(odd, causal, clipped)), lengths: { B: 2 } });
    for (const values of [4, 6, 12, 20, 44]) {
      const shared = setup({ ...plain, heads: 4, groups: 2, channels: 4, values, j: 19 });
      agree({ body: body(...attention(shared, causal)) });
    }
  });
  test("the logsumexp alone, dropout that is drawn where it is read", () => {
    const of = setup({ ...plain, i: 9, j: 9 });
    agree({ body: body(attention(of, causal)[0]) });
    agree({ body: body(dropped(of, causal)[1]), scalars: { seed: 7, step: 3 } });
  });
});

const forms: readonly (readonly [number, number, Formula | undefined])[] = [
  [2, 2, undefined],
  [4, 2, causal],
  [3, 1, masks["window"]],
];
describe("gradients that a workgroup shares", () => {
  test.each(forms)("of %i heads and %i of keys", (heads, groups, mask) => {
    for (const t of [1, 9, 19]) {
      const of: Setup = setup({ ...plain, heads, groups, i: T, j: T, values: 4 });
      const { dq, dk, dv, count } = gradients(of, groups, mask);
      agree({ body: body(dq), lengths: { T: t } });
      agree({ body: body(dv, dk), lengths: { T: t } });
      agree({ body: body(count), lengths: { T: t } });
    }
  });
});

// Few texts: a software driver takes seconds for each.
test("on the device", async () => {
  const [l, y] = attention(setup({ ...plain, batch: [B], heads: 4, i: T, j: S }), causal);
  for (const [t, s] of [
    [1, 131],
    [2, 3],
    [4, 0],
  ] as const) {
    const given: Case = {
      body: body(y, l),
      lengths: { B: 2, T: t, S: s },
      cooperation: { how: "split", invocations: 64 },
    };
    const { expected, bound } = meaning(given);
    expect(difference(await runWgsl(given), expected, bound), `${t} × ${s}`).toBeUndefined();
  }
}, 300_000);
