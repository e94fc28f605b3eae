/**
 * A Hugging Face folder → the tensors of its checkpoint, of one file or of several, and back to the same bytes.
 */
import { join } from "node:path";
import { RuntimeError } from "../../runtime/errors.js";
import type { StoredTensor, TensorFile } from "../../runtime/safetensors.js";
import { packSafetensors, readSafetensors } from "../../runtime/safetensors.js";
import { fail } from "../failure.js";
import { exists, isFolder, limits, readBytes, readText } from "../files.js";
import { messageOf } from "../runtime-failure.js";
import type { SourceFile, SourceRecord } from "./record.js";
import { isPlainName } from "./record.js";
import type { Words } from "./weights.js";
import { bytesOf, isReadType, readTypes } from "./words.js";

export const weightsName = "model.safetensors";
export const indexName = `${weightsName}.index.json`;

export interface Checkpoint {
  readonly files: readonly { readonly name: string; readonly content: TensorFile }[];
  /** The text of the index, where there are several files. */
  readonly index: string | null;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

export function readCheckpointFiles(folder: string): Checkpoint {
  if (!exists(folder)) fail("missing-file", `\`${folder}\` does not exist`, undefined, folder);
  if (!isFolder(folder))
    fail("no-checkpoint", `\`${folder}\` is no folder`, "give the folder that holds config.json", folder);
  const path = join(folder, indexName);
  const index = exists(path) ? readText(path, limits.names) : null;
  const names = index === null ? [oneFile(folder)] : filesOfIndex(index, path);
  const files = names.map((name) => ({ name, content: readFile(join(folder, name)) }));
  const tensors = new Map<string, StoredTensor>();
  for (const { name, content } of files)
    for (const [tensor, stored] of content.tensors) {
      if (tensors.has(tensor))
        fail("bad-checkpoint", `\`${tensor}\` is in two files, \`${name}\` is the second`, undefined, folder);
      tensors.set(tensor, stored);
    }
  return { files, index, tensors };
}

function oneFile(folder: string): string {
  if (exists(join(folder, weightsName))) return weightsName;
  const pickled = ["pytorch_model.bin", "pytorch_model.bin.index.json"].find((name) =>
    exists(join(folder, name)),
  );
  return fail(
    "no-checkpoint",
    `\`${folder}\` has no \`${weightsName}\`${pickled ? `, only \`${pickled}\`, a pickled program that is not run here` : ""}`,
    pickled
      ? "in Python: AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder), with the class that the model is of; or take the repository's revision that has safetensors"
      : "give the folder that `save_pretrained` wrote, or a repository that was downloaded whole",
    folder,
  );
}

/** The files that the index names, in its order; it names no paths. */
function filesOfIndex(text: string, path: string): readonly string[] {
  const map = weightMap(text);
  const names = map && [...new Set(Object.values(map))];
  const stray = names?.find((name) => !isPlainName(name));
  if (names && names.length > 0 && stray === undefined) return [...(names as readonly string[])].sort();
  const why = stray === undefined ? "has no `weight_map`" : `names the file ${JSON.stringify(stray)}`;
  return fail("bad-checkpoint", `\`${path}\` ${why}`, "it says which file holds each tensor", path);
}

function weightMap(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const index = JSON.parse(text) as { readonly weight_map?: unknown } | null;
    const map = index?.weight_map;
    return typeof map === "object" && map !== null && !Array.isArray(map)
      ? (map as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function readFile(path: string): TensorFile {
  try {
    return readSafetensors(readBytes(path, limits.tensors));
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new RuntimeError(error.code, `\`${path}\`: ${messageOf(error)}`, error.hint, { cause: error });
  }
}

/** What is needed to write the files again, without the tensors of `left`. */
export function recordOf(
  { files, index }: Checkpoint,
  left: ReadonlySet<string>,
  copied: readonly string[],
): SourceRecord {
  return {
    format: 1,
    files: files.map(({ name, content }) => ({
      name,
      metadata: content.metadata,
      tensors: inOrder(content)
        .filter(([tensor]) => !left.has(tensor))
        .map(([tensor, { dtype, shape }]) => ({ name: tensor, dtype: readType(tensor, dtype), shape })),
    })),
    index: index === null || left.size === 0 ? index : indexWithout(index, left),
    copied,
  };
}

const inOrder = ({ tensors }: TensorFile): readonly (readonly [string, StoredTensor])[] =>
  [...tensors].sort(([, a], [, b]) => a.bytes.byteOffset - b.bytes.byteOffset);

export function readType(tensor: string, dtype: string): (typeof readTypes)[number] {
  if (isReadType(dtype)) return dtype;
  return fail(
    "bad-checkpoint",
    `\`${tensor}\` is stored as ${dtype}; read are ${readTypes.join(", ")}`,
    "quantised checkpoints are not read: take the one that they were made of",
  );
}

/** The index of transformers: sorted, indented by two. */
function indexWithout(text: string, left: ReadonlySet<string>): string {
  const index = JSON.parse(text) as { readonly weight_map: Readonly<Record<string, string>> };
  const kept = Object.entries(index.weight_map).filter(([name]) => !left.has(name));
  return `${JSON.stringify({ ...index, weight_map: Object.fromEntries(kept) }, null, 2)}\n`;
}

/** The bytes of a file of the checkpoint; `kept` are those of tensors that the model does not use. */
export const packFile = (
  { tensors, metadata }: SourceFile,
  words: Words,
  kept: ReadonlyMap<string, Uint8Array> = new Map(),
): Uint8Array =>
  packSafetensors(
    tensors.map(({ name, dtype, shape }) => [
      name,
      { dtype, shape, bytes: kept.get(name) ?? bytesOf(dtype, words.get(name)!) },
    ]),
    metadata,
  );
