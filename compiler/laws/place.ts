/**
 * A file → its laws, each with the place it stands in: what its names mean there, and which model it speaks of.
 *
 * ```
 * model gpt(d = 64) { …  law l: prefix_invariant(logits) }     of gpt; d is known
 * law gpt: params == 124439808                                 of gpt, which has that name
 * law retention: parallel(x) == recurrent(x)                   of free tensors, or of the file's first model
 * ```
 */

import { readDeclarations } from "../ir/build/declarations.js";
import { derive } from "../ir/build/derive.js";
import type { Scope } from "../ir/build/scope.js";
import { visitStatements } from "../ir/build/walk.js";
import type { BuildOptions, SettingValue } from "../ir/build.js";
import { isLibraryFile } from "../ir/build.js";
import type {
  BlockDeclaration,
  LawDeclaration,
  Model,
  ModelDeclaration,
  Parameter,
} from "../parser/model.js";

export interface Place {
  /** What the law is built in. */
  readonly file: Model;
  readonly resolve: BuildOptions["resolve"];
  readonly scope: Scope;
  /** The model that `params`, outputs and `step` are of. */
  readonly model: string | undefined;
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** Compile-time values that the law may name, with the values that they have here as defaults. */
  readonly parameters: readonly Parameter[];
  readonly known: ReadonlySet<string>;
}

export interface PlacedLaw {
  readonly law: LawDeclaration;
  readonly place: Place;
}

interface Options {
  readonly resolve: BuildOptions["resolve"];
  /** Only the laws of this model, and those of the file that speak of no other. */
  readonly entry: string | undefined;
  readonly settings: Readonly<Record<string, SettingValue>>;
}

export function lawsOf(model: Model, options: Options): readonly PlacedLaw[] {
  // The library's names are everyone's: its laws stand in an empty file.
  const file = isLibraryFile(model.file) ? { ...model, declarations: [] } : model;
  const { scope, models } = readDeclarations(file, options.resolve, []);
  const speaksOf = (name: string | undefined): boolean =>
    options.entry === undefined || name === options.entry;
  const placed = (law: LawDeclaration, at: Partial<Place>): PlacedLaw => ({
    law,
    place: {
      file,
      resolve: options.resolve,
      scope,
      model: undefined,
      settings: options.settings,
      parameters: [],
      known: new Set(),
      ...at,
    },
  });
  return model.declarations.flatMap((d) => {
    if (d.kind === "law") {
      const named = models.some(({ name }) => name.text === d.name.text);
      const spoken = named ? d.name.text : models[0]?.name.text;
      return !named || speaksOf(spoken) ? [placed(d, { model: spoken })] : [];
    }
    if (d.kind === "model" && speaksOf(d.name.text)) {
      const parameters = parametersOf(d, scope).map((p) => overridden(p, options.settings[p.name.text]));
      const known = new Set(parameters.map(({ name }) => name.text));
      return lawsIn(d).map((law) => placed(law, { model: d.name.text, parameters, known }));
    }
    if (d.kind === "block") {
      const parameters = d.parameters.filter((p) => p.axes === undefined && p.defaultValue);
      const known = new Set(parameters.map(({ name }) => name.text));
      return lawsIn(d).map((law) => placed(law, { parameters, known }));
    }
    return [];
  });
}

function lawsIn({ body }: ModelDeclaration | BlockDeclaration): readonly LawDeclaration[] {
  const laws: LawDeclaration[] = [];
  visitStatements(body, (s) => {
    if (s.kind === "law") laws.push(s);
  });
  return laws;
}

/** The root's parameters with what the config form sets. */
function parametersOf(declaration: ModelDeclaration, scope: Scope): readonly Parameter[] {
  const derivation = derive({ declaration, scope }, []);
  if (!derivation) return [];
  return derivation.root.declaration.parameters.map((p) => {
    const set = derivation.settings.get(p.name.text);
    return set ? { ...p, defaultValue: set.value } : p;
  });
}

/** What the command line sets wins. */
function overridden(p: Parameter, given: SettingValue | undefined): Parameter {
  const { span } = p;
  if (typeof given === "number")
    return { ...p, defaultValue: { kind: "number", value: given, text: String(given), span } };
  if (typeof given === "boolean") return { ...p, defaultValue: { kind: "boolean", value: given, span } };
  return typeof given === "string" ? { ...p, defaultValue: { kind: "name", text: given, span } } : p;
}
