/**
 * Any model's text, inputs and weights → what its entries give: by the graphs before any pass in f64, and on both devices.
 *
 * ```
 * await runModel("model m { … }", { inputs: { x: tensorOf([1, 3], [1, 2, 3]) }, lengths: { B: 1, T: 3 } })
 *   → { forward: { y }, grad: { "grad.w", … } }, after both devices were found to give the same
 * ```
 */
import { expect } from "vitest";
import type { Built, Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f32 } from "../../compiler/ir/numbers/f32.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Numbers, Tensor } from "../../compiler/ir/numbers/scalar.js";
import type { Entries } from "../../compiler/passes/entries.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { formMix } from "../../compiler/passes/form_mix.js";
import { runModelPasses } from "../../compiler/passes/pipeline.js";
import { stream } from "../../compiler/passes/stream.js";
import { leavesOf, tensorOf } from "../build/support.js";
import { tolerances } from "./closeness.js";
import { createDraw, flat } from "./numbers.js";
import type { Compiling, DeviceKind, Values } from "./program-runs.js";
import { compileModel, openSession } from "./program-runs.js";

export interface ModelRun {
  readonly inputs: Values;
  readonly lengths: Readonly<Record<string, number>>;
  readonly settings?: Readonly<Record<string, number | boolean | string>>;
  /** Parameters by their path names; the others are drawn. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** Largest distance of a device's numbers, relative to the largest number of the output, unless rounding explains more (`closeness`). */
  readonly relative?: number;
  readonly devices?: readonly DeviceKind[];
}

type EntryName = "forward" | "grad";
export type Found = Readonly<Partial<Record<EntryName, Values>>>;

export async function runModel(text: string, run: ModelRun): Promise<Found> {
  const model = compileModel(text, run.settings ?? {});
  const weights = drawWeights(model, run.weights ?? {});
  const wanted: readonly EntryName[] = model.built.loss ? ["forward", "grad"] : ["forward"];
  const { builder, built } = model;
  const written = deriveEntries(built, builder);
  // What a device computes is the graph after the passes on the model: its rounding is what is allowed for.
  const told = deriveEntries(
    runModelPasses(built, { builder, level: 2, passes: [formMix, stream] }).built,
    builder,
  );
  const values = (entries: Entries, m: Numbers<number>): Found =>
    Object.fromEntries(wanted.map((entry) => [entry, byGraph(built, entries[entry]!, m, run, weights)]));
  const reference = values(written, f64);
  const clean = values(told, f32);
  for (const kind of run.devices ?? (["cpu", "webgpu"] as const))
    for (const entry of wanted) {
      const [exact, rounded] = [reference[entry]!, clean[entry]!];
      const found = await onDevice(model, kind, entry, run, weights);
      expectNear(kind, exact, found, tolerances(exact, rounded), run.relative);
    }
  return reference;
}

type Weights = ReadonlyMap<string, Float32Array>;

function drawWeights({ program }: Compiling, given: Readonly<Record<string, readonly number[]>>): Weights {
  const draw = createDraw(5);
  return new Map(
    program.parameters.map(({ name, shape }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [
        name,
        Float32Array.from(given[name] ?? Array.from({ length: count }, () => 1.6 * draw() - 0.8)),
      ];
    }),
  );
}

const scalars = { lr: 0.01, seed: 3, step: 1 };

function byGraph(built: Built, graph: Graph, m: Numbers<number>, run: ModelRun, weights: Weights): Values {
  const inputs = {
    ...leavesOf(built, (name) => Array.from(weights.get(name)!)),
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])])),
    ...run.inputs,
  };
  return interpret(graph, m, { inputs, lengths: { P: 0, ...run.lengths } });
}

async function onDevice(
  model: Compiling,
  kind: DeviceKind,
  entry: EntryName,
  run: ModelRun,
  weights: Weights,
): Promise<Readonly<Record<string, ArrayLike<number>>>> {
  const session = await openSession(model, kind);
  session.writeParameters(weights);
  const { inputs, outputs } = model.program.entries[entry]!;
  const given = Object.fromEntries(
    Object.entries(run.inputs)
      .filter(([name]) => inputs.includes(name))
      .map(([name, x]) => [name, { data: flat(x), shape: x.sizes }]),
  );
  const found = await session.run(entry, given, scalars, { read: outputs.map(({ name }) => name) });
  session.dispose();
  return found;
}

function expectNear(
  kind: DeviceKind,
  wanted: Values,
  found: Readonly<Record<string, ArrayLike<number>>>,
  rounding: Readonly<Record<string, number>>,
  relative = 2e-5,
): void {
  for (const [name, x] of Object.entries(wanted)) {
    const values: readonly number[] = flat(x);
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const far = values.reduce((most, value, n) => Math.max(most, Math.abs(value - found[name]![n]!)), 0);
    const bound = Math.max(relative * scale, rounding[name] ?? 0);
    expect(far <= bound ? "near" : `${far} of ${scale}`, `${name} on ${kind}`).toBe("near");
    expect(found[name]!.length, `${name} on ${kind}`).toBe(values.length);
  }
}

/** Numbers in (-1, 1), the same for the same seed. */
export function drawTensor(sizes: readonly number[], seed = 1): Tensor<number> {
  const draw = createDraw(seed);
  return tensorOf(
    sizes,
    Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => Math.fround(2 * draw() - 1)),
  );
}

export type { Tensor };
