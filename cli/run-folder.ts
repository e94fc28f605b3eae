/**
 * RUN folder ↔ what a run is: the model as trained, how it was resolved, its tokenizer and environment.
 *
 * ```
 * RUN/model.tfm  resolved.json  tokenizer.json  labels.json  env.json  metrics.jsonl  checkpoints/…
 * ```
 */
import { arch, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import type { Remat } from "../compiler/index.js";
import type { SettingValue } from "../compiler/ir/build.js";
import type { Level } from "../compiler/passes/pass.js";
import { version } from "../compiler/version.js";
import type { TaskKind } from "./data/task.js";
import { fail } from "./failure.js";
import { appendLine, exists, isFolder, limits, readText, writeAllAtomic, writeAtomic } from "./files.js";
import { originFolder } from "./hugging-face/record.js";

/** Everything about a run that is not in model.tfm, after defaults and the command line were applied. */
export interface Resolved {
  readonly format: 1;
  readonly compiler: string;
  readonly file: string;
  readonly model: string;
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** The texts of imported files, by their path relative to model.tfm. */
  readonly imports: Readonly<Record<string, string>>;
  /** What the model is trained to do; runs of the first version lack it and are streams. */
  readonly task?: TaskKind;
  readonly data: string;
  readonly dataSha256: string;
  /** The file of targets beside `data`, and of the validation's targets. */
  readonly target?: string | undefined;
  readonly validationTarget?: string | undefined;
  /** Names of the two fields of a record. */
  readonly keys?: string | undefined;
  /** As it was asked for; "none" where no text is read. */
  readonly tokenizer: string;
  readonly validation: string;
  readonly batch: number;
  /** Batches whose gradients make one step; 1 where it is absent. */
  readonly accumulate?: number;
  /** Tokens of a window, or the most of a pair's source and target and of a labelled text; 0 of pictures. */
  readonly length: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Where a schedule with an end ends; extending a run does not move it. */
  readonly scheduleSteps: number;
  readonly seed: number;
  /** How much the compiler optimised; 2 where it is absent. */
  readonly level?: Level | undefined;
  /** What gradients compute again; "none" where it is absent. */
  readonly remat?: Remat | undefined;
  readonly evalEvery: number;
  readonly saveEvery: number;
}

export interface Run {
  readonly folder: string;
  readonly source: string;
  readonly resolved: Resolved;
  /** The contents of tokenizer.json, where the model reads text. */
  readonly tokenizer: string | undefined;
  /** The contents of labels.json, the names of the classes, where there are any. */
  readonly labels?: string | undefined;
  /** Files of the imported folder that the model and its first parameters came from: what `export` needs. */
  readonly origin?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Of a folder that `tfmc import` wrote: what the files beside tokenizer.json say. Such a folder has no checkpoints. */
  readonly beside?: readonly unknown[];
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export function createRun(run: Run, device: Readonly<Record<string, unknown>>): void {
  if (exists(join(run.folder, "resolved.json")) && !isSpent(run.folder)) {
    fail(
      "existing-run",
      `\`${run.folder}\` already holds a run`,
      `continue it with \`--resume ${run.folder}\`, or choose another \`-o\``,
      run.folder,
    );
  }
  const environment = {
    compiler: version,
    node: process.version,
    platform: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model,
    cores: cpus().length,
    memory: totalmem(),
    device,
  };
  writeAllAtomic(
    new Map<string, string | Uint8Array>([
      [join(run.folder, "model.tfm"), run.source],
      ...optional(join(run.folder, "tokenizer.json"), run.tokenizer),
      ...optional(join(run.folder, "labels.json"), run.labels),
      ...[...(run.origin ?? [])].map(([name, data]) => [join(run.folder, originFolder, name), data] as const),
      [join(run.folder, "env.json"), json(environment)],
      [join(run.folder, "metrics.jsonl"), ""],
      [join(run.folder, "resolved.json"), json(run.resolved)],
    ]),
  );
}

const optional = (path: string, text: string | undefined): readonly [string, string][] =>
  text === undefined ? [] : [[path, text]];

/** A run that diverged before its first checkpoint: its metrics are all that it left, and another may take its place. */
function isSpent(folder: string): boolean {
  const metrics = join(folder, "metrics.jsonl");
  if (isFolder(join(folder, "checkpoints")) || !exists(metrics)) return false;
  const last = readText(metrics, limits.text).trimEnd().split("\n").at(-1);
  return last?.includes('"diverged":') === true;
}

export function readRun(folder: string): Run {
  if (!exists(folder))
    fail(
      "missing-file",
      `\`${folder}\` does not exist`,
      "a run folder is what `tfmc train -o RUN` writes",
      folder,
    );
  if (!isFolder(folder))
    fail(
      "broken-run",
      `\`${folder}\` is not a run folder`,
      "give the folder that `tfmc train -o` wrote",
      folder,
    );
  const part = (name: string): string => {
    const path = join(folder, name);
    if (!exists(path))
      fail(
        "broken-run",
        `\`${folder}\` is not a whole run folder: \`${name}\` is missing`,
        undefined,
        folder,
      );
    return readText(path, limits.text);
  };
  const present = (name: string): string | undefined => (exists(join(folder, name)) ? part(name) : undefined);
  return {
    folder,
    source: part("model.tfm"),
    tokenizer: present("tokenizer.json"),
    labels: present("labels.json"),
    resolved: parseResolved(folder, part("resolved.json")),
  };
}

function parseResolved(folder: string, text: string): Resolved {
  try {
    const resolved = JSON.parse(text) as Partial<Resolved>;
    if (resolved.format === 1 && typeof resolved.settings === "object") return resolved as Resolved;
  } catch {
    // said below
  }
  return fail(
    "broken-run",
    `\`${join(folder, "resolved.json")}\` is not what \`tfmc train\` writes`,
    undefined,
    folder,
  );
}

/** One line of metrics.jsonl. */
export interface Metric {
  readonly step: number;
  readonly [name: string]: number | string | boolean | null;
}

export const appendMetric = (folder: string, metric: Metric): void =>
  appendLine(join(folder, "metrics.jsonl"), JSON.stringify(metric));

/** Drops what was logged after the checkpoint at `step`: those steps are done again. The seconds until then. */
export function rewindMetrics(folder: string, step: number, name = "metrics.jsonl"): number {
  const path = join(folder, name);
  if (!exists(path)) return 0;
  const kept = readText(path, limits.text)
    .split("\n")
    .filter((line) => stepOf(line) <= step);
  writeAtomic(path, kept.map((line) => `${line}\n`).join(""));
  return Math.max(0, ...kept.slice(-2).map(secondsOf));
}

/** Runs of the first version did not say. */
const secondsOf = (line: string): number => Number((JSON.parse(line) as Metric)["seconds"] ?? 0);

/** A line that a killed process left unfinished counts as never written. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as Metric).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
