/**
 * (Session, prompt) → new token ids, one at a time; (Session, prompts or sources) → texts with their scores, many at once.
 *
 *   for await (const id of generate(session, [1, 2, 3], { maxNewTokens: 8, temperature: 0 })) …
 *   const [[best]] = await generateSequences(session, [{ source: [5, 6] }], { bos: 1, stop: [2], beam: 4 });
 *
 * Each token is computed by one step of the program where it has steps, else from the whole text so far; of a stream that is longer than
 * the model's window always from its last tokens. Only the logits of last positions are read back.
 */
import type { Sequence, Start } from "./beam.js";
import { beamSearch, logSum, sequenceOf } from "./beam.js";
import { RuntimeError } from "./errors.js";
import type { GrowingModel } from "./growing.js";
import { growingModel } from "./growing.js";
import type { NextLogits, Row } from "./prefix.js";
import { fewSizes, upTo } from "./prefix.js";
import type { SampleOptions } from "./sample.js";
import { sampleToken, sampleUniform } from "./sample.js";
import type { Session } from "./session.js";
import { nextLogits } from "./steps.js";
import type { AbortSignalLike } from "./web.js";

export type { Sequence } from "./beam.js";

export interface GenerateOptions extends SampleOptions {
  /** 64 unless given, or 50 more than the source has. */
  readonly maxNewTokens?: number | undefined;
  /** Position n of text number k draws from f(seed, k, n). 0 unless given. */
  readonly seed?: number | undefined;
  /** Ids after which a text ends; they are given out too. */
  readonly stop?: readonly number[] | undefined;
  /** Ends generation by throwing the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

export interface SequenceOptions extends GenerateOptions {
  /** The token that a target begins with, where its request has no prompt. */
  readonly bos?: number | undefined;
  /** Searches with so many texts at a time instead of drawing. */
  readonly beam?: number | undefined;
  /** Scores are log P / ((5 + length) / 6) ** lengthPenalty. 0.6 unless given. */
  readonly lengthPenalty?: number | undefined;
  /** How many of the beam's best to give. 1 unless given. */
  readonly count?: number | undefined;
  /** Requests at a time; as many as their logits fit into 64 MiB unless given. */
  readonly batch?: number | undefined;
}

/** What to continue, or what to translate; then `prompt` is how the target begins, from bos on. */
export interface SequenceRequest {
  readonly prompt?: ArrayLike<number> | undefined;
  readonly source?: ArrayLike<number> | undefined;
}

/** Logits of a forward pass over a batch; a batch of one may have more. */
const logitsHeld = 2 ** 24;

export async function* generate(
  session: Session,
  prompt: ArrayLike<number>,
  options: GenerateOptions & { readonly source?: ArrayLike<number> | undefined } = {},
): AsyncGenerator<number, void, undefined> {
  const model = growingModel(session.program);
  const { row, longest } = startOf(model, { prompt, source: options.source }, options, 0);
  options.signal?.throwIfAborted();
  const next = await nextFor(session, model, [{ row, longest }], 1);
  const ids = [...row.ids];
  for (let n = 0; n < longest; n++) {
    options.signal?.throwIfAborted();
    const [logits] = await next([{ ...row, ids }]);
    const id = draw(logits!, options, 0, ids.length);
    ids.push(id);
    yield id;
    if (options.stop?.includes(id)) return;
  }
}

/** For each request its texts, best first: one, or with a beam `count`. */
export async function generateSequences(
  session: Session,
  requests: readonly SequenceRequest[],
  options: SequenceOptions = {},
): Promise<readonly (readonly Sequence[])[]> {
  checkOptions(options);
  const model = growingModel(session.program);
  const starts = requests.map((request, n) => startOf(model, request, options, n));
  // Texts of like lengths share a pass.
  const order = [...starts.keys()].sort((a, b) => sizeOf(starts[a]!) - sizeOf(starts[b]!) || a - b);
  const found: (readonly Sequence[])[] = [];
  for (let at = 0; at < order.length; ) {
    const numbers = order.slice(at, at + batchOf(model, starts, order.slice(at), options));
    const some = numbers.map((n) => starts[n]!);
    const next = await nextFor(session, model, some, options.beam ?? 1);
    const texts = await (options.beam === undefined
      ? sampled(next, some, numbers, options)
      : beamSearch(next, some, beamOptions({ ...options, beam: options.beam })));
    numbers.forEach((n, k) => {
      found[n] = texts[k]!;
    });
    at += numbers.length;
  }
  return found;
}

const beamOptions = ({
  beam,
  lengthPenalty = 0.6,
  count = 1,
  stop = [],
  signal,
}: SequenceOptions & { beam: number }) => ({
  ...{ beam, lengthPenalty, count, stop, signal },
});

// ---------------------------------------------------------------- requests

function startOf(
  model: GrowingModel,
  { prompt, source }: SequenceRequest,
  { maxNewTokens, bos }: SequenceOptions,
  number: number,
): Start {
  const ids = prompt ? Array.from(prompt) : model.source && bos !== undefined ? [bos] : [];
  const about = number === 0 ? "" : ` (number ${number + 1})`;
  if (ids.length === 0)
    throw new RuntimeError(
      "TFM6005",
      `The prompt${about} is empty.`,
      model.source ? "A target begins with one token; `bos` names it for all." : "Give at least one token.",
    );
  if ((source === undefined) !== (model.source === undefined))
    throw new RuntimeError(
      "TFM6005",
      model.source ? `There is no source${about}.` : `There is a source${about}, and the model takes none.`,
    );
  if (!model.source || !source) return { row: { ids }, longest: maxNewTokens ?? 64 };
  checkSource(model.source, source.length, about);
  if (ids.length > model.grown.longest)
    throw new RuntimeError(
      "TFM6005",
      `The prompt${about} has ${ids.length} tokens; \`${model.grown.name}\` holds at most ${model.grown.longest}.`,
    );
  // A target begins at its beginning: it does not slide out of its window.
  const room = model.grown.longest - ids.length + 1;
  return {
    row: { ids, source: Array.from(source) },
    longest: Math.min(room, maxNewTokens ?? source.length + 50),
  };
}

