/**
 * Prompts → texts of a model that continues or translates: one text as it comes, several in batches, a beam's best.
 */
import type { Sequence, SequenceOptions, SequenceRequest } from "../../runtime/generate.js";
import { generateSequences } from "../../runtime/generate.js";
import type { Session } from "../../runtime/session.js";
import type { Tokenizer } from "../../runtime/tokenizer.js";
import { fail } from "../failure.js";
import { generateText, textAfter, textOf } from "../sample.js";
import type { GenerateOptions } from "./options.js";
import { translationBeam } from "./options.js";

export interface Generated {
  readonly text: string;
  readonly score: number;
  readonly logProbability: number;
  /** Whether it came to an end by itself. */
  readonly finished: boolean;
}

export interface Generation {
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  readonly options: GenerateOptions;
  readonly seed: number;
  readonly signal: AbortSignal;
}

const defaultTemperature = 0.8;
const defaultCount = 200;

/** Where a text is drawn by itself, it is written as it comes. */
export const isLive = (prompts: readonly string[], { beam }: GenerateOptions): boolean =>
  prompts.length === 1 && beam === undefined;

export function continueLive(
  generation: Generation,
  prompt: string,
  write: (piece: string) => void,
): Promise<string> {
  const { session, tokenizer, options, seed, signal } = generation;
  const ids = promptIds(tokenizer, prompt, 0);
  return generateText(
    session,
    tokenizer,
    {
      ...{ prompt: ids, count: options.count ?? defaultCount, seed, signal, stop: endOf(tokenizer) },
      ...drawing(options),
    },
    write,
  );
}

const drawing = ({ temperature = defaultTemperature, topK, topP }: GenerateOptions) => ({
  temperature,
  topK,
  topP,
});
const endOf = ({ specials: { eos } }: Tokenizer): readonly number[] => (eos === undefined ? [] : [eos]);

export function promptIds(tokenizer: Tokenizer, prompt: string, number: number): Int32Array {
  const ids = tokenizer.encode(prompt);
  const which = number === 0 ? "the prompt" : `prompt ${number + 1}`;
  return ids.length > 0 ? ids : fail("usage", `${which} is empty`, 'give at least one token: `-p "Once"`');
}

/** For each prompt what follows it: one text, or the best of a beam. */
export async function continueTexts(
  generation: Generation,
  prompts: readonly string[],
): Promise<readonly (readonly Generated[])[]> {
  const { tokenizer, options } = generation;
  const ids = prompts.map((prompt, n) => promptIds(tokenizer, prompt, n));
  const found = await sequences(
    generation,
    ids.map((prompt) => ({ prompt })),
    {
      maxNewTokens: options.count ?? defaultCount,
      ...(options.beam === undefined ? drawing(options) : searching(options, options.beam)),
    },
  );
  return found.map((some, n) =>
    some.map((one) => generated(one, textAfter(tokenizer, ids[n]!, [...one.ids]))),
  );
}

/** For each source its target. A source ends in eos, as it did in training. */
export async function translate(
  generation: Generation,
  sources: readonly string[],
): Promise<readonly (readonly Generated[])[]> {
  const { tokenizer, options } = generation;
  const { bos, eos } = tokenizer.specials;
  if (bos === undefined || eos === undefined)
    return fail("broken-run", "the run's tokenizer has no tokens for the beginning and the end of a target");
  const { temperature, topK, topP, beam = translationBeam } = options;
  const draws = [temperature, topK, topP].some((option) => option !== undefined);
  const found = await sequences(
    generation,
    sources.map((source) => ({ source: [...tokenizer.encode(source), eos] })),
    { bos, maxNewTokens: options.count, ...(draws ? { temperature, topK, topP } : searching(options, beam)) },
  );
  return found.map((some) => some.map((one) => generated(one, textOf(tokenizer, [...one.ids]))));
}

const searching = ({ lengthPenalty, best }: GenerateOptions, beam: number): SequenceOptions => ({
  beam,
  lengthPenalty,
  count: best,
});

const sequences = (
  { session, tokenizer, seed, signal }: Generation,
  requests: readonly SequenceRequest[],
  options: SequenceOptions,
): Promise<readonly (readonly Sequence[])[]> =>
  generateSequences(session, requests, { seed, signal, stop: endOf(tokenizer), ...options });

const generated = ({ score, logProbability, finished }: Sequence, text: string): Generated => ({
  text,
  score,
  logProbability,
  finished,
});
