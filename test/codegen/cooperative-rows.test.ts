/** Rows that a workgroup shares, and what may not stand where its invocations part. */
import { describe, expect, test } from "vitest";
import { printJavascript } from "../../compiler/codegen/javascript.js";
import type { Expr, Kernel, Stmt } from "../../compiler/codegen/kernel.js";
import { add, binary, f32, i32, load, local, subgroup, variable } from "../../compiler/codegen/kernel.js";
import { checkUniform } from "../../compiler/codegen/uniform.js";
import { printWgsl } from "../../compiler/codegen/wgsl.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { getDevice } from "../device.js";
import type { Case } from "./run.js";
import { backwards, difference, reference, runJavascript, runWgsl, shape } from "./run.js";

const b = createBuilder();
const fixed = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "f32");
const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});
const [R, C] = [symbol("R"), symbol("C")];
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

const bound =
  (expected: readonly (readonly number[])[]) =>
  (output: number, n: number): number =>
    3e-5 * (1 + Math.abs(expected[output]![n]!));

function agree(given: Omit<Case, "cooperation">): void {
  const expected = reference(given);
  for (const invocations of [2, 8, 64]) {
    const shared: Case = { ...given, cooperation: { how: "rows", invocations } };
    const forwards = runJavascript(shared);
    expect(difference(forwards, expected, bound(expected)), `${invocations}`).toBeUndefined();
    expect(runJavascript(shared, backwards), "in the other order").toEqual(forwards);
  }
}

describe("rows that a workgroup shares", () => {
  test.each([1, 2, 7, 8, 31, 32, 33, 256, 260])("softmax and norm over %i columns", (c) => {
    const aliases = new Map([[0, 0]]);
    for (const columns of [c, C]) {
      const lengths = { R: 3, C: c };
      agree({ body: body(softmax(fixed(0, R, columns))), lengths });
      agree({ body: body(softmax(fixed(0, R, columns))), lengths, aliases });
      agree({ body: body(...layerNorm(fixed(0, R, columns), columns, fixed(1, columns))), lengths });
    }
  });

  test("every kind, several reduced axes, one row, nothing", () => {
    const x = fixed(0, 3, R, 8);
    for (const axes of [[2], [1, 2], [0, 2], [0, 1, 2]])
      agree({
        body: body(...(["sum", "max", "min"] as const).map((kind) => b.reduce(kind, x, axes))),
        lengths: { R: 21 },
      });
    const sums = body(b.sum(fixed(0, R, C), [0, 1]), b.reduce("max", fixed(0, R, C), [0, 1]));
    for (const [r, c] of [
      [0, 0],
      [1, 0],
      [0, 3],
      [1, 1],
      [5, 67],
    ] as const)
      agree({ body: sums, lengths: { R: r, C: c } });
  });

  test("on the device", async () => {
    for (const c of [1, 255, 256, 257, 0]) {
      const given: Case = {
        body: body(softmax(fixed(0, R, C))),
        lengths: { R: 3, C: c },
        cooperation: { how: "rows", invocations: 256 },
      };
      const expected = reference(given);
      expect(difference(await runWgsl(given), expected, bound(expected)), `${c}`).toBeUndefined();
    }
    const given: Case = {
      body: body(...layerNorm(fixed(0, R, 68), 68, fixed(1, 68))),
      lengths: { R: 5 },
      cooperation: { how: "rows", invocations: 64 },
    };
    const expected = reference(given);
    expect(difference(await runWgsl(given), expected, bound(expected))).toBeUndefined();
  });
});

const kernelOf = (statements: readonly Stmt[], cooperative = true): Kernel => ({
  name: "hand_made",
  bindings: [
    { type: "f32", width: 1, access: "read" },
    { type: "f32", width: 1, access: "write" },
  ],
  grid: [1, 1, 1],
  workgroup: [32, 1, 1],
  cooperative,
  body: statements,
});
const barrier: Stmt = { tag: "barrier" };
const loop = (to: Expr, ...inner: readonly Stmt[]): Stmt => ({
  tag: "for",
  name: "i",
  from: i32(0),
  to,
  step: 1,
  body: inner,
});
const when = (condition: Expr, ...then: readonly Stmt[]): Stmt => ({
  tag: "if",
  condition,
  then,
  otherwise: [],
});
const named = (name: string, value: Expr): Stmt => ({ tag: "let", name, value });
const total: Stmt = { tag: "store", binding: 1, index: local, value: subgroup("add", load(0, "f32", local)) };

describe("where barriers stand", () => {
  const parted = binary("lt", local, i32(3));
  test.each<readonly [string, readonly Stmt[], boolean]>([
    ["alone", [barrier], true],
    ["in a loop of constant length", [loop(i32(4), barrier)], true],
    ["in a loop over a length", [loop({ tag: "extent", type: "i32", extent: [[1, "T"]] }, barrier)], true],
    [
      "in a loop as long as the group's index",
      [named("v", { tag: "grid", type: "i32", dimension: 0 }), loop(variable("v", "i32"), barrier)],
      true,
    ],
    ["after what parts", [when(parted), barrier], true],
    ["under what parts", [when(parted, barrier)], false],
    ["in a loop up to the invocation", [loop(local, barrier)], false],
    [
      "in a loop up to a named part of it",
      [named("v", add(local, i32(1))), loop(variable("v", "i32"), barrier)],
      false,
    ],
    [
      "in a loop up to what is loaded",
      [loop({ tag: "convert", type: "i32", x: load(0, "f32", i32(0)) }, barrier)],
      false,
    ],
    [
      "in a loop up to what was set under what parts",
      [
        { tag: "var", name: "m", value: i32(1) },
        loop(
          i32(2),
          loop(variable("m", "i32"), barrier),
          when(parted, { tag: "assign", name: "m", type: "i32", value: i32(2) }),
        ),
      ],
      false,
    ],
    ["a subgroup's sum alone", [total], true],
    ["a subgroup's sum under what parts", [when(parted, total)], false],
  ])("%s: %#", (_, statements, isUniform) => {
    expect(checkUniform(kernelOf(statements)).length === 0).toBe(isUniform);
  });

  test("none in kernels without workgroups", () => {
    expect(checkUniform(kernelOf([barrier], false))).toEqual(["barrier in a kernel without workgroups"]);
    expect(checkUniform(kernelOf([total], false)).length).toBe(1);
    expect(checkUniform(kernelOf([named("v", f32(1))], false))).toEqual([]);
  });
});

test("subgroups: printed for the device, one invocation each in JavaScript", async () => {
  const first = binary("eq", { tag: "subgroup_lane", type: "i32" }, i32(0));
  const kernel = kernelOf([
    named("v", subgroup("add", load(0, "f32", local))),
    named("w", subgroup("max", load(0, "f32", local))),
    when(first, {
      tag: "store",
      binding: 1,
      index: local,
      value: add(variable("v", "f32"), variable("w", "f32")),
    }),
  ]);
  expect(checkUniform(kernel)).toEqual([]);
  const { code } = printWgsl(kernel, []);
  expect(code).toMatch(/^enable subgroups;\n/);
  const device = await getDevice();
  if (device.features.has("subgroups")) {
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.filter(({ type }) => type === "error")).toEqual([]);
  }
  const run = new Function(`return ${printJavascript(kernel, []).code};`)() as (...x: unknown[]) => void;
  const x = Float32Array.from({ length: 32 }, (_, n) => n);
  const y = new Float32Array(32);
  run(new Int32Array(1), {}, [x, y], 0, 1);
  expect([...y]).toEqual([...x].map((value) => 2 * value));
});
