/** Mistakes and what is said about them: one sample per code; samples/errors.txt shows the rendered text. */
import { expect, test } from "vitest";
import { applyFix } from "../../compiler/diagnostics.js";
import { countingBuilder } from "../support/work.js";
import { diagnose } from "./support.js";

const frame = (body: string, parameters = ""): string =>
  `model m${parameters} {\n  input x[t, 4] : real\n  input ids[t] : int(4)\n  ${body.replaceAll("\n", "\n  ")}\n  output y = y\n}\n`;

/** Name → codes, text. */
const samples: readonly [string, readonly string[], string][] = [
  ["unknown name", ["TFM2001"], frame("y = layer_nrom(x)")],
  ["unknown reduction", ["TFM2001"], frame("y[i] = summ[c](x[i, c])")],
  ["unknown initializer", ["TFM2001"], frame("param w[4] ~ nromal(1)\ny[i, c] = x[i, c] * w[c]")],
  ["unknown argument", ["TFM2002"], frame("y = mlp(x, hiden: 16)")],
  ["too many arguments", ["TFM2002"], frame("y = relu(x, 2)")],
  ["missing argument", ["TFM2003"], frame("y = mlp(x)")],
  ["missing parameter of the model", ["TFM2003"], frame("y = linear(x, n)", "(n)")],
  ["a name twice", ["TFM2004"], frame("param w[4] ~ ones\nparam w[4] ~ ones\ny[i, c] = x[i, c] * w[c]")],
  ["two parameters of one name", ["TFM2004"], frame("y = x + n", "(n = 4, n = 5)")],
  ["a size as an index", ["TFM2004"], frame("y[t, c] = x[t, c]")],
  ["not callable", ["TFM2005"], frame("h = 4\ny = h(x)")],
  ["a tensor as a count", ["TFM2006"], frame("y = x\nrepeat x { y = y + x }")],
  ["a length as a parameter's size", ["TFM2006"], frame("param w[t] ~ ones\ny[i, c] = x[i, c] * w[i]")],
  ["a truth value as a number", ["TFM2006"], frame("y[i, c] = x[i, c] * (c > 1)")],
  [
    "no case",
    ["TFM2006"],
    frame("match norm_at { pre { y = x } post { y = relu(x) } }", "(norm_at = middle)"),
  ],
  ["unused parameter", ["TFM2007"], frame("param w[4] ~ ones\ny = x")],
  [
    "unused argument of a block",
    ["TFM2007"],
    `block f(x[t, d], heads) { return x }\n${frame("y = f(x, 2)")}`,
  ],
  ["not summed", ["TFM2008"], frame("y[i] = x[i, c]")],
  ["summed inside parentheses", ["TFM2008"], frame("param w[4] ~ ones\ny[i] = x[i, 0] + (x[i, c] + w[c])")],
  ["no range", ["TFM2008"], frame("y[i, k] = x[i, 0]")],
  ["where outside a reduction", ["TFM2009"], frame("y[i, c] = x[i, c] where i > 0")],
  ["unknown setting", ["TFM2010"], frame("y = x\nloss sum[i, c](x[i, c])\ntrain { lerning = 1 }")],
  [
    "unknown schedule",
    ["TFM2010"],
    frame("y = x\nloss sum[i, c](x[i, c])\ntrain { schedule = cosin(warmup: 3) }"),
  ],
  ["import that is not there", ["TFM2011"], `import "layers.tfm"\n${frame("y = x")}`],
  ["recursion", ["TFM2012"], `block f(x[t, d]) { return f(x) }\n${frame("y = f(x)")}`],
  ["no model", ["TFM2013"], "block f(x[t, d]) { return x }\n"],
  ["heads that do not divide", ["TFM3001"], frame("y = attention(x, heads)", "(heads = 3)")],
  ["shapes that do not match", ["TFM3002"], frame("param w[4] ~ ones\ny = x + w")],
  ["one index over two sizes", ["TFM3002"], frame("param w[5] ~ ones\ny[i, c] = x[i, c] * w[c]")],
  [
    "two arguments of unequal axes",
    ["TFM3002"],
    `block f(x[t, d], z[t, d]) { return x + z }\n${frame("param w[4, 5] ~ ones\ny = f(x, w)")}`,
  ],
  ["a carried tensor that changes its shape", ["TFM3002"], frame("y = x\nrepeat 3 { y = linear(y, 5) }")],
  ["too few indices", ["TFM3003"], frame("y[i] = x[i] * 2")],
  ["out of range", ["TFM3004"], frame("y[i, c] = x[i - 1, c]")],
  ["a constant out of range", ["TFM3004"], frame("y[i] = x[i, 4]")],
  ["ids beyond the table", ["TFM3004"], frame("use e = embedding(3, 4)\ny = e(ids)")],
  [
    "a size that is no whole number",
    ["TFM3001"],
    frame("param w[n / 3] ~ ones\ny[i, c] = x[i, c] * w[c]", "(n = 4)"),
  ],
  [
    "a size that is not positive",
    ["TFM3005"],
    frame("param w[n] ~ ones\ny[i, c] = x[i, c] * w[c]", "(n = 0)"),
  ],
  [
    "too many turns",
    ["TFM4001"],
    frame("y = x\nrepeat layers { y = linear(y, 4) }", "(layers = 1000000000)"),
  ],
  ["too many parameters", ["TFM4001"], frame("y = linear(linear(x, d), 4)", "(d = 1000000000000)")],
  [
    "too many parameters in all",
    ["TFM4001"],
    frame("y = x\nrepeat 4000 { y = linear(linear(y, 100000000), 4) }"),
  ],
];

