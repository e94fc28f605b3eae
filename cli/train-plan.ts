/**
 * Options, model and data → everything a training run needs, decided; nothing has been computed yet.
 */
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { version } from "../compiler/version.js";
import type { CheckpointParts } from "../runtime/checkpoint.js";
import { openCheckpoint } from "../runtime/checkpoint.js";
import type { Program } from "../runtime/program.js";
import type { Weights } from "../runtime/weights.js";
import { readCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { log, warn } from "./context.js";
import type { Dataset } from "./data/dataset.js";
import type { Encoding } from "./data/encode.js";
import { encodeData, longestOf } from "./data/encode.js";
import { labelNames } from "./data/labels.js";
import type { RawSplit } from "./data/read.js";
import { labelsOf, readSplit, textsOf } from "./data/read.js";
import type { Task } from "./data/task.js";
import { inputsOfBuilt, specialsOf, taskOf } from "./data/task.js";
import type { InputsUnder, Settings } from "./data/vocabulary.js";
import { checkVocabulary, reconcile } from "./data/vocabulary.js";
import { fail } from "./failure.js";
import { exists } from "./files.js";
import { originOf } from "./hugging-face/record.js";
import type { Loaded } from "./load.js";
import { buildQuietly, compileSource, settingsOf } from "./load.js";
import { openRun } from "./open-run.js";
import type { Resolved, Run } from "./run-folder.js";
import { readRun } from "./run-folder.js";
import type { Source } from "./source.js";
import { readSource, tfmTextOf } from "./source.js";
import { readWeightsFile } from "./tensor-files.js";
import { openTokenizer } from "./tokenizers.js";
import type { TrainOptions } from "./train-options.js";

export interface TrainingPlan {
  readonly run: Run;
  readonly program: Program;
  readonly task: Task;
  readonly encoding: Encoding;
  readonly training: Dataset;
  readonly validation: Dataset | undefined;
  /** Where a resumed run continues. */
  readonly checkpoint: CheckpointParts | undefined;
  /** What a new run begins with, where it is not random. */
  readonly weights?: Weights | undefined;
  /** Of a new run: what the compiler said of its model, and its data as another seed orders it. */
  readonly fresh?: { readonly loaded: Loaded; dataOf(seed: number): Encoded };
}

const defaultSeed = 1;

// ---------------------------------------------------------------- a new run

export async function planTraining(
  context: Context,
  path: string | undefined,
  options: TrainOptions,
  more: { readonly norms?: boolean } = {},
): Promise<TrainingPlan | undefined> {
  if (path === undefined) return fail("usage", "`train` needs a model", "`tfmc train FILE --data PATH`");
  const { data } = options;
  if (data === undefined) return fail("usage", "`train` needs data", "`tfmc train FILE --data PATH`");
  const source = await readSource(context, path);
  const given = settingsOf(options.set);
  const built = buildQuietly(context, source, given, options.model);
  // Where the model has mistakes, compiling it tells them.
  const prepared =
    built && prepare(context, source, taskOf(built.name, inputsOfBuilt(built)), { ...options, data });
  const settings = prepared?.settings ?? given;
  const loaded = compileSource(context, source, settings, {
    entry: options.model,
    level: options.O,
    remat: options.remat,
    ...more,
  });
  if (!loaded || !prepared) return undefined;
  const { program } = loaded;
  const { raw, encoding } = prepared;
  const task = taskOf(program.name, program.inputs);
  checkVocabulary(program, { tokenizer: options.tokenizer, task, encoding });
  const name = path === "-" ? program.name : basename(path, extname(path));
  const run: Run = {
    folder: options.output ?? freeFolder(join("runs", name)),
    source: tfmTextOf(source),
    tokenizer: encoding.tokenizer && `${JSON.stringify(encoding.tokenizer.toJSON())}\n`,
    labels: encoding.labels.length > 0 ? `${JSON.stringify(encoding.labels)}\n` : undefined,
    origin: options.weights === undefined || path === "-" ? undefined : originOf(dirname(path)),
    resolved: {
      ...resolveOptions(program, task, options),
      ...{ file: source.file, model: program.name, settings, imports: importsOf(context, source) },
      ...{ task: task.kind, data: resolve(data), dataSha256: raw.sha256 },
      ...{
        target: absolute(options.target),
        validationTarget: absolute(options.valTarget),
        keys: options.keys,
      },
      tokenizer: encoding.tokenizer ? options.tokenizer : "none",
      seed: context.options.seed ?? defaultSeed,
    },
  };
  return {
    run,
    program,
    task,
    encoding,
    ...encodeSplit(context, { program, task, encoding }, raw, run.resolved),
    checkpoint: undefined,
    weights: options.weights === undefined ? undefined : readWeightsFile(program, options.weights),
    fresh: {
      loaded,
      dataOf: (seed) =>
        encodeSplit(silent(context), { program, task, encoding }, raw, { ...run.resolved, seed }),
    },
  };
}

const absolute = (path: string | undefined): string | undefined =>
  path === undefined ? undefined : resolve(path);

interface Prepared {
  readonly raw: RawSplit;
  readonly encoding: Encoding;
  readonly settings: Settings;
}

/** The data in memory, what makes numbers of it, and the model's settings for those. */
function prepare(
  context: Context,
  source: Source,
  task: Task,
  options: TrainOptions & { readonly data: string },
): Prepared {
  const raw = readSplit(task, options, options.val, options.valTarget);
  const parts = [raw.training, raw.validation];
  const encoding: Encoding = {
    tokenizer:
      task.kind === "images"
        ? undefined
        : openTokenizer(options.tokenizer, parts.flatMap(textsOf), specialsOf[task.kind]),
    labels: labelNames(parts.flatMap(labelsOf)),
  };
  const inputsUnder: InputsUnder = (settings) => {
    const built = buildQuietly(context, source, settings, options.model);
    return built && inputsOfBuilt(built);
  };
  const { tokenizer, set } = options;
  const settings = reconcile(context, { task, encoding, tokenizer }, settingsOf(set), inputsUnder);
  return { raw, encoding, settings };
}

/** `runs/nano`, or the first of `runs/nano-2`, `runs/nano-3`, … that is not there yet. */
function freeFolder(base: string): string {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? base : `${base}-${n}`;
    if (!exists(folder)) return folder;
  }
}

