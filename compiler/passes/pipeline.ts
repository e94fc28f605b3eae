/**
 * The passes, in order, and the one wrapper that runs them: run → verify → show.
 *
 * ```
 * what a model computes, its loss, a step of decoding     Graph → form_mix → merge_projections → … → stream → Graph   before it is differentiated
 * an entry of these, with its gradients and updates       Graph → merge_pairs → expand → … → fuse → Graph of kernels
 * ```
 */
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Built, Graph, Node } from "../ir/graph.js";
import { printGraph } from "../ir/text.js";
import { verify } from "../ir/verify.js";
import { chunkRows } from "./chunk_rows.js";
import { eliminate } from "./eliminate.js";
import { expand } from "./expand.js";
import { factorReductions } from "./factor_reductions.js";
import { fold } from "./fold.js";
import { foldNothing } from "./fold_gain.js";
import { formMix } from "./form_mix.js";
import { fuse } from "./fuse.js";
import { mergePairs } from "./merge_pairs.js";
import { mergeNothing, mergeProjections } from "./merge_projections.js";
import { orderContractions } from "./order_contractions.js";
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

/** Passes on what a model computes, in order: gradients are taken of what they give. The second one is made for each model. */
export const modelPasses: readonly Pass[] = [formMix, mergeNothing, orderContractions, stream];

/** Passes on each entry, in order. `foldNothing` holds the place of a pass that is made for each model that trains nothing. */
export const pipeline: readonly Pass[] = [
  mergePairs,
  expand,
  fold,
  simplify,
  orderContractions,
  foldNothing,
  eliminate,
  chunkRows(),
  factorReductions,
  fusing,
];

/** All there are, in the order in which they run; what runs on the model and on its entries, once, where it runs last. */
export const allPasses: readonly Pass[] = [
  ...modelPasses.filter((pass) => !pipeline.includes(pass)),
  ...pipeline,
];

/** Called after each pass. */
export type Hook = (pass: string, before: Graph, after: Graph, milliseconds: number) => void;

/** Told by a pass, of a node of the graph of that name, why it was left as it is. */
export type Explain = (pass: string, graph: string, node: Node, why: string) => void;

export interface PipelineOptions {
  /** 0: what lowering needs; 1: also what is better at any lengths, where only attention computes anything twice; 2: everything. */
  readonly level: Level;
  readonly builder?: Builder;
  /** The lengths at which the graph usually runs. */
  readonly lengths?: Readonly<Record<string, number>> | undefined;
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
    const next = pass.run(current, {
      ...{ builder, level, lengths: options.lengths, explain },
      memory: memoryOf(pass, options),
    });
    const milliseconds = performance.now() - started;
    if (options.verify) demandValid(pass, current, next);
    hook?.(pass.name, current, next, milliseconds);
    current = next;
  }
  return current;
}

function levelAt(name: string, { level, until }: PipelineOptions): Level {
  const place = (one: string): number => allPasses.findIndex((pass) => pass.name === one);
  return until === undefined || place(name) <= place(until) ? level : 0;
}

const teller = (pass: string, graph: string, { explain }: PipelineOptions): PassContext["explain"] =>
  explain && ((node, why) => explain(pass, graph, node, why));

/** A graph of its own remembers too: the turns of its regions are alike. */
function memoryOf({ name }: Pass, options: PipelineOptions): PassMemory {
  const key = `${name} ${levelAt(name, options)}`;
  const memory = options.memories?.get(key) ?? createMemory();
  options.memories?.set(key, memory);
  return memory;
}

/** A model after `modelPasses`, over packed parameters. */
export interface Prepared {
  readonly built: Built;
  /** The same passes on a graph that was derived of the model as written, and may usually run at other lengths. */
  run(graph: Graph, lengths?: PipelineOptions["lengths"]): Graph;
}

/** A graph that is two entries' is passed through once. Packing is planned where its pass stands, on the graphs as they are there. */
export function runModelPasses(built: Built, options: PipelineOptions): Prepared {
  const { builder = createBuilder(), passes = modelPasses } = options;
  const through = (some: readonly Pass[], graph: Graph, lengths = options.lengths): Graph =>
    runPipeline(graph, { ...options, builder, lengths, passes: some });
  const { name } = mergeNothing;
  const at = passes.indexOf(mergeNothing);
  const before = at < 0 ? passes : passes.slice(0, at);
  const formed = mapGraphs(built, (graph) => through(before, graph));
  if (at < 0) return { built: formed, run: (graph, lengths) => through(before, graph, lengths) };
  const explain = teller(name, "forward", options);
  const { pass, packed } = mergeProjections(formed, { builder, level: levelAt(name, options), explain });
  const after = (graph: Graph, lengths = options.lengths): Graph =>
    through([pass, ...passes.slice(at + 1)], graph, lengths);
  return {
    built: packed(mapGraphs(formed, (graph) => after(graph))),
    run: (graph, lengths) => after(through(before, graph, lengths), lengths),
  };
}

/** The graphs under the names of the entries that begin with them. */
function mapGraphs(built: Built, change: (graph: Graph) => Graph): Built {
  const { forward, loss, evaluation } = built;
  const run = (name: string, graph: Graph): Graph => change({ ...graph, name });
  return {
    ...built,
    forward: run("forward", forward),
    loss: loss && run(evaluation ? "train" : "loss", loss),
    ...(evaluation && { evaluation: run("loss", evaluation) }),
  };
}

function demandValid(pass: Pass, before: Graph, after: Graph): void {
  const faults = verify(after);
  if (faults.length === 0) return;
  const texts = `before:\n${printGraph(before)}\nafter:\n${printGraph(after)}`;
  throw new Error(`internal: pass ${pass.name} broke the graph: ${faults.join("; ")}\n${texts}`);
}
