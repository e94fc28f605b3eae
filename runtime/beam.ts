/**
 * Beam search: of all texts that are one token longer than those at hand the likeliest few, until they end.
 *
 *   await beamSearch(next, [{ row: { ids: [bos] }, longest: 20 }], { beam: 4, lengthPenalty: 0.6, count: 1, stop: [eos] })
 *     = [[{ ids: [9, 4, eos], score: -0.71, logProbability: -0.86, finished: true }]]
 *
 * A text that ends leaves the beam and is kept apart; texts compare by log P / ((5 + length) / 6) ** lengthPenalty. Equal ones
 * rank by ids. With beam 1 this is greedy decoding; a beam that holds all texts finds the best there is.
 */
import type { NextLogits, Row } from "./prefix.js";
import { upTo } from "./prefix.js";
import { checkLogits } from "./sample.js";
import type { AbortSignalLike } from "./web.js";

export interface Sequence {
  /** The new tokens; the last one is that which ended it, if one did. */
  readonly ids: readonly number[];
  readonly score: number;
  readonly logProbability: number;
  /** Ended by a stop token, not by the longest length. */
  readonly finished: boolean;
}

export interface Start {
  readonly row: Row;
  /** At most so many new tokens. */
  readonly longest: number;
}

export interface BeamOptions {
  readonly beam: number;
  readonly lengthPenalty: number;
  /** How many of the best to give; at most `beam`. */
  readonly count: number;
  readonly stop: readonly number[];
  readonly signal?: AbortSignalLike | undefined;
}

interface Hypothesis {
  readonly ids: readonly number[];
  readonly logProbability: number;
}

interface Search extends Start {
  readonly live: readonly Hypothesis[];
  /** The best of those that ended, best first. */
  readonly kept: readonly Sequence[];
}

/** For each start its `count` best texts, best first; all searches share the passes of the model. */
export async function beamSearch(
  next: NextLogits,
  starts: readonly Start[],
  options: BeamOptions,
): Promise<readonly (readonly Sequence[])[]> {
  let searches = starts.map(
    (start): Search => ({
      ...start,
      live: start.longest > 0 ? [{ ids: [], logProbability: 0 }] : [],
      kept: [],
    }),
  );
  while (searches.some(({ live }) => live.length > 0)) {
    options.signal?.throwIfAborted();
    const all = searches.flatMap(rowsOf);
    const due = next.even ? Math.min(...all.map(({ ids }) => ids.length)) : Number.POSITIVE_INFINITY;
    const logits = await next(all.map((row) => upTo(row, due)));
    let at = 0;
    searches = searches.map((search) => {
      const from = at;
      at += search.live.length;
      // One whose prompt is longer waits until the others have come so far.
      const waits = from === at || all[from]!.ids.length > due;
      return waits ? search : advance(search, logits.slice(from, at), options);
    });
  }
  return searches.map(({ kept }) => kept);
}

const rowsOf = ({ row, live }: Search): readonly Row[] =>
  live.map(({ ids }) => ({ ids: [...row.ids, ...ids], source: row.source }));

function advance(search: Search, logits: readonly Float32Array[], options: BeamOptions): Search {
  const { beam, count, stop, lengthPenalty } = options;
  const longer = likeliest(search.live, logits, beam);
  const isFinished = ({ ids }: Hypothesis): boolean => stop.includes(ids.at(-1)!);
  const isOver = (hypothesis: Hypothesis): boolean =>
    hypothesis.ids.length >= search.longest || isFinished(hypothesis);
  const over = longer.filter(isOver).map((h): Sequence => sequenceOf(h, lengthPenalty, isFinished(h)));
  const kept = [...search.kept, ...over].sort(byScore).slice(0, count);
  const live = longer.filter((hypothesis) => !isOver(hypothesis));
  const worst = kept.length < count ? Number.NEGATIVE_INFINITY : kept.at(-1)!.score;
  const hopeful = live.some((hypothesis) => bound(hypothesis, search.longest, lengthPenalty) > worst);
  return { ...search, live: hopeful ? live : [], kept };
}

/** Log probability by length: with the exponent 0 long texts are at a disadvantage, with 1 they are not. */
export const scoreOf = (logProbability: number, length: number, lengthPenalty: number): number =>
  logProbability / ((5 + length) / 6) ** lengthPenalty;

export const sequenceOf = (
  { ids, logProbability }: Hypothesis,
  lengthPenalty: number,
  finished: boolean,
): Sequence => ({
  ids,
  score: scoreOf(logProbability, ids.length, lengthPenalty),
  logProbability,
  finished,
});

/** No text that begins so scores more: its probability only falls, and its length helps at one of the ends. */
const bound = ({ ids, logProbability }: Hypothesis, longest: number, lengthPenalty: number): number =>
  scoreOf(logProbability, lengthPenalty >= 0 ? longest : ids.length + 1, lengthPenalty);

const byScore = (a: Sequence, b: Sequence): number => b.score - a.score || compareIds(a.ids, b.ids);
const byProbability = (a: Hypothesis, b: Hypothesis): number =>
  b.logProbability - a.logProbability || compareIds(a.ids, b.ids);

function compareIds(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((id, n) => id !== b[n]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}

/** The likeliest `count` of all that are one token longer, likeliest first. */
function likeliest(
  live: readonly Hypothesis[],
  logits: readonly Float32Array[],
  count: number,
): readonly Hypothesis[] {
  const best: Hypothesis[] = [];
  live.forEach(({ ids, logProbability }, n) => {
    const row = logits[n]!;
    const base = logProbability - logSum(row);
    for (let id = 0; id < row.length; id++) {
      const value = base + row[id]!;
      const full = best.length === count;
      if (value === Number.NEGATIVE_INFINITY || (full && value < best.at(-1)!.logProbability)) continue;
      const hypothesis = { ids: [...ids, id], logProbability: value };
      const place = best.findIndex((other) => byProbability(hypothesis, other) < 0);
      if (place >= 0) best.splice(place, 0, hypothesis);
      else best.push(hypothesis);
      if (best.length > count) best.pop();
    }
  });
  return best;
}

/** log Σ exp, in f64. */
export function logSum(logits: Float32Array): number {
  checkLogits(logits);
  const most = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}
