/**
 * A training plan → steps, evaluations, checkpoints, and the end: losses, a sample, the place of the checkpoint.
 */
import { packCheckpoint } from "../runtime/checkpoint.js";
import { RuntimeError } from "../runtime/errors.js";
import { evaluate } from "../runtime/evaluate.js";
import type { Program, Recipe } from "../runtime/program.js";
import type { Session } from "../runtime/session.js";
import type { StepRecord, Trainer } from "../runtime/trainer.js";
import { createTrainer } from "../runtime/trainer.js";
import { initialise } from "../runtime/weights.js";
import { writeCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { log, print } from "./context.js";
import { accuracyOf, hasClasses } from "./data/accuracy.js";
import type { DataBatch, Dataset } from "./data/dataset.js";
import { sampleOf } from "./data/samples.js";
import type { ExitCode } from "./failure.js";
import type { Resolved } from "./run-folder.js";
import { appendMetric, createRun, rewindMetrics } from "./run-folder.js";
import type { OpenSession } from "./session.js";
import { withSession } from "./session.js";
import { count } from "./terminal.js";
import type { TrainingPlan } from "./train-plan.js";
import type { TrainProgress } from "./train-progress.js";
import { createTrainProgress } from "./train-progress.js";

/** Who looks on as a run proceeds. What it waits for is none of the steps' time. */
export interface TrainingWatch {
  /** Just before a step; `done` are the steps before it. */
  before(open: OpenSession, done: number): Promise<void>;
  /** Just after it was given to the device. */
  after(): void;
  /** What came back from the device. */
  recorded(records: readonly StepRecord[]): void;
  /** The last step, validation and checkpoint were done; nothing is printed then. */
  finished(open: OpenSession, end: TrainingEnd): Promise<void>;
}

export interface TrainingEnd {
  readonly step: number;
  readonly sample: string;
}

interface Loop extends OpenSession {
  readonly context: Context;
  readonly plan: TrainingPlan;
  readonly trainer: Trainer;
  readonly progress: TrainProgress;
  readonly watch: TrainingWatch | undefined;
  /** What the last step and the last checkpoint left; the only thing here that changes. */
  readonly latest: {
    loss: number | undefined;
    saved: { readonly step: number; readonly path: string } | undefined;
    /** Tokens of all steps made, and of those that were not read back yet. */
    tokens: number;
    readonly unread: { readonly step: number; readonly tokens: number; readonly total: number }[];
  };
  /** Seconds of training so far, those before a resumption included. */
  readonly seconds: () => number;
}

/** Windows of text, and examples of other kinds, that are looked at during training. */
const quickExamples = { stream: 64, masked: 64, pairs: 512, texts: 512, images: 512 } as const;
/** A GPU need not wait for the host after every step. */
const logEvery = { webgpu: 8, cpu: 1 } as const;

export async function trainPlan(
  context: Context,
  plan: TrainingPlan,
  watch?: TrainingWatch,
): Promise<ExitCode> {
  const { program, run, checkpoint } = plan;
  const { resolved, folder } = run;
  const weights = checkpoint?.weights ?? plan.weights ?? initialise(program, resolved.seed);
  return withSession(context, program, weights, ["train"], async ({ device, session }) => {
    if (checkpoint) session.writeStates(checkpoint.states);
    else createRun(run, { ...device.info });
    const before = rewindMetrics(folder, checkpoint?.state.step ?? 0);
    const trainer = createTrainer(session, {
      ...recipeOf(program, resolved),
      seed: resolved.seed,
      step: checkpoint?.state.step,
      logEvery: logEvery[device.info.kind],
    });
    const progress = createTrainProgress(context);
    const latest = {
      ...{ loss: undefined, saved: checkpoint && { step: checkpoint.state.step, path: folder } },
      ...{ tokens: checkpoint?.state.tokens ?? 0, unread: [] },
    };
    const start = performance.now();
    const seconds = (): number => before + (performance.now() - start) / 1000;
    const loop: Loop = { context, plan, device, session, trainer, progress, watch, latest, seconds };
    announce(loop);
    return runSteps(loop).catch((error: unknown) => diverged(loop, error));
  });
}

/** The recipe with what the command line overrode. */
function recipeOf(
  program: Program,
  resolved: Resolved,
): { readonly lr: number; readonly schedule: Recipe["schedule"] } {
  const { schedule } = program.recipe!;
  return {
    lr: resolved.learningRate,
    schedule: "steps" in schedule ? { ...schedule, steps: resolved.scheduleSteps } : schedule,
  };
}

function announce({ context, plan, device, progress }: Loop): void {
  const { program, run, task, training, validation } = plan;
  const { batch, accumulate = 1, length: width, steps, tokenizer, seed, learningRate } = run.resolved;
  const parameters = program.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1),
    0,
  );
  log(
    context,
    `${program.name}: ${count(parameters)} parameters on ${device.info.kind} (${device.info.description})`,
  );
  const windows = task.kind === "stream" || task.kind === "masked";
  const parts = accumulate > 1 ? `${accumulate} × ` : "";
  const padding = paddingShare(training);
  log(
    context,
    `${training.description} to train on, ${validation?.description ?? "none"} to validate; ` +
      `${steps} steps of ${parts}${batch}${windows ? ` × ${width}` : ""}` +
      (windows || task.kind === "images" ? "" : `; ${(100 * padding).toFixed(1)} % of a batch is padding`),
  );
  const settings = {
    steps,
    batch,
    accumulate,
    length: width,
    tokenizer,
    seed,
    learningRate,
    run: run.folder,
  };
  progress.event("start", {
    ...{ model: program.name, task: task.kind, parameters, device: device.info },
    ...{ ...settings, padding },
  });
}

