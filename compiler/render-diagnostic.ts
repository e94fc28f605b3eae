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
  let line = 1;
  for (let at = before.indexOf("\n"); at >= 0; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: [...before.slice(lineStart(before, before.length))].length + 1 };
}

/** The place of an offset as editors count it: lines from 1, columns from 1 in UTF-16 units. */
export function editorPosition(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const at = Math.min(offset, text.length);
  return { line: lineColumn(text, at).line, column: at - lineStart(text, at) + 1 };
}

const lineStart = (text: string, offset: number): number =>
  offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;

const tabWidth = 4;
/** Lines wider than this are shown as a window around the caret. */
const frameWidth = 120;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const zeroWidth = /^[\p{M}\p{Cf}\u200b]$/u;
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}])/u;
/** What would move the cursor, or turn the reading order, of a terminal. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Columns that one grapheme takes in a terminal (East Asian wide and emoji 2, combining marks none). */
function graphemeWidth(grapheme: string): number {
  if (zeroWidth.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes("\ufe0f") ? 2 : 1;
}

/** One grapheme as printed: tabs expanded, controls as `·`. */
interface Cell {
  readonly shown: string;
  readonly column: number;
  readonly width: number;
}

interface Line {
  readonly cells: readonly Cell[];
  /** Whether more stands before and after it. */
  readonly cut: { readonly left: boolean; readonly right: boolean };
  /** Offset in the line → column; one more than the line has characters. */
  readonly columns: readonly number[];
}

function layOut(line: string, cut: Line["cut"]): Line {
  const cells: Cell[] = [];
  const columns: number[] = [];
  let column = 0;
  for (const { segment } of segmenter.segment(line)) {
    for (let k = 0; k < segment.length; k++) columns.push(column);
    const tab = segment === "\t" ? " ".repeat(tabWidth - (column % tabWidth)) : undefined;
    const shown = tab ?? segment.replace(unprintable, "·");
    const width = tab?.length ?? graphemeWidth(shown);
    cells.push({ shown, column, width });
    column += width;
  }
  columns.push(column);
  return { cells, columns, cut };
}

/** Finding graphemes takes long in long texts, so only this far around the caret is looked at. */
const reach = 600;

/** A range of the line around `at` that splits no pair of surrogates. */
function nearby(line: string, at: number): { readonly from: number; readonly to: number } {
  const whole = (n: number): number => (/[\udc00-\udfff]/.test(line.charAt(n)) ? n - 1 : n);
  return { from: whole(Math.max(0, at - reach)), to: whole(Math.min(line.length, at + reach)) };
}

/** The part of a line around column `from` that fits the frame, an ellipsis where it was cut, and how far it moved. */
function around(
  { cells, columns, cut }: Line,
  from: number,
): { readonly shown: string; readonly moved: number } {
  const width = columns.at(-1)!;
  if (width <= frameWidth && !cut.left && !cut.right)
    return { shown: cells.map(({ shown }) => shown).join(""), moved: 0 };
  const room = frameWidth - 2;
  const wanted = Math.max(0, Math.min(from - Math.floor(room / 2), width - room));
  const first = cells.find(({ column }) => column >= wanted)?.column ?? 0;
  const seen = cells.filter((cell) => cell.column >= first && cell.column + cell.width <= first + room);
  const left = first > 0 || cut.left ? "…" : "";
  const right = first + room < width || cut.right ? "…" : "";
  return { shown: left + seen.map(({ shown }) => shown).join("") + right, moved: left.length - first };
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

/** `--> file:line:column` and, where the source is at hand, the first line of the span with carets under it. */
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
  const start = lineStart(text, Math.min(span.start, text.length));
  const whole = /^[^\n]*/.exec(text.slice(start))![0].replace(/\r$/, "");
  const part = nearby(whole, Math.min(span.start - start, whole.length));
  const cut = { left: part.from > 0, right: part.to < whole.length };
  const laidOut = layOut(whole.slice(part.from, part.to), cut);
  const { columns } = laidOut;
  const at = (offset: number) =>
    columns[Math.max(0, Math.min(offset - start - part.from, columns.length - 1))]!;
  const from = at(span.start);
  const { shown, moved } = around(laidOut, from);
  const length = Math.max(1, Math.min(at(span.end), from + frameWidth / 2) - from);
  const gutter = " ".repeat(Math.max(4, String(line).length + 1));
  return [
    `  ${p.faint("-->")} ${span.file}:${line}:${column}`,
    `${gutter} ${p.faint("|")}`,
    `${p.faint(String(line).padStart(gutter.length))} ${p.faint("|")} ${shown}`.trimEnd(),
    `${gutter} ${p.faint("|")} ${" ".repeat(from + moved)}${tint(mark.repeat(length))}${rest(span, text, line)}`,
  ];
}

/** Where a span goes on below the line that is shown. */
function rest(span: Span, text: string, line: number): string {
  const inside = text.slice(span.start, span.end).trimEnd();
  const last = line + (inside.match(/\n/g)?.length ?? 0);
  return last > line ? ` … to line ${last}` : "";
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
