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
import { certain } from "./certain.js";
import { emitProgram } from "./codegen/program.js";
import type { Diagnostic } from "./diagnostics.js";
import { diagnostic, fileSpan } from "./diagnostics.js";
import type { SettingValue } from "./ir/build.js";
import { build } from "./ir/build.js";
import type { Builder } from "./ir/builder.js";
import { createBuilder } from "./ir/builder.js";
import type { Remat } from "./ir/differentiate/residuals.js";
import { expandedText } from "./ir/expand-model/text.js";
import { expandModel } from "./ir/expand-model.js";
import type { Built, Graph } from "./ir/graph.js";
import type { Subject, Verification, VerifyOptions } from "./laws/verify.js";
import { verifyPair, verifySource } from "./laws/verify.js";
import { formatModel } from "./parser/format.js";
import { formatJson } from "./parser/format-json.js";
import type { Model } from "./parser/model.js";
import { isJson, read } from "./parser/read.js";
import { readJson } from "./parser/read-json.js";
import type { Decoded, DecodingGraphs } from "./passes/decoding/graphs.js";
import { deriveDecoding } from "./passes/decoding.js";
import type { Entries } from "./passes/entries.js";
import { deriveEntries } from "./passes/entries.js";
import { foldGain, foldNothing, prepareGraph, readsPrepared } from "./passes/fold_gain.js";
import { formMix } from "./passes/form_mix.js";
import { stacksOf } from "./passes/merge/plan.js";
import type { Level, PassMemory } from "./passes/pass.js";
import type { Explain, Hook, Prepared } from "./passes/pipeline.js";
import { pipeline, runModelPasses, runPipeline } from "./passes/pipeline.js";
import type { EntryName, Schedule } from "./passes/schedule.js";
import { decodingNames, entryNames, preparing, schedule, trainingNames } from "./passes/schedule.js";
import type { ModelSummary, SummaryOptions } from "./passes/summary.js";
import { summarize } from "./passes/summary.js";
import { stepLengths, usualLengths } from "./passes/usual-lengths.js";
import { sha256 } from "./sha256.js";
import { version } from "./version.js";

export interface CompileOptions {
  /** The name under which diagnostics speak of the source; a source whose name ends in `.json` is JSON. */
  readonly file?: string | undefined;
  /** Which model of the file; the first where nothing is said. */
  readonly entry?: string | undefined;
  /** Arguments of the model: `{ layers: 4 }`. */
  readonly settings?: Readonly<Record<string, SettingValue>> | undefined;
  /** The Model behind an `import`; without it every import is diagnosed as missing. */
  readonly resolve?: ((path: string, from: string) => Model | undefined) | undefined;
  /** The forward entry also gives the mean square of what each `repeat` carries: `norm.<place>.<name>`. */
  readonly norms?: boolean | undefined;
  /** How much is optimised; 2 where nothing is said. */
  readonly level?: Level | undefined;
  /** What of each turn of a `repeat` is computed again for its gradients: what is cheap (`none`), or all but what is carried (`layer`). */
  readonly remat?: Remat | undefined;
  /** The entries that are wanted beside `forward`; all where nothing is said. */
  readonly only?: readonly EntryName[] | undefined;
  /**
   * Whether weights are prepared for inference (the pass fold_gain). Where nothing is said, they are unless an entry trains: those
   * entries read the parameters as they are, so what is prepared would be a copy, made anew whenever parameters changed.
   */
  readonly prepare?: boolean | undefined;
  /** The last pass at that level; those after it run as at level 0. */
  readonly until?: string | undefined;
  /** Called after every pass of every entry. */
  readonly hook?: Hook | undefined;
  /** Called with every place that a pass looked at and left as it is. */
  readonly explain?: Explain | undefined;
}

/** What the compiler knows of one model; nothing but diagnostics where the source has errors. */
export interface Compiled {
  readonly diagnostics: readonly Diagnostic[];
  /** Of all the graphs: nodes of one builder are equal where they compute the same. */
  readonly builder: Builder;
  readonly built: Built | undefined;
  /** The graphs of the entries after the passes on the model, before their own. */
  readonly entries: Entries | undefined;
  /** The graphs of the entries that decode step by step, or why there are none; undefined where nothing grows. */
  readonly decoding: Decoded | undefined;
  readonly schedule: Schedule | undefined;
  readonly program: Program | undefined;
}