/** Of the first batches. */
function paddingShare(training: Dataset): number {
  const batches = Array.from({ length: 32 }, (_, n) => training.batch(n));
  const sum = (of: (batch: DataBatch) => number): number =>
    batches.reduce((all, batch) => all + of(batch), 0);
  return 1 - sum(({ tokens }) => tokens) / sum(({ places }) => places);
}

// ------------------------------------------------------------------ the loop

async function runSteps(loop: Loop): Promise<ExitCode> {
  const { context, plan, trainer } = loop;
  const { steps, evalEvery, saveEvery } = plan.run.resolved;
  let interrupted = false;
  const stopListening = context.host.onInterrupt(() => {
    interrupted = true;
  });
  const due = (every: number): boolean =>
    every > 0 && trainer.stepsDone % every === 0 && trainer.stepsDone < steps;
  try {
    while (trainer.stepsDone < steps && !interrupted) {
      await loop.watch?.before(loop, trainer.stepsDone);
      await oneStep(loop);
      loop.watch?.after();
      if (due(evalEvery)) await validate(loop);
      if (due(saveEvery)) await save(loop);
      await yieldToSignals();
    }
  } finally {
    stopListening();
  }
  return trainer.stepsDone < steps ? interrupt(loop) : finish(loop);
}

/** A step on the CPU device never leaves the thread to the event loop by itself. */
const yieldToSignals = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function oneStep(loop: Loop): Promise<void> {
  const { plan, trainer, latest } = loop;
  const { accumulate = 1 } = plan.run.resolved;
  const first = trainer.stepsDone * accumulate;
  const batches = Array.from({ length: accumulate }, (_, n) => plan.training.batch(first + n));
  const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
  latest.tokens += tokens;
  latest.unread.push({ step: trainer.stepsDone + 1, tokens, total: latest.tokens });
  const inputs = batches.map((batch) => batch.inputs);
  const { recent } = await trainer.step(inputs.length === 1 ? inputs[0]! : inputs);
  record(loop, recent);
}

/** What came back from the device goes to metrics.jsonl and to the screen. */
function record(loop: Loop, recent: readonly StepRecord[]): void {
  const { plan, progress, session, latest, seconds, watch } = loop;
  watch?.recorded(recent);
  const { steps } = plan.run.resolved;
  const memory = memoryOf(session);
  for (const { step, loss, gradNorm, lr } of recent) {
    const { tokens, total } = latest.unread.shift()!;
    appendMetric(plan.run.folder, {
      step,
      loss,
      gradient_norm: gradNorm,
      learning_rate: lr,
      tokens: total,
      seconds: rounded(seconds()),
    });
    progress.step({ step, steps, loss, learningRate: lr, gradientNorm: gradNorm, tokens, memory });
    latest.loss = loss;
  }
}

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

