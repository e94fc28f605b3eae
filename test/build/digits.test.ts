/** Axes split and merged by the digits of indices, against the same formula counted out. */
import { describe, expect, test } from "vitest";
import { flat } from "../support/numbers.js";
import { built, diagnose, evaluateGraph, tensorOf } from "./support.js";

const values = (count: number): number[] => Array.from({ length: count }, (_, n) => Math.sin(n + 1));
const run = (
  text: string,
  x: { readonly sizes: readonly number[]; readonly data: readonly number[] },
): number[] =>
  flat(evaluateGraph(built(text).forward, { x: tensorOf(x.sizes, x.data) }, { B: x.sizes[0]! })["y"]!);
const ops = (text: string): string[] => {
  const found: string[] = [];
  const visit = (node: { readonly op: string; readonly inputs: readonly unknown[] }): void => {
    found.push(node.op);
    for (const input of node.inputs) visit(input as typeof node);
  };
  for (const { node } of built(text).forward.outputs) visit(node);
  return found;
};

test("an axis splits into the digits of its numbers", () => {
  const text = "model m { input x[12, 2] : real\n y[a, c, r] = x[r * 4 + a, c]\n output y = y }";
  const data = values(48);
  const y = run(text, { sizes: [2, 12, 2], data });
  for (let b = 0; b < 2; b++)
    for (let a = 0; a < 4; a++)
      for (let c = 0; c < 2; c++)
        for (let r = 0; r < 3; r++)
          expect(y[((b * 4 + a) * 2 + c) * 3 + r]).toBe(data[(b * 12 + r * 4 + a) * 2 + c]);
  expect(ops(text)).not.toContain("gather");
});

test("two axes merge into one", () => {
  const text = "model m { input x[3, 4, 2] : real\n y[n, c] = x[n // 4, n % 4, c]\n output y = y }";
  const data = values(24);
  expect(run(text, { sizes: [1, 3, 4, 2], data })).toEqual(data);
  expect(ops(text)).not.toContain("gather");
});

test("digits in another order are a gather", () => {
  const text = "model m { input x[3, 4] : real\n y[n] = x[n % 3, n // 3]\n output y = y }";
  const data = values(12);
  expect(run(text, { sizes: [1, 3, 4], data })).toEqual(
    Array.from({ length: 12 }, (_, n) => data[(n % 3) * 4 + Math.floor(n / 3)]),
  );
});

test("patches are squares of an image, row by row", () => {
  const [height, width, channels, size] = [4, 6, 3, 2];
  const text = `model m { input x[${height}, ${width}, ${channels}] : real\n output y = patches(x, ${size}) }`;
  const data = values(2 * height * width * channels);
  const y = run(text, { sizes: [2, height, width, channels], data });
  let at = 0;
  for (let b = 0; b < 2; b++)
    for (let r = 0; r < height; r += size)
      for (let s = 0; s < width; s += size)
        for (let i = 0; i < size; i++)
          for (let j = 0; j < size; j++)
            for (let c = 0; c < channels; c++)
              expect(y[at++]).toBe(data[((b * height + r + i) * width + s + j) * channels + c]);
  expect(at).toBe(y.length);
});

describe("mistakes", () => {
  const codes = (line: string): readonly string[] =>
    diagnose(`model m { input x[12, 4] : real\n ${line}\n output y = y }`).codes;
  test("a digit that leaves the axis", () => expect(codes("y[r, a] = x[r * 5 + a, 0]")).toEqual(["TFM3001"]));
  test("one index for two axes", () => expect(codes("y[i] = x[i, i]")).toHaveLength(1));
  test("digits beyond an axis", () => expect(codes("y[n] = x[n // 3, n % 5]")).toEqual(["TFM3004"]));
  test("a size that patches do not divide", () =>
    expect(diagnose("model m { input x[5, 4, 1] : real\n output y = patches(x, 2) }").codes).toEqual([
      "TFM3001",
    ]));
});
