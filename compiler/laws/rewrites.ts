/**
 * A model → every rewrite of its entries: what each pass made of each graph, in the order in which they are compiled.
 *
 * ```
 * train: form_mix, merge_projections, …   the gradients of the model after each of them, over its own leaves
 *        remat                            what of it is computed again for the gradients
 *        expand, fold, …, fuse            of both
 * ```
 */

import type { Builder } from "../ir/builder.js";
import type { Remat } from "../ir/differentiate/residuals.js";
import type { Built, Graph } from "../ir/graph.js";
import type { DecodingGraphs } from "../passes/decoding/graphs.js";
import { deriveEntries } from "../passes/entries.js";
import type { PreparedLeaf } from "../passes/fold_gain.js";
import { foldGain, foldNothing, readsPrepared } from "../passes/fold_gain.js";
import { stacksOf } from "../passes/merge/plan.js";
import type { Pass, PassContext, PassMemory } from "../passes/pass.js";
import type { Prepared } from "../passes/pipeline.js";
import { runModelPasses, runPipeline } from "../passes/pipeline.js";
import { stepLengths, usualLengths } from "../passes/usual-lengths.js";
import { graphKey } from "../passes/walk.js";
import { chunkBudgets } from "./chunks.js";
import { once } from "./once.js";

export interface Rewrite {
  readonly pass: string;
  readonly before: Graph;
  readonly after: Graph;
  /** The model whose parameters are the leaves of `after`. */
  readonly model: Built;
  /** What `after` reads beside them, computed of them. */
  readonly prepared?: () => readonly PreparedLeaf[];
  /** The pass on its own result; undefined of what is no pass, and of a model pass on a graph that is derived of the model as written. */
  readonly again: () => Graph | undefined;
  /** Another way to the same: computed by itself only where what came of it in the end differs. */
  readonly aside?: boolean;
}

export interface EntryRewrites {
  readonly entry: string;
  /** Before any pass. */
  readonly written: Graph;
  /** Of graphs that did change. */
  readonly rewrites: readonly Rewrite[];
}

export interface RewriteOptions {
  readonly builder: Builder;
  /** At which the graphs will be computed. */
  readonly lengths: Readonly<Record<string, number>>;
  readonly passes: readonly Pass[];
  readonly modelPasses: readonly Pass[];
  /** These entries; all where nothing is said. */
  readonly only?: readonly string[] | undefined;
}

/** The name under which computing again what the gradients read is checked, as passes are. */
export const REMAT = "remat";

type Lengths = PassContext["lengths"];
type Find = (name: string) => Graph | undefined;

/** The model after one more pass. */
interface Stage {
  readonly pass: string;
  readonly model: Built;
  readonly find: Find;
  /** After the same pass once more. */
  readonly again: () => Find;
}

export function rewritesOf(
  built: Built,
  decoding: DecodingGraphs | undefined,
  options: RewriteOptions,
): readonly EntryRewrites[] {
  const usual = usualLengths(built);
  const written = finder(built, decoding, (graph) => graph, options.builder);
  const stages = stagesOf(built, decoding, options);
  const last = stages.at(-1);
  const again = last && finder(last.model, undefined, (graph) => graph, options.builder, "layer");
  return entryNames(decoding).flatMap((entry) => {
    const graph = written(entry);
    if (!graph || options.only?.includes(entry) === false) return [];
    const lengths = entry === "step" && decoding ? stepLengths(built, decoding) : usual;
    const rewrites = [...modelRewrites(graph, entry, stages)];
    const start = rewrites.at(-1)?.after ?? graph;
    const model = last?.model ?? built;
    const other = again?.(entry);
    rewrites.push(...entryRewrites(start, model, lengths, { ...options, sizes: sizesIn(entry) }));
    if (other && graphKey(other) !== graphKey(start)) {
      const more = entryRewrites(other, model, lengths, { ...options, sizes: 1 });
      rewrites.push(
        { pass: REMAT, before: start, after: other, model, again: () => undefined },
        ...more.map((one, n) => ({ ...one, aside: n < more.length - 1 })),
      );
    }
    return [{ entry, written: graph, rewrites }];
  });
}

