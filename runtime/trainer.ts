/**
 * Batches → parameter updates. Losses stay on the device and come back every `logEvery` steps, all of them.
 *
 *   const { loss } = await createTrainer(session, { seed: 1 }).step({ tokens });
 *   await trainer.step([{ tokens: some }, { tokens: others }]);   // one step on both, in the memory of one
 */
import { listNames, RuntimeError } from "./errors.js";
import { entryOf } from "./inputs.js";
import type { Recipe } from "./program.js";
import { randomKey } from "./random.js";
import { learningRateAt } from "./schedule.js";
import type { Ring, RunOptions, Session } from "./session.js";
import type { Inputs, Tensor } from "./tensor.js";

export interface TrainerOptions {
  /** Instead of the recipe's learning rate. */
  readonly lr?: number | undefined;
  /** Instead of the recipe's schedule; without either the rate is constant. */
  readonly schedule?: Recipe["schedule"] | undefined;
  /** Of dropout. 0 unless given. */
  readonly seed?: number | undefined;
  /** Steps made before, where training resumes. */
  readonly step?: number | undefined;
  /** Losses are read back every so many steps; 1 unless given. */
  readonly logEvery?: number | undefined;
}

export interface StepRecord {
  readonly step: number;
  /** Mean over what counts. */
  readonly loss: number;
  /** Before clipping. NaN where the program does not compute it. */
  readonly gradNorm: number;
  readonly lr: number;
}

export interface StepResult {
  readonly step: number;
  readonly lr: number;
  /** This step's, where it was read back. */
  readonly loss: number | undefined;
  readonly gradNorm: number | undefined;
  /** All steps since the last reading, oldest first; empty where nothing was read. */
  readonly recent: readonly StepRecord[];
}

const fallback = { learningRate: 3e-4, schedule: { kind: "constant", warmup: 0 } } as const;

export const createTrainer = (session: Session, options: TrainerOptions = {}): Trainer =>
  new Trainer(session, options);

export class Trainer {
  readonly session: Session;
  readonly #recipe: Pick<Recipe, "learningRate" | "schedule">;
  readonly #seed: number;
  readonly #logEvery: number;
  readonly #ring: Ring;
  /** Learning rates of the steps in the ring. */
  readonly #rates: number[] = [];
  #step: number;

  constructor(session: Session, options: TrainerOptions = {}) {
    const { program } = session;
    const recipe = program.recipe ?? fallback;
    this.session = session;
    this.#recipe = {
      learningRate: options.lr ?? recipe.learningRate,
      schedule: options.schedule ?? recipe.schedule,
    };
    this.#seed = options.seed ?? 0;
    this.#step = options.step ?? 0;
    this.#logEvery = Math.max(1, options.logEvery ?? 1);
    const known = entryOf(program, "train").outputs.map(({ name }) => name);
    const names = ["loss.sum", "loss.count", "grad_norm"].filter((name) => known.includes(name));
    this.#ring = session.createRing(names, this.#logEvery);
  }

  /** Steps made. */
  get stepsDone(): number {
    return this.#step;
  }

  /** One step on a batch, or on the union of several: each token weighs the same, however they are divided. */
  async step(inputs: Inputs | readonly Inputs[]): Promise<StepResult> {
    const step = this.#step + 1;
    const lr = learningRateAt(this.#recipe, step);
    const parts = isList(inputs) ? inputs : [inputs];
    const record = { ring: this.#ring, row: this.#rates.length };
    if (parts.length === 1)
      await this.session.run("train", parts[0]!, { lr, seed: this.#seed, step }, { record });
    else await this.#stepInParts(parts, { lr, step }, record);
    this.#step = step;
    this.#rates.push(lr);
    const recent = this.#rates.length >= this.#logEvery ? await this.flush() : [];
    const last = recent.at(-1);
    return { step, lr, loss: last?.loss, gradNorm: last?.gradNorm, recent };
  }

  /** All of the parts, or none: a part that fails leaves nothing behind. */
  async #stepInParts(
    parts: readonly Inputs[],
    { lr, step }: { readonly lr: number; readonly step: number },
    record: RunOptions["record"],
  ): Promise<void> {
    const { session } = this;
    if (parts.length === 0) throw new RuntimeError("TFM6005", "A step needs at least one batch.");
    if (!session.program.entries.accumulate)
      throw new RuntimeError(
        "TFM6007",
        `\`${session.program.name}\` was compiled to train on one batch a step; ${parts.length} were given.`,
        `Compile it with \`accumulate = ${parts.length}\` in the model's \`train\`.`,
      );
    try {
      for (const [n, part] of parts.entries())
        await session.run("accumulate", part, { seed: seedOfPart(this.#seed, step, n), step });
      await session.run("apply", {}, { lr, step }, { record });
    } catch (error) {
      session.clearSums();
      throw error;
    }
  }

  /** The steps that were not read back yet; throws TFM6008 where one of them diverged. */
  async flush(): Promise<readonly StepRecord[]> {
    const rates = this.#rates.splice(0);
    if (rates.length === 0) return [];
    const rows = await this.session.readRing(this.#ring, rates.length);
    const column = (row: Float32Array, name: string): number =>
      row[this.#ring.names.indexOf(name)] ?? Number.NaN;
    const records = rows.map(
      (row, n): StepRecord => ({
        step: this.#step - rates.length + n + 1,
        loss: meanLoss(column(row, "loss.sum"), column(row, "loss.count")),
        gradNorm: column(row, "grad_norm"),
        lr: rates[n]!,
      }),
    );
    const hasNorm = this.#ring.names.includes("grad_norm");
    const bad = records.find(
      ({ loss, gradNorm }) => !Number.isFinite(loss) || (hasNorm && !Number.isFinite(gradNorm)),
    );
    if (bad) throw await this.#diverged(bad);
    return records;
  }

  async #diverged({ step, loss, gradNorm, lr }: StepRecord): Promise<RuntimeError> {
    const tensor = await firstBadTensor(this.session);
    const where =
      tensor === undefined ? "All parameters are still finite" : `The first bad tensor is ${tensor}`;
    return new RuntimeError(
      "TFM6008",
      `Training diverged at step ${step}: loss ${loss}, gradient norm ${gradNorm}, learning rate ${lr}. ${where}.`,
      "Lower the learning rate, warm up longer, or clip the gradient; resume from the last checkpoint.",
    );
  }
}

const isList = (inputs: Inputs | readonly Inputs[]): inputs is readonly Inputs[] => Array.isArray(inputs);

/** Element n of every part has the same address: a seed of its own keeps their dropout apart. */
const seedOfPart = (seed: number, step: number, part: number): number =>
  part === 0 ? seed : randomKey(seed, step, "accumulate", part) | 0;

/** No target counted: the mean of nothing is 0, not NaN, so a batch of padding does not look like divergence. */
const meanLoss = (sum: number, count: number): number => (count === 0 && sum === 0 ? 0 : sum / count);

/** The first parameter or optimizer state with a NaN or an infinity, and where. */
async function firstBadTensor(session: Session): Promise<string | undefined> {
  for (const values of [await session.readParameters(), await session.readStates()]) {
    const bad = [...values].find(([, data]) => firstBad(data) >= 0);
    if (bad) return describe(...bad);
  }
  return undefined;
}

const firstBad = (data: Float32Array): number => data.findIndex((value) => !Number.isFinite(value));

const describe = (name: string, data: Tensor<Float32Array>): string =>
  `${listNames([name])} (element ${firstBad(data)} of [${data.shape.join(", ")}] is ${data[firstBad(data)]})`;
