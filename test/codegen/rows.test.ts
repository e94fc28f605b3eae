import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { Case } from "./run.js";
import { difference, reference, runJavascript, runWgsl, shape } from "./run.js";

const b = createBuilder();
const fixed = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "f32");
const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

async function agree(given: Case, relative = 1e-5): Promise<void> {
  const expected = reference(given);
  const bound = (output: number, n: number): number => relative * (1 + Math.abs(expected[output]![n]!));
  expect(difference(runJavascript(given), expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const [R, C] = [symbol("R"), symbol("C")];
/** A row value back over the columns. */
const over = (x: Node, of: Node): Node => b.broadcastTo(x, of.shape, [0, -1]);

function softmax(x: Node): Node {
  const e = b.exp(b.sub(x, over(b.reduce("max", x, [1]), x)));
  return b.div(e, over(b.sum(e, [1]), e));
}

function layerNorm(x: Node, count: Size, gain: Node): readonly Node[] {
  const mean = b.div(b.sum(x, [1]), b.length(count, "f32"));
  const centred = b.sub(x, over(mean, x));
  const variance = b.div(b.sum(b.mul(centred, centred), [1]), b.length(count, "f32"));
  const scale = b.rsqrt(b.add(variance, b.const(1e-5, "f32")));
  return [b.mul(b.mul(centred, over(scale, x)), b.broadcastTo(gain, x.shape, [-1, 0])), mean, scale];
}

describe("one space", () => {
  test.each([1, 3, 4, 7, 8, 9, 64])("softmax over %i columns, constant and symbolic", async (c) => {
    await agree({ body: body(softmax(fixed(0, R, c))), lengths: { R: 5 } });
    await agree({ body: body(softmax(fixed(0, R, C))), lengths: { R: 5, C: c } });
    await agree({ body: body(softmax(fixed(0, R, c))), lengths: { R: 5 }, aliases: new Map([[0, 0]]) });
    await agree({ body: body(softmax(fixed(0, R, C))), lengths: { R: 5, C: c }, aliases: new Map([[0, 0]]) });
  });

  test.each([1, 5, 8])("layer norm over %i columns with its statistics", async (c) => {
    await agree({ body: body(...layerNorm(fixed(0, R, c), c, fixed(1, c))), lengths: { R: 33 } }, 3e-5);
  });

  test("every kind over every place of the axes", async () => {
    const x = fixed(0, 3, R, 8);
    for (const axes of [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]]) {
      const kinds = ["sum", "max", "min"] as const;
      await agree({ body: body(...kinds.map((kind) => b.reduce(kind, x, axes))), lengths: { R: 5 } });
    }
    for (const axis of [0, 1, 2])
      await agree({ body: body(b.reduce("argmax", x, [axis])), lengths: { R: 5 } });
  });

  test("the first of equals, and integers", async () => {
    await agree({
      body: body(b.reduce("argmax", fixed(0, 2, 4), [1])),
      operands: [[1, 3, 3, 2, -5, -6, -5, -5]],
    });
    const counts = b.input("fixed", "fixed.0", shape(3, 8), "i32");
    await agree({ body: body(b.sum(counts, [1]), b.reduce("max", counts, [1])) });
    await agree({ body: body(b.sum(counts, [0]), b.reduce("min", counts, [0])) });
  });

  test("empty rows and no rows", async () => {
    const x = fixed(0, R, C);
    const parts = [b.sum(x, [1]), b.reduce("max", x, [1]), b.reduce("min", x, [1])];
    await agree({ body: body(...parts), lengths: { R: 3, C: 0 } });
    await agree({ body: body(...parts), lengths: { R: 0, C: 3 } });
    await agree({ body: body(softmax(fixed(0, R, 8))), lengths: { R: 0 } });
  });

  test("bias gradients beside a row of statistics: rows lie side by side", async () => {
    const [dy, x] = [fixed(0, R, C, 8), fixed(1, R, C, 8)];
    await agree({ body: body(b.sum(dy, [0, 1]), b.sum(b.mul(dy, x), [0, 1])), lengths: { R: 3, C: 5 } });
    const mean = b.div(b.sum(x, [0, 1]), b.length(C, "f32"));
    const centred = b.sub(x, b.broadcastTo(mean, x.shape, [-1, -1, 0]));
    await agree({ body: body(b.sum(b.mul(centred, dy), [0, 1]), centred), lengths: { R: 3, C: 5 } });
  });

  test("cross entropy: a masked pick and two levels of reductions", async () => {
    const [logits, targets] = [fixed(0, R, 12), b.input("fixed", "fixed.1", shape(R), "i32")];
    const top = b.reduce("max", logits, [1]);
    const total = b.log(b.sum(b.exp(b.sub(logits, over(top, logits))), [1]));
    const hit = b.eq(b.iota(logits.shape, 1), b.broadcastTo(targets, logits.shape, [0, -1]));
    const picked = b.sum(b.select(hit, logits, b.full(0, logits.shape, "f32")), [1]);
    const loss = b.sub(b.add(top, total), picked);
    const gradient = b.sub(softmax(logits), b.to_f32(hit));
    await agree({ body: body(loss, gradient), lengths: { R: 4 }, operands: [undefined, [0, 11, -1, 5]] });
  });

  test("operands through views, and stacked places", async () => {
    const scores = b.transpose(fixed(0, R, 2, C, 4), [0, 2, 1, 3]);
    await agree({ body: body(b.sum(b.mul(scores, scores), [3])), lengths: { R: 2, C: 3 } });
    await agree({ body: body(b.sum(fixed(0, 3, 5), [1])), stackedReads: [0] });
    await agree({ body: body(softmax(fixed(0, 3, 12))), stackedReads: [0], stackedWrites: [0] });
  });

  test("a reduction read at another row has no kernel", () => {
    const x = fixed(0, 4, 4);
    const turned = b.mul(x, b.broadcastTo(b.sum(x, [1]), x.shape, [-1, 0]));
    expect(() => runJavascript({ body: body(turned) })).toThrow(
      "internal: no kernel computes body: a broadcast that moves",
    );
  });
});
