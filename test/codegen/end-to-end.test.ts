/** A model's entries → Program → its JavaScript kernels over slots, against the interpreter: no runtime in between. */
import { describe, expect, test } from "vitest";
import { emitProgram } from "../../compiler/codegen/program.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { elementCount, evaluateSize } from "../../compiler/ir/shape.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import type { EntryName } from "../../compiler/passes/schedule.js";
import { entryNames, schedule } from "../../compiler/passes/schedule.js";
import { stepsOf } from "../../runtime/plan.js";
import type { Extent, Place, Program, Slot } from "../../runtime/program.js";
import { residualNetwork } from "../support/small-graphs.js";
import type { Words } from "./run.js";
import { hostExtent, numbersFor } from "./run.js";

const lengths = { B: 2, T: 5, P: 0 };
const names = entryNames;
const align = (count: number): number => Math.ceil(count / 64) * 64;

const slotWords = ({ sizes }: Slot): ArrayBuffer =>
  new ArrayBuffer(
    4 * Math.max(64, ...sizes.map(({ count, elements }) => count * align(evaluateSize(elements, lengths)))),
  );
const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array };

function view(
  memory: readonly ArrayBuffer[],
  { slot, turn, stride, length, count = 1 }: Place,
  type: "f32" | "i32" | "u32",
): Words {
  const step = align(evaluateSize(stride, lengths));
  return new arrays[type](memory[slot]!, 4 * turn * step, (count - 1) * step + evaluateSize(length, lengths));
}

function runEntry(
  program: Program,
  memory: readonly ArrayBuffer[],
  name: EntryName,
  values: Record<string, Tensor<number>>,
): void {
  const words = new ArrayBuffer(64);
  const scalars = { f: new Float32Array(words), i: new Int32Array(words), u: new Uint32Array(words) };
  program.scalars.forEach(({ name: scalar, type }, n) => {
    scalars[type[0] as "f" | "i" | "u"][n] = values[scalar]!.data[0]!;
  });
  for (const step of stepsOf(program.entries[name]!, lengths)) {
    const { bindings, javascript } = program.kernels[step.kernel]!;
    const run = new Function(`return ${javascript.code};`)() as (...x: unknown[]) => void;
    const at = (extent: Extent): number => hostExtent(extent, lengths);
    const total = javascript.grid.reduce<number>((product, extent) => product * at(extent), 1);
    const data = step.bindings.map((place, n) => view(memory, place, bindings[n]!.type));
    run(Int32Array.from([...javascript.extents.map(at), step.turn]), scalars, data, 0, total);
  }
}

describe.each([
  { width: 8, hidden: 12, turns: 3 },
  { width: 3, hidden: 2, turns: 2 },
])("a residual network of %o", (model) => {
  const b = createBuilder();
  const { built } = residualNetwork(b, model);
  const entries = deriveEntries(built, b);
  const graphs = names.map((name) => ({ name, graph: entries[name]! }));
  const fused = graphs.map(({ name, graph }) => ({
    name,
    graph: runPipeline(graph, { level: 1, builder: b }),
  }));
  const plan = schedule(fused, built);
  const program = emitProgram(plan, built, { compiler: "0", source: "0" });
  const values: Record<string, Tensor<number>> = {};
  for (const node of graphs.flatMap(({ graph }: { graph: Graph }) => topological(graph)))
    if (node.op === "input" && !values[node.attributes.name]) {
      const sizes = node.shape.map((axis) => evaluateSize(axis.size, lengths));
      const data = numbersFor(
        evaluateSize(elementCount(node.shape), lengths),
        Object.keys(values).length + 1,
      );
      values[node.attributes.name] = {
        sizes,
        data: Float64Array.from(data, (x) => (node.attributes.kind === "state" ? Math.abs(x) : x)),
      };
    }

  test.each(names)("%s", (name) => {
    const memory = program.slots.map(slotWords);
    plan.slots.forEach(({ role, name: leaf, sizes }, slot) => {
      const given = values[leaf];
      if (role === "temporary" || !given) return;
      const { count } = sizes[0]!;
      const row = given.data.length / count;
      const words = new Float32Array(memory[slot]!);
      for (let n = 0; n < count; n++)
        words.set(Array.from(given.data).slice(n * row, (n + 1) * row), n * align(row));
    });
    const expected = interpret(graphs.find((entry) => entry.name === name)!.graph, f64, {
      inputs: values,
      lengths,
    });
    runEntry(program, memory, name, values);
    plan.slots.forEach(({ role, name: leaf, sizes }, slot) => {
      const want = expected[`${role}.${leaf}`];
      if (!want) return;
      const row = want.data.length / sizes[0]!.count;
      const found = new Float32Array(memory[slot]!);
      for (let n = 0; n < want.data.length; n++)
        expect(
          Math.abs(found[Math.floor(n / row) * align(row) + (n % row)]! - want.data[n]!),
          `${leaf}[${n}]`,
        ).toBeLessThan(1e-5 * (1 + Math.abs(want.data[n]!)));
    });
    expect(Object.keys(expected).some((key) => key.startsWith("parameter."))).toBe(
      name === "train" || name === "apply",
    );
    for (const { name: output, place, dtype } of program.entries[name]!.outputs) {
      const want = expected[output]!;
      const found = view(memory, place, dtype === "bool" ? "u32" : dtype);
      const count = place.count ?? 1;
      const row = want.data.length / count;
      const scale = Math.max(1, ...Array.from(want.data, Math.abs));
      for (let n = 0; n < want.data.length; n++) {
        const got =
          found[Math.floor(n / row) * align(row) * (count > 1 ? 1 : 0) + (count > 1 ? n % row : n)]!;
        expect(Math.abs(got - want.data[n]!) / scale, `${output}[${n}]`).toBeLessThan(1e-5);
      }
    }
  });
});
