/**
 * A training plan → steps, evaluations, checkpoints, and the end: losses, a sample, the place of the checkpoint.
 */
import { windowsAt } from "../runtime/data.js";
import type { Program, Recipe } from "../runtime/program.js";
import type { Session } from "../runtime/session.js";
import { learningRateAt } from "../runtime/train.js";
import { readSafetensors } from "../runtime/safetensors.js";
import { initialise, matchStates, readWeights, writeWeights } from "../runtime/weights.js";
import { writeCheckpoint } from "./checkpoint.js";
import { log, print } from "./context.js";
import type { Context } from "./context.js";
import { fail } from "./failure.js";
import type { ExitCode } from "./failure.js";
import { languageModelOf } from "./language-model.js";
import type { LanguageModel } from "./language-model.js";
import { appendMetric, createRun, rewindMetrics } from "./run-folder.js";
import type { Resolved } from "./run-folder.js";
import { sampleText } from "./sample.js";
import { withSession } from "./session.js";
import type { OpenSession } from "./session.js";
import type { TrainingPlan } from "./train-plan.js";
import { createTrainProgress } from "./train-progress.js";
import type { TrainProgress } from "./train-progress.js";
import { evaluate } from "./evaluation.js";
import { bytes, count } from "./terminal.js";

/** What the loop carries; `step` steps are done. */
interface Position {
  step: number;
  tokens: number;
  loss: number;
  saved: number;
}

interface Loop {
  readonly context: Context;
  readonly plan: TrainingPlan;
  readonly model: LanguageModel;
  readonly open: OpenSession;
  readonly progress: TrainProgress;
  readonly at: Position;
}

/** Windows of the validation text that are looked at during training. */
const quickWindows = 64;

export async function trainPlan(context: Context, plan: TrainingPlan): Promise<ExitCode> {
  const { program, run, checkpoint } = plan;
  const weights = checkpoint ? readWeights(program, checkpoint.model) : initialise(program, run.resolved.seed);
  return withSession(context, program, weights, ["train"], async (open) => {
    if (checkpoint) open.session.writeStates(matchStates(program, readSafetensors(checkpoint.optimizer).tensors));
    else createRun(run, { ...open.device.info });
    const at: Position = {
      step: checkpoint?.state.step ?? 0,
      tokens: checkpoint?.state.tokens ?? 0,
      loss: Number.NaN,
      saved: checkpoint?.state.step ?? -1,
    };
    rewindMetrics(run.folder, at.step);
    const loop: Loop = { context, plan, model: languageModelOf(program), open, progress: createTrainProgress(context), at };
    announce(loop);
    return runSteps(loop);
  });
}

function announce({ context, plan, open, progress }: Loop): void {
  const { program, run, training, validation } = plan;
  const parameters = program.parameters.reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0);
  const { batch, length, steps } = run.resolved;
  const text = `${count(training.length)} tokens to train on, ${count(validation.length)} to validate`;
  log(context, `${program.name}: ${count(parameters)} parameters on ${open.device.info.kind} (${open.device.info.description})`);
  log(context, `${text}; ${steps} steps of ${batch} × ${length}`);
  progress.event("start", { model: program.name, parameters, device: open.device.info, ...run.resolved, settings: undefined, imports: undefined });
}

// ------------------------------------------------------------------ the loop

async function runSteps(loop: Loop): Promise<ExitCode> {
  const { context, plan, at } = loop;
  const { steps, evalEvery, saveEvery } = plan.run.resolved;
  let interrupted = false;
  const stopListening = context.host.onInterrupt(() => {
    interrupted = true;
  });
  try {
    while (at.step < steps && !interrupted) {
      await oneStep(loop);
      const last = at.step === steps;
      if (evalEvery > 0 && at.step % evalEvery === 0 && !last) await validate(loop);
      if (saveEvery > 0 && at.step % saveEvery === 0 && !last) await save(loop);
      await yieldToSignals();
    }
  } finally {
    stopListening();
  }
  return interrupted && at.step < steps ? interrupt(loop) : finish(loop);
}

