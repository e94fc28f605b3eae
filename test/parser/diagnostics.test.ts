/** The catalogue, nearest names and places in a text. */
import { describe, expect, test } from "vitest";
import type { CatalogueEntry } from "../../compiler/diagnostics.js";
import {
  catalogue,
  diagnostic,
  explain,
  fileSpan,
  lineColumn,
  renderDiagnostic,
} from "../../compiler/diagnostics.js";
import { distance, nearest } from "../../compiler/nearest.js";
import { read as readModel } from "../../compiler/parser/read.js";

test("distance counts edits, a swap of neighbours as one", () => {
  expect(distance("", "abc")).toBe(3);
  expect(distance("layer_nrom", "layer_norm")).toBe(1);
  expect(distance("kitten", "sitting")).toBe(3);
  expect(distance("θ", "θθ")).toBe(1);
});

test("nearest finds the close, refuses the far", () => {
  expect(nearest("hiden", ["heads", "hidden", "head_dim"])).toBe("hidden");
  expect(nearest("Heads", ["heads"])).toBe("heads");
  expect(nearest("banana", ["heads", "hidden"])).toBeUndefined();
  expect(nearest("x", ["y", "xs"])).toBeUndefined();
});

test("lines and columns count from 1, columns in code points", () => {
  expect(lineColumn("ab\ncd", 4)).toEqual({ line: 2, column: 2 });
  expect(lineColumn("\u{1f600}x", 2)).toEqual({ line: 1, column: 2 });
  expect(lineColumn("a\n", 99)).toEqual({ line: 2, column: 1 });
});

test("related places and hints stand below, a file without a place has no frame", () => {
  const text = "heads = 5\nd = 64\n";
  const at = (start: number, end: number) => ({ file: "m.tfm", start, end });
  const d = diagnostic("TFM3001", at(10, 16), "64 does not divide by 5.", {
    related: [{ message: "`heads` was set here", span: at(0, 9) }],
    hint: "Use 4 or 8.",
  });
  expect(renderDiagnostic(d, new Map([["m.tfm", text]]))).toMatchInlineSnapshot(`
    "error TFM3001: 64 does not divide by 5.
      --> m.tfm:2:1
         |
       2 | d = 64
         | ^^^^^^
         = note: \`heads\` was set here
      --> m.tfm:1:1
         |
       1 | heads = 5
         | ---------
         = hint: Use 4 or 8."
  `);
  const whole = diagnostic("TFM4004", fileSpan("gone.tfm"), "`gone.tfm` does not exist.");
  expect(renderDiagnostic(whole, new Map([["gone.tfm", ""]]))).toBe(
    "error TFM4004: `gone.tfm` does not exist.\n  --> gone.tfm",
  );
});

describe("the catalogue", () => {
  const entries = Object.entries(catalogue) as [string, CatalogueEntry][];
  test("explains every code", () => {
    for (const [code, entry] of entries) {
      expect(code).toMatch(/^TFM[1-7]\d{3}$/);
      expect(entry.explanation.length).toBeGreaterThan(30);
      expect(explain(code)).toContain(entry.title);
    }
    expect(explain("TFM9999")).toBeUndefined();
    expect(explain("toString")).toBeUndefined();
  });
  test("shows syntax errors by examples that have them", () => {
    const shown = entries.filter(
      ([code, e]) => code.startsWith("TFM10") && e.example && !e.example.right.includes("…"),
    );
    for (const [code, { example }] of shown) {
      const isWhole = /^(import|mask|\{)/.test(example!.wrong);
      const file = example!.wrong.startsWith("{") ? "m.json" : "m.tfm";
      const wrap = (text: string) => (isWhole ? text : `model m {\n${text}\n}`);
      expect(
        readModel(wrap(example!.wrong), file).diagnostics.map((d) => d.code),
        code,
      ).toContain(code);
      expect(readModel(wrap(example!.right), file).diagnostics, code).toEqual([]);
    }
  });
});
