/**
 * Options, model and text → everything a training run needs, decided; nothing has been computed yet.
 */
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { parse } from "../compiler/index.js";
import type { SettingValue } from "../compiler/ir/build.js";
import type { ModelDeclaration } from "../compiler/parser/model.js";
import { version } from "../compiler/version.js";
import type { CheckpointParts } from "../runtime/checkpoint.js";
import { openCheckpoint } from "../runtime/checkpoint.js";
import { streamInputs } from "../runtime/data.js";
import type { Program } from "../runtime/program.js";
import type { Tokenizer } from "../runtime/tokenizer.js";
import { byteTokenizer, characterTokenizer } from "../runtime/tokenizer.js";
import { readCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { log, note, warn } from "./context.js";
import { fail } from "./failure.js";
import { exists } from "./files.js";
import type { Loaded } from "./load.js";
import { compileSource, settingsOf } from "./load.js";
import { openRun } from "./open-run.js";
import type { Resolved, Run } from "./run-folder.js";
import { readRun } from "./run-folder.js";
import type { Source } from "./source.js";
import { readSource } from "./source.js";
import { contextOf } from "./tensor-files.js";
import type { TextData } from "./text-data.js";
import { splitText } from "./text-data.js";
import type { TrainOptions } from "./train-options.js";

export interface TrainingPlan {
  readonly run: Run;
  readonly program: Program;
  readonly tokenizer: Tokenizer;
  readonly training: Int32Array;
  readonly validation: Int32Array;
  /** Where a resumed run continues. */
  readonly checkpoint: CheckpointParts | undefined;
  /** What the compiler said of a new run's model. */
  readonly loaded?: Loaded;
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
  if (options.data === undefined)
    return fail("usage", "`train` needs a text", "`tfmc train FILE --data PATH`");
  const source = await readSource(context, path);
  const text = splitText(options.data, options.val);
  const tokenizer =
    options.tokenizer === "bytes" ? byteTokenizer() : characterTokenizer(text.training + text.validation);
  const settings = reconcileVocabulary(context, source, options, tokenizer);
  const loaded = compileSource(context, source, settings, { entry: options.model, ...more });
  if (!loaded) return undefined;
  const { program } = loaded;
  const { bound, longest } = streamOf(program);
  if (bound < tokenizer.size) vocabularyMismatch(options.tokenizer, tokenizer.size, bound);
  const run: Run = {
    folder:
      options.output ?? freeFolder(join("runs", path === "-" ? program.name : basename(path, extname(path)))),
    source: source.text,
    tokenizer: `${JSON.stringify(tokenizer.toJSON())}\n`,
    resolved: {
      ...resolveOptions(program, options, longest),
      ...{ file: source.file, model: program.name, settings, imports: importsOf(context, source) },
      ...{ data: resolve(options.data), dataSha256: text.sha256, tokenizer: options.tokenizer },
      seed: context.options.seed ?? defaultSeed,
    },
  };
  return { run, program, tokenizer, ...encode(tokenizer, text, run.resolved), checkpoint: undefined, loaded };
}

/** `runs/nano`, or the first of `runs/nano-2`, `runs/nano-3`, … that is not there yet. */
function freeFolder(base: string): string {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? base : `${base}-${n}`;
    if (!exists(folder)) return folder;
  }
}

/** The bound of the ids and the longest window of the model's stream of tokens. */
function streamOf(program: Program): { readonly bound: number; readonly longest: number } {
  const { tokens } = streamInputs(program);
  const input = program.inputs.find(({ name }) => name === tokens)!;
  return { bound: input.bound ?? Number.POSITIVE_INFINITY, longest: contextOf(program, input) };
}

function resolveOptions(program: Program, options: TrainOptions, longest: number) {
  const recipe =
    program.recipe ??
    fail(
      "no-loss",
      `\`${program.name}\` has no loss, so it cannot be trained`,
      "add a `loss` statement to the model",
    );
  const steps = options.steps ?? recipe.steps;
  const often = Math.max(1, Math.ceil(steps / 5));
  const length = options.length ?? longest;
  if (length > longest) fail("usage", `--length ${length} is more than the model's context of ${longest}`);
  return {
    format: 1 as const,
    compiler: version,
    validation: options.val,
    batch: options.batch ?? recipe.batch,
    length,
    steps,
    learningRate: options.lr ?? recipe.learningRate,
    scheduleSteps: options.steps ?? ("steps" in recipe.schedule ? recipe.schedule.steps : steps),
    evalEvery: options.evalEvery ?? often,
    saveEvery: options.saveEvery ?? often,
  };
}

