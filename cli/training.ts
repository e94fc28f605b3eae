/**
 * A training plan → steps, evaluations, checkpoints, and the end: losses, a sample, the place of the checkpoint.
 */
import { packCheckpoint } from "../runtime/checkpoint.js";
import { evaluationBatches, trainingBatch } from "../runtime/data.js";
import { evaluate } from "../runtime/evaluate.js";
import type { Program, Recipe } from "../runtime/program.js";
import type { Session } from "../runtime/session.js";
import type { Inputs } from "../runtime/tensor.js";
import type { StepRecord, Trainer } from "../runtime/trainer.js";
import { createTrainer } from "../runtime/trainer.js";
import { initialise } from "../runtime/weights.js";
import { writeCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { log, print } from "./context.js";
import type { ExitCode } from "./failure.js";
import type { Resolved } from "./run-folder.js";
import { appendMetric, createRun, rewindMetrics } from "./run-folder.js";
import { generateText } from "./sample.js";
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
  readonly loss: number | undefined;
  readonly validationLoss: number | undefined;
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
  };
}

/** Windows of the validation text that are looked at during training. */
const quickWindows = 64;
/** A GPU need not wait for the host after every step. */
const logEvery = { webgpu: 8, cpu: 1 } as const;

export async function trainPlan(
  context: Context,
  plan: TrainingPlan,
  watch?: TrainingWatch,
): Promise<ExitCode> {
  const { program, run, checkpoint } = plan;
  const { resolved, folder } = run;
  const weights = checkpoint?.weights ?? initialise(program, resolved.seed);
  return withSession(context, program, weights, ["train"], async ({ device, session }) => {
    if (checkpoint) session.writeStates(checkpoint.states);
    else createRun(run, { ...device.info });
    rewindMetrics(folder, checkpoint?.state.step ?? 0);
    const trainer = createTrainer(session, {
      ...recipeOf(program, resolved),
      seed: resolved.seed,
      step: checkpoint?.state.step,
      logEvery: logEvery[device.info.kind],
    });
    const progress = createTrainProgress(context);
    const latest = { loss: undefined, saved: checkpoint && { step: checkpoint.state.step, path: folder } };
    const loop: Loop = { context, plan, device, session, trainer, progress, watch, latest };
    announce(loop);
    return runSteps(loop);
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
  const { program, run, training, validation } = plan;
  const { batch, length: width, steps, tokenizer, seed, learningRate } = run.resolved;
  const parameters = program.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1),
    0,
  );
  log(
    context,
    `${program.name}: ${count(parameters)} parameters on ${device.info.kind} (${device.info.description})`,
  );
  log(
    context,
    `${count(training.length)} tokens to train on, ${count(validation.length)} to validate; ${steps} steps of ${batch} × ${width}`,
  );
  const settings = { steps, batch, length: width, tokenizer, seed, learningRate, run: run.folder };
  progress.event("start", { model: program.name, parameters, device: device.info, ...settings });
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

/** What a step reads: a function of the plan, its seed and the step alone. */
export function batchOf({ program, training, run }: TrainingPlan, step: number): Inputs {
  const { batch, length: width, seed } = run.resolved;
  return trainingBatch(program, training, { batch, length: width, seed, step });
}

async function oneStep({ plan, trainer, ...rest }: Loop): Promise<void> {
  const { recent } = await trainer.step(batchOf(plan, trainer.stepsDone + 1));
  record({ plan, trainer, ...rest }, recent);
}

/** What came back from the device goes to metrics.jsonl and to the screen. */
function record({ plan, progress, session, latest, watch }: Loop, recent: readonly StepRecord[]): void {
  watch?.recorded(recent);
  const { batch, length: width, steps } = plan.run.resolved;
  const tokens = batch * width;
  const memory = memoryOf(session);
  for (const { step, loss, gradNorm, lr } of recent) {
    appendMetric(plan.run.folder, {
      step,
      loss,
      gradient_norm: gradNorm,
      learning_rate: lr,
      tokens: step * tokens,
    });
    progress.step({ step, steps, loss, learningRate: lr, gradientNorm: gradNorm, tokens, memory });
    latest.loss = loss;
  }
}

const memoryOf = ({ bytes }: Session): number => bytes.persistent + bytes.arena;

// ------------------------------------------------ evaluation and checkpoints

async function validate(loop: Loop): Promise<number | undefined> {
  const { context, plan, session, trainer, progress } = loop;
  const { validation, program, run } = plan;
  if (validation.length === 0) return undefined;
  record(loop, await trainer.flush());
  const { batch, length: width } = run.resolved;
  const limit = Math.ceil(quickWindows / batch);
  const { loss } = await evaluate(
    session,
    evaluationBatches(program, validation, { length: width, batch, limit }),
  );
  const step = trainer.stepsDone;
  appendMetric(run.folder, { step, validation_loss: loss });
  progress.event("eval", { step, loss });
  if (!context.options.json) log(context, `step ${step}: validation loss ${loss.toFixed(4)}`);
  return loss;
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
      tokens: step * resolved.batch * resolved.length,
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

async function finish(loop: Loop): Promise<ExitCode> {
  const { context, plan, session, trainer, progress, latest } = loop;
  const validationLoss = await validate(loop);
  const path = await save(loop);
  const { seed } = plan.run.resolved;
  const prompt = plan.training.subarray(0, 1);
  const continued = await generateText(session, plan.tokenizer, {
    prompt,
    count: 200,
    seed,
    temperature: 0.7,
  });
  const sample = plan.tokenizer.decode(prompt) + continued;
  const loss = latest.loss;
  await loop.watch?.finished(loop, { step: trainer.stepsDone, loss, validationLoss, sample });
  progress.event("done", {
    step: trainer.stepsDone,
    loss: loss ?? null,
    validationLoss: validationLoss ?? null,
    sample,
    path,
  });
  if (context.options.json || loop.watch) return 0;
  const trained = loss === undefined ? "no step was left to do" : `training loss ${loss.toFixed(4)}`;
  const validated = validationLoss === undefined ? "" : `, validation loss ${validationLoss.toFixed(4)}`;
  print(context, `${trained}${validated}\n\n${sample.trim()}\n\ncheckpoint: ${path}`);
  log(context, `more text: tfmc generate ${plan.run.folder} -p "The"`);
  return 0;
}
