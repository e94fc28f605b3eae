/**
 * Code → what it means, of the language, the command line and the runtime alike.
 *
 * ```
 * meaningOf("TFM2001")  →  { title: "unknown name", explanation: "The name is …", severity: "error" }
 * ```
 */
import type { CatalogueEntry } from "../compiler/diagnostics.js";
import { catalogue } from "../compiler/diagnostics.js";
import { runtimeErrors } from "../runtime/errors.js";
import { failures } from "./failure.js";
import { runtimeExplanations } from "./runtime-failure.js";

export interface Meaning extends Pick<CatalogueEntry, "title" | "explanation" | "example"> {
  readonly severity: "error" | "warning";
}

const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...Object.entries<CatalogueEntry>(catalogue).map(
    ([code, entry]) => [code, { ...entry, severity: entry.severity ?? "error" }] as const,
  ),
  ...Object.values(failures).map(
    ({ code, title, explanation }) =>
      [code, { title, explanation, example: undefined, severity: "error" }] as const,
  ),
  ...Object.entries(runtimeErrors).map(([code, title]) => {
    const explanation = runtimeExplanations[code as keyof typeof runtimeErrors];
    return [code, { title, explanation, example: undefined, severity: "error" }] as const;
  }),
]);

export const meaningOf = (code: string): Meaning | undefined => meanings.get(code);

/** In the order of their numbers. */
export const allCodes: readonly string[] = [...meanings.keys()].sort();
