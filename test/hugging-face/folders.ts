/**
 * A Hugging Face folder with io.safetensors beside its weights → how far the imported model is from what stands there.
 *
 *   measure("…/t5", "cpu") → { outputs: { logits: { error: 1e-6, largest: 4 } }, loss: 1e-7, gradients: 2e-7, same: true, … }
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportFolder, sourceOf } from "../../cli/hugging-face/export.js";
import { importFolder } from "../../cli/hugging-face/import.js";
import { toTensors } from "../../cli/hugging-face/weights.js";
import type { StoredTensor } from "../../runtime/safetensors.js";
import { readSafetensors, toFloat32, toInt32 } from "../../runtime/safetensors.js";
import type { Inputs } from "../../runtime/tensor.js";
import { createTestHost, testContext } from "../cli/host.js";
import type { Compiling, DeviceKind } from "../support/program-runs.js";
import { compileModel, openSession } from "../support/program-runs.js";

/** One of the folders of test/reference/hugging-face. */
export const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../reference/hugging-face/${name}`, import.meta.url));

/** f32 against f64, through softmaxes and norms of a few dozen terms: roundings of the largest element. */
export const relative = 96 * 2 ** -24;

export interface Measured {
  /** Output → the largest absolute difference, and the largest element. */
  readonly outputs: Readonly<Record<string, { readonly error: number; readonly largest: number }>>;
  /** Of the mean loss, of the gradients' common norm, relative; of their elements, over the largest of all. None where the file has none. */
  readonly loss: number | undefined;
  readonly norm: number | undefined;
  readonly gradients: number | undefined;
  /** The text of model.tfm. */
  readonly text: string;
  readonly parameters: number;
  /** Whether export writes the bytes that were imported. */
  readonly same: boolean;
}

type Stored = ReadonlyMap<string, StoredTensor>;

export async function measure(folder: string, kind: DeviceKind): Promise<Measured> {
  await new Promise((resolve) => setImmediate(resolve)); // the test's process has others to answer
  const context = testContext(createTestHost());
  const imported = importFolder(context, folder, "model.tfm");
  if (!imported) throw new Error("the imported text does not build");
  const place = mkdtempSync(join(tmpdir(), "tfmc-folder-"));
  try {
    for (const [name, data] of imported.files) writeFileSync(join(place, name), data);
    const written = (await exportFolder(context, place, { tensorsOnly: false }))!;
    const io = readSafetensors(readFileSync(join(folder, "io.safetensors"))).tensors;
    const model = compileModel(imported.text, {});
    const session = await openSession(model, kind);
    const weights = readSafetensors(imported.files.get("model.safetensors") as Uint8Array).tensors;
    session.writeParameters(new Map([...weights].map(([name, x]) => [name, toFloat32(x, name)])));
    const names = imported.built.forward.outputs.map(({ name }) => name).filter((name) => io.has(name));
    const found = await session.run("forward", inputsOf(model, "forward", io), {}, { read: names });
    const outputs = Object.fromEntries(
      names.map((name) => {
        const there = wanted(io, name);
        return [name, { error: distance(found[name]!, there), largest: largest(there) }];
      }),
    );
    const learned = io.has("loss") ? await learning(model, session, io, place) : undefined;
    return {
      outputs,
      loss: learned?.loss,
      norm: learned?.norm,
      gradients: learned?.gradients,
      text: imported.text,
      parameters: [...weights.values()].reduce((sum, { bytes }) => sum + bytes.length / 4, 0),
      same: [...written].every(([name, data]) => Buffer.from(data).equals(readFileSync(join(folder, name)))),
    };
  } finally {
    rmSync(place, { recursive: true });
  }
}

const wanted = (io: Stored, name: string): Float32Array => toFloat32(io.get(name)!, name);
const largest = (x: ArrayLike<number>): number =>
  Array.from(x).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
function distance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) throw new Error(`${x.length} elements, not ${y.length}`);
  return largest(Array.from(x, (value, n) => value - y[n]!));
}

function inputsOf({ program }: Compiling, entry: "forward" | "grad", io: Stored): Inputs {
  const names = new Set(program.entries[entry]!.inputs);
  // Where an input is derived, what it is derived from comes along.
  for (const { name, derived } of program.inputs)
    if (names.has(name) && derived && !io.has(name)) names.add(derived.of);
  return Object.fromEntries(
    program.inputs.flatMap(({ name, dtype }) => {
      const stored = io.get(name);
      if (!names.has(name) || !stored) return [];
      const data = dtype === "f32" ? toFloat32(stored, name) : toInt32(stored, name);
      return [[name, { data, shape: stored.shape }]];
    }),
  );
}

/** The gradients go through the weight map, back to the names and shapes of the checkpoint. */
async function learning(
  model: Compiling,
  session: Awaited<ReturnType<typeof openSession>>,
  io: Stored,
  place: string,
): Promise<{ readonly loss: number; readonly norm: number; readonly gradients: number | undefined }> {
  const read = model.program.entries.grad!.outputs.map(({ name }) => name);
  const values = await session.run("grad", inputsOf(model, "grad", io), { seed: 0, step: 0 }, { read });
  const source = sourceOf(testContext(createTestHost()), place)!;
  const leaves = new Map(model.built.parameters.map((p) => [p.name, p]));
  const own = (name: string): Float32Array => {
    const { leaf, turn, shape } = leaves.get(name)!;
    const size = shape.reduce((product, axis) => product * Number(axis.size), 1);
    const whole = values[`grad.${leaf}`];
    return whole
      ? Float32Array.from(whole.subarray((turn ?? 0) * size, ((turn ?? 0) + 1) * size))
      : new Float32Array(size);
  };
  const tensors = toTensors(source.plan, (name) => new Uint32Array(own(name).buffer));
  const given = [...io.keys()].filter((name) => name.startsWith("grad."));
  const scale = Math.max(0, ...given.map((name) => largest(wanted(io, name))));
  const errors = given.map((name) => {
    const { buffer, byteOffset, length } = tensors.get(name.slice("grad.".length))!;
    return distance(new Float32Array(buffer, byteOffset, length), wanted(io, name));
  });
  const squares = model.built.parameters.map(({ name }) => own(name).reduce((sum, x) => sum + x * x, 0));
  const norm = Math.sqrt(squares.reduce((sum, x) => sum + x, 0));
  const mean = values["loss.sum"]![0]! / values["loss.count"]![0]!;
  return {
    loss: Math.abs(mean / wanted(io, "loss")[0]! - 1),
    norm: Math.abs(norm / wanted(io, "grad_norm")[0]! - 1),
    gradients: given.length > 0 ? Math.max(...errors) / scale : undefined,
  };
}
