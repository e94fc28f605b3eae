import { describe, expect, test } from "vitest";
import { emitProgram } from "../../compiler/codegen/program.js";
import { classNameOf, emitModule, fileNameOf } from "../../compiler/codegen/typescript.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { mulSizes, symbol } from "../../compiler/ir/shape.js";
import type { Place, Schedule, Step } from "../../compiler/passes/schedule.js";
import { shape } from "./run.js";

const b = createBuilder();
const B = symbol("B");
const fixed = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "f32");
const body = (node: Node): Graph => ({ name: "body", outputs: [{ name: "y", node }] });
const at = (slot: number, length: Size, turn = 0): Place => ({
  slot,
  turn,
  stride: length,
  length,
  stacked: false,
  count: 1,
});

const width = mulSizes(B, 8);
const layer = (turn: number, from: number, to: number): Step => ({
  body: body(b.contract(fixed(0, B, 8), fixed(1, 8, 8), { a: ["m", "k"], b: ["k", "n"], out: ["m", "n"] })),
  reads: [at(from, width), at(0, 64, turn)],
  writes: [at(to, width)],
  turn,
  label: "contract",
});
const inPlace: Step = {
  body: body(b.mul(b.exp(fixed(0, B, 8)), fixed(1, B, 8))),
  reads: [at(3, width), at(3, width)],
  writes: [at(3, width)],
  turn: 0,
  label: "exp",
};

const table = b.make("table", [], {
  name: "angles",
  shape: shape(4),
  formula: {
    name: "angles",
    outputs: [{ name: "y", node: b.cos(b.to_f32(b.input("fixed", "i0", shape(), "i32"))) }],
  },
});
const schedule: Schedule = {
  slots: [
    { role: "parameter", name: "layers.*.w", sizes: [{ count: 2, elements: 64 }] },
    { role: "input", name: "x", sizes: [{ count: 1, elements: width }] },
    { role: "temporary", name: "", sizes: [{ count: 1, elements: width }] },
    { role: "temporary", name: "", sizes: [{ count: 1, elements: width }] },
    { role: "table", name: "angles", sizes: [{ count: 1, elements: 4 }] },
  ],
  entries: [
    {
      name: "forward",
      loops: [],
      steps: [layer(0, 1, 2), layer(1, 2, 3), inPlace],
      inputs: ["x"],
      outputs: [{ name: "y", place: at(3, width), shape: shape(B, 8), dtype: "f32" }],
      updates: false,
    },
  ],
  lengths: { B: { axis: "batch", maximum: 64 } },
};
const built = (name: string): Built => ({
  name,
  forward: { name: "forward", outputs: [{ name: "y", node: table as Node }] },
  loss: undefined,
  optimizer: undefined,
  probes: [],
  inputs: [{ name: "x", shape: shape(B, 8), dtype: "f32", bound: undefined, derived: undefined }],
  parameters: [0, 1].map((turn) => ({
    name: `layers.${turn}.w`,
    shape: shape(8, 8),
    init: { kind: "zeros" },
    frozen: false,
    decay: true,
    leaf: "layers.*.w",
    turn,
  })),
  lengths: schedule.lengths,
  recipe: {
    learningRate: 1,
    schedule: { kind: "constant", warmup: 0 },
    clip: undefined,
    batch: 1,
    steps: 1,
    accumulate: 1,
  },
});
const meta = { compiler: "0.1.0", source: "abc" };

describe("program", () => {
  const program = emitProgram(schedule, built("nano"), meta);

  test("equal bodies are one kernel with places of their own", () => {
    const { steps } = program.entries.forward;
    expect(steps.map((step) => step.kernel)).toEqual([0, 0, 1]);
    expect(steps[1]!.bindings).toEqual(
      [2, 0, 3].map((slot, n) => {
        const { turn, stride, length } = n === 1 ? at(slot, 64, 1) : at(slot, width);
        return { slot, turn, stride, length };
      }),
    );
  });

  test("one place is bound once", () => {
    expect(program.entries.forward.steps[2]!.bindings).toHaveLength(1);
    expect(program.kernels[1]!.bindings).toEqual([{ type: "f32", access: "both" }]);
  });

  test("parameters find their turn, tables their formula", () => {
    expect(program.parameters[1]!.place).toEqual({ slot: 0, turn: 1, stride: 64, length: 64 });
    expect(program.tables[0]!.formula).toEqual(["cos", ["to_f32", ["i", 0]]]);
  });

  test("it is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(program))).toEqual(program);
  });
});

describe("module", () => {
  test.each(["nano", "attribute", "θmodel", "class", "char-gpt", "3d", "promise"])(
    "of a model named %s",
    async (name) => {
      const program = emitProgram(schedule, built(name), meta);
      const { className, files } = await emitModule(program);
      const base = fileNameOf(name);
      expect(Object.keys(files)).toEqual([
        ...["ts", "js", "d.ts", "wgsl", "cpu.js", "cpu.d.ts"].map((end) => `${base}.${end}`),
        "program.json",
      ]);
      expect(files[`${base}.d.ts`]).toContain(
        `export declare class ${className} extends tfmc.Model<${className}Inputs, ${className}Outputs>`,
      );
      expect(files[`${base}.js`]).toContain(`export class ${className}`);
      expect(files[`${base}.ts`]).toContain("source sha256 abc");
      expect(await emitModule(program)).toEqual({ className, files });
    },
  );

  test("class names", () => {
    expect(["nano", "θmodel", "class", "char-gpt", "3d", "promise", "a_b"].map(classNameOf)).toEqual([
      "Nano",
      "Θmodel",
      "Class",
      "CharGpt",
      "Model3d",
      "ModelPromise",
      "AB",
    ]);
  });

  test("the CPU kernels are a module without eval", async () => {
    const { files } = await emitModule(emitProgram(schedule, built("nano"), meta));
    const url = `data:text/javascript,${encodeURIComponent(files["nano.cpu.js"]!)}`;
    const { kernels } = (await import(/* @vite-ignore */ url)) as { kernels: readonly unknown[] };
    expect(kernels.map((kernel) => typeof kernel)).toEqual(["function", "function"]);
    expect(files["nano.cpu.js"]).not.toMatch(/eval|new Function/);
  });
});
