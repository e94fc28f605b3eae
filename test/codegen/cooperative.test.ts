/** Cooperative kernels: in lockstep in JavaScript, forwards and backwards, and on the device, against the interpreter. */
import { describe, expect, test } from "vitest";
import { arraysOf } from "../../compiler/codegen/lockstep.js";
import { tileSizes } from "../../compiler/codegen/variants.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { Case } from "./run.js";
import {
  backwards,
  difference,
  operandsOf,
  prepare,
  reference,
  runJavascript,
  runWgsl,
  shape,
} from "./run.js";

const b = createBuilder();
const fixed = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "f32");
const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});
const letters = (text: string): readonly string[] => [...text];
const contract = (x: Node, y: Node, labels: string): Node => {
  const [a, rest] = labels.split(",") as [string, string];
  const [c, out] = rest.split(">") as [string, string];
  return b.contract(x, y, { a: letters(a), b: letters(c), out: letters(out) });
};
const [M, N, K] = [symbol("M"), symbol("N"), symbol("K")];

/** |err| ≤ 16 · 2⁻²⁴ · (|A||B|): the same body over the operands' absolute values is the bound. */
function boundOf(given: Case, slack: number): (output: number, n: number) => number {
  const size = reference({ ...given, operands: operandsOf(given).map((values) => values.map(Math.abs)) });
  return (output, n) => 16 * 2 ** -24 * Math.abs(size[output]![n]!) + slack;
}

function agree(given: Case, slack = 0): void {
  const expected = reference(given);
  const bound = boundOf(given, slack);
  const forwards = runJavascript(given);
  expect(difference(forwards, expected, bound), "JavaScript").toBeUndefined();
  expect(runJavascript(given, backwards), "in the other order").toEqual(forwards);
  const plain = runJavascript({ ...given, cooperation: undefined });
  expect(difference(forwards, plain, bound), "against the barrier-free kernel").toBeUndefined();
}

async function agreeOnDevice(given: Case, slack = 0): Promise<void> {
  const bound = boundOf(given, slack);
  expect(difference(await runWgsl(given), reference(given), bound), "WGSL").toBeUndefined();
}

const layouts: readonly (readonly [string, (m: Size, n: Size, k: Size) => readonly [Node, Node]])[] = [
  ["mk,kn>mn", (m, n, k) => [fixed(0, m, k), fixed(1, k, n)]],
  ["mk,nk>mn", (m, n, k) => [fixed(0, m, k), fixed(1, n, k)]],
  ["km,kn>mn", (m, n, k) => [fixed(0, k, m), fixed(1, k, n)]],
  ["km,nk>mn", (m, n, k) => [fixed(0, k, m), fixed(1, n, k)]],
  ["mk,kn>nm", (m, n, k) => [fixed(0, m, k), fixed(1, k, n)]],
];
/** As the real tiles, in few numbers: an interpreter and a lockstep run all of them. */
const tiny = { how: "tile", sizes: { m: 8, n: 8, k: 4, rows: 4 } } as const;
const tinyWide = { how: "tile", sizes: { m: 8, n: 16, k: 8, rows: 8 } } as const;
const lanes = { how: "lanes" } as const;
const inSubgroups = { how: "lanes", subgroups: true } as const;
const sharing = [tiny, tinyWide, lanes];
const around = [
  [1, 1, 1],
  [7, 7, 3],
  [8, 8, 4],
  [9, 9, 5],
  [12, 20, 16],
  [13, 17, 11],
  [16, 32, 8],
] as const;

