import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  evaluationBatches,
  splitTokens,
  streamInputs,
  trainingBatch,
  windowStarts,
} from "../../runtime/data.js";
import type { Program, Recipe } from "../../runtime/program.js";
import { learningRateAt } from "../../runtime/schedule.js";
import { byteTokenizer, characterTokenizer, tokenizerFromJson } from "../../runtime/tokenizer.js";
import { toy } from "./toy.js";

const stream = (count: number): Int32Array => Int32Array.from({ length: count }, (_, n) => n);

describe("windows", () => {
  test("a batch depends on seed and step alone, so resuming is exact", () => {
    const cursor = { length: 5, batch: 3, seed: 4 };
    const run = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, n) => windowStarts(1000, { ...cursor, step: from + n }));
    const whole = run(1, 200);
    expect([...run(1, 77), ...run(78, 200)]).toEqual(whole);
    expect(windowStarts(1000, { ...cursor, step: 1 })).not.toEqual(
      windowStarts(1000, { ...cursor, seed: 5, step: 1 }),
    );
  });

  test("an epoch visits each window once, without overlap, in another order each time", () => {
    const [length, count] = [7, 365];
    const windows = Math.floor((count - 1) / length) - 1;
    const epoch = (n: number) =>
      Array.from(
        { length: windows },
        (_, k) => windowStarts(count, { length, batch: 1, seed: 1, step: n * windows + k + 1 })[0]!,
      );
    const epochs = [0, 1, 2].map(epoch);
    for (const starts of epochs) {
      const sorted = [...starts].sort((a, b) => a - b);
      sorted.slice(1).forEach((start, n) => {
        expect(start - sorted[n]!).toBe(length);
      });
      expect(sorted[0]!).toBeGreaterThanOrEqual(0);
      expect(sorted.at(-1)! + length + 1).toBeLessThanOrEqual(count);
      expect(starts).not.toEqual(sorted);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  test("every start leaves room for its window and the token after it", () => {
    const sizes = fc.record({
      length: fc.integer({ min: 1, max: 20 }),
      extra: fc.nat(60),
      step: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(sizes, ({ length, extra, step }) => {
        const count = length + 1 + extra;
        for (const start of windowStarts(count, { length, batch: 2, seed: 0, step })) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start + length + 1).toBeLessThanOrEqual(count);
        }
      }),
    );
    expect(() => windowStarts(5, { length: 5, batch: 1, seed: 0, step: 1 })).toThrow(/TFM6203.*5 tokens; 6/);
  });

  test("targets are the tokens that follow in the stream", () => {
    const batch = trainingBatch(toy, stream(50), { length: 4, batch: 3, seed: 9, step: 2 });
    expect(batch.tokens!.shape).toEqual([3, 4]);
    expect([...batch["tokens.next"]!]).toEqual([...batch.tokens!].map((token) => token + 1));
  });

  test("evaluation predicts each token once, in order", () => {
    for (const count of [2, 3, 8, 9, 33, 34, 40]) {
      const batches = [...evaluationBatches(toy, stream(count), { length: 4, batch: 3 })];
      expect(batches.flatMap((batch) => [...batch["tokens.next"]!])).toEqual([...stream(count)].slice(1));
      expect(batches.flatMap((batch) => [...batch.tokens!])).toEqual([...stream(count)].slice(0, -1));
      expect(batches.every(({ tokens }) => tokens!.shape[0]! <= 3 && tokens!.shape[1]! <= 4)).toBe(true);
    }
    expect([...evaluationBatches(toy, stream(100), { length: 4, batch: 3, limit: 2 })]).toHaveLength(2);
  });

  test("a split keeps all tokens and the order", () => {
    const { train, validation } = splitTokens(stream(100), 0.1);
    expect([train.length, validation.length]).toEqual([90, 10]);
    expect([...train, ...validation]).toEqual([...stream(100)]);
    expect(() => splitTokens(stream(100), 1)).toThrow(/TFM6401/);
    expect(() => splitTokens(stream(3), 0.5)).toThrow(/TFM6203/);
  });

  test("a model that reads more than a stream is told so", () => {
    expect(streamInputs(toy)).toEqual({ tokens: "tokens", next: "tokens.next" });
    const valid: Program = {
      ...toy,
      inputs: [
        ...toy.inputs,
        { ...toy.inputs[0]!, name: "tokens.valid", derived: { how: "valid", of: "tokens" } },
      ],
    };
    expect(streamInputs(valid)).toEqual({ tokens: "tokens", next: "tokens.next" });
    const pair: Program = { ...toy, inputs: [...toy.inputs, { ...toy.inputs[0]!, name: "source" }] };
    expect(() => streamInputs(pair)).toThrow(/TFM6203.*`source`/);
  });
});

