/** spec/language.md and the parser say the same: productions and rules, examples, limits. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { callLimit } from "../../compiler/ir/build/elaborate.js";
import { chainLimit, nestingLimit } from "../../compiler/parser/arrange.js";
import { formatModel } from "../../compiler/parser/format.js";
import { TfmParser } from "../../compiler/parser/grammar.js";
import { diagnosticLimit, readTfm, sizeLimit } from "../../compiler/parser/read-tfm.js";
import { declarationKeywords, reserved, statementKeywords } from "../../compiler/parser/tokens.js";
import { readBlocks } from "../documents.js";
import { bare, read } from "./trees.js";

const spec = readFileSync(new URL("../../spec/language.md", import.meta.url), "utf8");
const blocks = readBlocks(spec);
const grammar = blocks
  .filter((b) => b.language === "ebnf")
  .map((b) => b.text)
  .join("\n");

test("the productions are the grammar's rules, in its order", () => {
  const productions = [...grammar.matchAll(/^(\w+) += /gm)].map((m) => m[1]);
  expect(productions).toEqual(Object.keys(new TfmParser().getGAstProductions()));
});

test("a production refers to productions, tokens and words of the language", () => {
  const productions = new Set([...grammar.matchAll(/^(\w+) += /gm)].map((m) => m[1]!));
  const tokens = new Set(["Name", "Number", "String", "Separator", "Operator"]);
  const keywords = new Set([
    ...declarationKeywords.keys(),
    ...statementKeywords.keys(),
    ...reserved.keys(),
    "shared",
  ]);
  for (const [, name] of grammar.replace(/"[^"]*"/g, "").matchAll(/\b(\w+)\b/g))
    expect(productions.has(name!) || tokens.has(name!), name).toBe(true);
  for (const [, word] of grammar.matchAll(/"([a-z]+)"/g)) expect(keywords.has(word!), word).toBe(true);
});

describe("every example is read", () => {
  const examples = blocks.filter((b) => b.language === "tfm" || b.language === "tfm-part");
  test.each(examples.map((b) => [b.line, b.text] as const))("line %i", (_, text) => {
    expect(readTfm(text, "language.md").diagnostics).toEqual([]);
    expect(bare(read(formatModel(read(text))))).toEqual(bare(read(text)));
  });
});

test("the limits are the ones in force", () => {
  const cells = [...spec.matchAll(/^\| [^|]+ \| ([\d,]+)[^|]* \|/gm)].map((m) =>
    Number(m[1]!.replaceAll(",", "")),
  );
  expect(cells).toEqual([sizeLimit, nestingLimit, chainLimit, callLimit, diagnosticLimit]);
});
