/**
 * A model's entries → every pass of each, checked by computing: what a graph means before all passes is what it means after each.
 *
 * ```
 * forward: form_mix, merge_projections, stream, expand, fold, … each on the same random parameters, states and batch
 * train:   the gradients as written; those of the loss after form_mix, …, after stream; then expand, fold, …
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { Builder } from "../ir/builder.js";
import type { Built, Graph } from "../ir/graph.js";
import type { Known } from "../ir/interpret.js";
import type { Span } from "../parser/model.js";
import type { DecodingGraphs } from "../passes/decoding/graphs.js";
import type { PreparedLeaf } from "../passes/fold_gain.js";
import { prepareGraph } from "../passes/fold_gain.js";
import type { Pass } from "../passes/pass.js";
import { modelPasses, pipeline } from "../passes/pipeline.js";
import type { Difference } from "./difference.js";
import { closeTolerances, differenceOf, differenceText, fineTolerances, tolerances } from "./difference.js";
import { evaluate, evaluateRounded } from "./evaluate.js";
import { once } from "./once.js";
import { relaid } from "./relaid.js";
import { sizesText } from "./result.js";
import type { EntryRewrites, Rewrite } from "./rewrites.js";
import { REMAT, rewritesOf } from "./rewrites.js";
import { unstacked } from "./unstack.js";
import type { Values } from "./values.js";
import { drawInputs, drawOthers, drawParameters, leavesOf } from "./values.js";

export interface CheckedEntry {
  readonly entry: string;
  /** Passes that changed the graph, all of them checked. */
  readonly passes: readonly string[];
  /** The pass behind each graph that was computed: one may run on several, and make several of one. */
  readonly rewrites: readonly string[];
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
  /** These entries; all where nothing is said. */
  readonly only?: readonly string[] | undefined;
}

export interface CheckedModel {
  readonly entries: readonly CheckedEntry[];
  /** Every pass of the list, and how many graphs it made were computed and compared: not only those of different entries. */
  readonly passes: readonly CheckedPass[];
}

export interface CheckedPass {
  readonly pass: string;
  readonly rewrites: number;
}

export function checkPasses(
  built: Built,
  decoding: DecodingGraphs | undefined,
  options: PassOptions,
): CheckedModel {
  const known: Known<number> = new Map();
  const drawn = drawModel(built, options);
  const { passes = pipeline, modelPasses: given = modelPasses, builder, lengths, only } = options;
  const all = rewritesOf(built, decoding, { builder, lengths, passes, modelPasses: given, only });
  const entries = all.map((one) => checkEntry(one, built, drawn, options, known));
  const names = [...given.map(({ name }) => name), REMAT, ...passes.map(({ name }) => name)];
  return {
    entries,
    passes: [...new Set(names)].map((pass) => ({
      pass,
      rewrites: entries.reduce((sum, one) => sum + one.rewrites.filter((name) => name === pass).length, 0),
    })),
  };
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

/** A graph over the leaves of a model, and over what is prepared of them. */
type Computed = Pick<Rewrite, "after" | "model" | "prepared">;

function checkEntry(
  { entry, written: graph, rewrites }: EntryRewrites,
  built: Built,
  drawn: Values,
  options: PassOptions,
  known: Known<number>,
): CheckedEntry {
  const { lengths, seed, span } = options;
  const values = drawEntry(graph, drawn, options);
  /** By the leaves of the model as written, whatever those of `model` are. */
  const run = ({ after, model, prepared }: Computed, compute: typeof evaluate): Values => {
    limit(known);
    const memory = compute === evaluate ? known : undefined;
    const leaves = relaid(values, built, model);
    const all = { ...leaves, ...preparedOf(prepared?.() ?? [], leaves, compute) };
    return relaid(compute(after, all, lengths, memory), model, built);
  };
  const original: Computed = { after: graph, model: built };
  const written = finite(run(original, evaluate));
  const close = closeTolerances(written);
  const fine = once(() => fineTolerances(written, run(original, evaluateRounded)));
  /** What rounding explains of the graph as written or of another one that computes the same: as between two models. */
  const either = (rewrite: Rewrite, now: Values): Readonly<Record<string, number>> => {
    const own = fineTolerances(now, run(rewrite, evaluateRounded));
    return Object.fromEntries(
      Object.entries(fine()).map(([name, bound]) => [name, bound + (own[name] ?? 0)]),
    );
  };
  const difference = (rewrite: Rewrite): Difference | undefined => {
    const now = run(rewrite, evaluate);
    return differenceOf(written, now, close) && differenceOf(written, now, either(rewrite, now));
  };
  const checked: string[] = [];
  const failed = rewrites.find((rewrite) => {
    if (!rewrite.aside) checked.push(rewrite.pass);
    return !rewrite.aside && difference(rewrite);
  });
  if (!failed) return result([]);
  // The first of those that lead there, if it is one of them.
  const first = rewrites
    .slice(0, rewrites.indexOf(failed) + 1)
    .find((rewrite) => (rewrite.aside || rewrite === failed) && difference(rewrite))!;
  return result([changed({ pass: first.pass, entry, found: difference(first)!, lengths, seed, span })]);

  function result(diagnostics: readonly Diagnostic[]): CheckedEntry {
    const outputs = graph.outputs.length;
    return { entry, passes: [...new Set(checked)], rewrites: checked, outputs, diagnostics };
  }
}

/** What is prepared of the parameters, by the names of the leaves. */
function preparedOf(prepared: readonly PreparedLeaf[], leaves: Values, compute: typeof evaluate): Values {
  const values = compute(prepareGraph(prepared), leaves, {});
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