function checkSource(
  { name, longest }: { name: string; longest: number },
  length: number,
  about: string,
): void {
  if (length === 0) throw new RuntimeError("TFM6005", `The source${about} is empty.`);
  if (length > longest)
    throw new RuntimeError(
      "TFM6005",
      `The source${about} has ${length} tokens; \`${name}\` holds at most ${longest}.`,
    );
}

function checkOptions({ beam, count = 1, lengthPenalty = 0.6, batch, ...sampling }: SequenceOptions): void {
  const refuse = (what: string): never => {
    throw new RuntimeError("TFM6401", what);
  };
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
  if (beam !== undefined && !isCount(beam)) refuse(`beam ${beam} is not a whole number ≥ 1.`);
  if (batch !== undefined && !isCount(batch)) refuse(`batch ${batch} is not a whole number ≥ 1.`);
  if (!isCount(count) || count > (beam ?? 1))
    refuse(`count ${count} is not from 1 to the beam's ${beam ?? 1}.`);
  if (!Number.isFinite(lengthPenalty)) refuse(`lengthPenalty ${lengthPenalty} is not a number.`);
  const { temperature, topK, topP } = sampling;
  if (beam !== undefined && [temperature, topK, topP].some((option) => option !== undefined))
    refuse("A beam searches and does not draw: temperature, topK and topP have no meaning for it.");
}

// ---------------------------------------------------------------- batches

const sizeOf = ({ row }: Start): number => (row.source ?? row.ids).length;
/** The longest prefix that is fed. */
const prefixOf = ({ grown }: GrowingModel, { row, longest }: Start): number =>
  Math.min(grown.longest, row.ids.length + Math.max(1, longest) - 1);

/** How many of the requests, the first of `order` and those after it, are done together. */
function batchOf(
  model: GrowingModel,
  starts: readonly Start[],
  order: readonly number[],
  { batch, beam = 1 }: SequenceOptions,
): number {
  if (batch !== undefined) return batch;
  let [count, longest] = [0, 0];
  for (const n of order) {
    longest = Math.max(longest, prefixOf(model, starts[n]!));
    if (count > 0 && (count + 1) * beam * longest * model.vocabulary > logitsHeld) break;
    count++;
  }
  return count;
}

/** What follows their texts. For whole passes there is memory for the largest there can be: it need not grow later. */
async function nextFor(
  session: Session,
  model: GrowingModel,
  starts: readonly Start[],
  beam: number,
): Promise<NextLogits> {
  const next = nextLogits(session, model, starts.length * beam);
  if (next.even) return next;
  const { grown, source } = model;
  const rows = fewSizes(starts.length * beam, Number.POSITIVE_INFINITY);
  const longest = Math.max(...starts.map((start) => prefixOf(model, start)));
  const from = Math.max(0, ...starts.map(({ row }) => row.source?.length ?? 0));
  await session.reserve("forward", {
    B: rows,
    [grown.symbol]: fewSizes(longest, grown.longest, 4),
    ...(source?.symbol !== undefined && { [source.symbol]: fewSizes(from, source.longest, 4) }),
  });
  return next;
}

// ---------------------------------------------------------------- drawing

const draw = (logits: Float32Array, options: GenerateOptions, text: number, position: number): number =>
  sampleToken(logits, options, sampleUniform(options.seed ?? 0, position, text));

/** Texts that grow together, each drawn by itself; `numbers` are their places among all requests. */
async function sampled(
  next: NextLogits,
  starts: readonly Start[],
  numbers: readonly number[],
  options: SequenceOptions,
): Promise<readonly (readonly Sequence[])[]> {
  const texts = starts.map(() => ({ ids: [] as number[], logProbability: 0 }));
  const hasEnded = (n: number): boolean => options.stop?.includes(texts[n]!.ids.at(-1)!) ?? false;
  for (;;) {
    options.signal?.throwIfAborted();
    const open = [...starts.keys()].filter((n) => texts[n]!.ids.length < starts[n]!.longest && !hasEnded(n));
    if (open.length === 0) break;
    const rows = open.map(
      (n): Row => ({ ...starts[n]!.row, ids: [...starts[n]!.row.ids, ...texts[n]!.ids] }),
    );
    const due = next.even ? Math.min(...rows.map(({ ids }) => ids.length)) : Number.POSITIVE_INFINITY;
    const logits = await next(rows.map((row) => upTo(row, due)));
    open.forEach((n, k) => {
      if (rows[k]!.ids.length > due) return; // its prompt goes on: that token is known
      const id = draw(logits[k]!, options, numbers[n]!, rows[k]!.ids.length);
      texts[n]!.ids.push(id);
      texts[n]!.logProbability += logits[k]![id]! - logSum(logits[k]!);
    });
  }
  return texts.map((text, n) => [sequenceOf(text, options.lengthPenalty ?? 0.6, hasEnded(n))]);
}
