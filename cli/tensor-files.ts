/**
 * safetensors files ↔ what a session takes and gives.
 *
 * ```
 * {"tokens": I64 [2, 9]}, context 8   →   tokens i32 [2, 8], tokens.next i32 [2, 8]
 * ```
 */
import { listNames, RuntimeError } from "../runtime/errors.js";
import type { Input, Program } from "../runtime/program.js";
import type { StoredTensor, TensorToWrite } from "../runtime/safetensors.js";
import { readSafetensors, toFloat32, toInt32, writeSafetensors } from "../runtime/safetensors.js";
import type { Tensor, TensorLike } from "../runtime/tensor.js";
import type { Weights } from "../runtime/weights.js";
import { readWeights } from "../runtime/weights.js";
import type { Context } from "./context.js";
import { note } from "./context.js";
import { fail } from "./failure.js";
import { limits, readBytes, writeAtomic } from "./files.js";
import { messageOf } from "./runtime-failure.js";

export const readWeightsFile = (program: Program, path: string): Weights =>
  ofFile(path, () => readWeights(program, readBytes(path, limits.tensors)));

/** The runtime knows no names of files: a user who gave two wants to know which one it was. */
function ofFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new RuntimeError(error.code, `\`${path}\`: ${messageOf(error)}`, error.hint, { cause: error });
  }
}

/** The inputs that `entry` reads; what the file holds beside them is named and ignored. */
export function readInputsFile(
  context: Context,
  program: Program,
  entry: "forward" | "grad",
  path: string,
): Readonly<Record<string, TensorLike>> {
  const { tensors } = ofFile(path, () => readSafetensors(readBytes(path, limits.tensors)));
  const declared = new Map(program.inputs.map((input) => [input.name, input]));
  const wanted = program.inputs.filter(({ name }) => program.entries[entry]!.inputs.includes(name));
  const given: Record<string, TensorLike> = {};
  for (const [name, stored] of tensors) {
    const input = declared.get(name);
    if (input) Object.assign(given, inputTensors(program, input, stored));
  }
  const labels = tensors.get("labels");
  const labelled = labels && !declared.has("labels") ? labelledInput(program) : undefined;
  if (labels && labelled && !(labelled.name in given)) given[labelled.name] = targetsOf(labels);
  const strays = [...tensors.keys()].filter(
    (name) => !declared.has(name) && !(name === "labels" && labelled),
  );
  if (strays.length > 0) note(context, `no input of the model, ignored: ${listNames(strays, 8)}`);
  for (const input of wanted) requireInput(input, given, path);
  return Object.fromEntries(
    wanted
      .flatMap(({ name }) => (name in given ? [[name, given[name]!]] : []))
      .concat(sources(wanted, given)),
  );
}

/** The targets that a tensor called `labels` gives, where there is no doubt which: the model gives them no name of their own. */
function labelledInput({ inputs }: Program): Input | undefined {
  const targets = inputs.filter(
    ({ name, derived }) =>
      derived && ["next", "original"].includes(derived.how) && name === `${derived.of}.${derived.how}`,
  );
  return targets.length === 1 ? targets[0] : undefined;
}

/** Others mark what does not count with -100; here it is -1. */
function targetsOf(labels: StoredTensor): TensorLike {
  const data = toInt32(labels, "labels").map((id) => Math.max(-1, id));
  return { data, shape: labels.shape };
}

/** An input that a wanted one is derived from by shifting. */
const sources = (
  wanted: readonly Input[],
  given: Readonly<Record<string, TensorLike>>,
): [string, TensorLike][] =>
  wanted.flatMap(({ derived }): [string, TensorLike][] =>
    derived !== null && given[derived.of] ? [[derived.of, given[derived.of]!]] : [],
  );

function requireInput(input: Input, given: Readonly<Record<string, TensorLike>>, path: string): void {
  if (input.name in given || (input.derived !== null && input.derived.of in given)) return;
  fail(
    "missing-tensor",
    `\`${path}\` lacks the input \`${input.name}\` of the model`,
    `it holds ${heldBy(given)}`,
    path,
  );
}

const heldBy = (given: Readonly<Record<string, TensorLike>>): string =>
  Object.keys(given)
    .map((name) => `\`${name}\``)
    .join(", ") || "no input of it";

/** One stored tensor as an input; ids with one column more than the context are inputs and their successors. */
function inputTensors(
  program: Program,
  input: Input,
  stored: StoredTensor,
): Readonly<Record<string, TensorLike>> {
  const { shape } = stored;
  const data = input.dtype === "f32" ? toFloat32(stored, input.name) : toInt32(stored, input.name);
  const next = program.inputs.find(({ derived }) => derived?.how === "next" && derived.of === input.name);
  const columns = shape.at(-1) ?? 0;
  if (!next || shape.length !== 2 || columns !== contextOf(program, input) + 1)
    return { [input.name]: { data, shape } };
  const rows = shape[0]!;
  const part = (from: number): TensorLike => {
    const values = new Int32Array(rows * (columns - 1));
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns - 1; column++)
        values[row * (columns - 1) + column] = data[row * columns + column + from]!;
    return { data: values, shape: [rows, columns - 1] };
  };
  return { [input.name]: part(0), [next.name]: part(1) };
}

/** The largest length of an input's last axis; infinite where that axis has a fixed size. */
export function contextOf(program: Program, input: Input): number {
  const size = input.shape.at(-1);
  const symbol = typeof size === "object" ? size[0]?.[1] : undefined;
  return (symbol === undefined ? undefined : program.lengths[symbol]?.maximum) ?? Number.POSITIVE_INFINITY;
}

export function writeTensorsFile(path: string, tensors: Iterable<readonly [string, Tensor]>): void {
  const written = new Map(
    [...tensors].map(([name, data]): [string, TensorToWrite] => [name, writable(data)]),
  );
  writeAtomic(path, writeSafetensors(written, { format: "pt" }));
}

/** Booleans live as u32 on devices; in files they are BOOL. */
function writable(data: Tensor): TensorToWrite {
  if (data instanceof Uint32Array) return { data: Uint8Array.from(data), shape: data.shape, dtype: "BOOL" };
  return { data, shape: data.shape };
}
