/**
 * A model's text → tables of what its training step costs, after each pass and at each level.
 *
 * ```
 * | after | kernels | dispatches | moved | at most in memory | FLOP |
 * ```
 */
import type { EntryCosts } from "../../compiler/codegen/costs.js";
import { costsOf } from "../../compiler/codegen/costs.js";
import type { CompileOptions } from "../../compiler/index.js";
import { compile } from "../../compiler/index.js";
import { allPasses } from "../../compiler/passes/pipeline.js";

export type Lengths = Readonly<Record<string, number>>;

export function trainCosts(source: string, lengths: Lengths, options: CompileOptions): EntryCosts {
  const { schedule, program, diagnostics } = compile(source, { ...options, only: ["train"] });
  if (!schedule || !program) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return costsOf({ schedule, program }, "train", lengths);
}

/** One row a pass, those after it as at level 0; then one a level. The runner is heard between them: it gives up on a worker that is silent. */
export async function costTable(source: string, lengths: Lengths): Promise<string> {
  const stages: readonly (readonly [string, CompileOptions])[] = [
    ...allPasses.map(({ name }): [string, CompileOptions] => [name, { until: name }]),
    ...([0, 1, 2] as const).map((level): [string, CompileOptions] => [`**-O${level}**`, { level }]),
  ];
  const rows: string[] = [];
  for (const [name, options] of stages) {
    rows.push(row(name, trainCosts(source, lengths, options)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [
    "| after | kernels | dispatches | moved | temporaries | at most in memory | TFLOP | of it masked |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
    ...rows,
    "",
  ].join("\n");
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const tera = (flops: number): string => (flops / 1e12).toPrecision(4);

const row = (name: string, costs: EntryCosts): string =>
  `| ${[
    name,
    costs.kernels,
    costs.dispatches,
    mebibytes(costs.bytes),
    mebibytes(costs.memory.temporary),
    mebibytes(costs.peak),
    tera(costs.flops),
    tera(costs.masked),
  ].join(" | ")} |`;
