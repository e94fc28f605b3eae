/**
 * A model's text and weights → the numbers of its Program on a device, and of the graphs before any pass in the interpreter.
 *
 * ```
 * openModel(text, settings) · numbersOn("webgpu") → { forward: {logits}, grad: {grad.wte.table, …}, train: {grad_norm, parameter.…, state.…} }
 * ```
 */
import { afterAll } from "vitest";
import type { Compiled } from "../../compiler/index.js";
import { compile } from "../../compiler/index.js";
import type { SettingValue } from "../../compiler/ir/build.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f32 } from "../../compiler/ir/numbers/f32.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Numbers, Tensor } from "../../compiler/ir/numbers/scalar.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import type { Device } from "../../runtime/device.js";
import { openDevice } from "../../runtime/device.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import { createSession } from "../../runtime/session.js";
import { leavesOf, tensorOf } from "../build/support.js";
import type { Draw } from "./numbers.js";
import { createDraw, flat } from "./numbers.js";

export type DeviceKind = "cpu" | "webgpu";
export type Values = Readonly<Record<string, Tensor<number>>>;
/** Entry → output → tensor; what `train` updates is named as its graph names it, by the model's parameter. */
export type Numbered = Readonly<Record<EntryName, Values>>;
export type EntryName = (typeof entryNames)[number];
const entryNames = ["forward", "loss", "grad", "train"] as const;

export interface Compiling extends Compiled {
  readonly built: Built;
  readonly program: Program;
}

/** Parameters by their path names, and the batch. */
export interface Batch {
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly tokens: Tensor<number>;
  readonly next: Tensor<number>;
  readonly lr: number;
}

const opened = new Map<DeviceKind, Promise<Device>>();
export function sharedDevice(kind: DeviceKind): Promise<Device> {
  const known = opened.get(kind) ?? openDevice({ device: kind });
  opened.set(kind, known);
  return known;
}
afterAll(async () => {
  for (const device of opened.values()) (await device).dispose();
  opened.clear();
});

export function compileModel(
  source: string,
  settings: Readonly<Record<string, SettingValue>>,
  level?: 0 | 1 | 2,
): Compiling {
  const compiled = compile(source, { settings, level });
  const { built, program, diagnostics } = compiled;
  if (!built || !program)
    throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join("\n"));
  return { ...compiled, built, program };
}

function normal(draw: Draw): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

/** Adversarial on purpose: no bias is zero, no gain is one, logits are large. Some targets do not count. */
export function randomBatch(
  { program }: Pick<Compiling, "program">,
  { batch, length, vocab, seed = 1 }: { batch: number; length: number; vocab: number; seed?: number },
): Batch {
  const draw = createDraw(seed);
  const weights = new Map(
    program.parameters.map(({ name, shape }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const middle = name.endsWith("gain") ? 1 : 0;
      return [name, Float32Array.from({ length: count }, () => middle + 0.3 * normal(draw))];
    }),
  );
  const ids = (low: number): Tensor<number> =>
    tensorOf(
      [batch, length],
      Array.from({ length: batch * length }, () => low + Math.floor((vocab - low) * draw())),
    );
  return { weights, tokens: ids(0), next: ids(-1), lr: 1e-3 };
}

export const inputsOf = ({ tokens, next }: Batch) => ({
  tokens: { data: flat(tokens), shape: tokens.sizes },
  "tokens.next": { data: flat(next), shape: next.sizes },
});

export async function openSession(
  { program }: Pick<Compiling, "program">,
  kind: DeviceKind,
): Promise<Session> {
  return createSession(program, await sharedDevice(kind));
}

const toTensor = (data: ArrayLike<number> & { readonly shape: readonly number[] }): Tensor<number> => ({
  sizes: data.shape,
  data: Float64Array.from(data),
});

/** Every entry once, or those that are wanted; `train` last because it changes the parameters. */
export async function numbersOn(
  model: Compiling,
  kind: DeviceKind,
  batch: Batch,
  wanted: readonly EntryName[] = entryNames,
): Promise<Partial<Numbered>> {
  const session = await openSession(model, kind);
  session.writeParameters(batch.weights);
  const inputs = inputsOf(batch);
  const scalars = { lr: batch.lr, seed: 0, step: 1 };
  const result: Partial<Record<EntryName, Record<string, Tensor<number>>>> = {};
  for (const entry of entryNames.filter((name) => wanted.includes(name))) {
    const read = model.program.entries[entry]!.outputs.map(({ name }) => name);
    const given = entry === "forward" ? { tokens: inputs.tokens } : inputs;
    const outputs = await session.run(entry, given, scalars, { read });
    result[entry] = Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, toTensor(data)]));
  }
  for (const [name, data] of await session.readParameters())
    if (result.train) result.train[`parameter.${name}`] = toTensor(data);
  for (const [name, data] of await session.readStates())
    if (result.train) result.train[`state.${name.slice(name.indexOf(".") + 1)}`] = toTensor(data);
  session.dispose();
  return result;
}

/** The same from the entries of the model as written, in the given numbers: f64 is the reference, f32 the clean rounding. */
export function numbersBy(model: Compiling, batch: Batch, m: Numbers<number> = f64): Numbered {
  const { built } = model;
  const entries = deriveEntries(built, createBuilder());
  const leaves = leavesOf(built, (name) => Array.from(batch.weights.get(name)!));
  const states = Object.entries(leaves).flatMap(([leaf, { sizes, data }]) =>
    built.optimizer!.states.map(({ name, initial }) => [
      `${name}/${leaf}`,
      tensorOf(sizes, new Float64Array(data.length).fill(initial)),
    ]),
  );
  const scalars = { lr: Math.fround(batch.lr), seed: 0, step: 1 };
  const inputs = {
    ...leaves,
    ...Object.fromEntries(states),
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])])),
    tokens: batch.tokens,
    "tokens.next": batch.next,
    "tokens.valid": tensorOf(
      batch.tokens.sizes,
      flat(batch.tokens).map(() => 1),
    ),
  };
  const lengths = { B: batch.tokens.sizes[0]!, T: batch.tokens.sizes[1]!, P: 0 };
  const run = (graph: Graph | undefined): Record<string, Tensor<number>> =>
    interpret(graph!, m, { inputs, lengths });
  const train = unstacked(run(entries.train), built);
  return { forward: run(entries.forward), loss: run(entries.loss), grad: run(entries.grad), train };
}

/** `parameter.layers.*.wq` → `parameter.layers.0.wq`, …: by the names under which a session gives them. */
function unstacked(
  values: Record<string, Tensor<number>>,
  { parameters }: Built,
): Record<string, Tensor<number>> {
  const result: Record<string, Tensor<number>> = {};
  for (const [name, value] of Object.entries(values)) {
    const [, head, leaf] = /^(parameter\.|state\.[^/]+\/)(.*)$/.exec(name) ?? [];
    if (head === undefined) result[name] = value;
    for (const parameter of parameters.filter((one) => head !== undefined && one.leaf === leaf)) {
      const sizes = parameter.shape.map(({ size }) => size as number);
      const count = sizes.reduce((product, size) => product * size, 1);
      const from = (parameter.turn ?? 0) * count;
      result[head + parameter.name] = tensorOf(sizes, flat(value).slice(from, from + count));
    }
  }
  return result;
}

export { f32 };
