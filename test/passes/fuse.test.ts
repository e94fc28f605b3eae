/** Which values the fuse pass stores: tables of small graphs, each computed before and after. */
import { describe, expect, test } from "vitest";
import { canLower } from "../../compiler/codegen/lower.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Shape, Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { fuse } from "../../compiler/passes/fuse.js";
import { difference, randomLeaves } from "./support/meaning.js";
import { createRandom } from "./support/random.js";

const b = createBuilder();
const [B, T] = [symbol("B"), symbol("T")];
const shape = (...sizes: readonly Size[]): Shape => sizes.map((size, n) => ({ name: `x${n}`, size }));
const leaf = (name: string, ...sizes: readonly Size[]): Node =>
  b.input("input", name, shape(...sizes), "f32");
const scaled = (x: Node, by: number): Node => b.mul(x, b.full(by, x.shape, "f32"));
/** A value of the rows over the last axis of [b, t, d]. */
const over = (x: Node, of: Node): Node => b.broadcastTo(x, of.shape, [0, 1, -1]);
const along = (x: Node, of: Node): Node => b.broadcastTo(x, of.shape, [-1, -1, 0]);
const project = (x: Node, w: Node): Node =>
  b.contract(x, w, { a: ["b", "t", "d"], b: ["d", "e"], out: ["b", "t", "e"] });
const gelu = (x: Node): Node => b.mul(x, b.add(b.erf(scaled(x, 0.7)), b.full(1, x.shape, "f32")));

function layerNorm(x: Node, gain: Node, bias: Node, width: number): Node {
  const mean = over(scaled(b.sum(x, [2]), 1 / width), x);
  const centred = b.sub(x, mean);
  const variance = scaled(b.sum(b.mul(centred, centred), [2]), 1 / width);
  const scale = over(b.rsqrt(b.add(variance, b.full(1e-5, variance.shape, "f32"))), x);
  return b.add(b.mul(b.mul(centred, scale), along(gain, x)), along(bias, x));
}

interface Kernel {
  readonly heavy: string;
  readonly reads: number;
  readonly writes: number;
}

function kernelsOf(outputs: readonly Node[], said: string[] = []): readonly Kernel[] {
  const graph: Graph = { name: "test", outputs: outputs.map((node, n) => ({ name: `y${n}`, node })) };
  const context = { builder: b, level: 2 as const, explain: (_: Node, why: string) => void said.push(why) };
  const fused = fuse(graph, context);
  expect(difference(graph, fused, randomLeaves(graph, createRandom(outputs.length)))).toBeUndefined();
  return topological(fused).flatMap((node) => {
    if (node.op !== "fused") return [];
    expect(canLower(node.attributes.body)).toBe(true);
    expect(node.inputs.length + node.results.length).toBeLessThanOrEqual(8);
    const ops = topological(node.attributes.body).map(({ op }) => op);
    const heavy = ["contract", "reduce", "scatter_add"]
      .filter((op) => ops.some((other) => other === op))
      .join();
    return [{ heavy: heavy || "map", reads: node.inputs.length, writes: node.results.length }];
  });
}

const D = 8;
const x = leaf("x", B, T, D);
const [gain, bias] = [leaf("gain", D), leaf("bias", D)];
const w = leaf("w", D, 12);

describe("one kernel", () => {
  test("a residual and its norm: the sum and the normalised value", () => {
    const sum = b.add(x, leaf("f", B, T, D));
    expect(kernelsOf([sum, layerNorm(sum, gain, bias, D)])).toEqual([
      { heavy: "reduce", reads: 4, writes: 2 },
    ]);
  });

  test("a norm after the sum, and one before and after", () => {
    const f = leaf("f", B, T, D);
    expect(kernelsOf([layerNorm(b.add(x, f), gain, bias, D)])).toHaveLength(1);
    const sandwich = b.add(x, layerNorm(f, gain, bias, D));
    expect(kernelsOf([sandwich, layerNorm(sandwich, gain, bias, D)]).map(({ heavy }) => heavy)).toEqual([
      "reduce",
    ]);
  });

  test("a contraction, its bias, activation, scale and residual", () => {
    const y = b.add(
      leaf("r", B, T, 12),
      scaled(gelu(b.add(project(x, w), along(leaf("c", 12), leaf("r", B, T, 12)))), 0.5),
    );
    expect(kernelsOf([y])).toEqual([{ heavy: "contract", reads: 4, writes: 1 }]);
  });

  test("a contraction and the slope of what it is the gradient of, beside the sum over its columns", () => {
    const pre = leaf("pre", B, T, 12);
    const dy = b.mul(project(x, w), b.exp(b.neg(b.mul(pre, pre))));
    const found = kernelsOf([b.sum(dy, [0, 1]), project(dy, leaf("v", 12, D))]);
    expect(found.map(({ heavy, writes }) => `${heavy} ${writes}`).sort()).toEqual([
      "contract 1",
      "contract 1",
      "reduce 1",
    ]);
  });

  test("both halves of a product of two gates share the contraction they come from", () => {
    const [g, u] = [leaf("g", B, T, 12), leaf("u", B, T, 12)];
    const dh = project(x, w);
    const outputs = [b.mul(dh, b.sigmoid(g)), b.mul(dh, u)];
    expect(
      kernelsOf(outputs.map((y) => project(y, leaf("v", 12, D)))).filter(({ writes }) => writes === 2),
    ).toEqual([{ heavy: "contract", reads: 4, writes: 2 }]);
  });

  test("the gradients of gain and bias: two sums over one pass", () => {
    const dy = leaf("dy", B, T, D);
    expect(kernelsOf([b.sum(b.mul(dy, x), [0, 1]), b.sum(dy, [0, 1])])).toEqual([
      { heavy: "reduce", reads: 2, writes: 2 },
    ]);
  });

  test("the gradient of a norm: both sums of its rows, whatever else reads it", () => {
    const [dy, scale] = [leaf("dy", B, T, D), leaf("scale", B, T)];
    const g = b.mul(dy, along(gain, dy));
    const s = b.mul(over(b.sum(b.mul(g, x), [2]), g), x);
    const d = b.add(b.mul(g, over(scale, g)), s);
    const dx = b.add(leaf("r", B, T, D), b.sub(d, over(scaled(b.sum(d, [2]), 1 / D), d)));
    const found = kernelsOf([b.sum(dx, [0, 1]), project(dx, w), b.sum(b.mul(dy, x), [0, 1])]);
    expect(found.filter(({ heavy }) => heavy === "reduce")).toHaveLength(3);
    expect(found).toHaveLength(4);
  });
});

