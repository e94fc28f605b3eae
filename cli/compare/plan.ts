/**
 * A variant and the options → its training plan, its counts, and the proof that all read the same data.
 */
import { join } from "node:path";
import { summary } from "../../compiler/index.js";
import type { Context } from "../context.js";
import { warn } from "../context.js";
import { sha256 } from "../files.js";
import type { Resolved } from "../run-folder.js";
import type { TrainingPlan } from "../train-plan.js";
import { planTraining } from "../train-plan.js";
import type { CompareOptions } from "./options.js";
import type { Variant } from "./variants.js";

export interface Counts {
  readonly parameters: number;
  /** Of one optimizer step. */
  readonly flops: number;
}

export interface PlannedVariant extends Variant {
  /** Of seed 1; the others differ in seed and folder only. */
  readonly plan: TrainingPlan;
  readonly counts: Counts;
  /** What `--match` set. */
  readonly adjusted: string | undefined;
}

/** Validations of a run where nothing is said: curves want more of them than a checkpoint does. */
const validations = 20;

export async function planVariant(
  context: Context,
  variant: Variant,
  options: CompareOptions,
  folder: string,
  adjusted?: string,
): Promise<PlannedVariant | undefined> {
  const set = adjusted === undefined ? options.set : [...options.set, adjusted];
  const more = { model: variant.model, set, output: folder, resume: undefined };
  const plan = await planTraining(context, variant.source.file, { ...options, ...more }, { norms: true });
  if (!plan) return undefined;
  const { steps } = plan.run.resolved;
  const evalEvery = options.evalEvery ?? Math.max(1, Math.ceil(steps / validations));
  const resolved: Resolved = { ...plan.run.resolved, evalEvery };
  const counted = { ...plan, run: { ...plan.run, resolved } };
  return { ...variant, plan: counted, counts: countsOf(counted), adjusted };
}

export function countsOf({ fresh, run, program }: TrainingPlan): Counts {
  if (!fresh) throw new Error("internal: a new plan has no compiled model");
  const { batch, length } = run.resolved;
  const { parameters, flops } = summary(fresh.loaded, { batch, length: length || undefined });
  return { parameters, flops: (flops.train ?? 0) * (program.recipe?.accumulate ?? 1) };
}

export const runFolder = (folder: string, name: string, seed: number): string =>
  join(folder, "runs", `${name}-${seed}`);

/** The plan of one seed. */
export function seeded({ name, plan }: PlannedVariant, folder: string, seed: number): TrainingPlan {
  const resolved = { ...plan.run.resolved, seed };
  const run = { ...plan.run, folder: runFolder(folder, name, seed), resolved };
  return { ...plan, run, ...(seed !== plan.run.resolved.seed && plan.fresh!.dataOf(seed)) };
}

// ------------------------------------------------------------------ data order

/** What a run reads: the batches of some of its steps, hashed. */
export function dataFingerprint(plan: TrainingPlan): string {
  const { steps, accumulate = 1 } = plan.run.resolved;
  const last = steps * accumulate - 1;
  const texts = [0, 1, last >> 1, last].map((n) =>
    // By position, not by name: two models may call their inputs differently.
    Object.values(plan.training.batch(n).inputs).map((values) => `${values.shape.join()}:${values.join()}`),
  );
  return sha256(JSON.stringify(texts));
}

/** Says so where variants do not read the same batches in the same order. */
export function sameData(context: Context, variants: readonly PlannedVariant[]): boolean {
  const [first, ...others] = variants;
  const reference = dataFingerprint(first!.plan);
  const odd = others.filter(({ plan }) => dataFingerprint(plan) !== reference);
  for (const { name, plan } of odd) {
    const why = (["tokenizer", "batch", "length", "steps"] as const)
      .filter((key) => plan.run.resolved[key] !== first!.plan.run.resolved[key])
      .map((key) => `${key} ${first!.plan.run.resolved[key]} and ${plan.run.resolved[key]}`);
    warn(
      context,
      `\`${name}\` does not read the same data in the same order as \`${first!.name}\`${why.length > 0 ? `: ${why.join(", ")}` : ""}`,
    );
  }
  return odd.length === 0;
}
