/**
 * Configurations of several variants → flat rows of text, and which of them differ.
 *
 * ```
 * { recipe: { schedule: { warmup: 100 } } }      recipe.schedule.warmup  100
 * ```
 */
import type { VariantResult } from "../compare/results.js";

export interface Row {
  readonly key: string;
  /** One a variant; "–" where it has none. */
  readonly values: readonly string[];
}

export const absent = "–";

/** What one variant was trained with, beside its text: resolved.json, its arguments and its recipe. */
export function configuration({
  runs,
  file,
  model,
  arguments: given,
  recipe,
  adjusted,
}: VariantResult): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  flatten("", { file, model, argument: given, matched: adjusted ?? undefined, recipe }, rows);
  const resolved = runs[0]?.resolved;
  if (!resolved) return rows;
  const {
    seed: _seed,
    imports: _imports,
    settings: _settings,
    file: _file,
    model: _model,
    format: _format,
    ...rest
  } = resolved;
  flatten("", rest, rows);
  return rows;
}

function flatten(path: string, value: unknown, rows: Map<string, string>): void {
  if (value === undefined) return;
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    rows.set(path, Array.isArray(value) ? `[${value.join(", ")}]` : String(value));
    return;
  }
  for (const [key, inner] of Object.entries(value))
    flatten(path === "" ? key : `${path}.${key}`, inner, rows);
}

export function rowsOf(variants: readonly VariantResult[]): readonly Row[] {
  const all = variants.map(configuration);
  const keys = [...new Set(all.flatMap((rows) => [...rows.keys()]))];
  return keys.map((key) => ({ key, values: all.map((rows) => rows.get(key) ?? absent) }));
}

export const differs = ({ values }: Row): boolean => values.some((value) => value !== values[0]);
