/**
 * A text's ids → windows in which some tokens are hidden, and what stood there.
 *
 *   [7, 3, 9, 4], mask 11  →  tokens [7, 11, 9, 4], tokens.original [-1, 3, -1, -1]
 *
 * A token is chosen with probability 0.15; of the chosen 8 in 10 become `mask`, 1 any other token, and 1 stays as it is
 * (Devlin et al., 2019). What happens to a token depends on (seed, number of the window, position in it) alone.
 */
import type { StreamInputs } from "../../runtime/data.js";
import { windowStarts, windowsAt } from "../../runtime/data.js";
import { randomKey, uniformAt } from "../../runtime/random.js";
import type { Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";
import { count } from "../terminal.js";
import type { DataBatch, Dataset } from "./dataset.js";
import type { StreamOptions } from "./stream.js";
import type { TaskOf } from "./task.js";

const chosenShare = 0.15;
const maskShare = 0.8;
const randomShare = 0.1;
export interface Hiding {
  readonly mask: number;
  /** Ids that stand for text, from which a random one is drawn. */
  readonly ordinary: Int32Array;
}

/** The ids below `size` without those of special tokens. */
export const ordinaryIds = (size: number, specials: readonly number[]): Int32Array =>
  Int32Array.from({ length: size }, (_, id) => id).filter((id) => !specials.includes(id));

export function maskedDataset(
  task: TaskOf<"masked">,
  tokens: Int32Array,
  hiding: Hiding,
  { length, batch: rows, seed }: StreamOptions,
): Dataset {
  const inputs: StreamInputs = { tokens: task.tokens.name, next: undefined };
  const hidden = (windows: Tensor<Int32Array>, keyOf: (row: number) => number): DataBatch => {
    const { corrupted, original } = hide(windows, hiding, keyOf);
    return {
      inputs: { [task.tokens.name]: corrupted, [task.original]: original },
      tokens: windows.length,
      places: windows.length,
    };
  };
  return {
    description: `${count(tokens.length)} tokens`,
    size: Math.floor((tokens.length - 1) / length),
    batch(n) {
      const starts = windowStarts(tokens.length, { length, batch: rows, seed, step: n + 1 });
      return hidden(windowsAt(inputs, tokens, starts, length)[inputs.tokens]!, (row) =>
        randomKey(seed, n * rows + row, "hidden", 0),
      );
    },
    *inOrder({ batch, limit }) {
      const whole = Math.floor(tokens.length / length);
      const windows = Math.max(1, Math.min(limit ?? whole, whole));
      for (let n = 0; n < windows; n += batch) {
        const starts = Array.from({ length: Math.min(batch, windows - n) }, (_, row) => (n + row) * length);
        const width = Math.min(length, tokens.length);
        // The same tokens are hidden in every run and for every size of batch.
        yield hidden(windowsAt(inputs, tokens, starts, width)[inputs.tokens]!, (row) =>
          randomKey(0, n + row, "hidden for evaluation", 0),
        );
      }
    },
  };
}

/** Rows of tokens [b, t] and a key for each → what the model sees and what it is asked. */
export function hide(
  tokens: Tensor<Int32Array>,
  { mask, ordinary }: Hiding,
  keyOf: (row: number) => number,
): { readonly corrupted: Tensor<Int32Array>; readonly original: Tensor<Int32Array> } {
  const [, width = 0] = tokens.shape;
  const corrupted = tokens.slice();
  const original = new Int32Array(tokens.length).fill(-1);
  for (let n = 0; n < tokens.length; n++) {
    const key = keyOf(Math.floor(n / width));
    const draw = (which: number): number => uniformAt(key, 3 * (n % width) + which);
    if (draw(0) >= chosenShare) continue;
    original[n] = tokens[n]!;
    const kind = draw(1);
    if (kind < maskShare) corrupted[n] = mask;
    else if (kind < maskShare + randomShare) corrupted[n] = ordinary[Math.floor(draw(2) * ordinary.length)]!;
  }
  return { corrupted: tensor(corrupted, tokens.shape), original: tensor(original, tokens.shape) };
}
