/** Sums over pairs that a workgroup shares: in lockstep, forwards and backwards, and on the device, against what they mean. */
import { describe, expect, test } from "vitest";
import { printJavascript } from "../../compiler/codegen/javascript.js";
import { workgroupBytes } from "../../compiler/codegen/lockstep.js";
import { cooperations, lower } from "../../compiler/codegen/lower.js";
import type { Cooperation } from "../../compiler/codegen/variants.js";
import { canBeMet } from "../../compiler/codegen/variants.js";
import type { Graph } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { sizeText, symbol } from "../../compiler/ir/shape.js";
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
import type { Case, Words } from "./run.js";
import {
  backwards,
  callScalars,
  difference,
  fixedInputs,
  hostExtent,
  prepare,
  runJavascript,
  runWgsl,
} from "./run.js";

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

const lengths = { B: 2, T: 8192, S: 8192 };
const chosen = (graph: Graph): readonly (readonly [string, readonly string[]])[] =>
  cooperations(graph, []).map(({ cooperation, when }) => [
    JSON.stringify(cooperation),
    when.map(({ size, from, below }) => `${from} ≤ ${sizeText(size)}${below === null ? "" : ` < ${below}`}`),
  ]);

describe("what is chosen", () => {
  const wide = (channels: number, i: Size = T, j: Size = S) =>
    setup({ ...plain, batch: [B], heads: 12, groups: 12, i, j, channels, values: channels });
  test("lanes for few rows, tiles by channels for many", () => {
    const split = ['{"how":"split","invocations":64}', ["0 ≤ 12*B*T < 1025", "64 ≤ S"]] as const;
    const tile = (own: number, other: number, keepsOwn: boolean) =>
      [
        JSON.stringify({ how: "pairs", tile: { invocations: 64, own, other, keepsOwn } }),
        ["64 ≤ T", "32 ≤ S"],
      ] as const;
    const forward = (channels: number) => body(...attention(wide(channels), causal));
    expect(chosen(forward(32))).toEqual([split, tile(2, 32, true)]);
    expect(chosen(forward(64))).toEqual([split, tile(1, 16, true)]);
    expect(chosen(forward(128))).toEqual([split, tile(1, 8, true)]);
    expect(chosen(forward(256))).toEqual([split, tile(1, 4, false)]);
    const { dq } = gradients(wide(64, T, T), 12, causal);
    expect(chosen(body(dq)).at(-1)).toEqual([tile(1, 16, true)[0], ["64 ≤ T", "32 ≤ T"]]);
  });
  test("nothing for sizes that are known to be small, or lengths that cannot be long", () => {
    expect(chosen(body(...attention(wide(64, 20, 20), causal)))).toEqual([]);
    expect(chosen(body(...attention(wide(64, 1, 4096), causal)))).toEqual([
      ['{"how":"split","invocations":64}', ["0 ≤ 12*B < 1025"]],
    ]);
    const [split, tile] = cooperations(body(...attention(wide(64), causal)), []);
    const of = (maxima: typeof lengths) => [split!, tile!].map((variant) => canBeMet(variant, maxima));
    expect(of(lengths)).toEqual([true, true]);
    expect(of({ B: 64, T: 48, S: 8192 })).toEqual([true, false]);
    expect(of({ B: 64, T: 48, S: 48 })).toEqual([false, false]);
  });
  test("all of them fit what every device has", () => {
    for (const channels of [3, 8, 64, 96, 128, 256]) {
      const of = wide(channels);
      const { dq, dk, dv } = gradients(of, 12, causal);
      for (const graph of [body(...attention(of, causal)), body(dq), body(dk, dv)])
        for (const { cooperation } of cooperations(graph, [])) {
          const reads = fixedInputs(graph).map(() => ({ stacked: false }));
          const kernel = lower(graph, reads, [], { cooperation });
          expect(workgroupBytes(kernel), `${channels}`).toBeLessThanOrEqual(16384);
          expect(kernel.workgroup[0]).toBeLessThanOrEqual(256);
        }
    }
  });
});

/** How often elements of each operand are read. */
function readsOf(given: Case): readonly number[] {
  const { kernel, buffers } = prepare(given);
  const { code, extents, grid } = printJavascript(kernel, callScalars);
  const run = new Function(`return ${code};`)() as (...x: unknown[]) => void;
  const counts = buffers.map(() => 0);
  const counting = buffers.map((words, n) => {
    const get = (of: Words, key: string): unknown => {
      counts[n]!++;
      return Reflect.get(of, key);
    };
    return new Proxy(words, {
      get: (of, key) => get(of, String(key)),
      set: (of, key, x) => Reflect.set(of, key, x),
    });
  });
  const lengths = given.lengths ?? {};
  const sizes = Int32Array.from([...extents.map((x) => hostExtent(x, lengths)), 0]);
  const count = grid.reduce<number>((product, x) => product * hostExtent(x, lengths), 1);
  run(sizes, {}, counting, 0, count);
  return counts;
}

describe("what is read of 64 queries, 64 keys and their values, of 8 channels each", () => {
  const of = setup({ ...plain, batch: [1], heads: 1, groups: 1, i: T, j: S });
  const graph = body(...attention(of));
  const [all, pairs] = [64 * 8, 64 * 64 * 8];
  test.each<readonly [string, Cooperation | undefined, readonly [number, number, number]]>([
    ["barrier-free", undefined, [pairs / 4, pairs / 2, pairs / 2]],
    ["lanes of a query", { how: "split", invocations: 16 }, [pairs / 4, pairs, pairs]],
    [
      "16 × 2 queries that share keys, keeping theirs",
      { how: "pairs", tile: { invocations: 16, own: 2, other: 8, keepsOwn: true } },
      [all, pairs / 32, pairs / 32],
    ],
    [
      "16 queries that share keys",
      { how: "pairs", tile: { invocations: 16, own: 1, other: 8, keepsOwn: false } },
      [pairs / 4, pairs / 16, pairs / 16],
    ],
  ])("%s", (_, cooperation, reads) => {
    const given: Case = { body: graph, lengths: { T: 64, S: 64 }, cooperation };
    expect(readsOf(given).slice(0, 3)).toEqual(reads);
  });
});

// Few texts: a software driver takes seconds for each.
test("on the device", async () => {
  const of = setup({ ...plain, batch: [B], heads: 4, i: T, j: S });
  const mixed = body(...attention(of, causal));
  const { dk, dv } = gradients(setup({ ...plain, heads: 2, groups: 1, i: T, j: S }), 1, causal);
  const split: Cooperation = { how: "split", invocations: 64 };
  const tile = { invocations: 64, own: 2, other: 16, keepsOwn: true };
  const cases: readonly (readonly [Graph, Cooperation, number, number])[] = [
    [mixed, split, 1, 131],
    [mixed, split, 2, 3],
    [mixed, split, 4, 0],
    [mixed, { how: "pairs", tile }, 131, 37],
    [mixed, { how: "pairs", tile }, 3, 0],
    [body(dk, dv), { how: "pairs", tile: { ...tile, own: 1, keepsOwn: false } }, 67, 65],
  ];
  for (const [graph, cooperation, t, s] of cases) {
    const given: Case = { body: graph, lengths: { B: 2, T: t, S: s }, cooperation };
    const { expected, bound } = meaning(given);
    expect(
      difference(await runWgsl(given), expected, bound),
      `${cooperation.how} ${t} × ${s}`,
    ).toBeUndefined();
  }
}, 300_000);
