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
import { build, type SettingValue } from "./ir/build.js";
import { createBuilder } from "./ir/builder.js";
import type { Built, Graph } from "./ir/graph.js";
import { formatModel } from "./parser/format.js";
import type { Model } from "./parser/model.js";
import { readTfm } from "./parser/read-tfm.js";
import { deriveEntries } from "./passes/entries.js";
import { type PipelineHooks, runPipeline } from "./passes/pipeline.js";
import { type Schedule, schedule } from "./passes/schedule.js";
import { version } from "./version.js";

export interface CompileOptions {
  /** The name under which diagnostics speak of the source. */
  readonly file?: string;
  /** Which model of the file; the last one where nothing is said. */
  readonly entry?: string;
  /** Arguments of the model: `{ layers: 4 }`. */
  readonly settings?: Readonly<Record<string, SettingValue>>;
  /** The Model behind an `import`; without it imports are diagnosed as missing. */
  readonly resolve?: (path: string, from: string) => Model | undefined;
  /** 0: as written · 1: the passes without fusion · 2: all. */
  readonly level?: 0 | 1 | 2;
  /** Called after every pass of every entry. */
  readonly show?: PipelineHooks["show"];
}

/** Everything the compiler knows of one model; nothing but diagnostics where the source has errors. */
export interface Compiled {
  readonly diagnostics: readonly Diagnostic[];
  readonly built: Built | undefined;
  readonly schedule: Schedule | undefined;
  readonly program: Program | undefined;
}

export function compile(source: string, options: CompileOptions = {}): Compiled {
  const checked = check(source, options);
  if (!checked.built) return { ...checked, schedule: undefined, program: undefined };
  const b = createBuilder();
  const optimize = (graph: Graph): Graph =>
    runPipeline(graph, b, { level: options.level ?? 2, show: options.show });
  const entries = mapEntries(deriveEntries(checked.built, b), optimize);
  const scheduled = schedule(entries, checked.built);
  const program = emitProgram(scheduled, checked.built, { compiler: version, source });
  return { ...checked, schedule: scheduled, program };
}

/** The diagnostics of a source, and what `build` made of it. */
export function check(
  source: string,
  options: CompileOptions = {},
): { readonly built: Built | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { model, diagnostics: syntax } = parse(source, options.file);
  if (syntax.some(({ severity }) => severity === "error")) return { built: undefined, diagnostics: syntax };
  const { built, diagnostics } = build(model, { ...options, resolve: options.resolve ?? (() => undefined) });
  return { built, diagnostics: [...syntax, ...diagnostics] };
}

export const parse = (
  source: string,
  file = "model.tfm",
): { readonly model: Model; readonly diagnostics: readonly Diagnostic[] } => readTfm(source, file);

/** The canonical text of a source, or its diagnostics. */
export function format(source: string, file?: string): { readonly text: string | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { model, diagnostics } = parse(source, file);
  const broken = diagnostics.some(({ severity }) => severity === "error");
  return { text: broken ? undefined : formatModel(model), diagnostics };
}
