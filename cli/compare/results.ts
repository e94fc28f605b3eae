/**
 * Run folders → what the table and the report say of each variant.
 */
import { join } from "node:path";
import { exists, limits, readText } from "../files.js";
import type { Resolved } from "../run-folder.js";
import { readRun } from "../run-folder.js";
import type { Manifest, ManifestVariant } from "./manifest.js";
import type { Norms, Outcome, StepTime } from "./observe.js";
import { runFiles } from "./observe.js";
import { runFolder } from "./plan.js";
import { readOutcome } from "./runs.js";
import type { Spread } from "./statistics.js";
import { medianOf, spreadOf } from "./statistics.js";

export interface StepMetric {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly tokens: number;
  /** In training steps up to here. */
  readonly seconds: number;
}

export interface ValidationMetric {
  readonly step: number;
  readonly loss: number;
}

export interface RunResult {
  readonly seed: number;
  readonly folder: string;
  /** Undefined where it is not over. */
  readonly outcome: Outcome | undefined;
  readonly resolved: Resolved;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly steps: readonly StepMetric[];
  readonly validations: readonly ValidationMetric[];
  readonly norms: readonly Norms[];
}

export interface VariantResult extends ManifestVariant {
  readonly runs: readonly RunResult[];
  /** Over seeds that did not diverge. */
  readonly finalValidation: Spread | undefined;
  readonly bestValidation: Spread | undefined;
  readonly training: Spread | undefined;
  /** The median over all steps of all seeds. */
  readonly tokensPerSecond: number | undefined;
  readonly diverged: readonly { readonly seed: number; readonly step: number }[];
}

/** A training loss is the mean over so many last steps: one batch alone says little. */
export const lastSteps = 10;

export function readResults(folder: string, manifest: Manifest): readonly VariantResult[] {
  return manifest.variants.map((variant) => {
    const seeds = Array.from({ length: manifest.seeds }, (_, n) => n + 1);
    const runs = seeds.flatMap((seed) => readResult(runFolder(folder, variant.name, seed), seed));
    return { ...variant, runs, ...figuresOf(runs) };
  });
}

function figuresOf(runs: readonly RunResult[]) {
  const good = runs.filter(({ outcome }) => outcome?.outcome === "done");
  const each = (figure: (run: RunResult) => number | undefined): Spread | undefined =>
    spreadOf(good.map(figure).filter((value) => value !== undefined));
  return {
    finalValidation: each(({ validations }) => validations.at(-1)?.loss),
    bestValidation: each(({ validations }) =>
      validations.length > 0 ? Math.min(...validations.map(({ loss }) => loss)) : undefined,
    ),
    training: each(({ steps }) => spreadOf(steps.slice(-lastSteps).map(({ loss }) => loss))?.mean),
    tokensPerSecond: medianOf(runs.flatMap(({ steps }) => rates(steps))),
    diverged: runs.flatMap(({ seed, outcome }) =>
      outcome?.outcome === "diverged" ? [{ seed, step: outcome.step }] : [],
    ),
  };
}

const rates = (steps: readonly StepMetric[]): readonly number[] =>
  steps.flatMap(({ tokens, seconds }, n) => {
    const before = steps[n - 1] ?? { tokens: 0, seconds: 0 };
    return seconds > before.seconds ? [(tokens - before.tokens) / (seconds - before.seconds)] : [];
  });

// ------------------------------------------------------------------------ files

/** None where the run was not begun. */
function readResult(folder: string, seed: number): readonly RunResult[] {
  if (!exists(join(folder, "resolved.json"))) return [];
  const { resolved } = readRun(folder);
  const metrics = readLines<Readonly<Record<string, number | null>>>(folder, "metrics.jsonl");
  const times = new Map(readLines<StepTime>(folder, runFiles.times).map((t) => [t.step, t.seconds]));
  return [
    {
      seed,
      folder,
      outcome: readOutcome(folder),
      resolved,
      environment: JSON.parse(readText(join(folder, "env.json"), limits.text)) as Record<string, unknown>,
      steps: metrics.flatMap((m) => stepOf(m, times)),
      validations: metrics.flatMap(({ step, validation_loss: loss }) =>
        typeof loss === "number" ? [{ step: step!, loss }] : [],
      ),
      norms: readLines<Norms>(folder, runFiles.norms),
    },
  ];
}

function stepOf(
  { step, loss, gradient_norm, learning_rate, tokens }: Readonly<Record<string, number | null>>,
  times: ReadonlyMap<number, number>,
): readonly StepMetric[] {
  if (typeof step !== "number" || typeof loss !== "number") return [];
  const seconds = times.get(step) ?? Number.NaN;
  return [
    {
      ...{ step, loss, seconds, tokens: tokens ?? 0 },
      gradientNorm: gradient_norm ?? Number.NaN,
      learningRate: learning_rate ?? Number.NaN,
    },
  ];
}

/** The lines of a .jsonl file that are whole. */
function readLines<T>(folder: string, name: string): readonly T[] {
  const path = join(folder, name);
  if (!exists(path)) return [];
  return readText(path, limits.text)
    .split("\n")
    .flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
}
