/** Files of every kind → what they hold, or what is wrong with them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Raw } from "../../cli/data/read.js";
import { labelsOf, readRaw, readSplit, textsOf } from "../../cli/data/read.js";
import { readIdx } from "../../cli/data/read-idx.js";
import type { Task } from "../../cli/data/task.js";
import { taskOf } from "../../cli/data/task.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const T = [[1, "T"]] as const;
const B = [[1, "B"]] as const;
const ids = { dtype: "i32", axes: ["batch", "t"], shape: [B, T], bound: 9, derived: null } as const;
const label = { name: "label", dtype: "i32", axes: ["batch"], shape: [B], bound: 9, derived: null } as const;
const pixels = (...shape: readonly number[]) =>
  ({
    name: "pixels",
    dtype: "f32",
    axes: ["batch", "h", "w", "c"],
    shape: [B, ...shape],
    bound: null,
    derived: null,
  }) as const;

const stream = taskOf("m", [{ ...ids, name: "tokens" }]);
const texts = taskOf("m", [{ ...ids, name: "tokens" }, label]);
const pairs = taskOf("m", [
  { ...ids, name: "a" },
  { ...ids, name: "b" },
  { ...ids, name: "b.next", derived: { how: "next", of: "b" } },
]);
const images = (...shape: readonly number[]): Task => taskOf("m", [pixels(...shape), label]);

const pairsIn = (raw: Raw) => (raw.kind === "pairs" ? raw.pairs : []);

describe("pairs", () => {
  const wanted = [
    ["ein Hund", "a dog"],
    ["zwei", "two"],
  ];

  test.each<[string, string, string | undefined]>([
    ["a.tsv", "ein Hund\ta dog\r\n\nzwei\ttwo\tnot read\n", undefined],
    ["a.jsonl", '{"source":"ein Hund","target":"a dog"}\n{"src":"zwei","tgt":"two"}\n', undefined],
    ["b.jsonl", '{"t":{"de":"ein Hund","en":"a dog"}}\n{"t":{"de":"zwei","en":"two"}}', "t.de, t.en"],
  ])("%s", (name, text, keys) => {
    expect(pairsIn(readRaw(pairs, { data: file(name, text), keys }))).toEqual(wanted);
  });

  test("two files, line by line", () => {
    const [de, en] = [file("a.de", "ein Hund\n\nzwei\n"), file("a.en", "a dog\n\ntwo\n")];
    expect(pairsIn(readRaw(pairs, { data: de, target: en }))).toEqual(wanted);
    expect(() => readRaw(pairs, { data: de, target: file("b.en", "a dog\n") })).toThrow(/3 lines, .* has 1/);
  });

  test.each<[string, string, RegExp]>([
    ["a.tsv", "one\ttwo\nthree\n", /line 2 of .* no tab/],
    ["a.tsv", "", /is empty/],
    ["a.jsonl", '{"source": 1', /line 1 of .* no JSON object/],
    ["a.jsonl", '\n{"source":"a","goal":"b"}', /line 2 of .* no `target` or `tgt`/],
    ["a.jsonl", '{"__proto__":"a"}', /no `source`/],
    ["a.txt", "a\tb", /neither `.tsv` nor `.jsonl`/],
  ])("%s: %j is refused", (name, text, said) => {
    expect(() => readRaw(pairs, { data: file(name, text) })).toThrow(said);
  });
});

describe("splits", () => {
  test("a share of the examples, the same ones each time; every one is on one side", () => {
    const data = file("a.tsv", Array.from({ length: 50 }, (_, n) => `s${n}\tt${n}\n`).join(""));
    const split = readSplit(pairs, { data }, "0.2", undefined);
    const [training, validation] = [pairsIn(split.training), pairsIn(split.validation!)];
    expect([training.length, validation.length]).toEqual([40, 10]);
    expect(new Set([...training, ...validation].map(([source]) => source)).size).toBe(50);
    expect(readSplit(pairs, { data }, "0.2", undefined)).toEqual(split);
    expect(readSplit(pairs, { data }, "0", undefined).validation).toBeUndefined();
  });

  test("of text the end, or another file", () => {
    const data = file("a.txt", "0123456789");
    expect(readSplit(stream, { data }, "0.2", undefined)).toMatchObject({
      training: { text: "01234567" },
      validation: { text: "89" },
    });
    const other = readSplit(stream, { data }, file("b.txt", "abc"), undefined);
    expect([textsOf(other.training), textsOf(other.validation)]).toEqual([["0123456789"], ["abc"]]);
    expect(() => readSplit(stream, { data }, "1", undefined)).toThrow(/not a fraction/);
  });

  test("of two files, two others", () => {
    const [a, b, c, d] = ["x\n", "y\n", "z\n", "w\n"].map((text, n) => file(`${n}.txt`, text));
    const paths = { data: a!, target: b! };
    expect(pairsIn(readSplit(pairs, paths, c!, d).validation!)).toEqual([["z", "w"]]);
    expect(() => readSplit(pairs, paths, c!, undefined)).toThrow(/lacks its targets/);
    expect(() => readSplit(pairs, paths, "0.1", d)).toThrow(/goes with `--val FILE`/);
  });

  test("options of one kind of data are refused by the others", () => {
    const data = file("a.txt", "abc");
    expect(() => readRaw(stream, { data, target: data })).toThrow(/--target/);
    expect(() => readRaw(stream, { data, keys: "a,b" })).toThrow(/--keys/);
    expect(() => readRaw(texts, { data: file("a.jsonl", "{}"), keys: "a" })).toThrow(/two fields/);
  });
});

test("labelled texts, whatever a label is written as", () => {
  const data = file(
    "a.jsonl",
    '{"text":"good","label":1}\n{"sentence":"bad","label":"neg"}\n{"text":"x","class":true}\n',
  );
  const raw = readRaw(texts, { data });
  expect(textsOf(raw)).toEqual(["good", "bad", "x"]);
  expect(labelsOf(raw)).toEqual(["1", "neg", "true"]);
});

describe("pictures", () => {
  const idx = (shape: readonly number[], data: readonly number[]): Uint8Array => {
    const head = new DataView(new ArrayBuffer(4 + 4 * shape.length));
    head.setUint32(0, 0x0800 + shape.length);
    shape.forEach((size, n) => {
      head.setUint32(4 + 4 * n, size);
    });
    return Uint8Array.from([...new Uint8Array(head.buffer), ...data]);
  };
  const imagesIn = (raw: Raw) => (raw.kind === "images" ? raw.images : undefined);

  test("IDX files, gzipped or not; the set for training trains, the other one validates", () => {
    file("train-images-idx3-ubyte", idx([2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7]));
    file("train-labels-idx1-ubyte.gz", gzipSync(idx([2], [3, 9])));
    file("t10k-images-idx3-ubyte.gz", gzipSync(idx([1, 2, 2], [8, 8, 8, 8])));
    file("t10k-labels-idx1-ubyte", idx([1], [5]));
    const { training, validation } = readSplit(images(2, 2), { data: folder }, "0.1", undefined);
    expect(imagesIn(training)).toEqual({
      pixels: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
      shape: [2, 2, 2, 1],
      labels: ["3", "9"],
    });
    expect(imagesIn(validation!)!.labels).toEqual(["5"]);
    const halves = readSplit(
      images(2, 2),
      { data: join(folder, "train-images-idx3-ubyte") },
      "0.5",
      undefined,
    );
    expect([halves.training, halves.validation!].map((raw) => imagesIn(raw)!.labels.length)).toEqual([1, 1]);
  });

  test("what is no IDX file, or another size, is refused", () => {
    expect(() => readIdx(file("x", Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0)))).toThrow(/no IDX file/);
    expect(() => readIdx(file("x", idx([3], [1, 2])))).toThrow(/says \[3\], and holds 2 bytes of 3/);
    const data = file("images-idx3-ubyte", idx([1, 2, 2], [0, 0, 0, 0]));
    expect(() => readRaw(images(2, 2), { data })).toThrow(/labels of .* are missing/);
    file("labels-idx1-ubyte", idx([2], [0, 0]));
    expect(() => readRaw(images(2, 2), { data })).toThrow(/1 pictures, and .* \[2\] labels/);
    file("labels-idx1-ubyte", idx([1], [0]));
    expect(() => readRaw(images(3, 2), { data })).toThrow(
      /2 × 2 × 1, and the model's `pixels` takes 3 × 2 × 1/,
    );
    expect(() => readRaw(images(2, 2), { data: file("photo.jpg", "x") })).toThrow(/holds no pictures/);
  });

  test("a folder of PNG files for each class, in the channels that the model takes", () => {
    const png = (r: number, g: number, b: number): Uint8Array => {
      const image = new PNG({ width: 2, height: 1 });
      image.data.set([r, g, b, 255, 0, 0, 0, 255]);
      return PNG.sync.write(image);
    };
    file("dog/1.png", png(255, 0, 0));
    file("cat/a.png", png(0, 0, 255));
    file("cat/notes.txt", "no picture");
    const found = imagesIn(readRaw(images(1, 2, 3), { data: folder }))!;
    expect(found.labels).toEqual(["cat", "dog"]);
    expect([...found.pixels]).toEqual([0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0]);
    expect([...imagesIn(readRaw(images(1, 2), { data: folder }))!.pixels]).toEqual([29, 0, 76, 0]);
    expect(() => readRaw(images(2, 2), { data: folder })).toThrow(/a.png` are 1 × 2 × 1/);
    file("cat/b.png", "no picture");
    expect(() => readRaw(images(1, 2), { data: folder })).toThrow(/no PNG file/);
  });
});
