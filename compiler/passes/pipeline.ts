/**
 * The passes, in order, and the one wrapper that runs them: run → verify → show.
 *
 * ```
 * Graph → form_mix → expand → fold → simplify → eliminate → chunk_rows → factor_reductions → fuse → Graph of kernels
 * ```
 */
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Graph } from "../ir/graph.js";
import { printGraph } from "../ir/text.js";
import { verify } from "../ir/verify.js";
import { chunkRows } from "./chunk_rows.js";
import { eliminate } from "./eliminate.js";
import { expand } from "./expand.js";
import { factorReductions } from "./factor_reductions.js";
import { fold } from "./fold.js";
import { formMix } from "./form_mix.js";
import { fuse } from "./fuse.js";
import type { Level, Pass } from "./pass.js";
import { simplify } from "./simplify.js";

const fusing: Pass = {
  name: "fuse",
  says: "nodes that one kernel computes => fused(…) { … }",
  from: 0,
  run: (graph, { builder }) => fuse(graph, builder),
};

/** Every pass, in the order in which they run. */
export const pipeline: readonly Pass[] = [
  formMix,
  expand,
  fold,
  simplify,
  eliminate,
  chunkRows(),
  factorReductions,
  fusing,
];

/** Called after each pass. */
export type Hook = (pass: string, before: Graph, after: Graph, milliseconds: number) => void;

export interface PipelineOptions {
  /** 0: what lowering needs; 1 and 2: everything. */
  readonly level: Level;
  readonly builder?: Builder;
  /** The lengths at which the graph usually runs. */
  readonly lengths?: Readonly<Record<string, number>> | undefined;
  readonly hook?: Hook;
  /** Check the invariants of the Graph after each pass. */
  readonly verify?: boolean;
  /** Other passes than the list's: for tests and experiments. */
  readonly passes?: readonly Pass[];
}

export function runPipeline(graph: Graph, options: PipelineOptions): Graph {
  const { level, hook, builder = createBuilder(), passes = pipeline } = options;
  let current = graph;
  for (const pass of passes) {
    if (pass.from > level) continue;
    const started = performance.now();
    const next = pass.run(current, { builder, level, lengths: options.lengths });
    const milliseconds = performance.now() - started;
    if (options.verify) demandValid(pass, current, next);
    hook?.(pass.name, current, next, milliseconds);
    current = next;
  }
  return current;
}

function demandValid(pass: Pass, before: Graph, after: Graph): void {
  const faults = verify(after);
  if (faults.length === 0) return;
  const texts = `before:\n${printGraph(before)}\nafter:\n${printGraph(after)}`;
  throw new Error(`internal: pass ${pass.name} broke the graph: ${faults.join("; ")}\n${texts}`);
}
