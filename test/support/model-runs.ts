/**
 * Any model's text, inputs and weights → what its entries give: by the graphs before any pass in f64, and on both devices.
 *
 * ```
 * await runModel("model m { … }", { inputs: { x: tensorOf([1, 3], [1, 2, 3]) }, lengths: { B: 1, T: 3 } })
 *   → { forward: { y }, grad: { "grad.w", … } }, after both devices were found to give the same
 * ```
 */
import { expect } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { leavesOf, tensorOf } from "../build/support.js";
import { createDraw, flat } from "./numbers.js";
import type { Compiling, DeviceKind, Values } from "./program-runs.js";
import { compileModel, openSession } from "./program-runs.js";

export interface ModelRun {
  readonly inputs: Values;
  readonly lengths: Readonly<Record<string, number>>;
  readonly settings?: Readonly<Record<string, number | boolean | string>>;
  /** Parameters by their path names; the others are drawn. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** Largest distance of a device's numbers, relative to the largest number of the output. */
  readonly relative?: number;
  readonly devices?: readonly DeviceKind[];
}

type EntryName = "forward" | "grad";
export type Found = Readonly<Partial<Record<EntryName, Values>>>;

export async function runModel(text: string, run: ModelRun): Promise<Found> {
  const model = compileModel(text, run.settings ?? {});
  const weights = drawWeights(model, run.weights ?? {});
  const entries: readonly EntryName[] = model.built.loss ? ["forward", "grad"] : ["forward"];
  const reference = Object.fromEntries(entries.map((entry) => [entry, byGraph(model, entry, run, weights)]));
  for (const kind of run.devices ?? (["cpu", "webgpu"] as const))
    for (const entry of entries)
      expectNear(kind, reference[entry]!, await onDevice(model, kind, entry, run, weights), run.relative);
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

function byGraph(model: Compiling, entry: EntryName, run: ModelRun, weights: Weights): Values {
  const inputs = {
    ...leavesOf(model.built, (name) => Array.from(weights.get(name)!)),
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])])),
    ...run.inputs,
  };
  const entries = deriveEntries(model.built, model.builder);
  return interpret(entries[entry]!, f64, { inputs, lengths: { P: 0, ...run.lengths } });
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
  relative = 2e-5,
): void {
  for (const [name, x] of Object.entries(wanted)) {
    const values: readonly number[] = flat(x);
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const far = values.reduce((most, value, n) => Math.max(most, Math.abs(value - found[name]![n]!)), 0);
    expect(far <= relative * scale ? "near" : `${far} of ${scale}`, `${name} on ${kind}`).toBe("near");
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