function encode(tokenizer: Tokenizer, text: TextData, resolved: Pick<Resolved, "length">) {
  const training = tokenizer.encode(text.training);
  const validation = tokenizer.encode(text.validation);
  const need = resolved.length + 1;
  if (training.length < need)
    fail(
      "bad-data",
      `the training text has ${training.length} tokens; one window takes ${need}`,
      "use a longer text or a smaller --length",
    );
  if (validation.length > 0 && validation.length < need) {
    fail(
      "bad-data",
      `the validation text has ${validation.length} tokens; one window takes ${need}`,
      "use a larger --val or a smaller --length; `--val 0` does without",
    );
  }
  return { training, validation };
}

// ------------------------------------------------------------ the vocabulary

/**
 * The settings under which the model takes the tokenizer's ids: an argument `vocab` that has a default and was not set
 * follows the tokenizer.
 */
function reconcileVocabulary(
  context: Context,
  source: Source,
  options: TrainOptions,
  tokenizer: Tokenizer,
): Readonly<Record<string, SettingValue>> {
  const settings = settingsOf(options.set);
  const declared = vocabularyArgument(source, options.model);
  if ("vocab" in settings || declared === undefined) return settings;
  const follows = options.tokenizer === "chars" ? declared !== tokenizer.size : declared < tokenizer.size;
  if (!follows) return settings;
  note(
    context,
    `the tokenizer \`${options.tokenizer}\` has ${tokenizer.size} tokens, so \`vocab\` is ${tokenizer.size} instead of ${declared}`,
  );
  return { ...settings, vocab: tokenizer.size };
}

/** The default of the model's argument `vocab`, where it has one that is a number. */
function vocabularyArgument({ text, file }: Source, name: string | undefined): number | undefined {
  const models = parse(text, file).model.declarations.filter(
    (d): d is ModelDeclaration => d.kind === "model",
  );
  const model = models.find((d) => d.name.text === name) ?? models[0];
  const value = model?.parameters.find((parameter) => parameter.name.text === "vocab")?.defaultValue;
  return value?.kind === "number" ? value.value : undefined;
}

function vocabularyMismatch(tokenizer: string, size: number, bound: number): never {
  return fail(
    "vocabulary-mismatch",
    `the tokenizer \`${tokenizer}\` has ${size} tokens, but the model takes ids below ${bound}`,
    `set the size of its vocabulary to ${size}, for example \`--set vocab=${size}\``,
  );
}

// -------------------------------------------------------------- resumed runs

export async function resumeTraining(
  context: Context,
  folder: string,
  path: string | undefined,
  options: TrainOptions,
): Promise<TrainingPlan | undefined> {
  refuseChanges(context, path, options);
  const run = readRun(folder);
  const { resolved } = run;
  const opened = openRun(context, run);
  if (!opened) return undefined;
  const text = splitText(options.data ?? resolved.data, resolved.validation);
  if (text.sha256 !== resolved.dataSha256) {
    warn(context, "the text is not the one that this run began with: it will not continue as it would have");
  }
  const files = await readCheckpoint(folder, (message) => warn(context, message));
  const checkpoint = await openCheckpoint(opened.program, files);
  const steps = options.steps ?? resolved.steps;
  log(context, `resuming \`${folder}\` after step ${checkpoint.state.step} of ${steps}`);
  return {
    ...opened,
    ...encode(opened.tokenizer, text, resolved),
    run: { ...run, resolved: { ...resolved, steps } },
    checkpoint,
  };
}

/** A run goes on as it began: only its end may move, its text may have moved. */
function refuseChanges(context: Context, path: string | undefined, options: TrainOptions): void {
  const { batch, length: width, lr, model, set, output } = options;
  const given = {
    FILE: path,
    "--batch": batch,
    "--length": width,
    "--lr": lr,
    "--model": model,
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
