/**
 * `.json` text → Model and diagnostics, as readTfm gives them for the same model. Never throws.
 *
 *     { "model": "decoder", "name": "gpt2", "layers": 12 }  →  the tree of  model gpt2 : decoder { layers = 12 }
 *
 * The schema says which keys an object has and of which kind their values are; what strings hold is read by the grammar.
 */
import type { Diagnostic } from "../diagnostics.js";
import { declarationsIn } from "./json/declarations.js";
import { memberOf } from "./json/node.js";
import { readJsonSource } from "./json/read-source.js";
import { violationsOf } from "./json/violations.js";
import type { Read } from "./read-tfm.js";
import { presentable, refuse } from "./read-tfm.js";

export interface ReadJson extends Read {
  /** The document's `$schema`, which the Model does not hold. */
  readonly schema: string | undefined;
}

export function readJson(text: string, file: string): ReadJson {
  const nothing = { model: { file, declarations: [], trivia: [] }, schema: undefined };
  const refusal = refuse(text, file);
  if (refusal) return { ...nothing, diagnostics: [refusal] };
  const { root, diagnostics: syntax } = readJsonSource(text, file);
  if (root === undefined) return { ...nothing, diagnostics: presentable(syntax, text) };
  const context = { file, diagnostics: [] as Diagnostic[] };
  const declarations = declarationsIn(root, context);
  // What is broken JSON has keys and values that were not meant.
  const violations = syntax.length > 0 ? [] : violationsOf(root);
  const diagnostics = [...syntax, ...violations, ...context.diagnostics];
  const schema = memberOf(root, "$schema");
  return {
    model: { file, declarations, trivia: [] },
    schema: schema?.kind === "string" ? schema.value : undefined,
    diagnostics: presentable(diagnostics, text),
  };
}
