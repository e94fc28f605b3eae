/**
 * A model's entries → every pass of each, checked by computing: what a graph means before all passes is what it means after each.
 *
 * ```
 * forward: form_mix, stream, expand, fold, … each on the same random parameters, states and batch
 * train:   the gradients as written; those of the loss after form_mix, after stream; then expand, fold, …
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { Builder } from "../ir/builder.js";
import type { Built, Graph } from "../ir/graph.js";
import type { Known } from "../ir/interpret.js";
import type { Span } from "../parser/model.js";
import { deriveEntries } from "../passes/entries.js";
import type { GainFolding } from "../passes/fold_gain.js";
import { foldGain, foldNothing, prepareGraph, readsPrepared } from "../passes/fold_gain.js";
import { stacksOf } from "../passes/merge/plan.js";
import { mergeNothing } from "../passes/merge_projections.js";
import type { Pass } from "../passes/pass.js";
import { modelPasses, pipeline, runModelPasses, runPipeline } from "../passes/pipeline.js";
import { graphKey } from "../passes/walk.js";
import type { Difference } from "./difference.js";
import { closeTolerances, differenceOf, differenceText, fineTolerances, tolerances } from "./difference.js";
import { evaluate, evaluateRounded } from "./evaluate.js";
import { sizesText } from "./result.js";
import { unstacked } from "./unstack.js";
import type { Values } from "./values.js";
import { drawInputs, drawOthers, drawParameters, leavesOf } from "./values.js";

export interface CheckedEntry {
  readonly entry: string;
  /** Passes that changed the graph, all of them checked. */
  readonly passes: readonly string[];
  readonly outputs: number;
  readonly diagnostics: readonly Diagnostic[];
}

export interface PassOptions {
  readonly builder: Builder;
  readonly lengths: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly span: Span;
  /** Other passes than the compiler's: to see that a wrong one is noticed. */
  readonly passes?: readonly Pass[] | undefined;
  readonly modelPasses?: readonly Pass[] | undefined;
}

/** What became of an entry by a pass. */
interface Stage {
  readonly pass: string;
  readonly graph: Graph;
}

/** An entry as written, what the passes on the model made of it where it is derived from their result, and the passes on it. */
interface Checking {
  readonly graph: Graph;
  readonly stages: readonly Stage[];
  readonly passes: readonly Pass[];
  /** Where the entry reads what is prepared. */
  readonly folding: GainFolding | undefined;
}

export function checkPasses(
  built: Built,
  entries: Readonly<Record<string, Graph | undefined>>,
  options: PassOptions,
): readonly CheckedEntry[] {
  const known: Known<number> = new Map();
  const drawn = drawModel(built, options);
  const { passes = pipeline, modelPasses: given = modelPasses } = options;
  // Leaves are compared by their own names: packing is checked where values are packed as well (test/passes).
  const ofModel = given.filter((pass) => pass !== mergeNothing);
  const derived = derivedEntries(built, ofModel, options.builder);
  return Object.entries(entries).flatMap(([name, graph]) => {
    if (!graph) return [];
    const stages = derived(name);
    const folding = readsPrepared(name) ? foldGain(stacksOf(built)) : undefined;
    const own = passes.map((pass) => (pass === foldNothing && folding ? folding.pass : pass));
    const all = stages.length > 0 ? own : [...ofModel, ...own];
    return [checkEntry({ graph: { ...graph, name }, stages, passes: all, folding }, drawn, options, known)];
  });
}

/** By name, an entry with gradients after each pass on the model that changes the loss; nothing of other entries. */
function derivedEntries(built: Built, passes: readonly Pass[], builder: Builder) {
  const models = passes.map((pass, n) => ({
    pass: pass.name,
    model: runModelPasses(built, { level: 2, builder, passes: passes.slice(0, n + 1) }).built,
  }));
  const all = models.map(({ pass, model }) => ({ pass, entries: deriveEntries(model, builder) }));
  return (name: string): readonly Stage[] =>
    all.flatMap(({ pass, entries: { grad, train, accumulate, apply } }) => {
      const graph = { grad, train, accumulate, apply }[name];
      return graph ? [{ pass, graph: { ...graph, name } }] : [];
    });
}

type Sizes = Pick<PassOptions, "lengths" | "seed">;

/** Values of parameters and inputs: the same for all entries of a model. */
export const drawModel = (built: Built, { lengths, seed }: Sizes): Values => ({
  ...leavesOf(built, drawParameters(built, seed)),
  ...drawInputs(built.inputs, lengths, seed),
});

/** Values for all leaves of an entry. */
export const drawEntry = (graph: Graph, drawn: Values, { lengths, seed }: Sizes): Values => ({
  ...drawOthers(graph, lengths, seed),
  ...drawn,
});