describe("stored or computed again", () => {
  test("a mask over what is stored anyway is computed again", () => {
    const dx = b.exp(b.add(x, leaf("r", B, T, D)));
    const masked = b.mul(dx, over(leaf("m", B, T), dx));
    expect(
      kernelsOf([dx, b.sum(masked, [0, 1]), b.sum(masked, [2])]).every(({ writes }) => writes <= 2),
    ).toBe(true);
  });

  test("what follows a contraction that nothing else reads is stored in its place", () => {
    const y = gelu(project(x, w));
    const found = kernelsOf([b.sum(y, [0, 1]), b.sum(y, [2])]);
    expect(found[0]).toEqual({ heavy: "contract", reads: 2, writes: 1 });
  });

  test("each map that is left says why", () => {
    const said: string[] = [];
    const y = gelu(project(x, w));
    kernelsOf([b.sum(y, [0, 1]), b.sum(y, [2])], said);
    expect(said.filter((why) => /^is stored: 2 kernels read it/.test(why))).toHaveLength(1);
  });
});

describe("an operand of a contraction", () => {
  const y = b.mul(x, along(gain, x));

  test.each([1, 3, 4])("for %i columns is computed as it is loaded", (columns) => {
    expect(kernelsOf([project(y, leaf("few", D, columns))])).toEqual([
      { heavy: "contract", reads: 3, writes: 1 },
    ]);
  });

  test("for many columns is stored: every tile would compute it again", () => {
    expect(kernelsOf([project(y, leaf("many", D, 4096))])).toHaveLength(2);
  });

  test("that is expensive is stored sooner", () => {
    const dear = b.exp(b.tanh(b.sin(b.exp(y))));
    expect(kernelsOf([project(y, leaf("some", D, 24))])).toHaveLength(1);
    expect(kernelsOf([project(dear, leaf("some", D, 24))])).toHaveLength(2);
  });

  test("that is put together of parts is stored once", () => {
    const parts = b.concat([scaled(x, 2), leaf("z", B, T, D)], 2);
    const found = kernelsOf([project(parts, leaf("v", 2 * D, 24))]);
    expect(found.map(({ heavy }) => heavy)).toEqual(["map", "contract"]);
  });
});

describe("a kernel binds no more than eight buffers", () => {
  const terms = (count: number): readonly Node[] =>
    Array.from({ length: count }, (_, n) => leaf(`term${n}`, B, T, D));
  const total = (count: number): Node => terms(count).reduce((sum, term) => b.add(sum, term));
  const reads = (outputs: readonly Node[]): readonly number[] =>
    kernelsOf(outputs).map((kernel) => kernel.reads);

  test("a chain is cut where one value stands for all that is below it", () => {
    expect(reads([total(7)])).toEqual([7]);
    expect(reads([total(8)])).toEqual([2, 7]);
    expect(reads([total(20)])).toEqual([2, 7, 7, 7]);
  });
  test("under a reduction too", () => expect(reads([b.sum(total(13), [2])])).toEqual([7, 7]));
  test("a tree is cut between its branches", () => {
    const halves = [0, 10].map((from) =>
      terms(20)
        .slice(from, from + 6)
        .reduce((sum, term) => b.mul(sum, term)),
    );
    expect(reads([b.sub(halves[0]!, halves[1]!)])).toEqual([6, 7]);
  });
});
