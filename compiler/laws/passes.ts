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
import type { Entries } from "../passes/entries.js";
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

export function checkPasses(built: Built, entries: Entries, options: PassOptions): readonly CheckedEntry[] {
  const known: Known<number> = new Map();
  return Object.entries(entries).flatMap(([name, graph]: readonly [string, unknown]) =>
    isGraph(graph) ? [checkEntry(built, { ...graph, name }, options, known)] : [],
  );
}

const isGraph = (value: unknown): value is Graph =>
  typeof value === "object" && value !== null && "outputs" in value;

/** Values for all leaves of an entry. */
export function drawAll(
  built: Built,
  graph: Graph,
  { lengths, seed }: Pick<PassOptions, "lengths" | "seed">,
): Values {
  return {
    ...leavesOf(built, drawParameters(built, seed)),
    ...drawInputs(built.inputs, lengths, seed),
    ...drawOthers(graph, lengths, seed),
  };
}

function checkEntry(built: Built, graph: Graph, options: PassOptions, known: Known<number>): CheckedEntry {
  const { builder, lengths, seed, span, passes = pipeline } = options;
  const values = drawAll(built, graph, options);
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
const KEPT = 3e7;

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

/** What an entry computes before any pass, and from what: for a device to be compared with. */
export interface Reference {
  readonly inputs: Values;
  /** Parameters and states by their own names, stacks taken apart; the states as `m/<parameter>`. */
  readonly parameters: Values;
  readonly states: Values;
  readonly scalars: Readonly<Record<string, number>>;
  readonly exact: Values;
  readonly bounds: Readonly<Record<string, number>>;
}

/** Its bounds are those of a device that computes in f32. */
export function referenceOf(
  built: Built,
  graph: Graph,
  { lengths, seed }: Pick<PassOptions, "lengths" | "seed">,
): Reference {
  const values = drawAll(built, graph, { lengths, seed });
  const others = Object.entries(drawOthers(graph, lengths, seed));
  const by = (one: Values): Values => unstacked(one, built);
  const exact = finite(evaluate(graph, values, lengths));
  return {
    inputs: drawInputs(built.inputs, lengths, seed),
    parameters: Object.fromEntries(drawParameters(built, seed)),
    states: by(Object.fromEntries(others.filter(([, { sizes }]) => sizes.length > 0))),
    scalars: Object.fromEntries(
      others.flatMap(([name, { sizes, data }]) => (sizes.length === 0 ? [[name, data[0]!]] : [])),
    ),
    exact: by(exact),
    bounds: tolerances(by(exact), by(evaluateRounded(graph, values, lengths))),
  };
}

/** Where the model as written gives no number, nothing is promised. */
function finite(values: Values): Values {
  const isFinite = (data: ArrayLike<number>): boolean => Array.prototype.every.call(data, Number.isFinite);
  return Object.fromEntries(Object.entries(values).filter(([, { data }]) => isFinite(data)));
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
