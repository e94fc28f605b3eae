/** Kernels of sums over pairs: what they compute is what their expansions mean, on both devices. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import type { Axis, DType, Shape, Size } from "../../compiler/ir/shape.js";

import { symbol } from "../../compiler/ir/shape.js";
import type { Case } from "./run.js";
import { difference, reference, runJavascript, runWgsl } from "./run.js";

const b = createBuilder();
type Formula = (argument: (name: string, dtype?: DType) => Node) => Node;
const number = (value: number, dtype: DType = "f32"): Node => b.const(value, dtype);
const formula = (make: Formula): Graph => ({
  name: "formula",
  outputs: [
    {
      name: "y",
      node: make((name, dtype = name.length > 1 ? "f32" : "i32") => b.input("fixed", name, [], dtype)),
    },
  ],
});
const axis = (name: string, size: Size): Axis => ({ name, size });

/** Attention of q [b, h, i, c], k and v [b, g, j, c]. */
interface Sizes {
  readonly batch: readonly Size[];
  readonly heads: number;
  readonly groups: number;
  readonly i: Size;
  readonly j: Size;
  readonly channels: number;
  readonly values: number;
}
const plain: Sizes = { batch: [2], heads: 2, groups: 2, i: 5, j: 7, channels: 8, values: 8 };

interface Setup {
  readonly space: Shape;
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly dy: Node;
  readonly l: Node;
  readonly d: Node;
}

function setup({ batch, heads, groups, i, j, channels, values }: Sizes): Setup {
  const lead = batch.map((size, n) => axis(`b${n}`, size));
  const of = (n: number, ...sizes: readonly Size[]): Node =>
    b.input("fixed", `fixed.${n}`, [...lead, ...sizes.map((size, m) => axis(`x${m}`, size))], "f32");
  return {
    space: [...lead, axis("h", heads), axis("i", i), axis("j", j)],
    q: of(0, heads, i, channels),
    k: of(1, groups, j, channels),
    v: of(2, groups, j, values),
    dy: of(3, heads, i, values),
    l: of(4, heads, i),
    d: of(5, heads, i),
  };
}

type Attributes = NodeOf<"pairwise">["attributes"];
const pairwise = (
  { space }: Setup,
  inputs: readonly Node[],
  given: Partial<Attributes> & Pick<Attributes, "formula">,
): Node =>
  b.make("pairwise", inputs, {
    ...{ space, products: 1, mask: undefined, reduce: "sum", over: "columns", valued: false },
    ...{ heads: space[space.length - 3]!.size, kept: [], fields: [], offset: 0, ...given },
  }) as Node;

const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

