/**
 * Paths → what the files hold, split into training and validation; nothing is tokenised yet.
 *
 *   { kind: "pairs" }, train.tsv, "--val 0.1"  →  { training: { kind: "pairs", pairs }, validation: { … }, sha256 }
 */
import { createHash } from "node:crypto";
import { fail } from "../failure.js";
import { splitExamples } from "./buckets.js";
import { readImages, validationImagesIn } from "./read-images.js";
import type { FieldNames, TextRecord } from "./read-records.js";
import { fieldsOf, labelFields, pairFields, readParallel, readRecords } from "./read-records.js";
import { readTextData, splitText } from "./read-text.js";
import type { Task, TaskKind } from "./task.js";

/** [n, h, w, c] bytes and a name of a class each. */
export interface RawImages {
  readonly pixels: Uint8Array;
  readonly shape: readonly [number, number, number, number];
  readonly labels: readonly string[];
}

export type Raw =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pairs"; readonly pairs: readonly TextRecord[] }
  | { readonly kind: "labelled"; readonly texts: readonly TextRecord[] }
  | { readonly kind: "images"; readonly images: RawImages };

export interface DataPaths {
  readonly data: string;
  /** The file of targets, line by line beside `data`. */
  readonly target?: string | undefined;
  /** Names of the two fields of a record. */
  readonly keys?: string | undefined;
}

export interface RawSplit {
  readonly training: Raw;
  readonly validation: Raw | undefined;
  /** Of what the paths hold, the validation's own file apart. */
  readonly sha256: string;
}

/** Kinds of tasks that are told in lines of two texts. */
const fieldNames: Readonly<Partial<Record<TaskKind, FieldNames>>> = { pairs: pairFields, texts: labelFields };

export function readRaw(task: Task, paths: DataPaths): Raw {
  refuseStrayOptions(task, paths);
  const fields = paths.keys === undefined ? fieldNames[task.kind] : fieldsOf(paths.keys);
  switch (task.kind) {
    case "stream":
    case "masked":
      return { kind: "text", text: readTextData(paths.data) };
    case "pairs":
      return {
        kind: "pairs",
        pairs:
          paths.target === undefined
            ? readRecords(paths.data, fields!)
            : readParallel(paths.data, paths.target),
      };
    case "texts":
      return { kind: "labelled", texts: readRecords(paths.data, fields!) };
    case "images":
      return { kind: "images", images: readImages(paths.data, task.pixels) };
    default:
      return task satisfies never;
  }
}

function refuseStrayOptions({ kind }: Task, { target, keys }: DataPaths): void {
  if (target !== undefined && kind !== "pairs")
    fail("usage", "`--target` goes with models that have a source and a target");
  if (keys !== undefined && !(kind in fieldNames))
    fail("usage", "`--keys` goes with pairs and with labelled texts");
}

/** `validation`: a share, or the paths of another set; a folder of pictures may bring its own. */
export function readSplit(
  task: Task,
  paths: DataPaths,
  validation: string,
  validationTarget: string | undefined,
): RawSplit {
  const all = readRaw(task, paths);
  const sha256 = digest(all);
  const fraction = validation.trim() === "" ? Number.NaN : Number(validation);
  if (Number.isNaN(fraction)) {
    const other = { data: validation, target: validationTarget, keys: paths.keys };
    if (paths.target !== undefined && validationTarget === undefined)
      fail("usage", `\`--val ${validation}\` lacks its targets`, "give them with `--val-target FILE`");
    return { training: all, validation: readRaw(task, other), sha256 };
  }
  if (validationTarget !== undefined) fail("usage", "`--val-target` goes with `--val FILE`");
  if (fraction < 0 || fraction >= 1)
    fail("usage", `\`--val ${validation}\` is not a fraction from 0 up to but not including 1`);
  const own = task.kind === "images" && fraction > 0 ? validationImagesIn(paths.data) : undefined;
  if (own !== undefined) return { training: all, validation: readRaw(task, { data: own }), sha256 };
  return { ...splitRaw(all, fraction), sha256 };
}

function splitRaw(all: Raw, fraction: number): Pick<RawSplit, "training" | "validation"> {
  if (fraction === 0) return { training: all, validation: undefined };
  if (all.kind === "text") {
    const { training, validation } = splitText(all.text, fraction);
    return { training: { kind: "text", text: training }, validation: nonEmptyText(validation) };
  }
  const { training, validation } = splitExamples(sizeOf(all), fraction);
  return {
    training: chosen(all, training),
    validation: validation.length === 0 ? undefined : chosen(all, validation),
  };
}

const nonEmptyText = (text: string): Raw | undefined => (text === "" ? undefined : { kind: "text", text });

type Examples = Exclude<Raw, { readonly kind: "text" }>;

function sizeOf(raw: Examples): number {
  switch (raw.kind) {
    case "pairs":
      return raw.pairs.length;
    case "labelled":
      return raw.texts.length;
    case "images":
      return raw.images.labels.length;
    default:
      return raw satisfies never;
  }
}

function chosen(raw: Examples, members: readonly number[]): Raw {
  switch (raw.kind) {
    case "pairs":
      return { kind: "pairs", pairs: members.map((n) => raw.pairs[n]!) };
    case "labelled":
      return { kind: "labelled", texts: members.map((n) => raw.texts[n]!) };
    case "images":
      return { kind: "images", images: chosenImages(raw.images, members) };
    default:
      return raw satisfies never;
  }
}

function chosenImages({ pixels, shape, labels }: RawImages, members: readonly number[]): RawImages {
  const [, ...rest] = shape;
  const each = rest[0] * rest[1] * rest[2];
  const kept = new Uint8Array(members.length * each);
  members.forEach((member, n) => {
    kept.set(pixels.subarray(member * each, (member + 1) * each), n * each);
  });
  return { pixels: kept, shape: [members.length, ...rest], labels: members.map((n) => labels[n]!) };
}

function digest(raw: Raw): string {
  const hash = createHash("sha256");
  switch (raw.kind) {
    case "text":
      return hash.update(raw.text).digest("hex");
    case "pairs":
      return hash.update(JSON.stringify(raw.pairs)).digest("hex");
    case "labelled":
      return hash.update(JSON.stringify(raw.texts)).digest("hex");
    case "images":
      return hash.update(raw.images.pixels).update(JSON.stringify(raw.images.labels)).digest("hex");
    default:
      return raw satisfies never;
  }
}

/** The texts that a tokenizer reads. */
export function textsOf(raw: Raw | undefined): readonly string[] {
  switch (raw?.kind) {
    case undefined:
    case "images":
      return [];
    case "text":
      return [raw.text];
    case "pairs":
      return raw.pairs.flat();
    case "labelled":
      return raw.texts.map(([text]) => text);
    default:
      return raw satisfies never;
  }
}

/** The names of the classes that it speaks of. */
export function labelsOf(raw: Raw | undefined): readonly string[] {
  if (raw?.kind === "labelled") return raw.texts.map(([, label]) => label);
  return raw?.kind === "images" ? raw.images.labels : [];
}
