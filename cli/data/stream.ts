/**
 * A text's ids → windows of it: in shuffled order for training, one after the other for evaluation.
 */
import type { Batch } from "../../runtime/data.js";
import { evaluationBatches, trainingBatch } from "../../runtime/data.js";
import type { Program } from "../../runtime/program.js";
import { count } from "../terminal.js";
import type { DataBatch, Dataset } from "./dataset.js";

export interface StreamOptions {
  readonly length: number;
  readonly batch: number;
  readonly seed: number;
}

export function streamDataset(program: Program, tokens: Int32Array, options: StreamOptions): Dataset {
  const { length } = options;
  return {
    description: `${count(tokens.length)} tokens`,
    size: Math.floor((tokens.length - 1) / length),
    batch: (n) => whole(trainingBatch(program, tokens, { ...options, step: n + 1 })),
    *inOrder({ batch, limit }) {
      const batches = limit === undefined ? undefined : Math.ceil(limit / batch);
      for (const inputs of evaluationBatches(program, tokens, { length, batch, limit: batches }))
        yield whole(inputs);
    },
  };
}

/** Windows have no padding. */
function whole(inputs: Batch): DataBatch {
  const tokens = Math.max(...Object.values(inputs).map(({ length }) => length));
  return { inputs, tokens, places: tokens };
}