/** Against the expansion: what every rounding of products and sums can cost, and of exponents as large as the scores are. */
async function agree(given: Case, slack = 2e-6): Promise<void> {
  const meant = { ...given, body: expand(given.body, b) };
  const expected = reference(meant);
  const scale = expected.map((values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 1));
  const bound = (output: number): number => slack * scale[output]!;
  const found = runJavascript(given);
  expect(difference(found, expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const kept = (space: Shape, ...names: readonly string[]): readonly number[] =>
  space.flatMap(({ name }, n) => (name.startsWith("b") || names.includes(name) ? [n] : []));

const score: Formula = (x) => b.mul(x("s0"), number(0.35));
const causal: Formula = (x) => b.make("le", [x("j"), x("i")], {}) as Node;

/** The logsumexp and the mix of attention; `own` is what the weight is multiplied by. */
function attention(of: Setup, mask?: Formula, make: Formula = score): readonly [Node, Node] {
  const shared = { mask: mask && formula(mask) };
  const l = pairwise(of, [of.q, of.k], { ...shared, formula: formula(make), reduce: "logsumexp" });
  const y = pairwise(of, [of.q, of.k, of.v, l], {
    ...shared,
    valued: true,
    formula: formula((x) => b.exp(b.sub(make(x), x("field0")))),
    fields: [kept(of.space, "h", "i")],
  });
  return [l, y];
}

const [B, T, S] = [symbol("B"), symbol("T"), symbol("S")];
const clipped: Formula = (x) => b.mul(number(3), b.make("tanh", [b.mul(x("s0"), number(0.2))], {}) as Node);
const op = (name: "and" | "lt" | "eq" | "mod" | "floordiv", x: Node, y: Node): Node =>
  b.make(name, [x, y], {}) as Node;
const distance: Formula = (x) => b.sub(x("i"), x("j"));
const masks: Readonly<Record<string, Formula>> = {
  causal,
  window: (x) => op("and", causal(x), op("lt", distance(x), number(3, "i32"))),
  strided: (x) => op("and", causal(x), op("eq", op("mod", distance(x), number(3, "i32")), number(0, "i32"))),
  blocks: (x) => op("eq", op("floordiv", x("i"), number(4, "i32")), op("floordiv", x("j"), number(4, "i32"))),
  heads: (x) => op("lt", op("mod", b.add(x("j"), x("h")), number(2, "i32")), number(1, "i32")),
  nothing: (x) => op("lt", x("j"), number(-1, "i32")),
  some: (x) => op("lt", number(2, "i32"), b.sub(x("i"), x("j"))),
};

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
    // Scores of 1e4 carry errors of 1e4 · 2⁻²⁴ · channels into the exponent.
    await agree({ body: body(y, l) }, 2e-2);
  });
  test("dropout that is drawn where it is read", async () => {
    const of = setup({ ...plain, i: 9, j: 9 });
    const scalar = (name: string): Node => b.input("scalar", name, [], "i32");
    const bits = b.make("random", [scalar("seed"), scalar("step"), number(0, "i32")], {
      path: "drop",
      shape: of.space,
    }) as Node;
    const [l] = attention(of, causal);
    const y = pairwise(of, [of.q, of.k, of.v, l!, bits], {
      ...{
        mask: formula(causal),
        valued: true,
        fields: [kept(of.space, "h", "i"), of.space.map((_, n) => n)],
      },
      formula: formula((x) => {
        const p = b.exp(b.sub(score(x), x("field0")));
        return b.select(op("lt", x("field1"), number(0.25)), number(0), b.mul(p, number(1 / 0.75)));
      }),
    });
    await agree({ body: body(y), scalars: { seed: 7, step: 3 } });
  });
});

describe("gradients", () => {
  const weight: Formula = (x) => b.exp(b.sub(score(x), x("field0")));
  const slope: Formula = (x) => b.mul(b.mul(weight(x), b.sub(x("s1"), x("field1"))), number(0.35));
  const two = (of: Setup) => [of.q, of.k, of.dy, of.v] as const;
  const rows = (of: Setup) => [kept(of.space, "h", "i"), kept(of.space, "h", "i")];
  test.each([
    [2, 2, undefined],
    [4, 2, causal],
    [3, 1, causal],
  ] as const)("of %i heads and %i of keys", async (heads, groups, made) => {
    const of = setup({ ...plain, heads, groups, i: 9, j: T, values: 4 });
    const mask = made && formula(made);
    const given = { mask, products: 2, valued: true, formula: formula(slope), fields: rows(of) };
    const dq = pairwise(of, [...two(of), of.k, of.l, of.d], given);
    const over = { over: "rows", heads: groups } as const;
    const dk = pairwise(of, [...two(of), of.q, of.l, of.d], { ...given, ...over });
    const dv = pairwise(of, [of.q, of.k, of.dy, of.l], {
      ...{ mask, valued: true, formula: formula(weight), fields: [kept(of.space, "h", "i")], ...over },
    });
    const count = pairwise(of, [of.q, of.k], { mask, formula: formula(score), ...over });
    await agree({ body: body(dq), lengths: { T: 9 } });
    await agree({ body: body(dv, dk), lengths: { T: 9 } });
    await agree({ body: body(count), lengths: { T: 9 } });
  });
  test("of fields, over the batch", async () => {
    const of = setup({ ...plain, i: 5, j: 6, batch: [B], heads: 3, groups: 3 });
    const given = {
      mask: formula(causal),
      products: 2,
      formula: formula(slope),
      fields: rows(of),
      over: "batch",
    } as const;
    const heads = pairwise(of, [...two(of), of.l, of.d], { ...given, kept: [1, 2, 3] });
    const pairs = pairwise(of, [...two(of), of.l, of.d], { ...given, kept: [2, 3] });
    await agree({ body: body(heads), lengths: { B: 3 } });
    await agree({ body: body(pairs), lengths: { B: 3 } });
  });
});
