/**
 * `tfmc compare FILE… --data PATH`: several models × seeds on the same data → run folders, a table, report.html.
 *
 * ```
 * FOLDER/compare.json  report.html  runs/nano-1/  runs/nano-2/  runs/post_ln-1/ …
 * ```
 * Each run is one that `tfmc train` could have made. Finished ones are not made again, so an interrupted comparison goes on
 * where it stood.
 */
import { basename, extname, join } from "node:path";
import { version } from "../compiler/version.js";
import { compareCommand, shellText } from "./compare/command.js";
import { configurationOf, declarationText } from "./compare/configuration.js";
import { runInProcesses } from "./compare/jobs.js";
import type { Manifest } from "./compare/manifest.js";
import { readManifest, writeManifest } from "./compare/manifest.js";
import { matched } from "./compare/match.js";
import type { CompareOptions } from "./compare/options.js";
import { describeCompare } from "./compare/options.js";
import type { PlannedVariant } from "./compare/plan.js";
import { planVariant, runFolder, sameData, seeded } from "./compare/plan.js";
import { readResults } from "./compare/results.js";
import { finishRun, readOutcome } from "./compare/runs.js";
import { documentOf, resultTable } from "./compare/table.js";
import type { Variant } from "./compare/variants.js";
import { variantsOf } from "./compare/variants.js";
import type { Context } from "./context.js";
import { log, print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { writeAtomic } from "./files.js";
import type { AddCommand } from "./options.js";
import { reportPage } from "./report/page.js";

export const addCompare: AddCommand = (program, action) => {
  describeCompare(program).action(action(compare));
};

async function compare(
  context: Context,
  files: readonly string[],
  options: CompareOptions,
): Promise<ExitCode> {
  if (options.reportOnly !== undefined) return report(context, options.reportOnly);
  if (context.options.seed !== undefined)
    fail("usage", "`compare` trains with the seeds 1 to --seeds", "leave --seed away");
  const variants = await variantsOf(context, files, options);
  if (!variants) return 1;
  if (options.data === undefined) fail("usage", "`compare` needs data", "`tfmc compare FILE… --data PATH`");
  const folder = options.output ?? join("runs", `compare-${basename(files[0]!, extname(files[0]!))}`);
  const planned: PlannedVariant[] = [];
  for (const variant of neededOf(variants, options, folder)) {
    const plan = await planVariant(context, variant, options, folder);
    if (!plan) return 1;
    planned.push(plan);
  }
  const ready = await matched(context, planned, options);
  if (!ready) return 1;
  const same = options.only !== undefined || sameData(context, ready);
  const command = compareCommand(context, files, options, folder);
  if (options.only === undefined) writeManifest(folder, manifestOf(ready, options, command, same));
  const exit = await trainAll(context, ready, options, folder, command);
  return exit !== 0 || options.only !== undefined ? exit : report(context, folder);
}

/** A process that trains some runs has no use for other variants, but for the first, which the others are matched to. */
function neededOf(
  variants: readonly Variant[],
  { only, seeds, match }: CompareOptions,
  folder: string,
): readonly Variant[] {
  if (only === undefined) return variants;
  const trained = ({ name }: Variant): boolean =>
    seedsTo(seeds).some((seed) => only.includes(basename(runFolder(folder, name, seed))));
  return variants.filter((variant, n) => trained(variant) || (n === 0 && match !== undefined));
}

const seedsTo = (last: number): readonly number[] => Array.from({ length: last }, (_, n) => n + 1);

function manifestOf(
  variants: readonly PlannedVariant[],
  { seeds, match }: CompareOptions,
  command: readonly string[],
  same: boolean,
): Manifest {
  return {
    ...{ format: 1, compiler: version, command, seeds, match: match ?? null, sameData: same },
    variants: variants.map(({ name, source, model, counts, adjusted, plan }) => ({
      ...{ name, file: source.file, model, ...counts, text: declarationText(source, model) },
      arguments: configurationOf(source, model, plan.run.resolved.settings),
      recipe: plan.program.recipe,
      adjusted: adjusted ?? null,
    })),
  };
}

// ------------------------------------------------------------------------- runs

async function trainAll(
  context: Context,
  variants: readonly PlannedVariant[],
  { seeds, only, jobs }: CompareOptions,
  folder: string,
  command: readonly string[],
): Promise<ExitCode> {
  // Seed by seed: after the first round every variant has a curve.
  const runs = seedsTo(seeds).flatMap((seed) =>
    variants.map((variant) => ({ variant, seed, name: basename(runFolder(folder, variant.name, seed)) })),
  );
  const wanted = only ? runs.filter(({ name }) => only.includes(name)) : runs;
  const open = wanted.filter(({ variant, seed }) => !readOutcome(runFolder(folder, variant.name, seed)));
  if (only === undefined && jobs > 1 && open.length > 1) {
    const exit = await runInProcesses(
      context,
      command,
      open.map(({ name }) => name),
      jobs,
    );
    if (exit !== 0) return exit;
  }
  for (const [n, { variant, seed }] of wanted.entries()) {
    const label = `[${n + 1}/${wanted.length}] ${variant.name}, seed ${seed}`;
    if (await finishRun(context, seeded(variant, folder, seed), label)) continue;
    log(context, `interrupted; the same command goes on: ${shellText(command)}`);
    return 130;
  }
  return 0;
}

// ----------------------------------------------------------------------- report

const adjustments = ({ match, variants }: Manifest): readonly string[] =>
  variants.flatMap(({ name, adjusted }) =>
    adjusted === null ? [] : [`${name}: ${adjusted}, set by --match ${match}`],
  );

/** Table and page from what the folders hold; 4 only where no run survived. */
function report(context: Context, folder: string): ExitCode {
  const manifest = readManifest(folder);
  const variants = readResults(folder, manifest);
  const runs = variants.flatMap((variant) => variant.runs);
  if (runs.length === 0) fail("broken-run", `\`${folder}\` holds no run yet`, undefined, folder);
  const page = join(folder, "report.html");
  writeAtomic(page, reportPage(manifest, variants));
  const { command, match, sameData: same } = manifest;
  if (context.options.json)
    printJson(context, {
      folder,
      report: page,
      command,
      match,
      sameData: same,
      variants: variants.map(documentOf),
    });
  else print(context, [resultTable(variants), "", ...adjustments(manifest), `report: ${page}`].join("\n"));
  return runs.every(({ outcome }) => outcome?.outcome === "diverged") ? 4 : 0;
}
