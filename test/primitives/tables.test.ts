/** Seeded random tables: what numerics.md says, the same on every device. */
import { describe, expect, test } from "vitest";
import { diagnose } from "../build/support.js";
import { drawTensor, runModel } from "../support/model-runs.js";
import { flat } from "../support/numbers.js";

/** The formula of spec/numerics.md, in whole numbers of any size. */
const word = 2n ** 32n;
const of = (x: bigint): bigint => ((x % word) + word) % word;
function mix(x: bigint): bigint {
  let u = of(x);
  u = of((u ^ (u >> 16n)) * 0x21f0aaadn);
  u = of((u ^ (u >> 15n)) * 0x735a2d97n);
  return u ^ (u >> 15n);
}
const hash = (x: bigint, y: bigint): bigint => mix(mix(x + 0x9e3779b9n) ^ of(y));
const uniform = (...numbers: readonly number[]): number =>
  Number(numbers.slice(1).reduce((bits, n) => hash(bits, BigInt(n)), BigInt(numbers[0]!)) >> 8n) * 2 ** -24;

const text = `
model m {
  input x[t <= 6, 3] : real
  table omega[4, 3](r, c) = gaussian(draw(7, r, c), draw(8, r, c))
  table plain[2, 5](h, n) = draw(3, h, n)
  table blocks[2, 5](h, n) = floor(draw(-3, h, n) * 6)
  noise[i, c] = draw(11, i, c) + 0 * x[i, c]
  y[i, r] = x[i, c] * omega[r, c]
  picked[h, n, c] = x[integer(blocks)[h, n], c]
  output y = y
  output noise = noise
  output picked = picked
  all[h, n] = plain[h, n] + 0 * x[0, 0]
  output plain = all
}`;

describe("draw", () => {
  test("is the formula of numerics.md, in tables and in kernels, on both devices", async () => {
    const x = drawTensor([1, 6, 3]);
    const { forward } = await runModel(text, { inputs: { x }, lengths: { B: 1, T: 6 } });
    const plain = Array.from({ length: 10 }, (_, n) => uniform(3, Math.floor(n / 5), n % 5));
    expect(flat(forward!["plain"]!)).toEqual(plain);
    expect(flat(forward!["noise"]!)).toEqual(
      Array.from({ length: 18 }, (_, n) => uniform(11, Math.floor(n / 3), n % 3)),
    );
    const omega = Array.from({ length: 12 }, (_, n) => {
      const [r, c] = [Math.floor(n / 3), n % 3];
      return Math.sqrt(-2 * Math.log(1 - uniform(7, r, c))) * Math.cos(2 * Math.PI * uniform(8, r, c));
    });
    flat(forward!["y"]!).forEach((value, n) => {
      const wanted = [0, 1, 2].reduce(
        (sum, c) => sum + flat(x)[Math.floor(n / 4) * 3 + c]! * omega[(n % 4) * 3 + c]!,
        0,
      );
      expect(value).toBeCloseTo(wanted, 12);
    });
    const rows = Array.from({ length: 10 }, (_, n) => Math.floor(uniform(-3, Math.floor(n / 5), n % 5) * 6));
    expect(flat(forward!["picked"]!)).toEqual(rows.flatMap((r) => flat(x).slice(3 * r, 3 * r + 3)));
  });

  test("is uniform, and normal where it should be", () => {
    const draws = Array.from({ length: 20000 }, (_, n) => uniform(1, n % 100, Math.floor(n / 100)));
    const mean = draws.reduce((sum, u) => sum + u, 0) / draws.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    const bins = new Array<number>(20).fill(0);
    for (const u of draws) bins[Math.floor(u * 20)]!++;
    expect(bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(43.8); // χ², 19 degrees, 0.1 %
    const neighbours = draws.slice(1).reduce((sum, u, n) => sum + (u - 0.5) * (draws[n]! - 0.5), 0);
    expect(Math.abs(neighbours / draws.length)).toBeLessThan(0.003);
  });

  test.each([
    ["draw(1)", "TFM2003"],
    ["draw(1.5, i)", "TFM2006"],
    ["draw(seed: 1, i)", "TFM2002"],
  ])("%s is %s", (call, code) => {
    const { codes } = diagnose(
      `model m { input x[t <= 4, 2] : real; table r[2](i) = ${call}; y[i, c] = x[i, c] * r[c]; output y = y }`,
    );
    expect(codes).toEqual([code]);
  });
});
