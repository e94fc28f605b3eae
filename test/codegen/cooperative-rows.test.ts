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

/** A workgroup of less than a subgroup, of several, of one and a half. */
const ways: readonly Pick<Case, "cooperation" | "subgroup">[] = [
  ...[2, 8, 64].map((invocations) => ({ cooperation: { how: "rows", invocations } as const })),
  ...[
    [8, 4],
    [64, 4],
    [64, 8],
    [64, 32],
    [64, 48],
    [64, 128],
  ].map(([invocations, subgroup]) => ({
    ...{ cooperation: { how: "rows", invocations: invocations!, subgroups: true } as const },
    subgroup: subgroup!,
  })),
];

function agree(given: Omit<Case, "cooperation" | "subgroup">): void {
  const expected = reference(given);
  for (const way of ways) {
    const shared: Case = { ...given, ...way };
    const forwards = runJavascript(shared);
    expect(difference(forwards, expected, bound(expected)), JSON.stringify(way)).toBeUndefined();
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

  test("in subgroups on the device", async () => {
    const device = await getDevice();
    expect(device.features.has("subgroups")).toBe(true);
    for (const c of [1, 255, 260]) {
      const given: Case = {
        body: body(softmax(fixed(0, R, C)), ...layerNorm(fixed(0, R, C), C, fixed(1, C))),
        lengths: { R: 3, C: c },
        cooperation: { how: "rows", invocations: 64, subgroups: true },
      };
      const expected = reference(given);
      expect(difference(await runWgsl(given), expected, bound(expected)), `${c}`).toBeUndefined();
    }
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

test("subgroups: printed for the device, of one invocation each in JavaScript, or of as many as is said", async () => {
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
  const x = Float32Array.from({ length: 32 }, (_, n) => n);
  const found = (subgroup?: number): readonly number[] => {
    const text = printJavascript(kernel, [], undefined, subgroup).code;
    const run = new Function(`return ${text};`)() as (...given: unknown[]) => void;
    const y = new Float32Array(32);
    run(new Int32Array(1), {}, [x, y], 0, 1);
    return [...y];
  };
  expect(found()).toEqual([...x].map((value) => 2 * value));
  const firsts = [...x].map((n) => (n % 8 === 0 ? 8 * n + 28 + n + 7 : 0));
  expect(found(8)).toEqual(firsts);
});
