/**
 * Results → the table on stdout, and the same figures as one JSON document.
 *
 * ```
 * variant  parameters  FLOPs/step  tokens/s  final validation  best validation  training         diverged
 * nano        110,912   1.02 GFLOP   12,345  1.9012 ± 0.0100   1.9012 ± 0.0100  1.8801 ± 0.0210  0 of 3
 * ```
 */
import { count, flops as flopsText, table } from "../terminal.js";
import type { VariantResult } from "./results.js";
import { spreadText } from "./statistics.js";

export const columns = [
  "variant",
  "parameters",
  "FLOPs/step",
  "tokens/s",
  "final validation",
  "best validation",
  "training",
  "diverged",
] as const;

/** One variant's cells, in the order of the columns. */
export const cellsOf = (variant: VariantResult): readonly string[] => [
  variant.name,
  count(variant.parameters),
  flopsText(variant.flops),
  variant.tokensPerSecond === undefined ? "–" : count(variant.tokensPerSecond),
  spreadText(variant.finalValidation),
  spreadText(variant.bestValidation),
  spreadText(variant.training),
  divergedText(variant),
];

function divergedText({ diverged, runs }: VariantResult): string {
  const steps = diverged.map(({ step }) => step).join(", ");
  const where = diverged.length === 0 ? "" : ` (step ${steps})`;
  return `${diverged.length} of ${runs.length}${where}`;
}

export const resultTable = (variants: readonly VariantResult[]): string =>
  table(
    [columns, ...variants.map(cellsOf)],
    columns.map((_, n) => (n === 0 ? "left" : "right")),
  );

/** The figures of a variant as JSON: what is undefined is null. */
export const documentOf = (variant: VariantResult) => {
  const { runs, adjusted, name, file, model, parameters, flops } = variant;
  const { finalValidation = null, bestValidation = null, training = null, tokensPerSecond = null } = variant;
  return {
    ...{ name, file, model, parameters, flopsPerStep: flops, adjusted, tokensPerSecond },
    ...{ finalValidation, bestValidation, training },
    runs: runs.map(({ seed, folder, outcome, validations, steps }) => ({
      ...{ seed, folder, outcome: outcome?.outcome ?? "unfinished" },
      step: outcome?.step ?? steps.at(-1)?.step ?? 0,
      finalValidation: validations.at(-1)?.loss ?? null,
    })),
  };
};
