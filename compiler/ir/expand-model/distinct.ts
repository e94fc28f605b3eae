/**
 * Functions of one name in one text → two names: the file's own one gives way to the library's, and the library's to a model.
 *
 * ```
 * block dropout(x[*]) { … }  # the file's, beside the library's     block dropout_2(x[*]) { … } … dropout_2(x) as dropout
 * ```
 */
import type { Declaration, Expression, Statement } from "../../parser/model.js";
import { isLibraryFile } from "../build/library.js";
import { lookup } from "../build/scope.js";
import { assignedNames, bodyOf, visitExpression } from "../build/walk.js";
import type { Declared } from "./declared.js";
import { expressionsIn, placeOf } from "./declared.js";
import { nameOf } from "./known.js";
import { mapExpression, mapStatement } from "./rewrite.js";

/** `asDeclared`: those of the declarations whose names nobody has looked up yet. */
export function withDistinctNames(
  declarations: readonly Declaration[],
  seen: ReadonlyMap<string, Declared>,
  asDeclared: readonly Declared[],
): readonly Declaration[] {
  const scopes = new Map(asDeclared.map((d) => [d.declaration as Declaration, d]));
  const told = declarations.map((d) => {
    const declared = scopes.get(d);
    return declared ? mapDeclaration(d, (x) => tellApart(declared, x)) : d;
  });
  const renamed = newNames(told, seen);
  return renamed.size === 0 ? told : told.map((d) => rename(d, renamed, seen));
}

/** The names of functions with the places of their declarations. */
function tellApart({ declaration, scope }: Declared, x: Expression): Expression {
  const own = new Set([
    ...(declaration.kind === "block" ? declaration.parameters : declaration.captures).map(
      ({ name }) => name.text,
    ),
    ...("arguments" in declaration ? declaration.arguments.map(({ text }) => text) : []),
    ...assignedNames(bodyOf(declaration)),
  ]);
  const told = (e: Expression): Expression => {
    const value = e.kind === "name" ? lookup(scope, e.text)?.value : undefined;
    return value?.kind === "block" || value?.kind === "formula"
      ? { ...e, span: value.declaration.name.span }
      : e;
  };
  return mapExpression(x, (e) => {
    if (e.kind === "call") return { ...e, callee: told(e.callee) };
    return e.kind === "name" && !own.has(e.text) ? told(e) : e;
  });
}

/** By place: the new name of what the files declare under a name that a function of the library has here too, and of what has a model's name. */
function newNames(
  declarations: readonly Declaration[],
  seen: ReadonlyMap<string, Declared>,
): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  const add = (name: { readonly text: string; readonly span: Expression["span"] }): void => {
    if (seen.has(placeOf(name.span))) places.set(placeOf(name.span), name.text);
  };
  for (const d of declarations) {
    if (d.kind !== "import") add(d.name);
    for (const x of expressionsIn(d)) visitExpression(x, (e) => void (e.kind === "name" && add(e)));
  }
  const models = new Set(declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : [])));
  const written = new Set(declarations.flatMap((d) => (d.kind === "import" ? [] : [placeOf(d.name.span)])));
  const stays = ([place, text]: readonly [string, string]): boolean =>
    isLibraryFile(seen.get(place)!.declaration.span.file) && !(models.has(text) && written.has(place));
  const taken = new Set([...models, ...[...places].filter(stays).map(([, text]) => text)]);
  const names = new Map<string, string>();
  for (const [place, text] of places) {
    if (stays([place, text])) continue;
    let name = text;
    for (let n = 2; taken.has(name); n++) name = `${text}_${n}`;
    taken.add(name);
    if (name !== text) names.set(place, name);
  }
  return names;
}

/** A renamed block's parameters keep the path of its old name. */
function rename(
  d: Declaration,
  names: ReadonlyMap<string, string>,
  seen: ReadonlyMap<string, Declared>,
): Declaration {
  const changed = mapDeclaration(d, (x) =>
    mapExpression(x, (e) => {
      if (e.kind === "name") return { ...e, text: names.get(placeOf(e.span)) ?? e.text };
      if (e.kind !== "call" || e.callee.kind !== "name" || e.as || !names.has(placeOf(e.callee.span)))
        return e;
      const { declaration } = seen.get(placeOf(e.callee.span))!;
      return declaration.kind === "block" ? { ...e, as: nameOf(declaration.name.text) } : e;
    }),
  );
  if (changed.kind === "import") return changed;
  const name = names.get(placeOf(changed.name.span));
  return name === undefined ? changed : { ...changed, name: { ...changed.name, text: name } };
}

function mapDeclaration(d: Declaration, f: (x: Expression) => Expression): Declaration {
  const parameter = <P extends { readonly defaultValue: Expression | undefined }>(p: P): P => ({
    ...p,
    defaultValue: p.defaultValue && f(p.defaultValue),
  });
  const body = (inner: readonly Statement[]): readonly Statement[] =>
    inner.map((s) => mapStatement(s, f, body));
  if (d.kind === "mask" || d.kind === "score")
    return { ...d, captures: d.captures.map(parameter), value: f(d.value) };
  if (d.kind === "model" || d.kind === "block")
    return { ...d, parameters: d.parameters.map(parameter), body: body(d.body) };
  return d;
}
