/** Beam search against all texts there are: models of a few tokens whose logits are any function of the text so far. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BeamOptions, Sequence, Start } from "../../runtime/beam.js";
import { beamSearch, scoreOf } from "../../runtime/beam.js";
import type { NextLogits } from "../../runtime/prefix.js";
import { randomKey, uniformAt } from "../../runtime/random.js";
import { greedy } from "../../runtime/sample.js";

/** Logits of `size` tokens, another row after each text; `steps` of them make ties frequent. */
function randomModel(seed: number, size: number, steps = 0) {
  const logitsAfter = (ids: readonly number[]): Float32Array => {
    const key = randomKey(seed, 0, ids.join(" "), 0);
    const row = Array.from({ length: size }, (_, n) => 6 * uniformAt(key, n) - 3);
    return Float32Array.from(row, (value) => (steps > 0 ? Math.round(value * steps) / steps : value));
  };
  const next: NextLogits = async (rows) => rows.map(({ ids }) => logitsAfter(ids));
  return { logitsAfter, next };
}

const logProbability = (logits: Float32Array, id: number): number =>
  logits[id]! - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));

/** Every text that ends with `stop` within `longest` tokens, or has so many. */
function enumerate(
  { logitsAfter }: ReturnType<typeof randomModel>,
  { row, longest }: Start,
  { stop, lengthPenalty }: Pick<BeamOptions, "stop" | "lengthPenalty">,
): readonly Sequence[] {
  const grow = (ids: readonly number[], sum: number): readonly Sequence[] => {
    const finished = stop.includes(ids.at(-1) ?? -1);
    if (finished || ids.length === longest)
      return [{ ids, score: scoreOf(sum, ids.length, lengthPenalty), logProbability: sum, finished }];
    const logits = logitsAfter([...row.ids, ...ids]);
    return [...logits.keys()].flatMap((id) => grow([...ids, id], sum + logProbability(logits, id)));
  };
  return [...grow([], 0)].sort((a, b) => b.score - a.score);
}

const options = { beam: 4, lengthPenalty: 0.6, count: 1, stop: [0] };

describe("a beam that holds every text finds the best", () => {
  test("V = 4, n = 4, with any length penalty, and the n best in order", async () => {
    for (const seed of [1, 2, 3, 4, 5, 6])
      for (const lengthPenalty of [0, 0.6, 1, 2, -0.5]) {
        const model = randomModel(seed, 4);
        const start = { row: { ids: [3] }, longest: 4 };
        const search = { ...options, lengthPenalty, beam: 4 ** 3, count: 5 };
        const [found] = await beamSearch(model.next, [start], search);
        const all = enumerate(model, start, search);
        expect(found!.map(({ ids }) => ids)).toEqual(all.slice(0, 5).map(({ ids }) => ids));
        found!.forEach(({ score, finished }, n) => {
          expect(score).toBeCloseTo(all[n]!.score, 6);
          expect(finished).toBe(found![n]!.ids.at(-1) === 0);
        });
      }
  });

  test("several ends, and none", async () => {
    for (const stop of [[], [0, 2], [1, 2, 0]]) {
      const model = randomModel(9, 3);
      const start = { row: { ids: [1, 2] }, longest: 3 };
      const search = { ...options, stop, beam: 9, count: 9 };
      const [found] = await beamSearch(model.next, [start], search);
      const all = enumerate(model, start, search);
      expect(found!.map(({ ids }) => ids)).toEqual(all.slice(0, 9).map(({ ids }) => ids));
    }
  });
});

test("with beam 1 it is greedy decoding", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 2, max: 6 }), async (seed, size) => {
      const model = randomModel(seed, size, 1);
      const ids: number[] = [];
      while (ids.length < 7 && ids.at(-1) !== 0) ids.push(greedy(model.logitsAfter([1, ...ids])));
      const start = { row: { ids: [1] }, longest: 7 };
      const [[found]] = (await beamSearch(model.next, [start], { ...options, beam: 1 })) as [Sequence[]];
      expect(found!.ids).toEqual(ids);
    }),
    { numRuns: 60 },
  );
});

test("wider beams and more starts: never worse than the text they report, each as if it were alone", async () => {
  const model = randomModel(5, 6);
  const starts = [1, 2, 3, 4].map((id) => ({ row: { ids: [id] }, longest: 3 + id }));
  const search = { ...options, beam: 3, count: 3 };
  const together = await beamSearch(model.next, starts, search);
  for (const [n, start] of starts.entries()) {
    expect((await beamSearch(model.next, [start], search))[0]).toEqual(together[n]);
    for (const { ids, logProbability: reported, score } of together[n]!) {
      const sum = ids.reduce(
        (total, id, at) =>
          total + logProbability(model.logitsAfter([...start.row.ids, ...ids.slice(0, at)]), id),
        0,
      );
      expect(reported).toBeCloseTo(sum, 6);
      expect(score).toBe(reported / ((5 + ids.length) / 6) ** 0.6);
    }
    const scores = together[n]!.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  }
});

test("equal texts rank by their ids", async () => {
  const next: NextLogits = async (rows) => rows.map(() => new Float32Array(3));
  const start = { row: { ids: [9] }, longest: 2 };
  const [found] = await beamSearch(next, [start], { ...options, beam: 4, count: 4, stop: [] });
  expect(found!.map(({ ids }) => ids)).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
  ]);
});

test("it stops as soon as nothing can beat what is kept", async () => {
  let passes = 0;
  // The end is certain at once; everything else is hopeless.
  const next: NextLogits = async (rows) => {
    passes++;
    return rows.map(() => Float32Array.of(20, 0, 0));
  };
  const [found] = await beamSearch(next, [{ row: { ids: [1] }, longest: 50 }], options);
  expect(found!.map(({ ids }) => ids)).toEqual([[0]]);
  expect(passes).toBe(1);
});

test("a probability of zero is no candidate; logits that are no numbers are refused; nothing asked, nothing given", async () => {
  const row = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY);
  const only: NextLogits = async (rows) => rows.map(() => row);
  const start = { row: { ids: [1] }, longest: 2 };
  const [found] = await beamSearch(only, [start], { ...options, count: 4 });
  expect(found!.map(({ ids }) => ids)).toEqual([[1, 1]]);
  const broken: NextLogits = async (rows) => rows.map(() => Float32Array.of(0, Number.NaN));
  await expect(beamSearch(broken, [start], options)).rejects.toThrow(/TFM6008/);
  expect(await beamSearch(only, [{ ...start, longest: 0 }], options)).toEqual([[]]);
});
