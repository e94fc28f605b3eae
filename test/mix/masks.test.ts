/** Every mask of masks.tfm, pair by pair, against its predicate. */
import { expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import { built } from "../build/support.js";
import { drawTensor } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";
import { range } from "./formula.js";

type Predicate = (h: number, i: number, j: number) => boolean;
const [heads, length] = [2, 12];
const table = flat(drawTensor([heads, 4, 4], 6)).map((x) => (x > 0.3 ? 1 : 0));
const number = [0, 0, 1, 1, 1, 2, 0, 0, 2, 1, 1, 0];
const at = (h: number, r: number, c: number): boolean => table[(h * 4 + r) * 4 + c] === 1;
const third = (n: number): number => Math.floor(n / 3);

const masks: Readonly<Record<string, Predicate>> = {
  "local(2)": (_, i, j) => Math.abs(i - j) <= 2,
  "dilated(2, 3)": (_, i, j) => Math.abs(i - j) <= 6 && (i - j) % 3 === 0,
  "atrous(3)": (_, i, j) => (i - j) % 3 === 0,
  "strided(4)": (_, i, j) => j <= i && (i - j) % 4 === 0,
  "fixed(4)": (_, i, j) => j <= i && (Math.floor(i / 4) === Math.floor(j / 4) || j % 4 === 3),
  "fixed(6, b: 2, n: 2)": (h, i, j) =>
    j <= i && (Math.floor(i / 6) === Math.floor(j / 6) || Math.floor(j / 2) % 3 === 2 - (h % 2)),
  "blocks(3)": (_, i, j) => third(i) === third(j),
  "block_layout(table, 3)": (h, i, j) => at(h, third(i), third(j)),
  "bigbird(table, 3)": (h, i, j) => {
    const [r, c] = [third(i), third(j)];
    return Math.abs(r - c) <= 1 || [r, c].some((n) => n === 0 || n === 3) || at(h, r, c);
  },
  "same(number)": (_, i, j) => number[i] === number[j],
  "marked(number)": (_, _i, j) => number[j]! > 0,
  "either(strided(4), both(causal, local(1)))": (_, i, j) =>
    (j <= i && (i - j) % 4 === 0) || (j <= i && i - j <= 1),
};

test.each(Object.entries(masks))("%s", (mask, seen) => {
  const model = built(`model m {
  input table[2, 4, 4] : real
  input number[12] : int(3)
  y[h < 2, i < 12, j < 12] = if ${mask}(h, i, j) then 1 else 0
  output y = y
  output t = table
  output n = number
}`);
  const inputs = {
    table: { sizes: [1, heads, 4, 4], data: Float64Array.from(table) },
    number: { sizes: [1, length], data: Float64Array.from(number) },
  };
  const { y } = interpret(model.forward, f64, { inputs, lengths: { B: 1 } });
  const wanted = range(heads).flatMap((h) =>
    range(length).flatMap((i) => range(length).map((j) => Number(seen(h, i, j)))),
  );
  expect(flat(y!).slice(0, wanted.length)).toEqual(wanted);
});

/** Counts of pairs that are known in closed form. */
test("a band of w has n w - w (w - 1) / 2 pairs, two strided layers of about √n reach all", () => {
  const count = (p: Predicate, n: number): number =>
    range(n).flatMap((i) => range(n).filter((j) => p(0, i, j))).length;
  for (const w of [1, 3, 5])
    expect(count((_, i, j) => j <= i && i - j < w, 9)).toBe(9 * w - (w * (w - 1)) / 2);
  expect(count(masks["local(2)"]!, 12)).toBe(12 * 5 - 2 * 3);
  const strided = masks["either(strided(4), both(causal, local(1)))"]!;
  const local: Predicate = (_, i, j) => j <= i && i - j < 4;
  for (const i of range(12))
    for (const j of range(i + 1))
      expect(range(12).some((m) => strided(0, i, m) && local(0, m, j))).toBe(true);
});
