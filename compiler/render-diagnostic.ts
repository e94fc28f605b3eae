/**
 * Diagnostic + sources → the text a person reads.
 *
 *     error TFM2001: `layer_nrom` is not a name here.
 *       --> nano.tfm:7:9
 *        |
 *      7 |     x = layer_nrom(x)
 *        |         ^^^^^^^^^^
 *        = hint: Did you mean `layer_norm`?
 */
import type { Diagnostic } from "./diagnostics.js";
import type { Span } from "./parser/model.js";

export interface RenderOptions {
  readonly color?: boolean;
}

/** One-based line and column of an offset; the column counts code points, a tab is one. */
export function lineColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, Math.min(offset, text.length));
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at >= 0; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: [...before.slice(lineStart)].length + 1 };
}

const tabWidth = 4;
/** Lines longer than this are shown as a window around the caret. */
const frameWidth = 160;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const zeroWidth = /^[\p{M}\p{Cf}\u200b]$/u;
const wide =
  /^[\u1100-\u115f\u231a\u231b\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns that one grapheme takes in a terminal (East Asian wide and emoji 2, combining marks none). */
function graphemeWidth(grapheme: string): number {
  if (zeroWidth.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes("\ufe0f") ? 2 : 1;
}

/** The line as printed (tabs expanded, controls shown as `·`) and the column at which each offset of it stands. */
function layoutLine(line: string): { readonly shown: string; readonly columns: readonly number[] } {
  let shown = "";
  let column = 0;
  const columns: number[] = [];
  for (const { segment } of segmenter.segment(line)) {
    for (let k = 0; k < segment.length; k++) columns.push(column);
    const visible =
      segment === "\t"
        ? " ".repeat(tabWidth - (column % tabWidth))
        : segment.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "·");
    column += segment === "\t" ? visible.length : graphemeWidth(visible);
    shown += visible;
  }
  columns.push(column);
  return { shown, columns };
}

interface Paint {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

function paint(color: boolean): Paint {
  const wrap = (on: string) => (text: string) => (color ? `\u001b[${on}m${text}\u001b[0m` : text);
  return { error: wrap("1;31"), warning: wrap("1;33"), strong: wrap("1"), faint: wrap("36") };
}

function window(line: string, from: number): { readonly line: string; readonly cut: number } {
  if (line.length <= frameWidth) return { line, cut: 0 };
  const cut = Math.max(0, Math.min(from - frameWidth / 2, line.length - frameWidth));
  return { line: line.slice(cut, cut + frameWidth), cut };
}

/** `--> file:line:column` and, where the source is at hand, the line with carets under the span. */
function frame(
  span: Span,
  sources: ReadonlyMap<string, string>,
  mark: string,
  p: Paint,
  tint: (text: string) => string,
): string[] {
  const text = sources.get(span.file);
  if (text === undefined || (span.start === 0 && span.end === 0)) return [`  ${p.faint("-->")} ${span.file}`];
  const { line, column } = lineColumn(text, span.start);
  const start = text.lastIndexOf("\n", span.start - 1) + 1;
  const newline = text.indexOf("\n", start);
  const end = newline < 0 ? text.length : newline;
  const whole = text.slice(start, end).replace(/\r$/, "");
  const { line: shownPart, cut } = window(whole, span.start - start);
  const { shown, columns } = layoutLine(shownPart);
  const at = (offset: number) => columns[Math.max(0, Math.min(offset - start - cut, shownPart.length))]!;
  const from = at(span.start);
  const length = Math.max(1, at(Math.min(span.end, end)) - from);
  const gutter = " ".repeat(Math.max(4, String(line).length + 1));
  return [
    `  ${p.faint("-->")} ${span.file}:${line}:${column}`,
    `${gutter} ${p.faint("|")}`,
    `${p.faint(String(line).padStart(gutter.length))} ${p.faint("|")} ${shown}`.trimEnd(),
    `${gutter} ${p.faint("|")} ${" ".repeat(from)}${tint(mark.repeat(length))}`,
  ];
}

export function renderDiagnostic(
  d: Diagnostic,
  sources: ReadonlyMap<string, string>,
  options: RenderOptions = {},
): string {
  const p = paint(options.color ?? false);
  const tint = d.severity === "error" ? p.error : p.warning;
  const note = (kind: string, text: string) => `     ${p.faint("=")} ${p.strong(`${kind}:`)} ${text}`;
  return [
    `${tint(`${d.severity} ${d.code}`)}: ${p.strong(d.message)}`,
    ...frame(d.span, sources, "^", p, tint),
    ...d.related.flatMap((r) => [note("note", r.message), ...frame(r.span, sources, "-", p, p.faint)]),
    ...(d.fix ? [note("fix", d.fix.message)] : []),
    ...(d.hint ? [note("hint", d.hint)] : []),
  ].join("\n");
}
