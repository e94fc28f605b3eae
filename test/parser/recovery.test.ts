/** Mistakes → diagnostics: one each, in order, with the rest of the file still read. */
import { describe, expect, test } from "vitest";
import { applyFix, renderDiagnostic } from "../../compiler/diagnostics.js";
import { diagnosticLimit, readTfm, sizeLimit } from "../../compiler/parser/read-tfm.js";
import { countParsing } from "../support/work.js";

const codes = (text: string) => readTfm(text, "m.tfm").diagnostics.map((d) => d.code);
const body = (statement: string) => `model m {\n  a = 1\n  ${statement}\n  z = 2\n}\n`;

/** Statement with one mistake → its code and message; the statements around it stay in the tree. */
const mistakes: readonly (readonly [statement: string, code: string, message: string])[] = [
  ["x = a b", "TFM1000", "Expected the end of the statement, found `b`."],
  ["x = a + * b", "TFM1000", "Expected an expression, found `*`."],
  ["x =", "TFM1000", "Expected an expression, found the end of the statement."],
  ["x[i = 2", "TFM1002", "`[` is not closed."],
  ["f(x)", "TFM1000", "Expected `=`, `+=` or `*=`, found `(`."],
  ["3 = x", "TFM1000", "A statement cannot start with `3`."],
  ["x = f(a, , b)", "TFM1000", "Expected an expression, found `,`."],
  ["x = f(a b)", "TFM1000", "Expected `)`, found `b`."],
  ["x = if a then b", "TFM1000", "Expected `else`, found the end of the statement."],
  ["repeat { x = 1 }", "TFM1000", "Expected an expression, found `{`."],
  ["repeat 2 x = 1", "TFM1000", "Expected `{`, found `x`."],
  ["output x", "TFM1000", "Expected `=`, found the end of the statement."],
  ["input t[n] int(3)", "TFM1000", "Expected `:`, found `int`."],
  ["if a = b { x = 1 }", "TFM1000", "Expected `{`, found `=`."],
  ["x = a $ b", "TFM1001", "`$` is not part of the language."],
  ["x = f(a))", "TFM1002", "`)` closes nothing."],
  ["x = f(g(a)", "TFM1002", "`(` is not closed."],
  ["x = [1, 2", "TFM1002", "`[` is not closed."],
  ["x = f([1, 2)", "TFM1002", "`[` is not closed."],
  ['x = f("abc)', "TFM1003", 'The string is not closed by `"` on its line.'],
  ['x = f("a\\q")', "TFM1003", "`\\q` is not an escape."],
  ["repaet 2 { x = 1 }", "TFM1004", "`repaet` starts no statement."],
  ["outptu x = 1", "TFM1004", "`outptu` starts no statement."],
  ["los f(x)", "TFM1004", "`los` starts no statement."],
  ["trian { batch = 2 }", "TFM1004", "`trian` starts no statement."],
  ["foo bar = 1", "TFM1004", "`foo` starts no statement."],
  ["x = 50_257", "TFM1005", "`50_257` is not a number."],
  ["x = 2x", "TFM1005", "`2x` is not a number."],
  ["x = 1e999", "TFM1005", "`1e999` is larger than any number here."],
  ["x = a ** 2", "TFM1006", "`**` is not an operator here."],
  ["x = a && b", "TFM1006", "`&&` is not an operator here."],
  ["x = a < b < c", "TFM1007", "Comparisons do not chain: `<` and `<` stand side by side."],
  ["use x = table", "TFM1008", "`use` makes an instance, so a call of a block stands here."],
  ["input x : float", "TFM1008", "`float` is no element type."],
  ["scan i over t { y = 1 }", "TFM1010", "`scan` is not in this version of the language."],
  ["each e in experts { y = 1 }", "TFM1010", "`each` is not in this version of the language."],
];

