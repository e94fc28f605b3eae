/**
 * A training run as it proceeds → times.jsonl, norms.jsonl and outcome.json beside its metrics.
 *
 * ```
 * times.jsonl  {"step":1,"seconds":0.031}                      time in training steps only, since the first
 * norms.jsonl  {"step":0,"residual":{"layers.x":[0.3, …]},"gradient":{"layers":[0.2, …]}}
 * ```
 * Norms are those of one fixed batch, the first of the run: the root mean square of what every `repeat` carries, before the
 * first turn and after each, and the gradient's norm over all parameters of a layer.
 */
import { join } from "node:path";
import type { Program } from "../../runtime/program.js";
import type { Outputs, Session } from "../../runtime/session.js";
import type { Tensor } from "../../runtime/tensor.js";
import { appendLine, exists, limits, readText, writeAtomic } from "../files.js";
import { rewindMetrics } from "../run-folder.js";
import type { TrainingPlan } from "../train-plan.js";
import type { TrainingEnd, TrainingWatch } from "../training.js";

export interface Outcome {
  readonly outcome: "done" | "diverged";
  readonly step: number;
  /** What the run said when it diverged. */
  readonly message: string | undefined;
  readonly sample: string | undefined;
}

export interface Norms {
  readonly step: number;
  /** By place and name, `layers.x`: before the first turn, then after each. */
  readonly residual: Readonly<Record<string, readonly number[]>>;
  /** By the place of the layers, `layers`: one a layer. */
  readonly gradient: Readonly<Record<string, readonly number[]>>;
}

export interface StepTime {
  readonly step: number;
  readonly seconds: number;
}

export const runFiles = { times: "times.jsonl", norms: "norms.jsonl", outcome: "outcome.json" } as const;
const timesOf = (folder: string): string => join(folder, runFiles.times);
const normsOf = (folder: string): string => join(folder, runFiles.norms);

export const writeOutcome = (folder: string, outcome: Outcome): void =>
  writeAtomic(join(folder, runFiles.outcome), `${JSON.stringify(outcome, null, 2)}\n`);

/** Of about so many steps are norms kept, the first and the last among them. */
const normRecords = 20;

export function createWatch(plan: TrainingPlan, now: () => number = () => performance.now()): TrainingWatch {
  const { run, checkpoint } = plan;
  const { folder, resolved } = run;
  const every = Math.max(1, Math.ceil(resolved.steps / normRecords));
  const resumed = checkpoint?.state.step ?? 0;
  // Those of the checkpoint's own step are measured again.
  rewindMetrics(folder, resumed, runFiles.times);
  rewindMetrics(folder, resumed - 1, runFiles.norms);
  const clock = { seconds: lastTime(folder), started: 0, running: false };
  const elapsed = (): number => clock.seconds + (clock.running ? (now() - clock.started) / 1000 : 0);
  let written = clock.seconds;
  return {
    async before({ session }, done) {
      if (done % every === 0) await recordNorms(plan, session, done);
      clock.started = now();
      clock.running = true;
    },
    after() {
      clock.seconds = elapsed();
      clock.running = false;
    },
    recorded(records) {
      // Several steps that come back together took equally long.
      const each = (elapsed() - written) / Math.max(1, records.length);
      for (const { step } of records) {
        written += each;
        const time: StepTime = { step, seconds: Number(written.toFixed(6)) };
        appendLine(timesOf(folder), JSON.stringify(time));
      }
    },
    async finished({ session }, end: TrainingEnd) {
      await recordNorms(plan, session, end.step);
      writeOutcome(folder, { outcome: "done", step: end.step, message: undefined, sample: end.sample });
    },
  };
}

function lastTime(folder: string): number {
  if (!exists(timesOf(folder))) return 0;
  const line = readText(timesOf(folder), limits.text).trimEnd().split("\n").at(-1);
  return line ? (JSON.parse(line) as StepTime).seconds : 0;
}

// ---------------------------------------------------------------------- norms

async function recordNorms(plan: TrainingPlan, session: Session, step: number): Promise<void> {
  const { program, run } = plan;
  const inputs = plan.training.batch(0).inputs;
  const scalars = { seed: run.resolved.seed, step: 1, lr: 0 };
  const gradients = namesOf(program, "grad", "grad.");
  const norms: Norms = {
    step,
    residual: residualNorms(
      await session.run("forward", inputs, scalars, { read: namesOf(program, "forward", "norm.") }),
    ),
    gradient: gradientNorms(await session.run("grad", inputs, scalars, { read: gradients })),
  };
  appendLine(normsOf(run.folder), JSON.stringify(norms));
}

const namesOf = (program: Program, entry: "forward" | "grad", prefix: string): readonly string[] =>
  (program.entries[entry]?.outputs ?? []).flatMap(({ name }) => (name.startsWith(prefix) ? [name] : []));

const numbersOf = (value: Tensor): readonly number[] => Array.from(value as ArrayLike<number>);

/** `norm.layers.x@before` and `norm.layers.x` → `layers.x`: the root of each, in order. */
export function residualNorms(outputs: Outputs): Norms["residual"] {
  const after = Object.entries(outputs).filter(([name]) => !name.endsWith("@before"));
  return Object.fromEntries(
    after.map(([name, value]) => {
      const before = outputs[`${name}@before`];
      const squares = [...(before?.length === 1 ? numbersOf(before) : []), ...numbersOf(value)];
      return [name.slice("norm.".length), squares.map((square) => Math.sqrt(square))];
    }),
  );
}

/** `layers.*.mlp.w1`, `layers.*@4.mlp.w1`, `layers.0.mlp.w1`: where a leaf's layers are, and the first of them. */
const stacked = /^grad\.(.*?)\.\*(?:@(\d+))?\./;
const single = /^grad\.(.*?)\.(\d+)\./;

export function gradientNorms(outputs: Outputs): Norms["gradient"] {
  const squares = new Map<string, number[]>();
  for (const [name, value] of Object.entries(outputs)) {
    const [, place, first] = stacked.exec(name) ?? single.exec(name) ?? [];
    if (place === undefined) continue;
    const turns = stacked.test(name) ? (value.shape[0] ?? 1) : 1;
    const sums = squares.get(place) ?? [];
    squares.set(place, sums);
    for (let turn = 0; turn < turns; turn++)
      sums[Number(first ?? 0) + turn] =
        (sums[Number(first ?? 0) + turn] ?? 0) + squareSum(value, turn, turns);
  }
  return Object.fromEntries(
    [...squares].map(([place, sums]) => [place, Array.from(sums, (sum) => Math.sqrt(sum ?? 0))]),
  );
}

function squareSum(value: ArrayLike<number>, part: number, parts: number): number {
  const size = value.length / parts;
  let sum = 0;
  for (let n = part * size; n < (part + 1) * size; n++) sum += value[n]! ** 2;
  return sum;
}
