/**
 * Results → the numbers of the page's charts, small enough to inline: columns, six digits, at most so many points a run.
 */
import type { RunResult, StepMetric, VariantResult } from "../compare/results.js";

/** A number, or null where it is not finite or not there. */
export type Column = readonly (number | null)[];

export interface PageNorms {
  readonly step: number;
  readonly residual: Readonly<Record<string, Column>>;
  readonly gradient: Readonly<Record<string, Column>>;
}

export interface PageRun {
  readonly seed: number;
  readonly steps: Column;
  readonly seconds: Column;
  readonly tokens: Column;
  readonly loss: Column;
  readonly gradientNorm: Column;
  readonly learningRate: Column;
  readonly validation: {
    readonly steps: Column;
    readonly seconds: Column;
    readonly tokens: Column;
    readonly loss: Column;
  };
  readonly norms: readonly PageNorms[];
  readonly divergedAt: number | null;
}

export interface PageVariant {
  readonly name: string;
  readonly runs: readonly PageRun[];
}

export interface PageData {
  readonly variants: readonly PageVariant[];
  /** Steps that one point of the training curves is the mean of. */
  readonly stepsPerPoint: number;
}

export const mostPoints = 2000;

export function pageDataOf(variants: readonly VariantResult[]): PageData {
  const longest = Math.max(1, ...variants.flatMap(({ runs }) => runs.map(({ steps }) => steps.length)));
  const stepsPerPoint = Math.ceil(longest / mostPoints);
  return {
    variants: variants.map(({ name, runs }) => ({
      name,
      runs: runs.map((run) => pageRun(run, stepsPerPoint)),
    })),
    stepsPerPoint,
  };
}

function pageRun(run: RunResult, stepsPerPoint: number): PageRun {
  const points = binned(run.steps, stepsPerPoint);
  const column = (name: keyof StepMetric): Column => points.map((point) => short(point[name]));
  const at = new Map(run.steps.map((metric) => [metric.step, metric]));
  return {
    seed: run.seed,
    steps: column("step"),
    seconds: column("seconds"),
    tokens: column("tokens"),
    loss: column("loss"),
    gradientNorm: column("gradientNorm"),
    learningRate: column("learningRate"),
    validation: {
      steps: run.validations.map(({ step }) => step),
      seconds: run.validations.map(({ step }) => short(at.get(step)?.seconds)),
      tokens: run.validations.map(({ step }) => short(at.get(step)?.tokens)),
      loss: run.validations.map(({ loss }) => short(loss)),
    },
    norms: run.norms.map(({ step, residual, gradient }) => ({
      step,
      residual: shortened(residual),
      gradient: shortened(gradient),
    })),
    divergedAt: run.outcome?.outcome === "diverged" ? run.outcome.step : null,
  };
}

/** Losses and norms are means over the steps of a point; step, time, tokens and rate are those of its last. */
function binned(steps: readonly StepMetric[], size: number): readonly StepMetric[] {
  if (size === 1) return steps;
  return Array.from({ length: Math.ceil(steps.length / size) }, (_, n) => {
    const part = steps.slice(n * size, (n + 1) * size);
    const mean = (name: "loss" | "gradientNorm"): number =>
      part.reduce((sum, metric) => sum + metric[name], 0) / part.length;
    return { ...part.at(-1)!, loss: mean("loss"), gradientNorm: mean("gradientNorm") };
  });
}

/** Steps and tokens are whole numbers and stay as they are. */
const short = (value: number | null | undefined): number | null => {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  return Number.isInteger(value) ? value : Number(value.toPrecision(6));
};

const shortened = (norms: Readonly<Record<string, readonly (number | null)[]>>): Record<string, Column> =>
  Object.fromEntries(Object.entries(norms).map(([name, values]) => [name, values.map(short)]));
