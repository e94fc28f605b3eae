/** Batches of every task: what the model sees, what it is asked, and that a batch depends on its number alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBuckets, inOrderOfSize, splitExamples } from "../../cli/data/buckets.js";
import { idsOf, roundUp, rowsOf } from "../../cli/data/dataset.js";
import { imageBatch } from "../../cli/data/images.js";
import { labelNames, labelNumbers } from "../../cli/data/labels.js";
import { maskedDataset, ordinaryIds } from "../../cli/data/masked.js";
import type { Pair } from "../../cli/data/pairs.js";
import { fits, pairBatch, pairDataset, pairLimits } from "../../cli/data/pairs.js";
import type { DataInput, Task, TaskKind, TaskOf } from "../../cli/data/task.js";
import { taskOf, widthsOf } from "../../cli/data/task.js";
import { closed, textBatch } from "../../cli/data/texts.js";
import type { DerivedInput, Program, Size } from "../../runtime/program.js";
import { toy } from "../runtime/toy.js";

type Declared = readonly [
  name: string,
  dtype: DataInput["dtype"],
  shape: readonly Size[],
  how?: DerivedInput["how"],
];
const batchAxis: Size = [[1, "B"]];
const length = (symbol: string): Size => [[1, symbol]];
const ids = (name: string, symbol = "T"): Declared => [name, "i32", [length(symbol)]];
const derived = (of: string, how: DerivedInput["how"], symbol = "T"): Declared => [
  of,
  how === "valid" ? "bool" : "i32",
  [length(symbol)],
  how,
];
const label: Declared = ["label", "i32", []];

const inputs = (...declared: readonly Declared[]): readonly DataInput[] =>
  declared.map(([name, dtype, shape, how]) => ({
    name: how === undefined ? name : `${name}.${how}`,
    dtype,
    axes: ["batch", ...shape.map((_, n) => `axis${n}`)],
    shape: [batchAxis, ...shape],
    bound: dtype === "i32" ? 20 : null,
    derived: how === undefined ? null : { how, of: name },
  }));

const lengths = {
  S: { axis: "s", maximum: 12 },
  T: { axis: "t", maximum: 10 },
  B: { axis: "batch", maximum: 64 },
};
const program = (given: readonly DataInput[]): Program => ({
  ...toy,
  lengths,
  inputs: given.map((input) => ({ ...toy.inputs[0]!, ...input })),
});

function task<K extends TaskKind>(kind: K, given: readonly DataInput[]): TaskOf<K> {
  const found: Task = taskOf("m", given);
  if (found.kind !== kind) throw new Error(`${found.kind} is not ${kind}`);
  return found as TaskOf<K>;
}

describe("a model's inputs state its task", () => {
  test.each<[TaskKind, readonly Declared[]]>([
    ["stream", [ids("tokens"), derived("tokens", "next")]],
    ["stream", [ids("tokens")]],
    ["masked", [ids("tokens"), derived("tokens", "original"), derived("tokens", "valid")]],
    ["pairs", [ids("a", "S"), ids("b"), derived("b", "next")]],
    ["pairs", [ids("b"), derived("b", "next"), ids("a", "S"), derived("a", "valid", "S")]],
    ["texts", [ids("tokens"), label, derived("tokens", "valid")]],
    ["images", [["pixels", "f32", [8, 8]], label]],
    ["images", [["pixels", "f32", [8, 8, 3]], label]],
  ])("%s", (kind, declared) => {
    expect(taskOf("m", inputs(...declared)).kind).toBe(kind);
  });

  test.each<[string, readonly Declared[], RegExp]>([
    ["two sequences without targets", [ids("a", "S"), ids("b")], /`a\[axis0\] : int\(20\)`; `b\[axis0\]/],
    [
      "two targets",
      [ids("a"), ids("b"), derived("a", "next"), derived("b", "next")],
      /`a\[axis0\] : int\(20\)` with `next\(a\)`/,
    ],
    ["real vectors", [["x", "f32", [length("T"), 4]]], /`x\[axis0, axis1\] : real`/],
    ["a label alone", [label], /`label : int\(20\)`/],
    ["nothing", [], /inputs are none/],
  ])("%s is no task; the inputs are listed", (_, declared, said) => {
    expect(() => taskOf("m", inputs(...declared))).toThrow(said);
  });

  test("a length is a symbol, a number, or no length that can be filled", () => {
    const [one] = inputs(ids("a"));
    expect(widthsOf(one!, lengths)).toEqual({ least: 1, most: 10, symbol: "T" });
    expect(widthsOf({ ...one!, shape: [batchAxis, 7] }, lengths)).toMatchObject({ least: 7, most: 7 });
    expect(() => widthsOf({ ...one!, shape: [batchAxis, [[2, "T"]]] }, lengths)).toThrow(/no data loader/);
  });
});

describe("buckets", () => {
  const options = fc.record({
    sizes: fc.array(fc.nat(30), { minLength: 1, maxLength: 90 }),
    batch: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(1000),
    pool: fc.integer({ min: 1, max: 5 }),
  });

  test("an epoch holds each example at most once, and leaves out less than a batch", () => {
    fc.assert(
      fc.property(options, fc.nat(3), (given, epoch) => {
        const rows = Math.min(given.batch, given.sizes.length);
        const perEpoch = Math.floor(given.sizes.length / rows);
        const at = createBuckets(given);
        const seen = Array.from({ length: perEpoch }, (_, n) => at(epoch * perEpoch + n)).flat();
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.length).toBe(perEpoch * rows);
        expect(seen.every((n) => n >= 0 && n < given.sizes.length)).toBe(true);
      }),
    );
  });

  test("a batch depends on seed and number alone, in whatever order it is asked for", () => {
    fc.assert(
      fc.property(options, fc.array(fc.nat(60), { minLength: 1, maxLength: 8 }), (given, numbers) => {
        const used = createBuckets(given);
        for (const n of numbers) expect(used(n)).toEqual(createBuckets(given)(n));
      }),
    );
  });

  test("sizes in a batch are alike; epochs and seeds differ", () => {
    const sizes = Array.from({ length: 640 }, (_, n) => (n * 7919) % 64);
    const at = createBuckets({ sizes, batch: 10, seed: 1 });
    const spread = Array.from({ length: 64 }, (_, n) => at(n).map((k) => sizes[k]!)).map(
      (batch) => Math.max(...batch) - Math.min(...batch),
    );
    expect(Math.max(...spread)).toBeLessThanOrEqual(2);
    expect(at(0)).not.toEqual(at(64));
    expect(at(0)).not.toEqual(createBuckets({ sizes, batch: 10, seed: 2 })(0));
  });

  test("evaluation takes each example once, or the first so many", () => {
    expect([...inOrderOfSize([5, 1, 3], { batch: 2 })]).toEqual([[1, 2], [0]]);
    expect([...inOrderOfSize([5, 1, 3], { batch: 2, limit: 2 })]).toEqual([[1, 0]]);
  });

  test("a split keeps every example on one side", () => {
    const { training, validation } = splitExamples(100, 0.1);
    expect([training.length, validation.length]).toEqual([90, 10]);
    expect([...training, ...validation].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
    expect(validation.at(-1)! - validation[0]!).toBeGreaterThan(20); // not one end of sorted data
  });

  test("lengths are rounded to few values, never below and never beyond the most", () => {
    const rounded = Array.from({ length: 128 }, (_, n) => roundUp(n + 1, 100));
    rounded.forEach((width, n) => {
      expect(width).toBeGreaterThanOrEqual(Math.min(100, n + 1));
      expect(width).toBeLessThanOrEqual(Math.min(100, Math.ceil((n + 1) * 1.25)));
    });
    expect(new Set(rounded).size).toBe(23);
  });
});

describe("pairs", () => {
  const given = inputs(
    ids("source", "S"),
    derived("source", "valid", "S"),
    ids("target"),
    derived("target", "next"),
    derived("target", "valid"),
  );
  const pair = (source: readonly number[], target: readonly number[]): Pair => ({
    source: Int32Array.from(source),
    target: Int32Array.from(target),
  });
  const ends = { bos: 18, eos: 19 };
  const some = [pair([5, 6], [7, 8, 9]), pair([4], [3])];

  test("a source ends in eos; a target begins with bos and is followed by itself and eos; padding is told", () => {
    const batch = pairBatch(program(given), task("pairs", given), some, ends);
    const rows = (name: string) => rowsOf(batch, name).map((row) => [...row]);
    expect(rows("source")).toEqual([
      [5, 6, 19],
      [4, 19, 0],
    ]);
    expect(rows("source.valid")).toEqual([
      [1, 1, 1],
      [1, 1, 0],
    ]);
    expect(rows("target")).toEqual([
      [18, 7, 8, 9],
      [18, 3, 0, 0],
    ]);
    expect(rows("target.next")).toEqual([
      [7, 8, 9, 19],
      [3, 19, -1, -1],
    ]);
    expect(rows("target.valid")).toEqual([
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ]);
    expect([batch.tokens, batch.places]).toEqual([11, 14]);
  });

  test("inputs that share a length get one width; a fixed size is filled", () => {
    const same = inputs(ids("a"), ids("b"), derived("b", "next"));
    const wide = pairBatch(program(same), task("pairs", same), some, ends);
    expect(idsOf(wide, "a").shape).toEqual(idsOf(wide, "b").shape);
    const fixed = inputs(["a", "i32", [7]], ids("b"), derived("b", "next"));
    expect(idsOf(pairBatch(program(fixed), task("pairs", fixed), some, ends), "a").shape).toEqual([2, 7]);
  });

  test("what is too long with its ends does not fit", () => {
    const limits = pairLimits(program(given), task("pairs", given), undefined);
    expect(limits).toEqual({ source: 12, target: 10 });
    expect(pairLimits(program(given), task("pairs", given), 4)).toEqual({ source: 4, target: 4 });
    expect(fits(pair(new Array(11).fill(1), new Array(9).fill(1)), limits)).toBe(true);
    expect(fits(pair(new Array(12).fill(1), []), limits)).toBe(false);
    expect(fits(pair([], new Array(10).fill(1)), limits)).toBe(false);
  });

  test("a dataset gives each pair once an epoch, and whole in order", () => {
    const pairs = Array.from({ length: 12 }, (_, n) => pair([n, n], new Array(1 + (n % 5)).fill(n)));
    const data = pairDataset(program(given), task("pairs", given), pairs, { ...ends, batch: 4, seed: 3 });
    const sources = (batches: Iterable<Parameters<typeof rowsOf>[0]>) =>
      [...batches].flatMap((batch) => rowsOf(batch, "source").map(([first]) => first!)).sort((a, b) => a - b);
    const all = Array.from({ length: 12 }, (_, n) => n);
    expect(sources([0, 1, 2].map((n) => data.batch(n)))).toEqual(all);
    expect(sources(data.inOrder({ batch: 5 }))).toEqual(all);
  });
});

describe("hidden tokens", () => {
  const given = inputs(ids("tokens"), derived("tokens", "original"));
  const text = Int32Array.from({ length: 5001 }, (_, n) => n % 17);
  const hiding = { mask: 19, ordinary: ordinaryIds(20, [19, 18]) };
  const options = { length: 100, batch: 10, seed: 5 };
  const data = () => maskedDataset(task("masked", given), text, hiding, options);

  test("fifteen in a hundred are asked; of them 80 % are hidden, 10 % others, 10 % as they were", () => {
    let [asked, hidden, same, all] = [0, 0, 0, 0];
    for (let n = 0; n < 100; n++) {
      const batch = data().batch(n);
      const [tokens, original] = [idsOf(batch, "tokens"), idsOf(batch, "tokens.original")];
      original.forEach((was, i) => {
        all++;
        if (was < 0) return;
        asked++;
        if (tokens[i] === hiding.mask) hidden++;
        if (tokens[i] === was) same++;
      });
    }
    // Four standard deviations of 100,000 draws, and of 15,000.
    expect(Math.abs(asked / all - 0.15)).toBeLessThan(4 * Math.sqrt((0.15 * 0.85) / all));
    expect(Math.abs(hidden / asked - 0.8)).toBeLessThan(4 * Math.sqrt((0.8 * 0.2) / asked));
    const kept = 0.1 + 0.1 / hiding.ordinary.length;
    expect(Math.abs(same / asked - kept)).toBeLessThan(4 * Math.sqrt((kept * (1 - kept)) / asked));
  });

  test("where nothing is asked the text stands; a batch is the same again, evaluation is for every seed", () => {
    const [one] = maskedDataset(task("masked", given), text, hiding, { ...options, seed: 9 }).inOrder({
      batch: 7,
    });
    const [other] = data().inOrder({ batch: 3 });
    expect([...idsOf(one!, "tokens").subarray(0, 300)]).toEqual([...idsOf(other!, "tokens")]);
    idsOf(other!, "tokens.original").forEach((was, n) => {
      expect(was < 0 ? idsOf(other!, "tokens")[n] : was).toBe(n % 17);
    });
    expect(data().batch(3)).toEqual(data().batch(3));
    expect(data().batch(3)).not.toEqual(data().batch(4));
  });
});

test("labelled texts end in eos, are cut with it, and are padded", () => {
  const given = inputs(ids("tokens"), derived("tokens", "valid"), label);
  expect([...closed(Int32Array.of(1, 2, 3), 19, 3)]).toEqual([1, 2, 19]);
  expect([...closed(new Int32Array(0), 19, 3)]).toEqual([19]);
  const texts = [
    { tokens: Int32Array.of(1, 2, 19), label: 1 },
    { tokens: Int32Array.of(19), label: 0 },
  ];
  const batch = textBatch(program(given), task("texts", given), texts);
  expect(rowsOf(batch, "tokens").map((row) => [...row])).toEqual([
    [1, 2, 19],
    [19, 0, 0],
  ]);
  expect([...idsOf(batch, "tokens.valid")]).toEqual([1, 1, 1, 1, 0, 0]);
  expect([...idsOf(batch, "label")]).toEqual([1, 0]);
});

test("pictures are numbers from 0 to 1", () => {
  const given = inputs(["pixels", "f32", [2, 2]], label);
  const images = {
    pixels: Uint8Array.of(9, 9, 9, 9, 0, 255, 51, 0),
    shape: [2, 2, 2, 1],
    labels: Int32Array.of(4, 7),
  };
  const { inputs: found } = imageBatch(task("images", given), images, [1]);
  expect(found["pixels"]!.shape).toEqual([1, 2, 2]);
  expect([...found["pixels"]!]).toEqual([0, 1, Math.fround(0.2), 0]);
  expect([...found["label"]!]).toEqual([7]);
});

test("names of classes are sorted, as numbers where they are", () => {
  expect(labelNames(["b", "a", "b"])).toEqual(["a", "b"]);
  expect(labelNames(["10", "9", "-1"])).toEqual(["-1", "9", "10"]);
  expect([...labelNumbers(["b", "a"], ["a", "b"])]).toEqual([1, 0]);
  expect(() => labelNumbers(["c"], ["a", "b"])).toThrow(/label `c`.*a, b/);
});