test.each(samples)("%s", (_, codes, text) => {
  const { builder, asked } = countingBuilder();
  expect(diagnose(text, { builder }).codes).toEqual(codes);
  expect(asked()).toBeLessThan(5000);
});

test("as they are shown", async () => {
  const shown = samples
    .map(([name, , text]) => `=== ${name}\n${text}---\n${diagnose(text).rendered.join("\n")}\n`)
    .join("\n");
  await expect(shown).toMatchFileSnapshot("./samples/errors.txt");
});

test("every proposed change mends its mistake", () => {
  const fixes = samples.flatMap(([name, , text]) =>
    diagnose(text).diagnostics.flatMap(({ fix }) => (fix ? [{ name, text, fix }] : [])),
  );
  expect(fixes.length).toBeGreaterThanOrEqual(4);
  for (const { name, text, fix } of fixes) expect(diagnose(applyFix(text, fix)).rendered, name).toEqual([]);
});

test("three independent mistakes are three diagnostics, and nothing follows from them", () => {
  const text = frame(
    "a = layer_nrom(x)\nb = a + a\nc = mlp(b, hiden: 3)\nd[i] = x[i, k]\ne = d * 2\nx2 = attention(x, 3)\ny = x2 + c",
  );
  expect(diagnose(text).codes).toEqual(["TFM2001", "TFM2008", "TFM3001"]);
});

test("an import that goes in a circle", () => {
  const files = { "a.tfm": 'import "b.tfm"\n', "b.tfm": 'import "a.tfm"\n' };
  expect(diagnose(`import "a.tfm"\n${frame("y = x")}`, { files }).codes).toEqual(["TFM2011"]);
});

test("settings that are not there", () => {
  const text = frame("y = linear(x, width)", "(width = 4)");
  expect(diagnose(text, { settings: { widht: 5 } }).rendered[0]).toContain("Did you mean `width`?");
  expect(diagnose(text, { settings: { "train.lrr": 5 } }).codes).toEqual(["TFM2002"]);
  expect(diagnose(text, { entry: "n" }).codes).toEqual(["TFM2013"]);
});

test("what the library refuses is shown at the user's line", () => {
  const [diagnostic] = diagnose(frame("y = attention(x, heads)", "(heads = 3)")).diagnostics;
  expect(diagnostic!.span.file).toBe("m.tfm");
  expect(diagnostic!.related.map(({ span }) => span.file)).toContain("tfmc/library/attention.tfm");
});
