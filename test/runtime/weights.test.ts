import { expect, test } from "vitest";
import type { Initializer, Program, Table } from "../../runtime/program.js";
import { mix, permutedIndex, randomKey, uniformAt } from "../../runtime/random.js";
import { readSafetensors, writeSafetensors } from "../../runtime/safetensors.js";
import { evaluateFormula, tableValues } from "../../runtime/tables.js";
import { initialise, matchParameters, readWeights, writeWeights } from "../../runtime/weights.js";
import { toy } from "./toy.js";

const withInit = (init: Initializer, shape: readonly number[] = [20_000]): Program => ({
  ...toy,
  parameters: [{ ...toy.parameters[0]!, init, shape }],
});
const values = (init: Initializer, seed = 3): Float32Array =>
  [...initialise(withInit(init), seed).values()][0]!;
const moments = (data: Float32Array) => {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return { mean, deviation: Math.sqrt(variance), most: data.reduce((m, x) => Math.max(m, Math.abs(x)), 0) };
};

test.each<[string, Initializer, { mean: number; deviation: number; most: number }]>([
  ["normal", { kind: "normal", mean: 2, deviation: 0.5 }, { mean: 2, deviation: 0.5, most: 5 }],
  ["uniform", { kind: "uniform", low: -1, high: 3 }, { mean: 1, deviation: 4 / Math.sqrt(12), most: 3 }],
  [
    "xavier_uniform",
    { kind: "xavier_uniform", fanIn: 2, fanOut: 4 },
    { mean: 0, deviation: 1 / Math.sqrt(3), most: 1 },
  ],
  ["xavier_normal", { kind: "xavier_normal", fanIn: 4, fanOut: 4 }, { mean: 0, deviation: 0.5, most: 2.5 }],
  ["he_normal", { kind: "he_normal", fanIn: 8, fanOut: 4 }, { mean: 0, deviation: 0.5, most: 2.5 }],
  ["constant", { kind: "constant", value: 0.25 }, { mean: 0.25, deviation: 0, most: 0.25 }],
  ["zeros", { kind: "zeros" }, { mean: 0, deviation: 0, most: 0 }],
  ["ones", { kind: "ones" }, { mean: 1, deviation: 0, most: 1 }],
])("%s has the moments it claims", (_, init, wanted) => {
  const { mean, deviation, most } = moments(values(init));
  const slack = (5 * wanted.deviation) / Math.sqrt(20_000); // five standard errors
  expect(Math.abs(mean - wanted.mean)).toBeLessThanOrEqual(slack);
  expect(Math.abs(deviation - wanted.deviation)).toBeLessThanOrEqual(slack);
  expect(most).toBeLessThanOrEqual(wanted.most);
});

test("sinusoids: sines of growing wavelengths, then cosines, in tables of odd width too", () => {
  const table = (width: number, gain: number) => values({ kind: "sinusoids", base: 100, width, gain });
  const [even, odd] = [table(4, 1), table(5, 2)];
  const row = (n: number): number[] => [...even.slice(4 * n, 4 * n + 4)];
  const f32 = (...list: number[]): number[] => list.map(Math.fround);
  expect(row(0)).toEqual([0, 0, 1, 1]);
  expect(row(3)).toEqual(f32(Math.sin(3), Math.sin(0.3), Math.cos(3), Math.cos(0.3)));
  const slower = 100 ** (2 / 5);
  expect([...odd.slice(5, 10)]).toEqual(
    f32(
      2 * Math.sin(1),
      2 * Math.sin(1 / slower),
      2 * Math.sin(1 / slower ** 2),
      2 * Math.cos(1),
      2 * Math.cos(1 / slower),
    ),
  );
});

test("a parameter depends on the seed and its name, not on its neighbours", () => {
  const all = initialise(toy, 5);
  const alone = initialise({ ...toy, parameters: [...toy.parameters].reverse().slice(0, 1) }, 5);
  expect([...alone.get("layers.1.gain")!]).toEqual([...all.get("layers.1.gain")!]);
  expect([...all.get("layers.0.gain")!]).not.toEqual([...all.get("layers.1.gain")!]);
  expect([...initialise(toy, 6).get("wte")!]).not.toEqual([...all.get("wte")!]);
});

