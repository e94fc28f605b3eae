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
const ids = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "i32");
const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

async function agree(given: Case, relative = 4e-6): Promise<void> {
  const expected = reference(given);
  const bound = (output: number, n: number): number => relative * (1 + Math.abs(expected[output]![n]!));
  expect(difference(runJavascript(given), expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const B = symbol("B");
const T = symbol("T");

describe("maps", () => {
  const unary = ["neg", "exp", "tanh", "erf", "sigmoid", "sin", "cos", "abs", "floor", "round"] as const;
  test.each([1, 3, 4, 5, 64, 67, 256])("all of them over %i elements", async (size) => {
    const x = fixed(0, size);
    const scaled = b.mul(x, b.const(4, "f32"));
    await agree({ body: body(...unary.map((op) => b[op](scaled)).slice(0, 7)) });
    await agree({ body: body(...unary.map((op) => b[op](scaled)).slice(7)) });
    const positive = b.add(b.abs(scaled), b.const(0.01, "f32"));
    await agree({ body: body(b.log(positive), b.sqrt(positive), b.rsqrt(positive)) }, 1e-5);
  });

  test("binary maps, comparisons and integers", async () => {
    const [x, y] = [fixed(0, 3, 8), fixed(1, 3, 8)];
    const [p, q] = [ids(2, 3, 8), ids(3, 3, 8)];
    await agree({
      body: body(b.add(x, y), b.sub(x, y), b.mul(x, y), b.div(x, b.add(b.abs(y), b.const(1, "f32")))),
    });
    await agree({ body: body(b.min(x, y), b.max(x, y), b.lt(x, y), b.le(x, y)) });
    await agree({
      body: body(
        b.select(b.not(b.or(b.lt(x, y), b.ne(p, q))), x, b.to_f32(p)),
        b.to_i32(b.mul(x, b.const(9, "f32"))),
        b.and(b.lt(p, q), b.lt(x, y)),
      ),
    });
    const [i, j] = [ids(0, 3, 8), ids(1, 3, 8)];
    const away = b.add(b.abs(j), b.const(1, "i32"));
    await agree({ body: body(b.floordiv(i, away), b.mod(i, b.neg(away)), b.eq(i, j), b.to_bool(i)) });
    const half = b.const(0.5, "f32");
    await agree({ body: body(b.mod(x, half), b.floordiv(x, half)) });
  });

  test("powers", async () => {
    const x = fixed(0, 12);
    const power = (n: number): Node => b.pow(x, b.const(n, "f32"));
    await agree({ body: body(power(0), power(1), power(2), power(3), power(7)) });
    await agree(
      {
        body: body(
          b.pow(b.abs(x), b.const(1.7, "f32")),
          b.pow(b.abs(x), b.abs(x)),
          b.pow(b.abs(x), b.const(0.5, "f32")),
        ),
      },
      2e-5,
    );
    await agree(
      { body: body(b.pow(x, b.mul(b.floor(b.mul(b.abs(x), b.const(4, "f32"))), b.const(1, "f32")))) },
      2e-5,
    );
  });

  test("large and small arguments stay finite", async () => {
    const operands = [[-1e4, -90, -15, 15, 90, 1e4, 0, -0]];
    const x = fixed(0, 8);
    await agree({ body: body(b.tanh(x), b.sigmoid(x), b.erf(x)), operands });
    await agree({
      body: body(b.select(b.lt(x, b.const(0, "f32")), b.full(-Infinity, shape(8), "f32"), x)),
      operands: [[1, 2, 3, 4, 5, 6, 7, 8]],
    });
  });
});

describe("layout", () => {
  test.each([1, 3, 4, 8])("broadcast, transpose and reshape, last size %i", async (n) => {
    const x = fixed(0, B, T, n);
    const bias = b.broadcastTo(fixed(1, n), shape(B, T, n), [-1, -1, 0]);
    const column = b.broadcastTo(fixed(2, B), shape(B, T, n), [0, -1, -1]);
    await agree({ body: body(b.add(b.add(x, bias), column)), lengths: { B: 2, T: 5 } });
    await agree({ body: body(b.transpose(x, [2, 0, 1])), lengths: { B: 2, T: 5 } });
    await agree({ body: body(b.transpose(x, [1, 0, 2])), lengths: { B: 3, T: 4 } });
    const split = b.reshape(fixed(0, B, T, n * 6), shape(B, T, 3, n * 2));
    await agree({ body: body(b.transpose(split, [0, 2, 1, 3])), lengths: { B: 2, T: 3 } });
    const heads = b.transpose(fixed(0, B, 3, T, n), [0, 2, 1, 3]);
    await agree({ body: body(b.reshape(heads, shape(B, T, n * 3))), lengths: { B: 2, T: 3 } });
  });

  test("heads shared by groups", async () => {
    const k = fixed(0, B, 2, T, 4);
    const wide = b.reshape(b.broadcastTo(k, shape(B, 2, 3, T, 4), [0, 1, -1, 2, 3]), shape(B, 6, T, 4));
    await agree({ body: body(b.neg(wide)), lengths: { B: 2, T: 3 } });
  });

  test("slice, pad and concat, in fours and not", async () => {
    for (const [start, size] of [
      [4, 8],
      [3, 5],
    ] as const) {
      await agree({ body: body(b.slice(fixed(0, 3, 16), 1, start, size)) });
      await agree({ body: body(b.pad(fixed(0, 3, 8), 1, start, size)) });
      await agree({ body: body(b.concat([fixed(0, 3, start), fixed(1, 3, size), fixed(2, 3, 4)], 1)) });
      await agree({ body: body(b.slice(fixed(0, 16, 4), 0, start, size)), lengths: {} });
      await agree({ body: body(b.pad(fixed(0, T, 4), 0, start, size)), lengths: { T: 5 } });
      await agree({ body: body(b.concat([fixed(0, T, 4), fixed(1, start, 4)], 0)), lengths: { T: 5 } });
    }
    await agree({ body: body(b.slice(fixed(0, 16, 4), 0, symbol("P"), T)), lengths: { T: 5, P: 3 } });
  });

  test("iota and lengths", async () => {
    const mask = b.le(b.iota(shape(T, T), 1), b.iota(shape(T, T), 0, symbol("P")));
    await agree({
      body: body(b.select(mask, fixed(0, T, T), b.full(0, shape(T, T), "f32"))),
      lengths: { T: 6, P: 2 },
    });
    await agree({ body: body(b.div(fixed(0, T), b.length(T, "f32"))), lengths: { T: 7 } });
  });

  test("gather, ids outside the table included", async () => {
    for (const d of [3, 8]) {
      const table = fixed(0, 5, d);
      const operands = [undefined, [0, 4, 2, -1, 5, 1]];
      await agree({ body: body(b.gather(table, ids(1, 2, 3), 0)), operands });
      await agree({ body: body(b.gather(fixed(0, 2, 5, d), ids(1, 6), 1)), operands });
      await agree({ body: body(b.gather(fixed(0, d, 5), ids(1, 6), 1)), operands });
    }
  });

  test("nothing at all", async () => {
    await agree({ body: body(b.neg(fixed(0, B, 8))), lengths: { B: 0 } });
    await agree({ body: body(b.neg(fixed(0))) });
  });
});

describe("places", () => {
  test("stacked operands and results", async () => {
    const x = fixed(0, 3, 5, 4);
    await agree({ body: body(b.exp(x)), stackedReads: [0] });
    await agree({ body: body(b.exp(x)), stackedReads: [0], stackedWrites: [0] });
    const odd = fixed(0, 3, T, 3);
    await agree({ body: body(b.exp(odd)), stackedWrites: [0], lengths: { T: 7 } });
  });

  test("a result in place of an operand", async () => {
    const [x, y] = [fixed(0, B, 8), fixed(1, B, 8)];
    await agree({
      body: body(b.mul(b.add(x, y), x), b.sub(x, y)),
      lengths: { B: 3 },
      aliases: new Map([
        [0, 0],
        [1, 1],
      ]),
    });
    const turned = { body: body(b.transpose(fixed(0, 8, 8), [1, 0])), aliases: new Map([[0, 0]]) };
    expect(() => runJavascript(turned)).toThrow(
      "internal: an output in place of an input that is read elsewhere",
    );
  });

  test("scalars and the turn", async () => {
    const lr = b.input("scalar", "lr", shape(), "f32");
    await agree({ body: body(b.mul(fixed(0, 8), lr)), scalars: { lr: 0.25 } });
    const turn = b.input("turn", "turn.0", shape(), "i32");
    const given: Case = { body: body(b.add(ids(0, 5), turn)), operands: [[1, 2, 3, 4, 5]], turn: 7 };
    expect(runJavascript(given)).toEqual([[8, 9, 10, 11, 12]]);
    expect(await runWgsl(given)).toEqual([[8, 9, 10, 11, 12]]);
  });
});

describe("random", () => {
  test.each([[5], [16], [3, 7]])("the same bits everywhere, shape %s", async (...sizes) => {
    const scalar = (name: string): Node => b.input("scalar", name, shape(), "i32");
    const bits = b.make("random", [scalar("seed"), scalar("step"), b.const(3, "i32")], {
      path: "layers.drop",
      shape: shape(...sizes),
    });
    const given: Case = { body: body(bits), scalars: { seed: -5, step: 12345 } };
    const expected = reference(given);
    expect(runJavascript(given)).toEqual(expected);
    expect(await runWgsl(given)).toEqual(expected);
    expect(new Set(expected[0]).size).toBe(expected[0]!.length);
  });
});
