import fc from "fast-check";
import { expect, test } from "vitest";
import { distribution, greedy, sampleToken, sampleUniform } from "../../runtime/sample.js";

const logits = Float32Array.of(1, 3, 2, -4, 3);

test("greedy takes the first of the largest, and temperature 0 is greedy", () => {
  expect(greedy(logits)).toBe(1);
  for (const uniform of [0, 0.5, 0.999999]) expect(sampleToken(logits, { temperature: 0 }, uniform)).toBe(1);
});

test("temperature, then top-k, then top-p of what top-k left", () => {
  const plain = distribution(logits, {});
  const total = [1, 3, 2, -4, 3].reduce((sum, x) => sum + Math.exp(x), 0);
  expect(plain.map(({ id }) => id)).toEqual([1, 4, 2, 0, 3]);
  expect(plain[2]!.probability).toBeCloseTo(Math.exp(2) / total, 12);
  const warm = distribution(logits, { temperature: 2 });
  expect(warm[0]!.probability / warm[2]!.probability).toBeCloseTo(Math.exp(0.5), 12);
  expect(distribution(logits, { topK: 3 }).map(({ id }) => id)).toEqual([1, 4, 2]);
  // of {1, 4, 2} the first holds 0.4223, two hold 0.8446
  expect(distribution(logits, { topK: 3, topP: 0.42 })).toHaveLength(1);
  expect(distribution(logits, { topK: 3, topP: 0.43 })).toHaveLength(2);
  expect(distribution(logits, { topK: 3, topP: 0.85 })).toHaveLength(3);
  expect(distribution(logits, { topP: 1e-9 })).toEqual([{ id: 1, probability: 1 }]);
});

test("draws follow the distribution", () => {
  const options = { temperature: 1.5, topK: 4, topP: 0.97 };
  const wanted = distribution(logits, options);
  const counts = new Map<number, number>();
  const draws = 40_000;
  for (let n = 0; n < draws; n++) {
    const id = sampleToken(logits, options, sampleUniform(11, n));
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(wanted.map(({ id }) => id).sort());
  const chi2 = wanted.reduce((sum, { id, probability }) => {
    const due = draws * probability;
    return sum + (counts.get(id)! - due) ** 2 / due;
  }, 0);
  expect(chi2).toBeLessThan(21.1); // 3 degrees of freedom: p = 1e-4
});

test("probabilities sum to 1, every draw is a candidate, and infinite logits do no harm", () => {
  const logit = fc.oneof(
    fc.float({ noNaN: true, min: -100, max: 100 }),
    fc.constant(Number.NEGATIVE_INFINITY),
  );
  const options = fc.record({
    temperature: fc.double({ min: 0.01, max: 10, noNaN: true }),
    topK: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    topP: fc.double({ min: 0.001, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(logit, { minLength: 1, maxLength: 12 }),
      options,
      fc.double({ min: 0, max: 0.9999999, noNaN: true }),
      (values, given, uniform) => {
        const data = Float32Array.from([...values, 5]);
        const candidates = distribution(data, given);
        expect(candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
        expect(candidates.map(({ id }) => id)).toContain(sampleToken(data, given, uniform));
      },
    ),
  );
});

test("settings out of range and logits that are no numbers are refused", () => {
  for (const options of [
    { temperature: -1 },
    { temperature: Number.NaN },
    { topK: 0 },
    { topK: 1.5 },
    { topP: 0 },
    { topP: 1.1 },
  ])
    expect(() => sampleToken(logits, options, 0)).toThrow(/TFM6401/);
  expect(() => sampleToken(Float32Array.of(0, Number.NaN), {}, 0)).toThrow(/TFM6008.*token 1/);
});