const memoryOf = ({ bytes }: Session): number => bytes.persistent + bytes.arena;

// ------------------------------------------------ evaluation and checkpoints

interface Validated {
  readonly loss: number;
  /** Of classes, where there are any. */
  readonly accuracy: number | undefined;
}

async function validate(loop: Loop): Promise<Validated | undefined> {
  const { context, plan, session, trainer, progress, seconds } = loop;
  const { validation, task, run } = plan;
  if (validation === undefined) return undefined;
  record(loop, await trainer.flush());
  const { batch } = run.resolved;
  const batches = [...validation.inOrder({ batch, limit: quickExamples[task.kind] })];
  const { loss } = await evaluate(
    session,
    batches.map(({ inputs }) => inputs),
  );
  const step = trainer.stepsDone;
  const accuracy = hasClasses(task) ? (await accuracyOf(session, task, batches))?.share : undefined;
  appendMetric(run.folder, {
    step,
    validation_loss: loss,
    ...(accuracy !== undefined && { validation_accuracy: accuracy }),
    seconds: rounded(seconds()),
  });
  progress.event("eval", { step, loss, ...(accuracy !== undefined && { accuracy }) });
  const right = accuracy === undefined ? "" : `, accuracy ${(100 * accuracy).toFixed(1)} %`;
  if (!context.options.json) log(context, `step ${step}: validation loss ${loss.toFixed(4)}${right}`);
  return { loss, accuracy };
}

async function save(loop: Loop): Promise<string> {
  const { plan, session, trainer, progress, latest } = loop;
  record(loop, await trainer.flush());
  const step = trainer.stepsDone;
  if (latest.saved?.step === step) return latest.saved.path;
  const { folder, resolved } = plan.run;
  const files = await packCheckpoint({
    state: {
      format: 1,
      step,
      seed: resolved.seed,
      tokens: latest.tokens,
      lossScale: 1,
    },
    weights: await session.readParameters(),
    states: await session.readStates(),
  });
  const path = writeCheckpoint(folder, step, files);
  latest.saved = { step, path };
  progress.event("checkpoint", { step, path });
  return path;
}

async function interrupt(loop: Loop): Promise<ExitCode> {
  const { context, plan, trainer, progress } = loop;
  const path = await save(loop);
  progress.event("interrupted", { step: trainer.stepsDone, path });
  log(
    context,
    `interrupted after step ${trainer.stepsDone}; checkpoint ${path}; continue with --resume ${plan.run.folder}`,
  );
  return 130;
}

/** A run that diverged says so in its metrics; a folder without a checkpoint may then be taken by another run. */
async function diverged({ plan, trainer }: Loop, error: unknown): Promise<never> {
  if (error instanceof RuntimeError && error.code === "TFM6008")
    appendMetric(plan.run.folder, { step: trainer.stepsDone, diverged: true });
  throw error;
}

async function finish(loop: Loop): Promise<ExitCode> {
  const { context, plan, session, trainer, progress, latest } = loop;
  const validated = await validate(loop);
  const path = await save(loop);
  const sample = await sampleOf(session, { ...plan, seed: plan.run.resolved.seed });
  const loss = latest.loss;
  await loop.watch?.finished(loop, { step: trainer.stepsDone, sample });
  progress.event("done", {
    step: trainer.stepsDone,
    loss: loss ?? null,
    validationLoss: validated?.loss ?? null,
    ...(validated?.accuracy !== undefined && { accuracy: validated.accuracy }),
    sample,
    path,
  });
  if (context.options.json || loop.watch) return 0;
  const trained = loss === undefined ? "no step was left to do" : `training loss ${loss.toFixed(4)}`;
  const validation = validated === undefined ? "" : `, validation loss ${validated.loss.toFixed(4)}`;
  print(context, `${trained}${validation}\n\n${sample.trim()}\n\ncheckpoint: ${path}`);
  if (plan.task.kind === "stream") log(context, `more text: tfmc generate ${plan.run.folder} -p "The"`);
  return 0;
}
