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
import type { Declaration, Model } from "../parser/model.js";
import type { Resolve } from "./build/declarations.js";
import { readDeclarations } from "./build/declarations.js";
import type { Derivation } from "./build/derive.js";
import { derive } from "./build/derive.js";
import { isLibraryFile } from "./build/library.js";
import { closure, expressionsIn, functionsSeen } from "./expand-model/declared.js";
import { withDistinctNames } from "./expand-model/distinct.js";
import { toIndexForm } from "./expand-model/index-form.js";
import { toStructure } from "./expand-model/structure.js";
import { withoutDoubtful } from "./expand-model/trials.js";

export type Level = "structure" | "index";

export interface Expansion {
  readonly model: Model;
  /** The level that the expansion is written on. */
  readonly level: Level;
  /** Nothing of the library is left in the model that was given: it is its own expansion. */
  readonly lowest: boolean;
}

/** `model` builds without mistakes; the first model of the file is expanded where none is named. */
export function expandModel(model: Model, entry: string | undefined, resolve: Resolve): Expansion {
  const diagnostics: Diagnostic[] = [];
  const program = readDeclarations(model, resolve, diagnostics);
  const declaration =
    entry === undefined ? program.models[0] : program.models.find((m) => m.name.text === entry);
  const derivation = declaration && derive({ declaration, scope: program.scope }, diagnostics);
  if (!derivation) throw new Error("internal: a model that does not build is expanded");
  if (!declaration.base) {
    const declarations = toIndexForm({ declaration, scope: program.scope }, program.choices);
    const lowest = !declarations.some(({ span }) => isLibraryFile(span.file));
    return { level: "index", lowest, model: lowest ? model : fileOf(model.file, declarations) };
  }
  return {
    level: "structure",
    lowest: false,
    model: fileOf(model.file, structureOf(derivation, program.choices, resolve)),
  };
}

const fileOf = (file: string, declarations: readonly Declaration[]): Model => ({
  file,
  declarations,
  trivia: [],
});

function structureOf(
  derivation: Derivation,
  choices: ReadonlySet<string>,
  resolve: Resolve,
): readonly Declaration[] {
  const structure = toStructure(derivation, choices);
  const written = [structure.model, ...structure.blocks];
  const scopes = [derivation.root, ...derivation.layers].map(({ scope }) => functionsSeen(scope));
  const seen = new Map(scopes.flatMap((s) => [...s]));
  const own = closure(written.flatMap(expressionsIn), seen, (d) => !isLibraryFile(d.declaration.span.file));
  const declarations = withDistinctNames([...written, ...own.map((d) => d.declaration)], seen, own);
  return withoutDoubtful(structure.engine, structure.model.name.span.file, declarations, resolve);
}
