/**
 * An imported folder, or a run that was trained from one → the Hugging Face folder that it came from, with its parameters as they are now.
 *
 *   nothing changed   →   the bytes that were imported
 */
import { join } from "node:path";
import { readSafetensors } from "../../runtime/safetensors.js";
import type { Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";
import { readCheckpoint } from "../checkpoint.js";
import type { Context } from "../context.js";
import { warn } from "../context.js";
import { fail } from "../failure.js";
import { exists, limits, readBytes, readText } from "../files.js";
import { buildReported } from "../load.js";
import { indexName, packFile, weightsName } from "./checkpoint-files.js";
import { readConfig } from "./config.js";
import { modelText, shapesOf } from "./import.js";
import type { Shapes, WeightPlan } from "./plan.js";
import { planWeights } from "./plan.js";
import type { SourceRecord } from "./record.js";
import { homeOf, isImported, readRecord, recordName } from "./record.js";
import { toTensors } from "./weights.js";
import { wordsOf } from "./words.js";

/** What an imported folder knows of where it came from. */
export interface Source {
  readonly record: SourceRecord;
  readonly plan: WeightPlan;
  readonly parameters: Shapes;
}

/** Undefined where the model no longer builds: that has been reported. */
export function sourceOf(context: Context, folder: string): Source | undefined {
  const home = homeOf(folder);
  if (!isImported(home))
    return fail(
      "broken-run",
      `\`${folder}\` did not come from Hugging Face: it has no \`${recordName}\``,
      "`tfmc import` writes it, and runs that are trained from such a folder keep it",
      folder,
    );
  const record = readRecord(home);
  const path = join(home, "config.json");
  const read = readConfig(readText(path, limits.model), path);
  const built = buildReported(context, { file: join(folder, "model.tfm"), text: modelText(read) });
  if (!built) return undefined;
  const parameters = shapesOf(built);
  const tensors = new Map(
    record.files.flatMap(({ tensors }) => tensors.map(({ name, shape }) => [name, shape] as const)),
  );
  return {
    record,
    parameters,
    plan: planWeights(read.family.weights(read.config), tensors, parameters, read.family.prefix),
  };
}

/** Gradients of parameters → of the tensors of the checkpoint: what the loss does not reach is 0, tensors that are one have one. */
export function underTheirNames(
  { record, plan, parameters }: Source,
  gradients: ReadonlyMap<string, Tensor>,
): readonly (readonly [string, Tensor])[] {
  const words = toTensors({ ...plan, likes: new Map() }, (name) => {
    const found = gradients.get(name);
    if (found) return new Uint32Array(found.buffer, found.byteOffset, found.length);
    return new Uint32Array(sizeOf(parameters.get(name)!));
  });
  return record.files
    .flatMap(({ tensors }) => tensors)
    .flatMap(({ name, shape }) => {
      const made = words.get(name);
      return made
        ? [[name, tensor(new Float32Array(made.buffer, made.byteOffset, made.length), shape)] as const]
        : [];
    });
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

/** File name → contents. */
export async function exportFolder(
  context: Context,
  folder: string,
  { tensorsOnly }: { readonly tensorsOnly: boolean },
): Promise<ReadonlyMap<string, Uint8Array | string> | undefined> {
  const source = sourceOf(context, folder);
  if (!source) return undefined;
  const { record, plan } = source;
  const words = toTensors(plan, await parametersOf(context, folder, source));
  const { files, index, copied, kept } = record;
  const aside = new Map(
    Object.entries(kept ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes, "base64")]),
  );
  return new Map<string, Uint8Array | string>([
    ...files.map((file) => [file.name, packFile(file, words, aside)] as const),
    ...(index === null ? [] : [[indexName, index] as const]),
    ...(tensorsOnly
      ? []
      : copied.map((name) => [name, readBytes(join(homeOf(folder), name), limits.text)] as const)),
  ]);
}

/** The parameters of the newest checkpoint, or those that were imported. */
async function parametersOf(
  context: Context,
  folder: string,
  { parameters }: Source,
): Promise<(name: string) => Uint32Array> {
  const bytes = exists(join(folder, "checkpoints"))
    ? (await readCheckpoint(folder, (message) => warn(context, message))).get(weightsName)!
    : readBytes(join(folder, weightsName), limits.tensors);
  const { tensors } = readSafetensors(bytes);
  return (name) => {
    const stored = tensors.get(name);
    const shape = parameters.get(name)!;
    if (
      stored?.dtype === "F32" &&
      stored.shape.length === shape.length &&
      stored.shape.every((size, n) => size === shape[n])
    )
      return wordsOf("F32", stored.bytes);
    return fail(
      "broken-run",
      `\`${join(folder, weightsName)}\` has no parameter \`${name}\` of F32 [${shape.join(", ")}]`,
      "the model was changed after it was imported, so it is not of that family any more",
      folder,
    );
  };
}
