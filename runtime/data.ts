/**
 * A token stream → batches. What batch n holds depends on (seed, n) only, so the step count is the whole data cursor.
 *
 *   trainingBatch(program, Int32Array [0 … 9], { length: 3, batch: 2, seed: 1, step: 1 })
 *     = { tokens: [[4, 5, 6], [1, 2, 3]], "tokens.next": [[5, 6, 7], [2, 3, 4]] }
 */
import { listNames, RuntimeError } from "./errors.js";
import type { Input, Program } from "./program.js";
import { permutedIndex, randomKey, uniformAt } from "./random.js";
import type { Tensor } from "./tensor.js";
import { tensor } from "./tensor.js";

export type Batch = Readonly<Record<string, Tensor<Int32Array>>>;

/** The last part of the stream is for validation; each side keeps at least two tokens. */
export function splitTokens(
  tokens: Int32Array,
  fraction: number,
): { readonly train: Int32Array; readonly validation: Int32Array } {
  if (!(fraction > 0 && fraction < 1))
    throw new RuntimeError("TFM6401", `The validation fraction ${fraction} is not between 0 and 1.`);
  if (tokens.length < 4) throw tooShort(tokens.length, 4);
  const count = Math.min(Math.max(2, Math.round(tokens.length * fraction)), tokens.length - 2);
  return { train: tokens.subarray(0, -count), validation: tokens.subarray(-count) };
}

const tooShort = (count: number, needed: number): RuntimeError =>
  new RuntimeError(
    "TFM6203",
    `The data has ${count} tokens; ${needed} are needed.`,
    "Give more text, or a shorter length.",
  );

/** Names of the token input and of the input that holds what follows it, if the model has one. */
export interface StreamInputs {
  readonly tokens: string;
  readonly next: string | undefined;
}

/**
 * The one integer input that a token stream feeds, with its successor; other inputs make a model unfit for streams. A
 * stream has no padding, so who asks whether its tokens are valid is told by default.
 */
export function streamInputs(program: Program): StreamInputs {
  const next = program.inputs.find(({ derived }) => derived?.how === "next");
  const isStream = (input: Input): boolean =>
    next ? input.name === next.derived?.of : input.dtype === "i32" && input.derived === null;
  const tokens = program.inputs.filter(isStream);
  const isExtra = ({ derived }: Input): boolean => derived?.how === "valid";
  const others = program.inputs.filter((input) => input !== next && !isStream(input) && !isExtra(input));
  if (tokens.length !== 1 || others.length > 0)
    throw new RuntimeError(
      "TFM6203",
      `\`${program.name}\` does not read one stream of tokens: its inputs are ` +
        `${listNames(program.inputs.map(({ name }) => name))}.`,
      "Make its batches yourself.",
    );
  return { tokens: tokens[0]!.name, next: next?.name };
}

/** The windows of `length` tokens at these starts. */
export function windowsAt(
  inputs: StreamInputs,
  tokens: Int32Array,
  starts: readonly number[],
  length: number,
): Batch {
  const shape = [starts.length, length];
  const rows = new Int32Array(starts.length * length);
  const next = new Int32Array(starts.length * length).fill(-1);
  starts.forEach((start, n) => {
    rows.set(tokens.subarray(start, start + length), n * length);
    next.set(tokens.subarray(start + 1, start + length + 1), n * length);
  });
  const batch = { [inputs.tokens]: tensor(rows, shape) };
  return inputs.next === undefined ? batch : { ...batch, [inputs.next]: tensor(next, shape) };
}

export interface Cursor {
  readonly length: number;
  readonly batch: number;
  readonly seed: number;
  /** Counted from 1, like the trainer's. */
  readonly step: number;
}

/**
 * Windows without overlap in shuffled order, each once an epoch; every epoch cuts the stream at another offset. With
 * W windows an epoch, window k = (step − 1)·batch + row is number permute(k mod W) of epoch ⌊k / W⌋.
 */
export function windowStarts(count: number, { length, batch, seed, step }: Cursor): readonly number[] {
  const usable = count - 1; // the last token has no successor
  if (usable < length) throw tooShort(count, length + 1);
  const whole = Math.floor(usable / length);
  const windows = Math.max(1, whole - 1); // one window's room for the offset
  return Array.from({ length: batch }, (_, row) => {
    const k = (step - 1) * batch + row;
    const key = randomKey(seed, Math.floor(k / windows), "data", 0);
    const offset = Math.floor(uniformAt(key, 0xffffffff) * (usable - windows * length + 1));
    return offset + permutedIndex(k % windows, windows, key) * length;
  });
}

export const trainingBatch = (program: Program, tokens: Int32Array, cursor: Cursor): Batch =>
  windowsAt(streamInputs(program), tokens, windowStarts(tokens.length, cursor), cursor.length);

/**
 * The whole stream in order, each token predicted once: windows of `length` follow each other, `batch` at a time; the
 * last batch may be smaller and the last window shorter (alone in its batch). `limit` stops after so many batches.
 */
export function* evaluationBatches(
  program: Program,
  tokens: Int32Array,
  { length, batch, limit = Number.POSITIVE_INFINITY }: { length: number; batch: number; limit?: number },
): Generator<Batch> {
  const inputs = streamInputs(program);
  const usable = tokens.length - 1;
  if (usable < 1) throw tooShort(tokens.length, 2);
  const whole = Math.floor(usable / length);
  let given = 0;
  for (let n = 0; n < whole && given < limit; n += batch, given++) {
    const rows = Math.min(batch, whole - n);
    yield windowsAt(
      inputs,
      tokens,
      Array.from({ length: rows }, (_, row) => (n + row) * length),
      length,
    );
  }
  const rest = usable - whole * length;
  if (rest > 0 && given < limit) yield windowsAt(inputs, tokens, [whole * length], rest);
}
