/** Carets stand under what they speak of, whatever stands before it. Read the snapshots in a terminal. */
import { expect, test } from "vitest";
import { diagnostic, editorPosition, renderDiagnostic } from "../../compiler/diagnostics.js";

/** The diagnostic of the part between `«` and `»`. */
function shown(marked: string): string {
  const start = marked.indexOf("«");
  const end = marked.indexOf("»") - 1;
  const text = marked.replace("«", "").replace("»", "");
  const d = diagnostic("TFM1000", { file: "m.tfm", start, end }, "Here.");
  return `\n${renderDiagnostic(d, new Map([["m.tfm", text]]))}\n`;
}

test("tabs are expanded to stops of four", () => {
  expect(shown("model m {\n\tx =\t«abc» + y\n}\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:6
         |
       2 |     x = abc + y
         |         ^^^
    "
  `);
});

test("wide characters take two columns", () => {
  expect(shown("model m {\n  漢字 = «かな» + 한글\n}\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:8
         |
       2 |   漢字 = かな + 한글
         |          ^^^^
    "
  `);
});

test("emoji are one character each, however many code points they have", () => {
  expect(shown("# ok ✅ ☕ 👩‍👩‍👧 🇩🇪 👍🏽 ❤️ «$» b\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:25
         |
       1 | # ok ✅ ☕ 👩‍👩‍👧 🇩🇪 👍🏽 ❤️ $ b
         |                        ^
    "
  `);
});

test("combining marks take no column", () => {
  expect(shown("  e\u0301 + o\u0308\u0304 + «x\u0302y» + z\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:14
         |
       1 |   é + ȫ + x̂y + z
         |           ^^
    "
  `);
});

test("what would move the cursor is shown as a point", () => {
  expect(shown("a\u0007b\u202ec\u2028d «$» e\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:9
         |
       1 | a·b·c·d $ e
         |         ^
    "
  `);
});

test("a long line is cut around the caret, between characters", () => {
  const long = (n: number) => Array.from({ length: n }, (_, k) => `漢${k}`).join(" + ");
  expect(shown(`x = ${long(40)} + «here» + ${long(40)}\n`)).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:235
         |
       1 | … + 漢32 + 漢33 + 漢34 + 漢35 + 漢36 + 漢37 + 漢38 + 漢39 + here + 漢0 + 漢1 + 漢2 + 漢3 + 漢4 + 漢5 + 漢6 + 漢7 + 漢8 …
         |                                                             ^^^^
    "
  `);
  expect(shown(`x = «here» + ${long(40)}\n`)).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:5
         |
       1 | x = here + 漢0 + 漢1 + 漢2 + 漢3 + 漢4 + 漢5 + 漢6 + 漢7 + 漢8 + 漢9 + 漢10 + 漢11 + 漢12 + 漢13 + 漢14 + 漢15 + 漢16 …
         |     ^^^^
    "
  `);
  expect(shown(`x = ${long(40)} + «here»\n`)).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:235
         |
       1 | …+ 漢24 + 漢25 + 漢26 + 漢27 + 漢28 + 漢29 + 漢30 + 漢31 + 漢32 + 漢33 + 漢34 + 漢35 + 漢36 + 漢37 + 漢38 + 漢39 + here
         |                                                                                                                    ^^^^
    "
  `);
  expect(shown(`x = «${long(80)}»\n`)).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:5
         |
       1 | x = 漢0 + 漢1 + 漢2 + 漢3 + 漢4 + 漢5 + 漢6 + 漢7 + 漢8 + 漢9 + 漢10 + 漢11 + 漢12 + 漢13 + 漢14 + 漢15 + 漢16 + 漢17 …
         |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "
  `);
});

test("of a line without end only the surroundings are looked at", () => {
  expect(shown(`x = ${"👍".repeat(400)}«$»${"é".repeat(90_000)}\n`)).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:405
         |
       1 | …👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍$ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…
         |                                                            ^
    "
  `);
});

test("the end of a line that ends in CR LF, and the end of the file", () => {
  expect(shown("model m {\r\n  x =«\r»\n}\r\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:6
         |
       2 |   x =
         |      ^
    "
  `);
  expect(shown("model m {\n  x = 1«»")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:8
         |
       2 |   x = 1
         |        ^
    "
  `);
  expect(shown("model m {\n  x = 1\n«»")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:3:1
         |
       3 |
         | ^
    "
  `);
});

test("a span over several lines shows its first and says where it ends", () => {
  expect(shown("model m {\n  x = «f(a,\n    b,\n    c)»\n}\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:7
         |
       2 |   x = f(a,
         |       ^^^^ … to line 4
    "
  `);
  expect(shown("model m {\r\n  x = «f(a)\r\n»}\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:2:7
         |
       2 |   x = f(a)
         |       ^^^^
    "
  `);
  expect(shown("«\nx»\n")).toMatchInlineSnapshot(`
    "
    error TFM1000: Here.
      --> m.tfm:1:1
         |
       1 |
         | ^ … to line 2
    "
  `);
});

test("editors count UTF-16 units", () => {
  expect(editorPosition("ab\n\u{1f600}x", 5)).toEqual({ line: 2, column: 3 });
  expect(editorPosition("\n", 0)).toEqual({ line: 1, column: 1 });
  expect(editorPosition("a\n", 9)).toEqual({ line: 2, column: 1 });
});