test("the mixer and the key are the house's", () => {
  // mix(1) by hand: 1·0x21f0aaad = 0x21f0aaad; ^ >>>15 = 0x21f0e94c; ·0x735a2d97 mod 2³² = m; m ^ m>>>15
  const m = Number((0x21f0e94cn * 0x735a2d97n) & 0xffffffffn);
  expect(mix(1)).toBe((m ^ (m >>> 15)) >>> 0);
  expect(mix(0)).toBe(0);
  expect(randomKey(1, 2, "", 3)).toBe(mix((mix((mix((mix(1) ^ 2) >>> 0) ^ 0x811c9dc5) >>> 0) ^ 3) >>> 0));
  const counts = new Array<number>(16).fill(0);
  for (let n = 0; n < 16_000; n++) counts[Math.floor(16 * uniformAt(randomKey(1, 1, "a", 0), n))]! += 1;
  const chi2 = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chi2).toBeLessThan(44); // 15 degrees of freedom: p = 1e-4
});

test("permutedIndex is a permutation", () => {
  for (const count of [1, 2, 3, 7, 64, 65, 1000]) {
    const seen = new Set(Array.from({ length: count }, (_, n) => permutedIndex(n, count, 0xdeadbeef)));
    expect(seen.size).toBe(count);
    expect(Math.max(...seen)).toBe(count - 1);
  }
});

test("weights come back from a file as they were, whatever their order there", () => {
  const weights = initialise(toy, 1);
  const read = readWeights(toy, writeWeights(new Map([...weights].reverse()), { note: "x" }));
  expect([...read.keys()]).toEqual(toy.parameters.map(({ name }) => name));
  for (const [name, data] of weights) {
    expect([...read.get(name)!]).toEqual([...data]);
    expect(read.get(name)!.shape).toEqual(data.shape);
  }
});

test("half-precision weights load", () => {
  const file = writeWeights(initialise({ ...toy, parameters: toy.parameters.slice(1) }, 1));
  const tensors = new Map(readSafetensors(file).tensors);
  tensors.set("wte", { dtype: "BF16", shape: [8, 4], bytes: new Uint8Array(64).fill(0x3f) });
  expect(matchParameters(toy, tensors).get("wte")![5]).toBe(0.74609375);
});

test("missing, unexpected and misshapen tensors are told all at once, with what is near", () => {
  const zeros = (count: number) => ({ data: new Float32Array(count), shape: [count] });
  const file = writeSafetensors(
    new Map([
      ["wt", zeros(32)],
      ["layers.0.gain", zeros(3)],
      ["lm_head", zeros(1)],
    ]),
  );
  expect(() => readWeights(toy, file)).toThrow(
    "TFM6102: Missing: `wte`, `layers.1.gain`. (`wt` is near `wte`.) Unexpected: `lm_head`, `wt`. " +
      "`layers.0.gain` is [3]; the model has [4].",
  );
});

test("tables are formulas over their indices, in f64", () => {
  const angle: Table = {
    name: "angle",
    shape: [3, 2],
    dtype: "f32",
    place: toy.tables[0]!.place,
    formula: ["cos", ["mul", ["to_f32", ["i", 0]], ["pow", 10000, ["div", ["mul", -2, ["i", 1]], 4]]]],
  };
  const wanted = [0, 1, 2].flatMap((t) =>
    [0, 1].map((c) => Math.fround(Math.cos(t * 10000 ** ((-2 * c) / 4)))),
  );
  expect([...tableValues(angle)]).toEqual(wanted);
  expect(evaluateFormula(["select", ["lt", ["i", 0], 2], 5, ["floordiv", -7, 2]], [2])).toBe(-4);
  expect(evaluateFormula(["mod", -7, 3], [])).toBe(2);
});

test("erf agrees with known values to 1e-15", () => {
  // Abramowitz and Stegun, table 7.1, and erf(3), erf(5) to sixteen digits
  const known: readonly (readonly [number, number])[] = [
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
  ];
  for (const [x, y] of known) {
    expect(Math.abs(evaluateFormula(["erf", x], []) - y)).toBeLessThanOrEqual(1e-15);
    expect(evaluateFormula(["erf", -x], [])).toBe(-evaluateFormula(["erf", x], []));
  }
});
