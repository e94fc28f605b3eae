/**
 * A model's entries → every pass of each, checked by computing: what a graph means before all passes is what it means after each.
 *
 * ```
 * train: form_mix, expand, fold, … each on the same random parameters, states and batch
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { Builder } from "../ir/builder.js";
import type { Built, Graph } from "../ir/graph.js";
import type { Known } from "../ir/interpret.js";
import type { Span } from "../parser/model.js";
import type { Pass } from "../passes/pass.js";
import { pipeline, runPipeline } from "../passes/pipeline.js";
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
}

export function checkPasses(
  built: Built,
  entries: Readonly<Record<string, Graph | undefined>>,
  options: PassOptions,
): readonly CheckedEntry[] {
  const known: Known<number> = new Map();
  const drawn = drawModel(built, options);
  return Object.entries(entries).flatMap(([name, graph]) =>
    graph ? [checkEntry({ ...graph, name }, drawn, options, known)] : [],
  );
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

function checkEntry(graph: Graph, drawn: Values, options: PassOptions, known: Known<number>): CheckedEntry {
  const { builder, lengths, seed, span, passes = pipeline } = options;
  const values = drawEntry(graph, drawn, options);
  const run = (one: Graph): Values => {
    limit(known);
    return evaluate(one, values, lengths, known);
  };
  const written = finite(run(graph));
  const close = closeTolerances(written);
  const fine = once(() => fineTolerances(written, evaluateRounded(graph, values, lengths)));
  const checked: string[] = [];
  const diagnostics: Diagnostic[] = [];
  runPipeline(graph, {
    level: 2,
    builder,
    passes,
    verify: true,
    hook: (pass, before, after) => {
      if (diagnostics.length > 0 || graphKey(before) === graphKey(after)) return;
      checked.push(pass);
      const now = run(after);
      const found = differenceOf(written, now, close) && differenceOf(written, now, fine());
      if (found) diagnostics.push(changed({ pass, entry: graph.name, found, lengths, seed, span }));
    },
  });
  return { entry: graph.name, passes: checked, outputs: graph.outputs.length, diagnostics };
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

export function referenceOf({ built, sizes, drawn, ...known }: Reference, graph: Graph): EntryReference {
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
    bounds: tolerances(exact, by(evaluateRounded(graph, values, lengths, known.rounded))),
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
