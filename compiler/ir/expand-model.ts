/**
 * A model → the same model one level down, in the language itself; building both gives the same graphs.
 *
 * ```
 * config form      model m : decoder { … }        → structure form     model m(…) { … x = x + attention(layer_norm(x), heads) … }
 * structure form                                  → index form         the same, and the library's blocks that it uses
 * index form                                      → itself
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import type { Model } from "../parser/model.js";
import type { Resolve } from "./build/declarations.js";
import { readDeclarations } from "./build/declarations.js";
import { derive } from "./build/derive.js";
import { toStructure } from "./expand-model/structure.js";

export type Level = "structure" | "index";

export interface Expansion {
  readonly model: Model;
  /** The level that the expansion is written on. */
  readonly level: Level;
}

export function expandModel(
  model: Model,
  entry: string | undefined,
  resolve: Resolve,
): Expansion | undefined {
  const diagnostics: Diagnostic[] = [];
  const program = readDeclarations(model, resolve, diagnostics);
  const declaration =
    entry === undefined ? program.models[0] : program.models.find((m) => m.name.text === entry);
  const derivation = declaration && derive({ declaration, scope: program.scope }, diagnostics);
  if (!derivation) return undefined;
  const structure = toStructure(derivation, program.choices);
  return {
    level: "structure",
    model: { file: model.file, declarations: [structure.model, ...structure.blocks], trivia: [] },
  };
}