describe("tokenizers", () => {
  test("bytes and characters: decode ∘ encode is the identity, through JSON too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const whole = text.replace(/[\ud800-\udfff]/g, "");
        for (const tokenizer of [byteTokenizer(), characterTokenizer(whole)]) {
          const ids = tokenizer.encode(whole);
          expect(tokenizer.decode(ids)).toBe(whole);
          expect(ids.every((id) => id >= 0 && id < tokenizer.size)).toBe(true);
          const again = tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)));
          expect([...again.encode(whole)]).toEqual([...ids]);
        }
      }),
    );
  });

  test("characters are the sorted code points of the text", () => {
    const tokenizer = characterTokenizer("hello 🌍");
    expect(tokenizer.toJSON()).toEqual({
      type: "characters",
      characters: [" ", "e", "h", "l", "o", "🌍"],
      unknown: null,
    });
    expect([...tokenizer.encode("hole")]).toEqual([2, 4, 3, 1]);
    expect(() => tokenizer.encode("hex")).toThrow(/TFM6201: .*"x" \(position 2\)/);
    const open = characterTokenizer("ab", { unknown: true });
    expect([open.size, ...open.encode("axb")]).toEqual([3, 0, 2, 1]);
    expect(open.decode([0, 2])).toBe("a\ufffd");
  });

  test("ids out of range and bad files are refused", () => {
    expect(() => byteTokenizer().decode([256])).toThrow(/TFM6201: 256/);
    expect(() => characterTokenizer("ab").decode([-1])).toThrow(/TFM6201/);
    for (const json of [
      null,
      1,
      {},
      { type: "bpe" },
      { type: "characters", characters: ["ab"], unknown: null },
    ])
      expect(() => tokenizerFromJson(json)).toThrow(/TFM6202/);
    expect(() => tokenizerFromJson({ type: "characters", characters: ["a", "a"], unknown: null })).toThrow(
      /twice/,
    );
    expect(() => tokenizerFromJson({ type: "characters", characters: ["a"], unknown: 7 })).toThrow(/unknown/);
  });
});

describe("schedules", () => {
  const at = (schedule: Recipe["schedule"], step: number) =>
    learningRateAt({ learningRate: 2, schedule }, step);

  test("constant rises over its warmup", () => {
    const schedule = { kind: "constant", warmup: 4 } as const;
    expect([1, 2, 4, 5, 1000].map((step) => at(schedule, step))).toEqual([0.5, 1, 2, 2, 2]);
    expect(at({ kind: "constant", warmup: 0 }, 1)).toBe(2);
  });

  test("linear and cosine fall to the floor at the last step and stay", () => {
    const linear = { kind: "linear", warmup: 10, steps: 110, floor: 0.25 } as const;
    expect([5, 10, 60, 110, 111].map((step) => at(linear, step))).toEqual([1, 2, 1.25, 0.5, 0.5]);
    const cosine = { ...linear, kind: "cosine" } as const;
    expect(at(cosine, 10)).toBe(2);
    expect(at(cosine, 60)).toBeCloseTo(1.25, 12);
    expect(at(cosine, 35)).toBeCloseTo(0.5 + (1.5 * (1 + Math.SQRT1_2)) / 2, 12);
    expect([110, 5000].map((step) => at(cosine, step))).toEqual([0.5, 0.5]);
    expect(at({ kind: "cosine", warmup: 10, steps: 10, floor: 0 }, 10)).toBe(0);
  });

  test("noam peaks where warmup ends", () => {
    const noam = { kind: "noam", warmup: 400, width: 512 } as const;
    const peak = 2 * 512 ** -0.5 * 400 ** -0.5;
    expect(at(noam, 400)).toBeCloseTo(peak, 12);
    expect(at(noam, 200)).toBeCloseTo(peak / 2, 12);
    expect(at(noam, 1600)).toBeCloseTo(peak / 2, 12);
  });
});
