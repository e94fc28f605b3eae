/**
 * `.tfm` text → Model and diagnostics. Never throws; always returns a tree, without the statements that have mistakes.
 *
 *     readTfm("model m { output y = 1 }", "m.tfm")  →  { model: { file, declarations: [ … ] }, diagnostics: [] }
 */
import type { IRecognitionException } from "chevrotain";
import { EOF } from "chevrotain";
import type { Code, Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { advised } from "./advice.js";
import { arrange } from "./arrange.js";
import { TfmParser } from "./grammar.js";
import { dropHeadless } from "./heads.js";
import type { Model, Trivia } from "./model.js";
import { scan } from "./scan.js";
import * as t from "./tokens.js";
import type { DocOf } from "./tree.js";
import { declarationsOf } from "./tree.js";

export const sizeLimit = 1 << 20;
export const diagnosticLimit = 20;

/** Made once, since analysing the grammar takes longer than reading a file; setting `input` resets it. */
export const parser = new TfmParser();

export interface Read {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
}

export function readTfm(text: string, file: string): Read {
  const refusal = refuse(text, file);
  if (refusal) return { model: { file, declarations: [], trivia: [] }, diagnostics: [refusal] };
  const { declarations, trivia, diagnostics } = readDeclarations(text, file);
  return {
    model: { file, declarations, trivia: trivia() },
    diagnostics: presentable(diagnostics, text).map((d) => advised(d, text)),
  };
}

/** The declarations between two offsets, where lines begin; trivia are those that are no declaration's doc. */
export function readDeclarations(text: string, file: string, from = 0, to = text.length) {
  const scanned = scan(text, file, from, to);
  const arranged = arrange(scanned.tokens, file);
  const headed = dropHeadless(arranged.tokens, file, arranged.reported);
  const { docOf, trivia } = takeDocs([...scanned.trivia, ...marksOf(arranged.tokens, file)], text);
  const parsed = parse(headed.tokens, text, file, arranged.reported, docOf);
  const diagnostics = [
    ...scanned.diagnostics,
    ...arranged.diagnostics,
    ...headed.diagnostics,
    ...parsed.diagnostics,
  ];
  return { declarations: parsed.declarations, trivia, diagnostics };
}

/** Text that is no source at all gets one diagnostic, not one per character. */
export function refuse(text: string, file: string): Diagnostic | undefined {
  const at = (start: number) => ({ file, start, end: start + 1 });
  if (text.length > sizeLimit) {
    return diagnostic(
      "TFM4003",
      at(0),
      `The source has ${text.length} characters; ${sizeLimit} are the limit.`,
      { hint: "Split the file and `import` its parts." },
    );
  }
  // Control characters that no text editor writes, or bytes that were not UTF-8 close together.
  const binary = /(?!\s)\p{Cc}|\ufffd.{0,200}\ufffd/su.exec(text);
  return binary
    ? diagnostic("TFM4004", at(binary.index), "This is not a text file.", { hint: "Sources are UTF-8 text." })
    : undefined;
}

function parse(
  tokens: readonly t.Token[],
  text: string,
  file: string,
  reported: ReadonlySet<number>,
  docOf: DocOf,
) {
  parser.input = [...tokens];
  const cst = parser.file();
  const context = { file, diagnostics: [] as Diagnostic[] };
  const declarations = declarationsOf(cst, context, docOf);
  const errors = parser.errors.flatMap((e) => syntaxDiagnostic(e, text.length, file, reported));
  return { declarations, diagnostics: [...errors, ...context.diagnostics] };
}

/** `size` is where the text ends that the parser was given. */
export function syntaxDiagnostic(
  error: IRecognitionException,
  size: number,
  file: string,
  reported: ReadonlySet<number>,
): readonly Diagnostic[] {
  const { token, context } = error;
  const previous = "previousToken" in error ? (error.previousToken as typeof token) : undefined;
  const mended = token.image === "" && token.tokenType !== t.Separator && token.tokenType !== EOF;
  if (mended || (previous && reported.has(previous.startOffset))) return [];
  const start = Number.isFinite(token.startOffset) ? token.startOffset : size;
  const visible =
    token.tokenType === t.Separator && token.image !== ";"
      ? 1
      : Math.max(1, (token.endOffset ?? start) + 1 - start);
  const span = { file, start, end: Math.min(size, start + visible) };
  const rule = context.ruleStack.at(-1) ?? "";
  const { code, message, hint } = explainSyntax(rule, token.tokenType, previous, error.message);
  return [diagnostic(code, span, message, { hint })];
}

function explainSyntax(
  rule: string,
  at: t.Token["tokenType"],
  previous: { readonly image: string; readonly tokenType: t.Token["tokenType"] } | undefined,
  message: string,
): { code: Code; message: string; hint?: string } {
  if (rule === "body" && at === t.Colon)
    return {
      code: "TFM1000",
      message,
      hint: "A model has parameters of its own or sets those of a base, `model name : base { … }`, not both.",
    };
  if (rule === "body" && at === t.LParen)
    return {
      code: "TFM1000",
      message,
      hint: "The settings of a base stand inside the braces: `model name : base { layers = 12 }`.",
    };
  if (rule === "variant" && at !== t.Name)
    return {
      code: "TFM1000",
      message,
      hint: "A variant says which model it changes: `variant post : gpt2 { norm_at = post }`.",
    };
  if (rule === "assign" && at === t.LParen)
    return {
      code: "TFM1000",
      message,
      hint: "A call alone is no statement; give its value a name: `x = …`.",
    };
  if (previous?.tokenType === t.Star && at === t.Star)
    return { code: "TFM1000", message, hint: "Power is written `^`." };
  return { code: "TFM1000", message };
}

/** In reading order, one per place, and no more than a person reads. */
export function presentable(diagnostics: readonly Diagnostic[], text: string): readonly Diagnostic[] {
  const seen = new Set<number>();
  const sorted = [...diagnostics].sort((a, b) => a.span.start - b.span.start);
  return sorted
    .filter((d, i) => !seen.has(d.span.start) && seen.add(d.span.start) && !follows(d, sorted[i - 1], text))
    .slice(0, diagnosticLimit);
}

/** Whether a syntax error is but the echo of the mistake before it: a dropped character, a bracket closed too late. */
function follows(d: Diagnostic, before: Diagnostic | undefined, text: string): boolean {
  if (before === undefined) return false;
  const apart = text.slice(before.span.end, d.span.start).includes("\n");
  // The bracket that a dropped statement opened.
  if (d.code === "TFM1002" && before.code === "TFM1000") return !apart && ")]".includes(text[d.span.start]!);
  if (d.code !== "TFM1000") return false;
  if (before.code === "TFM1001") return text.slice(before.span.end, d.span.start).trim() === "";
  const isBracket = before.code === "TFM1002" && "([".includes(text[before.span.start]!);
  return isBracket && !apart;
}

/** Where a body ends and the next begins, which the tree does not say. */
function marksOf(tokens: readonly t.Token[], file: string): readonly Trivia[] {
  return tokens.flatMap((token, i): readonly Trivia[] => {
    const before = tokens[i - 1];
    const kind =
      token.tokenType === t.Else && before?.tokenType === t.RBrace
        ? "else"
        : token.tokenType === t.LBrace && before?.tokenType === t.RParen
          ? "open"
          : undefined;
    const span = { file, start: before?.startOffset ?? 0, end: token.endOffset + 1 };
    return kind ? [{ kind, span }] : [];
  });
}

/** Comments on lines of their own right above a declaration become its doc and leave the trivia. */
function takeDocs(
  trivia: readonly Trivia[],
  text: string,
): { readonly docOf: DocOf; readonly trivia: () => readonly Trivia[] } {
  const taken = new Set<Trivia>();
  const byEnd = new Map(
    trivia.flatMap((x) => (x.kind === "comment" && !x.trailing ? [[x.span.end, x] as const] : [])),
  );
  const docOf = (start: number): string => {
    const above: Trivia[] = [];
    const lines: string[] = [];
    for (let at = start; ; ) {
      const gap = /\r?\n[ \t]*$/.exec(text.slice(Math.max(0, at - 200), at));
      const comment = gap && byEnd.get(at - gap[0].length);
      if (!comment || taken.has(comment)) break;
      lines.unshift(comment.text);
      above.push(comment);
      at = comment.span.start;
    }
    const doc = lines.join("\n");
    // A lone `#` says nothing, so it is a comment and no doc.
    if (doc !== "") for (const comment of above) taken.add(comment);
    return doc;
  };
  const inOrder = (a: Trivia, b: Trivia): number => a.span.start - b.span.start;
  return { docOf, trivia: () => trivia.filter((x) => !taken.has(x)).sort(inOrder) };
}