describe("a mistake is told in its own place", () => {
  test.each(mistakes)("%s", (statement, code, message) => {
    const { diagnostics } = readTfm(body(statement), "m.tfm");
    expect(diagnostics.map((d) => d.code).slice(0, 1)).toEqual([code]);
    expect(diagnostics[0]?.message).toBe(message);
    expect(diagnostics.length, diagnostics.map((d) => d.message).join("\n")).toBe(1);
  });
});

test("the statements around a mistake are read", () => {
  for (const [statement] of mistakes) {
    const { model } = readTfm(body(statement), "m.tfm");
    const [declaration] = model.declarations;
    const targets =
      declaration?.kind === "model"
        ? declaration.body.map((s) => (s.kind === "assign" ? s.target.text : s.kind))
        : [];
    expect(targets[0], statement).toBe("a");
    expect(targets.at(-1), statement).toBe("z");
  }
});

test("three mistakes, three diagnostics", () => {
  const text = `modle gpt(d = 64) {
  x = mlp(layer_norm(x)
  y = x + * 2
  output logits = y
}
`;
  expect(codes(text)).toEqual(["TFM1004", "TFM1002", "TFM1000"]);
  const inBlocks = `block f(x) {
  y = x +
}
mask m(i, j) = i <
block g(x) {
  repeat 2 { z = 1 1 }
  return z
}
`;
  expect(codes(inBlocks)).toHaveLength(3);
});

test("a forgotten brace is told once, and the next declaration is read", () => {
  const { model, diagnostics } = readTfm(
    "model a {\n  repeat 2 {\n    x = 1\n}\n\nblock b(x) { return x }\nmask c(i) = i\n",
    "m.tfm",
  );
  expect(diagnostics.map((d) => d.code)).toEqual(["TFM1002"]);
  expect(model.declarations.map((d) => d.kind)).toEqual(["model", "block", "mask"]);
});

/** A file in config form with one mistake → its code, message and hint. */
const inConfigForm: readonly (readonly [text: string, code: string, says: string])[] = [
  [
    "model m(a = 1) : decoder { x = 1 }",
    "TFM1000",
    "A model has parameters of its own or sets those of a base",
  ],
  ["model m : decoder(layers: 2) { x = 1 }", "TFM1000", "The settings of a base stand inside the braces"],
  ["model m : { x = 1 }", "TFM1000", "Expected a name, found `{`."],
  ["variant m { x = 1 }", "TFM1000", "A variant says which model it changes"],
  ["variant m(a = 1) : b { x = 1 }", "TFM1000", "A variant says which model it changes"],
  ["varaint m : b { x = 1 }", "TFM1004", "`varaint` starts no declaration."],
  ["model m : decoder { x = }", "TFM1000", "Expected an expression"],
  ["model m : decoder {\n  x = 1\n", "TFM1002", "`{` is not closed."],
  ["model m {\n  variant a : b { x = 1 }\n}", "TFM1000", "A statement cannot start with `variant`."],
];

test.each(inConfigForm)("config form: %s", (text, code, says) => {
  const { model, diagnostics } = readTfm(`${text}\nvariant after : m { variant = 2 }\n`, "m.tfm");
  expect(diagnostics.map((d) => d.code)).toEqual([code]);
  expect(`${diagnostics[0]!.message} ${diagnostics[0]!.hint}`).toContain(says);
  expect(model.declarations.at(-1)).toMatchObject({ kind: "model", variant: true, name: { text: "after" } });
});

test("keywords are names where no statement starts with them", () => {
  const text = `model model(loss = 1, state = 2, table = 3) {
  param = loss
  use = state[i]
  x = score(mask: mask, if_: repeat) + output.input + train
  score[i] = table[i]
  repeat shared { x = shared }
  match train { train { x = 1 } loss { x = 2 } }
}
`;
  expect(codes(text)).toEqual([]);
});

