/**
 * Labelled texts → padded batches of ids and classes.
 *
 *   [5, 6] of class 1, [7] of class 0   →   tokens [[5, 6, eos], [7, eos, 0]]   label [1, 0]   tokens.valid [[1, 1, 1], [1, 1, 0]]
 */
import type { Program } from "../../runtime/program.js";
import type { Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";
import { count } from "../terminal.js";
import { createBuckets, inOrderOfSize } from "./buckets.js";
import type { DataBatch, Dataset } from "./dataset.js";
import { padded, roundUp, validity } from "./dataset.js";
import type { TaskOf } from "./task.js";
import { widthsOf } from "./task.js";

export interface LabelledText {
  /** Its last one is eos: no text is empty. */
  readonly tokens: Int32Array;
  readonly label: number;
}

/** A text that is too long keeps its beginning, and eos. */
export function closed(ids: Int32Array, eos: number, most: number): Int32Array {
  const kept = Math.min(ids.length, most - 1);
  const tokens = new Int32Array(kept + 1).fill(eos);
  tokens.set(ids.subarray(0, kept));
  return tokens;
}

export function textsDataset(
  program: Program,
  task: TaskOf<"texts">,
  texts: readonly LabelledText[],
  { batch, seed }: { readonly batch: number; readonly seed: number },
): Dataset {
  const sizes = texts.map(({ tokens }) => tokens.length);
  const buckets = createBuckets({ sizes, batch, seed });
  const batchOf = (members: readonly number[]): DataBatch =>
    textBatch(
      program,
      task,
      members.map((n) => texts[n]!),
    );
  return {
    description: `${count(texts.length)} texts`,
    size: texts.length,
    batch: (n) => batchOf(buckets(n)),
    *inOrder(range) {
      for (const members of inOrderOfSize(sizes, range)) yield batchOf(members);
    },
  };
}

export function textBatch(
  { lengths }: Pick<Program, "lengths">,
  { tokens, valid, label }: TaskOf<"texts">,
  texts: readonly LabelledText[],
): DataBatch {
  const { least, most } = widthsOf(tokens, lengths);
  const sizes = texts.map((text) => text.tokens.length);
  const width = roundUp(Math.max(least, ...sizes), most);
  const inputs: Record<string, Tensor<Int32Array>> = {
    [tokens.name]: padded(
      texts.map((text) => text.tokens),
      width,
      0,
    ),
    [label.name]: tensor(
      Int32Array.from(texts, (text) => text.label),
      [texts.length],
    ),
  };
  if (valid !== undefined) inputs[valid] = validity(sizes, width);
  return { inputs, tokens: sizes.reduce((sum, size) => sum + size, 0), places: texts.length * width };
}
