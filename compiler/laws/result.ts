/** What the check of one thing says: a law, a pass, a model against another. */
import type { Code, Diagnostic, DiagnosticDetails } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { LawDeclaration, Span } from "../parser/model.js";
import type { Difference } from "./difference.js";
import { differenceText } from "./difference.js";

export interface Outcome {
  readonly status: "holds" | "fails" | "refused";
  /** What was done, or why not: "3 draws: t = 7, d = 12; …". */
  readonly says: string;
  readonly diagnostics: readonly Diagnostic[];
}

export const holds = (says: string): Outcome => ({ status: "holds", says, diagnostics: [] });

export const failing = (
  code: Code,
  span: Span,
  message: string,
  details: DiagnosticDetails = {},
): Outcome => ({ status: "fails", says: message, diagnostics: [diagnostic(code, span, message, details)] });

export const refusing = (
  code: Code,
  span: Span,
  message: string,
  details: DiagnosticDetails = {},
): Outcome => ({
  status: "refused",
  says: message,
  diagnostics: [diagnostic(code, span, message, details)],
});

export const sizesText = (sizes: Readonly<Record<string, number>>): string =>
  Object.entries(sizes)
    .map(([name, size]) => `${name} = ${size}`)
    .join(", ");

/** Where two sides differ, at which sizes, and how to see it again. */
export function differing(
  span: Span,
  law: string,
  difference: Difference,
  {
    sides,
    sizes,
    seed,
    more,
  }: {
    readonly sides: readonly [string, string];
    readonly sizes: Readonly<Record<string, number>>;
    readonly seed: number;
    readonly more?: string | undefined;
  },
): Outcome {
  const rounding =
    difference.bound === 0 ? "bit for bit" : `rounding explains ${difference.bound.toExponential(1)}`;
  const at = sizesText(sizes);
  return failing(
    "TFM7001",
    span,
    `The law \`${law}\` does not hold: ${differenceText(difference, sides)} (${rounding}).`,
    { hint: `${at ? `Sizes ${at}; ` : ""}seed ${seed}${more ? `. ${more}` : "."}` },
  );
}

export function untried(law: LawDeclaration, first: Outcome["diagnostics"][number] | undefined): Outcome {
  const why = first ? ` ${first.message}` : "";
  return refusing(
    "TFM7003",
    law.claim.span,
    `The law \`${law.name.text}\` builds with no sizes that were tried.${why}`,
    {
      severity: "error",
      related: first ? [{ message: "here", span: first.span }] : [],
      hint: first?.hint,
    },
  );
}
