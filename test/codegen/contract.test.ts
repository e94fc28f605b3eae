import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { Case } from "./run.js";
import { difference, operandsOf, reference, runJavascript, runWgsl, shape } from "./run.js";

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

/** |err| ≤ 16 · 2⁻²⁴ · (|A||B|): the same body over the operands' absolute values is the bound. */
async function agree(given: Case, slack = 0): Promise<void> {
  const expected = reference(given);
  const size = reference({ ...given, operands: operandsOf(given).map((values) => values.map(Math.abs)) });
  const bound = (output: number, n: number): number => 16 * 2 ** -24 * Math.abs(size[output]![n]!) + slack;
  expect(difference(runJavascript(given), expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const [M, N, K] = [symbol("M"), symbol("N"), symbol("K")];

describe("layouts", () => {
  const layouts: readonly (readonly [string, (m: Size, n: Size, k: Size) => readonly [Node, Node]])[] = [
    ["mk,kn>mn", (m, n, k) => [fixed(0, m, k), fixed(1, k, n)]],
    ["mk,nk>mn", (m, n, k) => [fixed(0, m, k), fixed(1, n, k)]],
    ["km,kn>mn", (m, n, k) => [fixed(0, k, m), fixed(1, k, n)]],
    ["km,nk>mn", (m, n, k) => [fixed(0, k, m), fixed(1, n, k)]],
    ["mk,kn>nm", (m, n, k) => [fixed(0, m, k), fixed(1, k, n)]],
  ];
  const cases = layouts.flatMap(([labels, operands]) => [[labels, operands]] as const);
  test.each(cases)("%s, constant sizes at the edges of tiles", async (labels, operands) => {
    for (const [m, n, k] of [
      [7, 9, 8],
      [12, 20, 4],
      [13, 5, 3],
    ] as const)
      await agree({ body: body(contract(...operands(m, n, k), labels)) });
  });
  test("small tiles", async () => {
    for (const [m, n, k] of [
      [1, 1, 1],
      [1, 16, 8],
      [2, 12, 12],
      [16, 3, 8],
    ] as const)
      await agree({ body: body(contract(fixed(0, m, k), fixed(1, k, n), "mk,kn>mn")) });
  });
  test.each(cases)("%s, symbolic sizes", async (labels, operands) => {
    const graph = body(contract(...operands(M, N, K), labels));
    for (const [m, n, k] of [
      [1, 1, 1],
      [7, 9, 8],
      [8, 8, 16],
      [17, 5, 7],
      [0, 3, 4],
      [3, 4, 0],
    ] as const)
      await agree({ body: graph, lengths: { M: m, N: n, K: k } });
  });
  test.each(cases)("%s, symbolic rows", async (labels, operands) => {
    await agree({ body: body(contract(...operands(M, 12, 8), labels)), lengths: { M: 11 } });
    await agree({ body: body(contract(...operands(12, 8, K), labels)), lengths: { K: 11 } });
  });
});

describe("labels", () => {
  const [B, T] = [symbol("B"), symbol("T")];
  test("a linear layer, its input gradient and its weight gradient", async () => {
    const lengths = { B: 2, T: 5 };
    await agree({ body: body(contract(fixed(0, B, T, 8), fixed(1, 8, 12), "btd,dn>btn")), lengths });
    await agree({ body: body(contract(fixed(0, B, T, 12), fixed(1, 8, 12), "btn,dn>btd")), lengths });
    await agree({ body: body(contract(fixed(0, B, T, 8), fixed(1, B, T, 12), "btd,btn>dn")), lengths });
  });

  test("batches, heads, and the shapes of attention", async () => {
    const lengths = { B: 2, T: 5 };
    await agree({
      body: body(contract(fixed(0, B, 2, T, 4), fixed(1, B, 2, T, 4), "bhic,bhjc>bhij")),
      lengths: { B: 2, T: 5 },
    });
    const scores = {
      body: body(contract(fixed(0, B, 2, T, T), fixed(1, B, 2, T, 4), "bhij,bhjc>bhic")),
      lengths,
    };
    await agree(scores);
    await agree({
      body: body(contract(fixed(0, B, 2, T, T), fixed(1, B, 2, T, 4), "bhij,bhic>bhjc")),
      lengths,
    });
    await agree({
      body: body(contract(fixed(0, B, T, 2, 4), fixed(1, B, T, 2, 4), "bihc,bjhc>bhij")),
      lengths,
    });
  });

  test("two summed labels that are no neighbours, an outer product, a dot product", async () => {
    await agree({ body: body(contract(fixed(0, 3, 5, 4), fixed(1, 4, 6, 3), "akc,cna>kn")) });
    await agree({ body: body(contract(fixed(0, 5), fixed(1, 12), "m,n>mn")) });
    await agree({ body: body(contract(fixed(0, 13), fixed(1, 13), "k,k>")) });
    await agree({ body: body(contract(fixed(0, 6, 3), fixed(1, 6, 3), "bk,bk>b")) });
  });
});

describe("around a contraction", () => {
  test("views below it", async () => {
    const [B, T] = [symbol("B"), symbol("T")];
    const heads = b.transpose(b.reshape(fixed(0, B, T, 8), shape(B, T, 2, 4)), [0, 2, 1, 3]);
    const shared = b.broadcastTo(fixed(1, B, T, 4), shape(B, 2, T, 4), [0, -1, 1, 2]);
    await agree({ body: body(contract(heads, shared, "bhic,bhjc>bhij")), lengths: { B: 2, T: 5 } });
    const grouped = b.reshape(
      b.broadcastTo(fixed(1, B, 2, T, 4), shape(B, 2, 3, T, 4), [0, 1, -1, 2, 3]),
      shape(B, 6, T, 4),
    );
    await agree({
      body: body(contract(fixed(0, B, 6, T, 4), grouped, "bhic,bhjc>bhij")),
      lengths: { B: 2, T: 5 },
    });
  });

  test("a map and a gather below it", async () => {
    const table = fixed(0, 5, 8);
    const ids = b.input("fixed", "fixed.1", shape(M), "i32");
    const rows = b.gather(table, ids, 0);
    const given = { lengths: { M: 4 }, operands: [undefined, [4, 0, 7, 1], undefined] };
    await agree({ ...given, body: body(contract(b.abs(rows), fixed(2, 8, 12), "mk,kn>mn")) });
  });

  test.each([8, 12, 5])("bias, activation, residual and several outputs over %i columns", async (n) => {
    const product = contract(fixed(0, M, 8), fixed(1, 8, n), "mk,kn>mn");
    const before = b.add(product, b.broadcastTo(fixed(2, n), product.shape, [-1, 0]));
    const after = b.add(b.mul(before, b.sigmoid(before)), fixed(3, M, n));
    await agree({ body: body(after, before), lengths: { M: 9 } }, 2e-6);
    await agree({ body: body(after), lengths: { M: 9 }, aliases: new Map([[0, 3]]) }, 2e-6);
    expect(() =>
      runJavascript({ body: body(product), lengths: { M: 8 }, aliases: new Map([[0, 0]]) }),
    ).toThrow("internal:");
  });

  test("a mask by positions", async () => {
    const scores = contract(fixed(0, M, 4), fixed(1, N, 4), "ik,jk>ij");
    const causal = b.le(b.iota(scores.shape, 1), b.iota(scores.shape, 0));
    await agree({
      body: body(b.select(causal, scores, b.full(-1e9, scores.shape, "f32"))),
      lengths: { M: 9, N: 9 },
    });
  });

  test("stacked operands and results", async () => {
    const product = contract(fixed(0, 3, 5), fixed(1, 5, 6), "mk,kn>mn");
    await agree({ body: body(product), stackedReads: [0, 1], stackedWrites: [0] });
  });
});

describe("scatter_add", () => {
  test.each([1, 3, 8])("adds rows of %i to the ids' places", async (d) => {
    const ids = b.input("fixed", "fixed.0", shape(2, 3), "i32");
    const scatter = (updates: Node, axis: number, of: Node): Node =>
      b.scatterAdd(of, updates, { axis, size: 5, name: "vocab" });
    const operands = [[0, 4, 2, 4, 9, -1]];
    await agree({ body: body(scatter(fixed(1, 2, 3, d), 0, ids)), operands });
    await agree({ body: body(scatter(b.abs(fixed(1, 2, 3, d)), 0, ids)), operands });
    const line = b.input("fixed", "fixed.0", shape(M), "i32");
    await agree({
      body: body(scatter(fixed(1, 2, M, d), 1, line)),
      operands: [[1, 1, 3]],
      lengths: { M: 3 },
    });
    await agree({ body: body(scatter(fixed(1, M, d), 0, line)), operands: [[]], lengths: { M: 0 } });
  });
});
