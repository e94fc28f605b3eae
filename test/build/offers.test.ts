/** Function values that are completed and asked, initial values as values, and paths that add nothing. */
import { expect, test } from "vitest";
import type { Initializer } from "../../compiler/ir/graph.js";
import { built, diagnose } from "./support.js";

const body = (lines: string, more = ""): string =>
  `${more}\nmodel m(d = 4) {\n  input x[t, d] : real\n${lines}\n  output y = y\n}\n`;
const shapes = (text: string): Record<string, readonly unknown[]> =>
  Object.fromEntries(built(text).parameters.map(({ name, shape }) => [name, shape.map(({ size }) => size)]));
const starts = (text: string): Record<string, Initializer> =>
  Object.fromEntries(built(text).parameters.map(({ name, init }) => [name, init]));

test("an offer fills what is open and takes nothing away", () => {
  expect(
    shapes(body("  f = offer(mlp(act: relu, bias: false), hidden: 6, bias: true, nothing: 1)\n  y = f(x)")),
  ).toEqual({
    "mlp.w1": [4, 6],
    "mlp.w2": [6, 4],
  });
  expect(shapes(body("  f = offer(mlp(hidden: 3), hidden: 6, bias: false)\n  y = f(x)"))["mlp.w1"]).toEqual([
    4, 3,
  ]);
  expect(diagnose(body("  f = offer(sqrt, hidden: 6)\n  y = f(x * x)")).rendered).toEqual([]);
  expect(diagnose(body("  f = offer(mlp, 6)\n  y = f(x)")).codes).toEqual(["TFM2002"]);
  expect(diagnose(body("  y = x * offer(3, hidden: 6)")).codes).toEqual(["TFM2006"]);
});

test("a function's arguments are its members", () => {
  const text = (f: string): string => body(`  f = ${f}\n  y = x * f.base`);
  expect(JSON.stringify(built(text("rope(base: 500)")).forward)).toContain("500");
  expect(JSON.stringify(built(text("rope")).forward)).toContain("10000");
  expect(diagnose(text("rope(fraction: 1)").replace("f.base", "f.bass")).rendered.join()).toContain("`base`");
  expect(diagnose(text("mlp").replace("f.base", "f.hidden")).codes).toEqual(["TFM2003"]);
});

test("initial values are values", () => {
  const block = "block own(x[t, d], start = normal(0.5)) { param w[d, d] ~ start\n return x }";
  const one = (start: string): Initializer | undefined =>
    starts(`block own(x[t, d], start = normal(0.5)) { param w[d, 2 * d] ~ start
 y[i, n] = x[i, m] * w[m, n]
 return y }
model m { input x[t, 4] : real
 output y = own(x, ${start}) }`)["own.w"];
  expect(block).toContain("start");
  expect(one("normal(2) / 4")).toEqual({ kind: "normal", deviation: 0.5, mean: 0 });
  expect(one("-2 * uniform(-1, 3)")).toEqual({ kind: "uniform", low: -6, high: 2 });
  expect(one("xavier_normal")).toEqual({ kind: "xavier_normal", fanIn: 4, fanOut: 8 });
  expect(one("3 * xavier_normal")).toEqual({ kind: "normal", deviation: 3 * Math.sqrt(2 / 12), mean: 0 });
  expect(one("2 * xavier_uniform(fan_in: 12)")).toEqual({
    kind: "uniform",
    low: -2 * Math.sqrt(6 / 20),
    high: 2 * Math.sqrt(6 / 20),
  });
  expect(one("2 * he_normal")).toEqual({ kind: "normal", deviation: 2 * Math.sqrt(0.5), mean: 0 });
  expect(one("offer(he_normal, fan_in: 8)")).toEqual({ kind: "he_normal", fanIn: 8, fanOut: 8 });
  expect(one("2 * sinusoids(50)")).toEqual({ kind: "sinusoids", base: 50, width: 8, gain: 2 });
  expect(one("0.25 * ones")).toEqual({ kind: "constant", value: 0.25 });
  const codes = (init: string) =>
    diagnose(
      `model m(d = 2) { input x[t, d] : real\n param w[d] ~ ${init}\n y[i, c] = x[i, c] * w[c]\n output y = y }`,
    ).codes;
  expect([codes("normal"), codes("normal(wide: 1)"), codes("nomal(1)"), codes("d"), codes("mlp")]).toEqual([
    ["TFM2003"],
    ["TFM2002"],
    ["TFM2001"],
    ["TFM2006"],
    ["TFM2006"],
  ]);
});

test("an own name hides no initial values", () => {
  const text =
    "model m(normal = 3) { input x[t, 4] : real\n param w[4, 4] ~ normal(0.1)\n y[i, n] = normal * x[i, m] * w[m, n]\n output y = y }";
  expect(starts(text)["w"]).toEqual({ kind: "normal", deviation: 0.1, mean: 0 });
});

test("`as _` gives a block its caller's path", () => {
  const wrapped = "block wrapped(x[t, d]) {\n  y = layer_norm(x)\n  return linear(y, d) as _\n}";
  expect(Object.keys(shapes(body("  y = layer_norm(wrapped(x) as _)", wrapped)))).toEqual([
    "layer_norm.gain",
    "layer_norm.bias",
    "w",
    "b",
    "layer_norm_2.gain",
    "layer_norm_2.bias",
  ]);
  expect(Object.keys(shapes(body("  repeat 2 { x = wrapped(x) as _ }\n  y = x", wrapped)))).toContain(
    "repeat.1.w",
  );
  expect(diagnose(body("  y = linear(linear(x, d) as _, d) as _")).codes).toEqual(["TFM2004"]);
});

test("what a turn leaves alone is not carried", () => {
  const text = (second: string): string =>
    body(`  y = x\n  z = 2 * x\n  repeat 3 {\n    y = y + z\n    z = ${second}\n  }`);
  const carries = (source: string): unknown =>
    /"carries":(\d)/.exec(JSON.stringify(built(source).forward))?.[1];
  expect([carries(text("z")), carries(text("z + y"))]).toEqual(["1", "2"]);
});