/** A CPU step never leaves the thread to the event loop by itself. */
const yieldToSignals = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function oneStep({ plan, model, open, progress, at }: Loop): Promise<void> {
  const { resolved, folder } = plan.run;
  const { batch, length, seed, steps } = resolved;
  const windows = windowsAt(plan.training, { seed, step: at.step, batch, length });
  const learningRate = learningRateAt(recipeOf(plan.program, resolved), at.step);
  const inputs = { [model.tokens.name]: windows.tokens, [model.next.name]: windows.next };
  const outputs = await open.session.run(
    "train",
    inputs,
    { lr: learningRate, seed, step: at.step },
    { read: ["loss.sum", "loss.count", "grad_norm"] },
  );
  const [sum, counted, gradientNorm] = [outputs["loss.sum"]![0]!, outputs["loss.count"]![0]!, outputs["grad_norm"]![0]!];
  at.step++;
  at.tokens += batch * length;
  at.loss = sum / Math.max(1, counted);
  if (!Number.isFinite(at.loss) || !Number.isFinite(gradientNorm)) await diverge(open.session, at, gradientNorm);
  appendMetric(folder, { step: at.step, loss: at.loss, learning_rate: learningRate, grad_norm: gradientNorm, tokens: at.tokens });
  progress.step({ step: at.step, steps, loss: at.loss, learningRate, gradientNorm, tokens: batch * length, memory: memoryOf(open.session) });
}

const memoryOf = ({ bytes: held }: Session): number => held.persistent + held.arena;

/** The recipe with what the command line overrode. */
export function recipeOf(program: Program, resolved: Resolved): Recipe {
  const recipe = program.recipe!;
  const schedule = "steps" in recipe.schedule ? { ...recipe.schedule, steps: resolved.scheduleSteps } : recipe.schedule;
  return { ...recipe, learningRate: resolved.learningRate, schedule };
}

async function diverge(session: Session, at: Position, gradientNorm: number): Promise<never> {
  const bad = await firstBadTensor(session, at, gradientNorm);
  return fail(
    "diverged",
    `training diverged at step ${at.step}: ${bad}`,
    `the last checkpoint is ${at.saved >= 0 ? `that of step ${at.saved}` : "none yet"}; try a smaller --lr or more warmup`,
  );
}

/** In the order in which a step computes them: loss, gradient, parameters. */
async function firstBadTensor(session: Session, at: Position, gradientNorm: number): Promise<string> {
  if (!Number.isFinite(at.loss)) return `\`loss\` is ${at.loss}`;
  for (const [name, data] of await session.readParameters()) {
    const place = data.findIndex((value) => !Number.isFinite(value));
    if (place >= 0) return `\`${name}\` is ${data[place]} at element ${place}`;
  }
  return `\`grad_norm\` is ${gradientNorm}`;
}

// ------------------------------------------------ evaluation and checkpoints

async function validate({ context, plan, model, open, progress, at }: Loop): Promise<number | undefined> {
  const { validation, run } = plan;
  if (validation.length === 0) return undefined;
  const { batch, length, seed } = run.resolved;
  const { loss } = await evaluate(open.session, model, validation, { batch, length, seed, windows: quickWindows });
  appendMetric(run.folder, { step: at.step, validation_loss: loss });
  progress.event("eval", { step: at.step, loss });
  log(context, `step ${at.step}: validation loss ${loss.toFixed(4)}`);
  return loss;
}

async function save({ plan, open, progress, at }: Loop): Promise<string> {
  const { folder, resolved } = plan.run;
  const metadata = { step: String(at.step) };
  const path = writeCheckpoint(folder, {
    state: { format: 1, step: at.step, seed: resolved.seed, tokens: at.tokens, lossScale: 1 },
    model: writeWeights(await open.session.readParameters(), metadata),
    optimizer: writeWeights(await open.session.readStates(), metadata),
  });
  at.saved = at.step;
  progress.event("checkpoint", { step: at.step, path });
  return path;
}

async function interrupt(loop: Loop): Promise<ExitCode> {
  const { context, plan, at, progress } = loop;
  const path = await save(loop);
  progress.event("interrupted", { step: at.step, path });
  log(context, `interrupted after step ${at.step}; checkpoint ${path}; continue with --resume ${plan.run.folder}`);
  return 130;
}

async function finish(loop: Loop): Promise<ExitCode> {
  const { context, plan, open, progress, at } = loop;
  const validationLoss = await validate(loop);
  const path = at.saved === at.step ? plan.run.folder : await save(loop);
  const sample = await sampleText(open.session, loop.model, plan.tokenizer, { prompt: plan.training.subarray(0, 1), count: 200, seed: plan.run.resolved.seed });
  progress.event("done", { step: at.step, loss: numberOrNull(at.loss), validationLoss, sample, path });
  if (context.options.json) return 0;
  const validated = validationLoss === undefined ? "" : `, validation loss ${validationLoss.toFixed(4)}`;
  const trained = Number.isNaN(at.loss) ? "no step was left to do" : `training loss ${at.loss.toFixed(4)}`;
  print(context, `${trained}${validated}\n\n${sample.trim()}\n\ncheckpoint: ${path}`);
  log(context, `memory on the device: ${bytes(memoryOf(open.session))}; more text: tfmc generate ${plan.run.folder} -p "Once"`);
  return 0;
}

const numberOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
