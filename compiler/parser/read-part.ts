/**
 * A piece of `.tfm` inside a string of JSON → its concrete tree, with spans in the JSON file.
 *
 *     "4 * d"   →  expression{ 4 * d }
 *     "x[t, d]" →  parameter{ x, axes{ t, d } }
 *
 * Offsets are mapped on the tokens, before the grammar sees them, so that trees and diagnostics need no mapping.
 */
import type { CstNode } from "chevrotain";
import { EOF } from "chevrotain";
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { arrange } from "./arrange.js";
import type { JsonString } from "./json/node.js";
import { placesOf } from "./json/node.js";
import type { Span } from "./model.js";
import { parser, syntaxDiagnostic } from "./read-tfm.js";
import { scan } from "./scan.js";
import * as t from "./tokens.js";
import type { Context } from "./tree-expressions.js";

/** After this many no more pieces are read: nobody reads more diagnostics, and each costs. */
const mistakeLimit = 50;

export type Part = "expression" | "parameter" | "entry";

/** Undefined where the piece has mistakes; they are in the context then. */
export function readPart(part: Part, string: JsonString, c: Context): CstNode | undefined {
  if (c.diagnostics.length >= mistakeLimit) return undefined;
  const tokens = tokensOf(string, c);
  if (tokens === undefined) return undefined;
  parser.input = [...tokens];
  const tree = parser[part]();
  const [error] = parser.errors;
  if (error === undefined) return tree;
  c.diagnostics.push(...syntaxDiagnostic(error, string.span.end + 1, c.file, new Set()));
  return undefined;
}

function tokensOf(string: JsonString, c: Context): readonly t.Token[] | undefined {
  const scanned = scan(string.value, c.file);
  const place = placesOf(string);
  const mapped = (span: Span): Span => ({ file: c.file, start: place(span.start), end: place(span.end) });
  const moved = (token: t.Token): t.Token => ({
    ...token,
    startOffset: place(token.startOffset),
    endOffset: place(token.endOffset + 1) - 1,
  });
  const comment = scanned.trivia.find(({ kind }) => kind === "comment");
  // A newline ends no statement here.
  const tokens = scanned.tokens.filter((x) => x.tokenType !== t.Separator || x.image === ";").map(moved);
  const arranged = arrange(tokens, c.file, true);
  const found = [
    ...scanned.diagnostics.map((d) => move(d, mapped)),
    ...(comment ? [commentInside(mapped(comment.span))] : []),
    ...arranged.diagnostics,
  ];
  c.diagnostics.push(...found);
  const { end } = string.span;
  return found.length > 0
    ? undefined
    : [...arranged.tokens, t.makeToken(EOF, "the end of the string", end, end + 1)];
}

function move(d: Diagnostic, mapped: (span: Span) => Span): Diagnostic {
  const fix = d.fix && { ...d.fix, span: mapped(d.fix.span), replacement: escaped(d.fix.replacement) };
  return { ...d, span: mapped(d.span), fix };
}

/** As it stands between the quotes of JSON. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

const commentInside = (span: Span): Diagnostic =>
  diagnostic("TFM1101", span, "A comment stands in no string of JSON.", {
    hint: 'A model, block, mask or score may have a `"doc"`.',
  });
