/**
 * Batches → the mean loss, Σ sums / Σ counts, so that batches and padding weigh by what counts.
 *
 *   await evaluate(session, evaluationBatches(program, tokens, { length: 128, batch: 8 }))  →  { loss: 1.47, count: 9999, … }
 */
import type { Session } from "./session.js";
import type { Inputs } from "./tensor.js";
import type { AbortSignalLike } from "./web.js";

export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  /** Targets that counted. */
  readonly count: number;
}

export interface EvaluateOptions {
  /** Ends the evaluation by throwing the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

/** Losses come back after so many batches. */
const rows = 64;
const names = ["loss.sum", "loss.count"] as const;

export async function evaluate(
  session: Session,
  batches: Iterable<Inputs> | AsyncIterable<Inputs>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const ring = session.createRing(names, rows);
  let [sum, count, row] = [0, 0, 0];
  const collect = async (): Promise<void> => {
    for (const [losses, targets] of await session.readRing(ring, row)) {
      sum += losses!;
      count += targets!;
    }
    row = 0;
  };
  try {
    for await (const inputs of batches) {
      options.signal?.throwIfAborted();
      await session.run("loss", inputs, {}, { record: { ring, row: row++ } });
      if (row === rows) await collect();
    }
    if (row > 0) await collect();
  } finally {
    session.releaseRing(ring);
  }
  const loss = count === 0 ? 0 : sum / count;
  return { loss, perplexity: Math.exp(loss), count };
}