/** Of how many sizes chunks of rows are made: what is a step of training is in its gradients already. */
const sizesIn = (entry: string): number => (entry === "loss" || entry === "grad" ? 3 : 1);

const entryNames = (decoding: DecodingGraphs | undefined): readonly string[] => [
  ...["forward", "loss", "grad", "train", "accumulate", "apply"],
  ...(decoding ? ["encode", "step"] : []),
  ...(decoding && decoding.caches.length > 0 ? ["reorder"] : []),
];

/** The entries of a model by name; those of decoding are derived of the model as written, and passed `through` the passes on it. */
function finder(
  model: Built,
  decoding: DecodingGraphs | undefined,
  through: (graph: Graph, entry: "encode" | "step") => Graph,
  b: Builder,
  remat: Remat = "none",
): Find {
  const { forward, loss, grad, train, accumulate, apply } = deriveEntries(model, b, remat);
  const graphs: Readonly<Record<string, Graph | undefined>> = {
    ...{ forward, loss, grad, train, accumulate, apply },
    encode: decoding?.encode && through(decoding.encode, "encode"),
    step: decoding && through(decoding.step, "step"),
    reorder: decoding?.reorder,
  };
  return (name) => graphs[name] && { ...graphs[name], name };
}

function stagesOf(
  built: Built,
  decoding: DecodingGraphs | undefined,
  { builder, modelPasses }: RewriteOptions,
): readonly Stage[] {
  const memories = new Map<string, PassMemory>();
  const lengths = usualLengths(built);
  return modelPasses.map((pass, n) => {
    const run = (model: Built, passes: readonly Pass[]): Prepared =>
      runModelPasses(model, { ...{ level: 2, builder, lengths, passes, memories, verify: true } });
    const prepared = run(built, modelPasses.slice(0, n + 1));
    const model = prepared.built;
    const through = (graph: Graph, entry: "encode" | "step"): Graph =>
      prepared.run({ ...graph, name: entry }, entry === "step" ? stepLengths(built, decoding!) : lengths);
    const same = (graph: Graph): Graph => graph;
    return {
      pass: pass.name,
      model,
      find: finder(model, decoding, through, builder),
      again: once(() => finder(run(model, [pass]).built, undefined, same, builder)),
    };
  });
}

function modelRewrites(written: Graph, entry: string, stages: readonly Stage[]): readonly Rewrite[] {
  let before = written;
  return stages.flatMap(({ pass, model, find, again }) => {
    const after = find(entry)!;
    const rewrite = { pass, before, after, model, again: () => again()(entry) };
    before = after;
    return graphKey(rewrite.before) === graphKey(after) ? [] : [rewrite];
  });
}

/** Of the passes on entries. Chunks of rows are made in several sizes, of which the first goes on. */
function entryRewrites(
  start: Graph,
  model: Built,
  usual: Lengths,
  { builder, lengths, passes, sizes }: RewriteOptions & { readonly sizes: number },
): readonly Rewrite[] {
  const found: Rewrite[] = [];
  const context = { builder, level: 2, lengths: usual } as const;
  const { pass: folding, prepared } = foldGain(stacksOf(model));
  const add = (pass: Pass, before: Graph, after: Graph, budget?: number): void => {
    if (graphKey(before) === graphKey(after)) return;
    const again = (): Graph => pass.run(after, { ...context, budget });
    found.push({ pass: pass.name, before, after, model, prepared, again });
  };
  const chunking = (pass: Pass): Pass => ({
    ...pass,
    run: (graph, given) => {
      const [first, ...others] = chunkBudgets(graph, lengths).slice(0, sizes);
      for (const budget of others) add(pass, graph, pass.run(graph, { ...given, budget }), budget);
      const after = pass.run(graph, { ...given, budget: first });
      add(pass, graph, after, first);
      return after;
    },
  });
  const own = passes.map((pass) => {
    if (pass === foldNothing && readsPrepared(start.name)) return folding;
    return pass.name === "chunk_rows" ? chunking(pass) : pass;
  });
  const hook = (name: string, before: Graph, after: Graph): void => {
    if (name !== "chunk_rows") add(own.find((one) => one.name === name)!, before, after);
  };
  runPipeline(start, { ...context, passes: own, verify: true, hook });
  return found;
}
