/**
 * What of a Hugging Face folder is in no file of the imported one: the order, types and metadata of its tensors. With it export writes the
 * same bytes.
 *
 *   hugging-face.json   {"format": 1, "files": [{"name": "model.safetensors", "metadata": {"format": "pt"}, "tensors": […]}], "copied": […]}
 */
import { basename, join } from "node:path";
import { fail } from "../failure.js";
import { exists, limits, readBytes, readText } from "../files.js";
import type { ReadType } from "./words.js";
import { isReadType } from "./words.js";

export const recordName = "hugging-face.json";

export interface SourceTensor {
  readonly name: string;
  readonly dtype: ReadType;
  readonly shape: readonly number[];
}

export interface SourceFile {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the data. Those that the model does not use are not there. */
  readonly tensors: readonly SourceTensor[];
}

export interface SourceRecord {
  readonly format: 1;
  readonly files: readonly SourceFile[];
  /** The text of model.safetensors.index.json, where there are several files. */
  readonly index: string | null;
  /** Tensor that the model does not use → its bytes, in base 64. */
  readonly kept?: Readonly<Record<string, string>>;
  /** Files that went along as they were, config.json the first. */
  readonly copied: readonly string[];
}

/** Where in a run lies what is kept of the imported folder that it was trained from. */
export const originFolder = "hugging-face";

/** The folder that holds the record: an imported one itself, or a part of a run. */
export const homeOf = (folder: string): string =>
  isImported(join(folder, originFolder)) ? join(folder, originFolder) : folder;

/** What a run that is trained from an imported folder keeps of it; undefined where it is none. */
export function originOf(folder: string): ReadonlyMap<string, Uint8Array> | undefined {
  const home = homeOf(folder);
  if (!isImported(home)) return undefined;
  const names = [recordName, ...readRecord(home).copied];
  return new Map(names.map((name) => [name, readBytes(join(home, name), limits.text)]));
}

export const isImported = (folder: string): boolean => exists(join(folder, recordName));

export function readRecord(folder: string): SourceRecord {
  const path = join(folder, recordName);
  const text = readText(path, limits.names);
  try {
    const record = JSON.parse(text) as SourceRecord;
    if (isRecord(record)) return record;
  } catch {
    // said below
  }
  return fail(
    "broken-run",
    `\`${path}\` is not what \`tfmc import\` writes`,
    "import the folder again",
    path,
  );
}

const isRecord = (record: SourceRecord | null): boolean =>
  record?.format === 1 &&
  Array.isArray(record.files) &&
  record.files.every(
    ({ name, tensors }) => isPlainName(name) && Array.isArray(tensors) && tensors.every(isTensor),
  ) &&
  Object.values(record.kept ?? {}).every((bytes) => typeof bytes === "string") &&
  Array.isArray(record.copied) &&
  record.copied.every(isPlainName);

const isTensor = ({ name, dtype, shape }: SourceTensor): boolean =>
  typeof name === "string" && isReadType(dtype) && Array.isArray(shape) && shape.every(Number.isSafeInteger);

/** A name of a file and no path. */
export const isPlainName = (name: unknown): name is string =>
  typeof name === "string" &&
  name !== "" &&
  name !== "." &&
  name !== ".." &&
  basename(name) === name &&
  !name.includes("\\") &&
  !name.includes("\0");
