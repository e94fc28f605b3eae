/**
 * What `build` says of a text with syntax errors → the part of it that those errors cannot have caused.
 *
 * ```
 * y = layer_nrm(x          TFM1002 for the parenthesis, and TFM2001 for `layer_nrm` all the same
 * ```
 */
import type { Diagnostic } from "./diagnostics.js";

/** A word that occurs nowhere else in the text and is near to one that is known is misspelt, whatever is missing elsewhere. */
export function certain(
  found: readonly Diagnostic[],
  syntax: readonly Diagnostic[],
  source: string,
): readonly Diagnostic[] {
  const places = new Set(syntax.map(({ span }) => span.start));
  return found.filter(({ code, span, fix }) => {
    if (!fix || span.file !== syntax[0]!.span.file || (code !== "TFM2001" && code !== "TFM2002"))
      return false;
    return !places.has(span.start) && source.split(source.slice(span.start, span.end)).length === 2;
  });
}
