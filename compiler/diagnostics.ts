/**
 * Diagnostics: one table, code → title and explanation; one renderer with the source frame.
 */
import type { Span } from "./parser/model.js";

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