function resolveOptions(program: Program, task: Task, options: TrainOptions) {
  const recipe =
    program.recipe ??
    fail(
      "no-loss",
      `\`${program.name}\` has no loss, so it cannot be trained`,
      "add a `loss` statement to the model",
    );
  const steps = options.steps ?? recipe.steps;
  const often = Math.max(1, Math.ceil(steps / 5));
  return {
    format: 1 as const,
    compiler: version,
    validation: options.val,
    batch: options.batch ?? recipe.batch,
    accumulate: recipe.accumulate,
    length: lengthOf(program, task, options.length),
    steps,
    learningRate: options.lr ?? recipe.learningRate,
    level: options.O,
    remat: options.remat,
    scheduleSteps: options.steps ?? ("steps" in recipe.schedule ? recipe.schedule.steps : steps),
    evalEvery: options.evalEvery ?? often,
    saveEvery: options.saveEvery ?? often,
  };
}

function lengthOf(program: Program, task: Task, given: number | undefined): number {
  const longest = longestOf(program, task);
  if (given !== undefined && task.kind === "images") fail("usage", "pictures have no --length");
  if (given !== undefined && given > longest)
    fail("usage", `--length ${given} is more than the model's context of ${longest}`);
  return given ?? longest;
}

/** What was said of the data is not said again. */
const silent = (context: Context): Context => ({
  ...context,
  options: { ...context.options, quiet: true },
});

type Encoded = Pick<TrainingPlan, "training" | "validation">;

function encodeSplit(
  context: Context,
  model: Pick<TrainingPlan, "program" | "task" | "encoding">,
  raw: RawSplit,
  { length, batch, seed }: Pick<Resolved, "length" | "batch" | "seed">,
): Encoded {
  const encoder = { context, ...model };
  return {
    training: encodeData(encoder, raw.training, { length, batch, seed, name: "training" }),
    validation:
      raw.validation && encodeData(encoder, raw.validation, { length, batch, seed, name: "validation" }),
  };
}

// -------------------------------------------------------------- resumed runs

export async function resumeTraining(
  context: Context,
  folder: string,
  path: string | undefined,
  options: TrainOptions,
): Promise<TrainingPlan | undefined> {
  refuseChanges(context, path, options);
  const run = compiledAs(readRun(folder), options);
  const { resolved } = run;
  const opened = openRun(context, run);
  if (!opened) return undefined;
  const { data = resolved.data, target = resolved.target } = options;
  const raw = readSplit(
    opened.task,
    { data, target, keys: resolved.keys },
    resolved.validation,
    resolved.validationTarget,
  );
  if (raw.sha256 !== resolved.dataSha256) {
    warn(context, "the data is not what this run began with: it will not continue as it would have");
  }
  const files = await readCheckpoint(folder, (message) => warn(context, message));
  const checkpoint = await openCheckpoint(opened.program, files);
  const steps = options.steps ?? resolved.steps;
  log(context, `resuming \`${folder}\` after step ${checkpoint.state.step} of ${steps}`);
  return {
    ...opened,
    ...encodeSplit(context, opened, raw, resolved),
    run: { ...run, resolved: { ...resolved, steps } },
    checkpoint,
  };
}

/** The level, and what is computed again, are how a run computes, not what: they may change. */
function compiledAs(run: Run, { O: level, remat }: TrainOptions): Run {
  const given = { ...(level !== undefined && { level }), ...(remat !== undefined && { remat }) };
  return { ...run, resolved: { ...run.resolved, ...given } };
}

/** A run goes on as it began: only its end may move, its data may have moved. */
function refuseChanges(context: Context, path: string | undefined, options: TrainOptions): void {
  const { batch, length: width, lr, model, set, output, keys, valTarget } = options;
  const given = {
    FILE: path,
    "--batch": batch,
    "--length": width,
    "--lr": lr,
    "--model": model,
    "--keys": keys,
    "--val-target": valTarget,
    "-o": output,
  };
  const all = { ...given, "--seed": context.options.seed, "--set": set[0] };
  const [changed] = Object.entries(all).find(([, value]) => value !== undefined) ?? [];
  if (changed === undefined) return;
  fail("usage", `${changed} does not go with --resume`, "a run goes on as it began; --steps may extend it");
}

/** The texts of all imported files, by their path relative to the model's folder. */
function importsOf(context: Context, source: Source): Readonly<Record<string, string>> {
  const root = dirname(source.file);
  const imported = [...context.sources].filter(([file]) => file !== source.file);
  return Object.fromEntries(imported.map(([file, text]) => [relative(root, file), text]));
}