export function compile(source: string, options: CompileOptions = {}): Compiled {
  const builder = createBuilder();
  const { built, diagnostics } = buildSource(source, options, builder);
  if (!built) return { ...nothing, diagnostics, builder, built };
  const { level = 2, only, until, hook, explain } = options;
  const isWanted = (name: EntryName): boolean => name === "forward" || (only?.includes(name) ?? true);
  const pipelineOptions = {
    ...{ builder, level, until, hook, explain },
    ...{ lengths: usualLengths(built), memories: new Map<string, PassMemory>() },
  };
  const prepared = runModelPasses(built, pipelineOptions);
  const entries = deriveEntries(prepared.built, builder, options.remat);
  const decoding = decodingNames.some(isWanted) ? deriveDecoding(built, builder) : undefined;
  const steps = decoding && "step" in decoding ? decoding : undefined;
  const ofSteps = steps && stepLengths(built, steps);
  const graphs: Partial<Record<EntryName, Graph | undefined>> = {
    ...entries,
    ...decodingEntries(steps, prepared, ofSteps),
  };
  const folding = foldGain(stacksOf(prepared.built));
  const { prepare = !isTraining(only) } = options;
  const folded = prepare ? pipeline.map((pass) => (pass === foldNothing ? folding.pass : pass)) : pipeline;
  const finished = (name: EntryName, graph: Graph, lengths = pipelineOptions.lengths) => ({
    name,
    graph: runPipeline(
      { ...graph, name },
      { ...pipelineOptions, lengths, passes: readsPrepared(name) ? folded : pipeline },
    ),
  });
  const used = [...entryNames, ...decodingNames].filter(isWanted).flatMap((name) => {
    const graph = graphs[name];
    return graph ? [finished(name, graph, name === "step" ? ofSteps : undefined)] : [];
  });
  const made = folding.prepared();
  const kernels = made.length > 0 ? [...used, finished(preparing, prepareGraph(made), {})] : used;
  const scheduled = schedule(kernels, prepared.built, steps, { prepared: made });
  const meta = { compiler: version, source: sha256(source) };
  const program = emitProgram(scheduled, prepared.built, meta, decoding);
  return { diagnostics, builder, built, entries, decoding, schedule: scheduled, program };
}

/** A program that changes its parameters keeps them as they are: what is made of them would be a copy, and made anew after each step. */
const isTraining = (only: CompileOptions["only"]): boolean =>
  !only || only.some((name) => trainingNames.some((one) => one === name));

const nothing = { entries: undefined, decoding: undefined, schedule: undefined, program: undefined };

/** A model that keeps nothing has nothing to reorder. */
function decodingEntries(
  steps: DecodingGraphs | undefined,
  prepared: Prepared,
  lengths: Readonly<Record<string, number>> | undefined,
): Partial<Record<EntryName, Graph | undefined>> {
  if (!steps) return {};
  const run = (name: string, graph: Graph): Graph => prepared.run({ ...graph, name });
  const step = prepared.run({ ...steps.step, name: "step" }, lengths);
  if (steps.caches.length === 0) return { step };
  return { step, encode: steps.encode && run("encode", steps.encode), reorder: steps.reorder };
}

/** The front half: names and shapes, before any pass. */
export function buildSource(
  source: string,
  options: CompileOptions = {},
  builder = createBuilder(),
): Pick<Compiled, "built" | "diagnostics"> {
  const { model, diagnostics } = parse(source, options.file);
  const { entry, settings, norms } = options;
  const resolve = options.resolve ?? (() => undefined);
  const result = build(model, { entry, settings, norms, resolve, builder });
  if (hasErrors(diagnostics))
    return {
      built: undefined,
      diagnostics: [...diagnostics, ...certain(result.diagnostics, diagnostics, source)],
    };
  return { built: result.built, diagnostics: [...diagnostics, ...result.diagnostics] };
}

/** What is wrong with a source. */
export const check = (source: string, options: CompileOptions = {}): readonly Diagnostic[] =>
  buildSource(source, options).diagnostics;

export const parse = (
  source: string,
  file = "model.tfm",
): { readonly model: Model; readonly diagnostics: readonly Diagnostic[] } => read(source, file);

/** The canonical text of a source, in the language it has or in the other one; undefined where it has errors. */
export function format(
  source: string,
  file = "model.tfm",
  to: Language = isJson(file) ? "json" : "tfm",
): { readonly text: string | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { model, diagnostics, schema } = isJson(file)
    ? readJson(source, file)
    : { ...read(source, file), schema: undefined };
  if (hasErrors(diagnostics)) return { text: undefined, diagnostics };
  if (to === "tfm") return readable(formatModel(model), "tfm", file, diagnostics);
  const found = [...diagnostics, ...lostComments(model)];
  return readable(formatJson(model, { schema }), "json", file, found);
}

