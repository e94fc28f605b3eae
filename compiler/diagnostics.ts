/**
 * What went wrong → a record that can be shown, counted and mended.
 *
 *     diagnostic("TFM2001", span, "`layer_nrom` is not a name here.", { hint: "Did you mean `layer_norm`?" })
 *
 * The table of codes is `catalogue.ts`, the frame with the source line is drawn by `render-diagnostic.ts`.
 */
import type { CatalogueEntry, Code } from "./catalogue.js";
import { catalogue } from "./catalogue.js";
import type { Span } from "./parser/model.js";

export { type CatalogueEntry, type Code, catalogue, explain } from "./catalogue.js";
export { editorPosition, lineColumn, type RenderOptions, renderDiagnostic } from "./render-diagnostic.js";

export interface Diagnostic {
  readonly code: string;
  readonly severity: "error" | "warning";
  /** One sentence, with the offending text in backticks. */
  readonly message: string;
  readonly span: Span;
  /** The other sides of the matter, each with its own place: "`heads` was set here". */
  readonly related: readonly { readonly message: string; readonly span: Span }[];
  /** A change that mends it: replace `span` by `replacement`. */
  readonly fix: { readonly message: string; readonly span: Span; readonly replacement: string } | undefined;
  /** What to do, where no mechanical fix exists. */
  readonly hint: string | undefined;
}

export type DiagnosticDetails = Partial<Pick<Diagnostic, "severity" | "related" | "fix" | "hint">>;

/** A diagnostic with the severity of its catalogue entry, unless `details` says otherwise. */
export function diagnostic(
  code: Code,
  span: Span,
  message: string,
  details: DiagnosticDetails = {},
): Diagnostic {
  return {
    code,
    severity: details.severity ?? (catalogue[code] as CatalogueEntry).severity ?? "error",
    message,
    span,
    related: details.related ?? [],
    fix: details.fix,
    hint: details.hint,
  };
}

/** The place of what concerns a file as a whole, or comes from the command line. */
export function fileSpan(file: string): Span {
  return { file, start: 0, end: 0 };
}

/** The text after the change that a diagnostic proposes. */
export function applyFix(text: string, fix: NonNullable<Diagnostic["fix"]>): string {
  return text.slice(0, fix.span.start) + fix.replacement + text.slice(fix.span.end);
}
