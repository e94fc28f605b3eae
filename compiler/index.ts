/**
 * Source text → Program: the whole compiler on one page.
 *
 * ```ts
 * const { program, diagnostics } = compile(source, { file: "nano.tfm", settings: { layers: 4 } });
 * ```
 *
 * Mistakes in the source are values (`diagnostics`); what is thrown is a bug of the compiler and says `internal:`.
 */
import type { Program } from "../runtime/program.js";
import { emitProgram } from "./codegen/program.js";
import type { Diagnostic } from "./diagnostics.js";
import type { SettingValue } from "./ir/build.js";
import { build } from "./ir/build.js";
import { createBuilder } from "./ir/builder.js";
import type { Built } from "./ir/graph.js";
import { formatModel } from "./parser/format.js";
import type { Model } from "./parser/model.js";
import { readTfm } from "./parser/read-tfm.js";
import { deriveEntries } from "./passes/entries.js";
import type { Hook } from "./passes/pipeline.js";
import { runPipeline } from "./passes/pipeline.js";
import type { EntryName, Schedule } from "./passes/schedule.js";
import { schedule } from "./passes/schedule.js";
import { version } from "./version.js";

export interface CompileOptions {
  /** The name under which diagnostics speak of the source. */
  readonly file?: string | undefined;
  /** Which model of the file, where it has several. */
  readonly entry?: string | undefined;
  /** Arguments of the model: `{ layers: 4 }`. */
  readonly settings?: Readonly<Record<string, SettingValue>> | undefined;
  /** The Model behind an `import`; without it every import is diagnosed as missing. */
  readonly resolve?: ((path: string, from: string) => Model | undefined) | undefined;
  /** How much is optimised; 2 where nothing is said. */
  readonly level?: 0 | 1 | 2 | undefined;
  /** Called after every pass of every entry. */
  readonly hook?: Hook | undefined;
}

/** What the compiler knows of one model; nothing but diagnostics where the source has errors. */
export interface Compiled {
  readonly diagnostics: readonly Diagnostic[];
  readonly built: Built | undefined;
  readonly schedule: Schedule | undefined;
  readonly program: Program | undefined;
}

const entryNames: readonly EntryName[] = ["forward", "loss", "grad", "train"];

export function compile(source: string, options: CompileOptions = {}): Compiled {
  const { built, diagnostics } = buildSource(source, options);
  if (!built) return { diagnostics, built, schedule: undefined, program: undefined };
  const builder = createBuilder();
  const derived = deriveEntries(built, builder);
  const pipelineOptions = { builder, level: options.level ?? 2, ...(options.hook && { hook: options.hook }) };
  const entries = entryNames.flatMap((name) => {
    const graph = derived[name];
    return graph ? [{ name, graph: runPipeline(graph, pipelineOptions) }] : [];
  });
  const scheduled = schedule(entries, built);
  const program = emitProgram(scheduled, built, { compiler: version, source });
  return { diagnostics, built, schedule: scheduled, program };
}

/** The front half: names and shapes, before any pass. */
export function buildSource(source: string, options: CompileOptions = {}): Pick<Compiled, "built" | "diagnostics"> {
  const { model, diagnostics } = parse(source, options.file);
  if (hasErrors(diagnostics)) return { built: undefined, diagnostics };
  const { entry, settings } = options;
  const result = build(model, { entry, settings, resolve: options.resolve ?? (() => undefined) });
  return { built: result.built, diagnostics: [...diagnostics, ...result.diagnostics] };
}

/** What is wrong with a source. */
export const check = (source: string, options: CompileOptions = {}): readonly Diagnostic[] =>
  buildSource(source, options).diagnostics;

export const parse = (
  source: string,
  file = "model.tfm",
): { readonly model: Model; readonly diagnostics: readonly Diagnostic[] } => readTfm(source, file);

/** The canonical text of a source; undefined where it has syntax errors. */
export function format(
  source: string,
  file?: string,
): { readonly text: string | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { model, diagnostics } = parse(source, file);
  return { text: hasErrors(diagnostics) ? undefined : formatModel(model), diagnostics };
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some(({ severity }) => severity === "error");

export type { Diagnostic } from "./diagnostics.js";
export { renderDiagnostic } from "./diagnostics.js";
export type { ModelSummary, SummaryOptions } from "./passes/summary.js";
export { version } from "./version.js";