test("newlines end statements but not inside brackets or after operators", () => {
  expect(codes("law l: f(a,\n\n  b\n)\nlaw k: a +\n  b\nlaw j: if a\n  then b\n  else c\n")).toEqual([]);
  expect(codes("model m {\r\n  x = 1; y = 2;\r\n\r\n  ; z = 3 }\r\n")).toEqual([]);
  expect(codes("\ufeffmodel m { x = 1 }")).toEqual([]);
});

test("what a diagnostic proposes reads without a mistake", () => {
  for (const [statement] of mistakes) {
    const text = body(statement);
    const { diagnostics } = readTfm(text, "m.tfm");
    const fixes = diagnostics.flatMap((d) => (d.fix ? [d.fix] : []));
    const mended = fixes.reduceRight((now, fix) => applyFix(now, fix), text);
    if (fixes.length === diagnostics.length) expect(codes(mended), mended).toEqual([]);
  }
});

describe("limits", () => {
  /** The codes, found in a number of steps that grows as the text does. */
  const quickly = (text: string) => {
    const { result, work } = countParsing(() => codes(text));
    expect(work).toBeLessThan(10 * text.length + 100);
    return result;
  };
  test("brackets", () => {
    expect(quickly(`law l: ${"(".repeat(100_000)}`)).toEqual(["TFM4002"]);
    expect(quickly(`law l: ${"[".repeat(100_000)}`)).toEqual(["TFM4002"]);
    expect(quickly("model m {".repeat(10_000))).toHaveLength(1);
    expect(quickly(`law l: ${"(".repeat(200)}1${")".repeat(200)}`)).toEqual([]);
  });
  test("chains of operators", () => {
    for (const link of ["1 + ", "- ", "not ", "1 ^ ", "if a then ", "if a then 1 else "]) {
      expect(quickly(`law l: ${link.repeat(20_000)} 1`), link).toEqual(["TFM4002"]);
    }
    expect(quickly(`law l: x${".y".repeat(20_000)}`)).toEqual(["TFM4002"]);
    expect(quickly(`law l: x${"(y)".repeat(20_000)}`)).toEqual(["TFM4002"]);
    expect(quickly(`law l: 1${" + 1".repeat(900)}`)).toEqual([]);
    expect(quickly(`law l: [${"-1, ".repeat(5000)}]`)).toEqual([]);
  });
  test("size and bytes", () => {
    expect(quickly("x".repeat(sizeLimit + 1))).toEqual(["TFM4003"]);
    expect(quickly("model m { x = \0 }")).toEqual(["TFM4004"]);
    expect(
      quickly(Buffer.from(Uint8Array.from({ length: 5000 }, (_, i) => (i * 193) % 251)).toString()),
    ).toEqual(["TFM4004"]);
    expect(quickly("$ ".repeat(5000)).length).toBeLessThanOrEqual(diagnosticLimit);
    expect(quickly("law l: 1 2\n".repeat(5000))).toHaveLength(diagnosticLimit);
  });
});

test("a diagnostic shows the line, with carets under what it speaks of", () => {
  const text = "model m {\n\tx = 漢字 + é\u0301 $ b\n}\n";
  const { diagnostics } = readTfm(text, "dir/m.tfm");
  expect(renderDiagnostic(diagnostics[0]!, new Map([["dir/m.tfm", text]]))).toMatchInlineSnapshot(`
    "error TFM1001: \`$\` is not part of the language.
      --> dir/m.tfm:2:14
         |
       2 |     x = 漢字 + é́ $ b
         |                  ^"
  `);
  const misspelt = "modle m {\n}\n";
  const [first] = readTfm(misspelt, "m.tfm").diagnostics;
  expect(renderDiagnostic(first!, new Map([["m.tfm", misspelt]]))).toMatchInlineSnapshot(`
    "error TFM1004: \`modle\` starts no declaration.
      --> m.tfm:1:1
         |
       1 | modle m {
         | ^^^^^
         = fix: Write \`model\`."
  `);
  expect(renderDiagnostic(first!, new Map(), { color: true })).toContain(
    "\u001b[1;31merror TFM1004\u001b[0m",
  );
});