function checkEntry(
  { graph, stages, passes, folding }: Checking,
  drawn: Values,
  options: PassOptions,
  known: Known<number>,
): CheckedEntry {
  const { builder, lengths, seed, span } = options;
  const values = drawEntry(graph, drawn, options);
  const run = (one: Graph): Values => {
    limit(known);
    return evaluate(
      one,
      { ...values, ...preparedOf(folding, (all) => evaluate(all, values, {})) },
      lengths,
      known,
    );
  };
  const rounded = (one: Graph): Values =>
    evaluateRounded(
      one,
      { ...values, ...preparedOf(folding, (all) => evaluateRounded(all, values, {})) },
      lengths,
    );
  const written = finite(run(graph));
  const close = closeTolerances(written);
  const fine = once(() => fineTolerances(written, evaluateRounded(graph, values, lengths)));
  const checked: string[] = [];
  const diagnostics: Diagnostic[] = [];
  /** What rounding explains of the graph as written or of another one that computes the same: as between two models. */
  const either = (after: Graph, now: Values): Readonly<Record<string, number>> => {
    const own = fineTolerances(now, rounded(after));
    return Object.fromEntries(
      Object.entries(fine()).map(([name, bound]) => [name, bound + (own[name] ?? 0)]),
    );
  };
  const check = (pass: string, before: Graph, after: Graph): void => {
    if (diagnostics.length > 0 || graphKey(before) === graphKey(after)) return;
    checked.push(pass);
    const now = run(after);
    const found = differenceOf(written, now, close) && differenceOf(written, now, either(after, now));
    if (found) diagnostics.push(changed({ pass, entry: graph.name, found, lengths, seed, span }));
  };
  let start = graph;
  for (const stage of stages) {
    check(stage.pass, start, stage.graph);
    start = stage.graph;
  }
  runPipeline(start, { level: 2, builder, passes, verify: true, hook: check });
  return { entry: graph.name, passes: checked, outputs: graph.outputs.length, diagnostics };
}

/** What is prepared of the parameters, by the names of the leaves. */
function preparedOf(folding: GainFolding | undefined, compute: (graph: Graph) => Values): Values {
  const values = compute(prepareGraph(folding?.prepared() ?? []));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name.slice("prepared.".length), value]),
  );
}

/** Numbers that are kept, of what several graphs have in common. */
const KEPT = 1e7;

function limit(known: Known<number>): void {
  let elements = 0;
  for (const results of known.values()) for (const { data } of results) elements += data.length;
  if (elements > KEPT) known.clear();
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What the entries of a model start from and have in common, in f64 and in f32: for a device to be compared with. */
export interface Reference {
  readonly built: Built;
  readonly sizes: Sizes;
  readonly drawn: Values;
  /** Parameters by their own names. */
  readonly parameters: Values;
  readonly exact: Known<number>;
  readonly rounded: Known<number>;
}

export function startReference(built: Built, sizes: Sizes): Reference {
  const parameters = drawParameters(built, sizes.seed);
  const drawn = { ...leavesOf(built, parameters), ...drawInputs(built.inputs, sizes.lengths, sizes.seed) };
  return {
    built,
    sizes,
    drawn,
    parameters: Object.fromEntries(parameters),
    exact: new Map(),
    rounded: new Map(),
  };
}

/** What an entry computes before any pass, and from what. */
export interface EntryReference {
  readonly inputs: Values;
  /** By their own names, stacks taken apart: `m/<parameter>`. */
  readonly states: Values;
  readonly scalars: Readonly<Record<string, number>>;
  readonly exact: Values;
  /** Of a device that computes in f32. */
  readonly bounds: Readonly<Record<string, number>>;
}

/** `graph` as written is what must come out; `told`, what the passes on the model made of it, is what is rounded on the way. */
export function referenceOf(
  { built, sizes, drawn, ...known }: Reference,
  graph: Graph,
  told: Graph,
): EntryReference {
  limit(known.exact);
  limit(known.rounded);
  const { lengths, seed } = sizes;
  const others = Object.entries(drawOthers(graph, lengths, seed));
  const values = { ...Object.fromEntries(others), ...drawn };
  const by = (one: Values): Values => unstacked(one, built);
  const exact = by(finite(evaluate(graph, values, lengths, known.exact)));
  return {
    inputs: Object.fromEntries(built.inputs.map(({ name }) => [name, drawn[name]!])),
    states: by(Object.fromEntries(others.filter(([, { sizes: of }]) => of.length > 0))),
    scalars: Object.fromEntries(
      others.flatMap(([name, { sizes: of, data }]) => (of.length === 0 ? [[name, data[0]!]] : [])),
    ),
    exact,
    bounds: tolerances(exact, by(evaluateRounded(told, values, lengths, known.rounded))),
  };
}

/** Where the model as written gives no number, nothing is promised. */
function finite(values: Values): Values {
  const allFinite = (data: ArrayLike<number>): boolean => Array.prototype.every.call(data, Number.isFinite);
  return Object.fromEntries(Object.entries(values).filter(([, { data }]) => allFinite(data)));
}

interface Changed {
  readonly pass: string;
  readonly entry: string;
  readonly found: Difference;
  readonly lengths: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly span: Span;
}

const changed = ({ pass, entry, found, lengths, seed, span }: Changed): Diagnostic =>
  diagnostic(
    "TFM7007",
    span,
    `The pass ${pass} changes what \`${entry}\` computes: ${differenceText(found, ["as written", "after the pass"])}.`,
    { hint: `Lengths ${sizesText(lengths)}; seed ${seed}. \`tfmc graph --after ${pass}\` shows the graph.` },
  );
