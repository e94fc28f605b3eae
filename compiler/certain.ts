/**
 * What `build` says of a text with syntax errors → the part of it that those errors cannot have caused.
 *
 * ```
 * x = layer_nrm(x          TFM1001 for the parenthesis, and TFM2001 for `layer_nrm` all the same
 * ```
 */
import type { Diagnostic } from "./diagnostics.js";
import type { Model } from "./parser/model.js";

/** A word that occurs nowhere else in the text and is near to one that is known is misspelt, whatever is missing around it. */
export function certain(
  found: readonly Diagnostic[],
  { file }: Model,
  source: string,
): readonly Diagnostic[] {
  return found.filter(({ code, span, fix }) => {
    if (!fix || span.file !== file || (code !== "TFM2001" && code !== "TFM2002")) return false;
    return source.split(source.slice(span.start, span.end)).length === 2;
  });
}
