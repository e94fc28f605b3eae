/**
 * A small decoder compiled with its loss in chunks of rows: as a Program, and as the graphs that mean it.
 */
import { emitProgram } from "../../compiler/codegen/program.js";
import { buildSource } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { chunkRows } from "../../compiler/passes/chunk_rows.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { pipeline, runPipeline } from "../../compiler/passes/pipeline.js";
import { entryNames, schedule } from "../../compiler/passes/schedule.js";
import type { Compiling } from "./program-runs.js";

export const VOCAB = 11;
/** Large enough for every chunk to be worth it. */
const lengths = { B: 64, T: 8 };

export const chunkedSource = (settings: string): string => `model m : decoder {
  vocab = ${VOCAB}
  context = 8
  d_model = 6
  layers = 1
  heads = 2
  ${settings}
  train {
    optimizer = adamw(lr: 1e-3)
    clip = 1.0
    batch = 2
    accumulate = 2
  }
}`;

/** The model with at most `chunk` rows at a time; undefined: all at once. */
export function compiled(text: string, chunk: number | undefined): Compiling {
  const builder = createBuilder();
  const { built, diagnostics } = buildSource(text, {}, builder);
  if (!built) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const entries = deriveEntries(built, builder);
  const passes = pipeline.flatMap((pass) => {
    if (pass.name !== "chunk_rows") return [pass];
    return chunk === undefined ? [] : [chunkRows(4 * VOCAB * chunk)];
  });
  const graphs = entryNames.flatMap((name) => {
    const graph = entries[name];
    return graph
      ? [
          {
            name,
            graph: runPipeline({ ...graph, name }, { builder, level: 2, lengths, passes, verify: true }),
          },
        ]
      : [];
  });
  const scheduled = schedule(graphs, built);
  const program = emitProgram(scheduled, built, { compiler: "0", source: "0" });
  return { diagnostics, builder, built, entries, decoding: undefined, schedule: scheduled, program };
}

/** The entries' graphs after all passes but the last, as graphs before any pass. */
export function meaning(text: string, chunk: number): Compiling {
  const model = compiled(text, undefined);
  const builder = createBuilder();
  const run = (graph: Graph | undefined): Graph | undefined =>
    graph &&
    runPipeline(graph, {
      builder,
      level: 2,
      lengths,
      verify: true,
      passes: pipeline.flatMap((pass) =>
        pass.name === "fuse" ? [] : pass.name === "chunk_rows" ? [chunkRows(4 * VOCAB * chunk)] : [pass],
      ),
    });
  const { forward, loss, grad, train, accumulate, apply } = model.entries!;
  return {
    ...model,
    entries: {
      forward,
      loss: run(loss),
      grad: run(grad),
      train: run(train),
      accumulate: run(accumulate),
      apply,
    },
  };
}
