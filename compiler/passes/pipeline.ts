/**
 * The passes, in order, and the one wrapper that runs them: run → verify → show.
 *
 * ```
 * what a model computes, its loss, a step of decoding     Graph → merge_projections → form_mix → stream     before it is differentiated
 * an entry of these, with its gradients and updates       Graph → expand → fold → … → fuse → Graph of kernels
 * ```
 */
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Built, Graph, Node } from "../ir/graph.js";
import { printGraph } from "../ir/text.js";
import { verify } from "../ir/verify.js";
import { eliminate } from "./eliminate.js";
import { expand } from "./expand.js";
import { factorReductions } from "./factor_reductions.js";
import { fold } from "./fold.js";
import { formMix } from "./form_mix.js";
import { fuse } from "./fuse.js";
import type { Merging } from "./merge_projections.js";
import { mergeProjections, mergeSays } from "./merge_projections.js";
import type { Level, Pass, PassContext, PassMemory } from "./pass.js";
import { createMemory } from "./pass.js";
import { simplify } from "./simplify.js";
import { stream } from "./stream.js";

const fusing: Pass = {
  name: "fuse",
  says: "nodes that one kernel computes => fused(…) { … }",
  from: 0,
  run: fuse,
};

/** Decided once for a model and then done to each of its graphs, before every pass: its entries share their parameters. */
const merging: PassName = { name: "merge_projections", says: mergeSays, from: 1 };

/** Passes on what a model computes, in order: gradients are taken of what they give. */
export const modelPasses: readonly Pass[] = [formMix, stream];

/** Passes on each entry, in order. */
export const pipeline: readonly Pass[] = [expand, fold, simplify, eliminate, factorReductions, fusing];

export type PassName = Pick<Pass, "name" | "says" | "from">;

/** All there are, in the order in which they run. */
export const allPasses: readonly PassName[] = [merging, ...modelPasses, ...pipeline];

/** Called after each pass. */
export type Hook = (pass: string, before: Graph, after: Graph, milliseconds: number) => void;

/** Told by a pass, of a node of the graph of that name, why it was left as it is. */
export type Explain = (pass: string, graph: string, node: Node, why: string) => void;

export interface PipelineOptions {
  /** 0: what lowering needs; 1: also what never adds arithmetic; 2: everything. */
  readonly level: Level;
  readonly builder?: Builder;
  readonly hook?: Hook | undefined;
  readonly explain?: Explain | undefined;
  /** The last pass at that level; those after it run as at level 0: to see what each of them is for. */
  readonly until?: string | undefined;
  /** Check the invariants of the Graph after each pass. */
  readonly verify?: boolean;
  /** Other passes than the list's: for tests and experiments. */
  readonly passes?: readonly Pass[];
  /** Kept between the graphs of one compilation, which have one builder: pass and level → what it found. */
  readonly memories?: Map<string, PassMemory> | undefined;
}

export function runPipeline(graph: Graph, options: PipelineOptions): Graph {
  const { hook, builder = createBuilder(), passes = pipeline } = options;
  let current = graph;
  for (const pass of passes) {
    const level = levelAt(pass.name, options);
    if (pass.from > level) continue;
    const started = performance.now();
    const explain = teller(pass.name, graph.name, options);
    const next = pass.run(current, { builder, level, explain, memory: memoryOf(pass, options) });
    const milliseconds = performance.now() - started;
    if (options.verify) demandValid(pass, current, next);
    hook?.(pass.name, current, next, milliseconds);
    current = next;
  }
  return current;
}

/** A graph of its own remembers too: the turns of its regions are alike. */
function memoryOf({ name }: Pass, options: PipelineOptions): PassMemory {
  const key = `${name} ${levelAt(name, options)}`;
  const memory = options.memories?.get(key) ?? createMemory();
  options.memories?.set(key, memory);
  return memory;
}

function levelAt(name: string, { level, until }: PipelineOptions): Level {
  const place = (one: string): number => allPasses.findIndex((pass) => pass.name === one);
  return until === undefined || place(name) <= place(until) ? level : 0;
}

const teller = (pass: string, graph: string, { explain }: PipelineOptions): PassContext["explain"] =>
  explain && ((node, why) => explain(pass, graph, node, why));

/** The model with its graphs after `modelPasses`; a graph that is two entries' is passed through once. */
export const runModelPasses = (built: Built, options: PipelineOptions): Built =>
  withGraphs(
    built,
    graphsOf(built).map((graph) => runPipeline(graph, { passes: modelPasses, ...options })),
  );

/** The graphs of a model under the names of the entries that come of them; `train` only where `loss` is without dropout. */
function graphsOf({ forward, loss, evaluation }: Built): readonly Graph[] {
  const trained = loss && { ...loss, name: evaluation ? "train" : "loss" };
  const measured = evaluation && { ...evaluation, name: "loss" };
  return [{ ...forward, name: "forward" }, trained, measured].flatMap((graph) => graph ?? []);
}

function withGraphs(built: Built, [forward, loss, evaluation]: readonly Graph[]): Built {
  return { ...built, forward: forward!, loss, ...(evaluation && { evaluation }) };
}

/** `mergeProjections`, shown and checked as a pass on each graph. */
export function runMerging(built: Built, options: PipelineOptions): Merging {
  const { builder = createBuilder() } = options;
  const level = levelAt(merging.name, options);
  const explain = teller(merging.name, "forward", options);
  const started = performance.now();
  const merged = mergeProjections(built, { builder, level, explain });
  if (merging.from > level) return merged;
  const before = graphsOf(built);
  const milliseconds = (performance.now() - started) / before.length;
  graphsOf(merged.built).forEach((after, n) => showMerged(before[n]!, after, milliseconds, options));
  const pack = (graph: Graph): Graph => {
    const from = performance.now();
    const after = merged.pack(graph);
    showMerged(graph, after, performance.now() - from, options);
    return after;
  };
  return { ...merged, pack };
}

function showMerged(before: Graph, after: Graph, milliseconds: number, options: PipelineOptions): void {
  if (options.verify) demandValid(merging, before, after);
  options.hook?.(merging.name, before, after, milliseconds);
}

function demandValid(pass: PassName, before: Graph, after: Graph): void {
  const faults = verify(after);
  if (faults.length === 0) return;
  const texts = `before:\n${printGraph(before)}\nafter:\n${printGraph(after)}`;
  throw new Error(`internal: pass ${pass.name} broke the graph: ${faults.join("; ")}\n${texts}`);
}