/** What one language takes may be nested too deep for the other, which counts other brackets. */
function readable(text: string, to: Language, file: string, diagnostics: readonly Diagnostic[]) {
  const found = isJson(file) === (to === "json") ? [] : parse(text, `model.${to}`).diagnostics;
  if (!hasErrors(found)) return { text, diagnostics };
  const refusals = found.map((d) => ({ ...d, span: fileSpan(file), message: `As .${to}: ${d.message}` }));
  return { text: undefined, diagnostics: refusals.slice(0, 1) };
}

export type Language = "tfm" | "json";

/** What JSON has no place for. */
const lostComments = ({ trivia = [] }: Model): readonly Diagnostic[] =>
  trivia.flatMap((item) =>
    item.kind === "comment"
      ? [diagnostic("TFM1110", item.span, "This comment does not travel to JSON.")]
      : [],
  );

/** A model one level down, as text in the language. */
export interface Expanded {
  readonly text: string;
  /** What the text is written in. */
  readonly level: "structure" | "index";
  /** Whether the source uses nothing of the library: the text is the source's own. */
  readonly lowest: boolean;
}

/** Config form as structure form, structure form as index form. Undefined where the source has errors. */
export function expand(
  source: string,
  options: Pick<CompileOptions, "file" | "entry" | "resolve"> = {},
): { readonly expanded: Expanded | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { built, diagnostics } = buildSource(source, options);
  if (!built) return { expanded: undefined, diagnostics };
  const { model } = parse(source, options.file);
  const {
    model: down,
    level,
    lowest,
  } = expandModel(model, options.entry, options.resolve ?? (() => undefined));
  const text = lowest ? formatModel(down) : expandedText(down);
  return { expanded: { text, level, lowest }, diagnostics };
}

/**
 * Whether what must hold does: the source's laws, and that every pass keeps the meaning of every entry; or, of two sources, that
 * they compute the same. Everything holds where no diagnostic is an error.
 */
export function verify(
  source: string,
  other?: string | (CompileOptions & { readonly source: string }),
  options: Pick<CompileOptions, "file" | "entry" | "settings" | "resolve"> & VerifyOptions = {},
): Verification {
  const second = typeof other === "string" ? { ...options, file: "second.tfm", source: other } : other;
  const read = [{ ...options, source }, ...(second ? [second] : [])].map(subjectOf);
  const diagnostics = read.flatMap((one) => one.diagnostics);
  if (hasErrors(diagnostics))
    return { diagnostics, seed: options.seed ?? 0, laws: [], models: [], pair: undefined };
  const [a, b] = read.map(({ subject }) => subject) as [Subject, Subject?];
  return b ? verifyPair(a, b, options) : verifySource(a, options);
}

function subjectOf({
  source,
  file,
  entry,
  settings,
  resolve = () => undefined,
}: CompileOptions & { source: string }) {
  const { model, diagnostics } = parse(source, file);
  return { subject: { model, resolve, entry, settings }, diagnostics };
}

/** What a compiled model costs; undefined where it has errors. */
export function summary(
  compiled: Compiled & { readonly built: Built },
  options?: SummaryOptions,
): ModelSummary;
export function summary(compiled: Compiled, options?: SummaryOptions): ModelSummary | undefined;
export function summary(compiled: Compiled, options: SummaryOptions = {}): ModelSummary | undefined {
  const { builder, built, decoding, schedule: scheduled } = compiled;
  if (!built || !scheduled) return undefined;
  const forward = formMix.run(built.forward, { builder, level: 2 });
  // As the model says it: what a kernel computes again is no work of the model.
  const { train, accumulate, apply } = deriveEntries(built, builder);
  const parts = accumulate && apply && { accumulate, apply };
  const steps = decoding && "step" in decoding ? decoding : undefined;
  return summarize({ built, forward, train, parts, schedule: scheduled, steps }, options);
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some(({ severity }) => severity === "error");

export type { Diagnostic } from "./diagnostics.js";
export { renderDiagnostic } from "./diagnostics.js";
export type { Remat } from "./ir/differentiate/residuals.js";
export type { Verification, VerifyOptions } from "./laws/verify.js";
export type { BlockSummary, ModelSummary, SummaryOptions } from "./passes/summary.js";
export { version } from "./version.js";
