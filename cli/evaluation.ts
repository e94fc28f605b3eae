/**
 * A session and tokens → the mean loss per token over windows that follow each other without overlap.
 */
import type { Session } from "../runtime/session.js";
import type { LanguageModel } from "./language-model.js";

export interface Evaluation {
  readonly loss: number;
  readonly tokens: number;
}

export interface EvaluationOptions {
  readonly batch: number;
  readonly length: number;
  readonly seed: number;
  /** At most so many windows. */
  readonly windows: number;
  /** Hears after every batch how many of how many windows are done. */
  readonly onProgress?: (done: number, windows: number) => void;
}

export async function evaluate(
  session: Session,
  model: LanguageModel,
  tokens: Int32Array,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { batch, length: width, seed } = options;
  const windows = Math.min(options.windows, Math.floor((tokens.length - 1) / width));
  let [sum, count] = [0, 0];
  for (let first = 0; first < windows; first += batch) {
    const rows = Math.min(batch, windows - first);
    const part = (shift: number) => ({
      data: tokens.subarray(first * width + shift, (first + rows) * width + shift),
      shape: [rows, width],
    });
    const inputs = { [model.tokens.name]: part(0), [model.next.name]: part(1) };
    const outputs = await session.run("loss", inputs, { seed, step: 0 }, { read: ["loss.sum", "loss.count"] });
    sum += outputs["loss.sum"]![0]!;
    count += outputs["loss.count"]![0]!;
    options.onProgress?.(first + rows, windows);
  }
  return { loss: sum / Math.max(1, count), tokens: count };
}
