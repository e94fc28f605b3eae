/**
 * Pairs of ids → padded batches of sources, targets and what follows in them.
 *
 *   source [5, 6], target [7, 8, 9]  →  source [5, 6, eos]    target [bos, 7, 8, 9]   target.next [7, 8, 9, eos]
 *
 * A source ends in eos, so it is never empty and its end can be attended to; padding holds 0, counts nowhere in
 * `target.next` (-1), and is 0 in `valid`.
 */
import type { Program } from "../../runtime/program.js";
import type { Tensor } from "../../runtime/tensor.js";
import { count } from "../terminal.js";
import { createBuckets, inOrderOfSize } from "./buckets.js";
import type { DataBatch, Dataset } from "./dataset.js";
import { padded, roundUp, validity } from "./dataset.js";
import type { TaskOf } from "./task.js";
import { widthsOf } from "./task.js";

export interface Pair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

export interface Ends {
  readonly bos: number;
  readonly eos: number;
}

export interface PairOptions extends Ends {
  readonly batch: number;
  readonly seed: number;
}

export interface PairLimits {
  readonly source: number;
  readonly target: number;
}

/** The longest source and target that a model takes, eos and bos included; `length` may lower both. */
export function pairLimits(program: Program, task: TaskOf<"pairs">, length: number | undefined): PairLimits {
  const most = (input: TaskOf<"pairs">["source"]): number =>
    Math.min(widthsOf(input, program.lengths).most, length ?? Number.POSITIVE_INFINITY);
  return { source: most(task.source), target: most(task.target) };
}

/** A target that is cut teaches a wrong end: pairs that are too long are left out whole. */
export const fits = ({ source, target }: Pair, limits: PairLimits): boolean =>
  source.length + 1 <= limits.source && target.length + 1 <= limits.target;

export function pairDataset(
  program: Program,
  task: TaskOf<"pairs">,
  pairs: readonly Pair[],
  options: PairOptions,
): Dataset {
  const sizes = pairs.map(sizeOf);
  const buckets = createBuckets({ sizes, batch: options.batch, seed: options.seed });
  const batchOf = (members: readonly number[]): DataBatch =>
    pairBatch(
      program,
      task,
      members.map((n) => pairs[n]!),
      options,
    );
  return {
    description: `${count(pairs.length)} pairs`,
    size: pairs.length,
    batch: (n) => batchOf(buckets(n)),
    *inOrder(range) {
      for (const members of inOrderOfSize(sizes, range)) yield batchOf(members);
    },
  };
}

/** By the longer of the two: by target then source makes twice as many shapes, by the sum twice the padding. */
const sizeOf = ({ source, target }: Pair): number => Math.max(source.length, target.length);

export function pairBatch(
  { lengths }: Pick<Program, "lengths">,
  task: TaskOf<"pairs">,
  pairs: readonly Pair[],
  { bos, eos }: Ends,
): DataBatch {
  const { source, target, next, sourceValid, targetValid } = task;
  const sourceLengths = pairs.map((pair) => pair.source.length + 1);
  const targetLengths = pairs.map((pair) => pair.target.length + 1);
  const [from, to] = [widthsOf(source, lengths), widthsOf(target, lengths)];
  const both = from.symbol === to.symbol;
  const widest = (own: readonly number[], { least, most }: { least: number; most: number }): number =>
    roundUp(Math.max(least, ...own, ...(both ? [...sourceLengths, ...targetLengths] : [])), most);
  const [sourceWidth, targetWidth] = [widest(sourceLengths, from), widest(targetLengths, to)];
  const inputs: Record<string, Tensor<Int32Array>> = {
    [source.name]: padded(
      pairs.map((pair) => [...pair.source, eos]),
      sourceWidth,
      0,
    ),
    [target.name]: padded(
      pairs.map((pair) => [bos, ...pair.target]),
      targetWidth,
      0,
    ),
    [next]: padded(
      pairs.map((pair) => [...pair.target, eos]),
      targetWidth,
      -1,
    ),
  };
  if (sourceValid !== undefined) inputs[sourceValid] = validity(sourceLengths, sourceWidth);
  if (targetValid !== undefined) inputs[targetValid] = validity(targetLengths, targetWidth);
  const tokens = [...sourceLengths, ...targetLengths].reduce((sum, length) => sum + length, 0);
  return { inputs, tokens, places: pairs.length * (sourceWidth + targetWidth) };
}
