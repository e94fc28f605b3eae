/**
 * A model of a file → what it derives from, and the values of all its arguments, as text.
 *
 * ```
 * variant post : gpt { norm_at = post }      { layers: "12", norm_at: "post", … }
 * ```
 */
import { parse } from "../../compiler/index.js";
import type { SettingValue } from "../../compiler/ir/build.js";
import { librarySourceFiles } from "../../compiler/ir/build.js";
import type { Expression, ModelDeclaration, Span } from "../../compiler/parser/model.js";
import type { Source } from "../source.js";
import { tfmTextOf } from "../source.js";

export interface Chain {
  /** The model, its base, and so on. */
  readonly chain: readonly ModelDeclaration[];
  /** A part of one of them as it was written. */
  textOf(part: { readonly span: Span }): string;
}

export function readChain(source: Source, model: string): Chain {
  const files = new Map([inLanguage(source), ...librarySourceFiles()]);
  const models = [...files].flatMap(([file, text]) =>
    parse(text, file).model.declarations.filter((d): d is ModelDeclaration => d.kind === "model"),
  );
  return {
    chain: chainOf(models, model),
    textOf: ({ span }) => files.get(span.file)!.slice(span.start, span.end),
  };
}

/** JSON is read as what it says in the language, so that all texts are of one kind. */
const inLanguage = (source: Source): readonly [string, string] => {
  const text = tfmTextOf(source);
  return [text === source.text ? source.file : `${source.file}.tfm`, text];
};

/** The text of the model's own declaration. */
export function declarationText(source: Source, model: string): string {
  const { chain, textOf } = readChain(source, model);
  return textOf(chain[0]!);
}

/** Every argument of the model and of its bases: a setting's value, else what the nearest of them says. */
export function configurationOf(
  source: Source,
  model: string,
  settings: Readonly<Record<string, SettingValue>>,
): Readonly<Record<string, string>> {
  const { chain, textOf } = readChain(source, model);
  const names = new Set(chain.flatMap(({ parameters }) => parameters.map(({ name }) => name.text)));
  return Object.fromEntries(
    [...names].map((name) => {
      const said = chain.map((d) => saidBy(d, name)).find((value) => value !== undefined);
      const text = said ? textOf(said) : "";
      return [name, name in settings ? String(settings[name]) : text];
    }),
  );
}

/** The model, what it derives from, and so on. */
function chainOf(models: readonly ModelDeclaration[], name: string): readonly ModelDeclaration[] {
  const chain: ModelDeclaration[] = [];
  for (let next: string | undefined = name; next !== undefined && chain.length < models.length; ) {
    const found = models.find((d) => d.name.text === next);
    if (!found) break;
    chain.push(found);
    next = found.base?.text;
  }
  return chain;
}

/** What a derived model sets, or the default of an argument. */
export function saidBy({ base, body, parameters }: ModelDeclaration, name: string): Expression | undefined {
  const set = body.filter((s) => s.kind === "assign" && s.target.text === name).at(-1);
  if (base && set?.kind === "assign") return set.value;
  return parameters.find((p) => p.name.text === name)?.defaultValue;
}