describe("contractions that a workgroup shares", () => {
  test.each(layouts)("%s at sizes around a tile, constant and symbolic", (labels, operands) => {
    for (const cooperation of sharing)
      for (const [m, n, k] of around) {
        agree({ body: body(contract(...operands(m, n, k), labels)), cooperation });
        agree({
          body: body(contract(...operands(M, N, K), labels)),
          lengths: { M: m, N: n, K: k },
          cooperation,
        });
        agree({ body: body(contract(...operands(M, n, k), labels)), lengths: { M: m }, cooperation });
      }
  });

  test.each([4, 32, 48, 128])("lanes in subgroups of %i", (subgroup) => {
    const [, operands] = layouts[1]!;
    const batched = contract(fixed(0, 3, M, 12), fixed(1, 3, 20, 12), "bmk,bnk>bmn");
    agree({ body: body(batched), lengths: { M: 5 }, cooperation: inSubgroups, subgroup });
    for (const [m, n, k] of around) {
      const graph = body(contract(...operands(M, n, K), "mk,nk>mn"));
      agree({ body: graph, lengths: { M: m, K: k }, cooperation: inSubgroups, subgroup });
    }
  });

  test.each(layouts)("%s of nothing", (labels, operands) => {
    const graph = body(contract(...operands(M, N, K), labels));
    for (const cooperation of sharing) {
      agree({ body: graph, lengths: { M: 0, N: 3, K: 4 }, cooperation });
      agree({ body: graph, lengths: { M: 3, N: 4, K: 0 }, cooperation });
    }
  });

  test("batches, several labels a side, loops around the innermost", () => {
    const [B, T] = [symbol("B"), symbol("T")];
    const lengths = { B: 3, T: 5 };
    for (const cooperation of sharing) {
      const linear = contract(fixed(0, B, T, 12), fixed(1, 12, 20), "btd,dn>btn");
      agree({ body: body(linear), lengths, cooperation });
      agree({
        body: body(contract(fixed(0, B, T, 12), fixed(1, B, T, 20), "btd,btn>dn")),
        lengths,
        cooperation,
      });
      agree({
        body: body(contract(fixed(0, B, T, 20), fixed(1, 12, 20), "btn,dn>btd")),
        lengths,
        cooperation,
      });
      const scores = contract(fixed(0, B, T, 2, 8), fixed(1, B, T, 2, 8), "bihd,bjhd>bhij");
      agree({ body: body(scores), lengths, cooperation });
      agree({
        body: body(contract(fixed(0, B, 4, T), fixed(1, T, 4, 8), "bkt,tkn>bn")),
        lengths,
        cooperation,
      });
      agree({ body: body(contract(fixed(0, K), fixed(1, K, 8), "k,kn>n")), lengths: { K: 19 }, cooperation });
    }
  });

  test("what feeds it and what follows it, in place of what it adds to, over stacks", () => {
    for (const cooperation of sharing) {
      const x = b.mul(fixed(0, M, 12), b.broadcastTo(fixed(2, 12), shape(M, 12), [-1, 0]));
      const sum = contract(x, fixed(1, 12, 20), "mk,kn>mn");
      const bias = b.broadcastTo(fixed(3, 20), sum.shape, [-1, 0]);
      const after = b.add(b.tanh(b.add(sum, bias)), fixed(4, M, 20));
      agree({ body: body(after), lengths: { M: 11 }, aliases: new Map([[0, 4]]), cooperation }, 1e-5);
      const turns = contract(fixed(0, 3, 5, 6), fixed(1, 3, 6, 5), "bmk,bkn>bmn");
      agree({ body: body(turns), stackedReads: [0, 1], stackedWrites: [0], cooperation });
    }
  });

  test("the real tiles fit what every device has", () => {
    for (const sizes of Object.values(tileSizes)) {
      const graph = body(contract(fixed(0, M, 32), fixed(1, 32, 136), "mk,kn>mn"));
      const given: Case = { body: graph, lengths: { M: 65 }, cooperation: { how: "tile", sizes } };
      agree(given);
      const { kernel } = prepare(given);
      const bytes = arraysOf(kernel.body).reduce((sum, { length }) => sum + 16 * length, 0);
      expect(kernel.workgroup[0]).toBeLessThanOrEqual(256);
      expect(bytes).toBeLessThanOrEqual(16384);
    }
  });

  // Few shapes: a software driver takes seconds for each text that it sees for the first time.
  test("on the device", async () => {
    const square = { how: "tile", sizes: tileSizes.square } as const;
    const graph = body(contract(fixed(0, M, K), fixed(1, K, N), "mk,kn>mn"));
    for (const [m, n, k] of [
      [1, 1, 1],
      [63, 65, 15],
      [64, 64, 16],
      [67, 71, 37],
      [0, 4, 4],
      [3, 5, 0],
    ] as const)
      await agreeOnDevice({ body: graph, lengths: { M: m, N: n, K: k }, cooperation: square });
    const wide = { how: "tile", sizes: tileSizes.wide } as const;
    const bias = b.broadcastTo(fixed(2, 136), shape(M, 136), [-1, 0]);
    const linear = b.tanh(b.add(contract(fixed(0, M, 32), fixed(1, 136, 32), "mk,nk>mn"), bias));
    await agreeOnDevice({ body: body(linear), lengths: { M: 65 }, cooperation: wide }, 1e-5);
    const logits = contract(fixed(0, M, 64), fixed(1, 50, 64), "mk,nk>mn");
    for (const m of [0, 1, 3, 5])
      for (const cooperation of [lanes, inSubgroups])
        await agreeOnDevice({ body: body(logits), lengths: { M: m }, cooperation });
  }, 300_000);
});
