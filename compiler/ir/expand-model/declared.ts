/**
 * Which declarations of its own files a model needs beside it.
 *
 * ```
 * model m(…) { … attention(x, heads, mask: near(4)) … }     mask near(w)(i, j) = …
 * ```
 */
import type {
  BlockDeclaration,
  Declaration,
  Expression,
  FormulaDeclaration,
  Span,
  Statement,
} from "../../parser/model.js";
import type { Scope } from "../build/scope.js";
import { lookup } from "../build/scope.js";
import { partsOf, visitExpression, visitStatements } from "../build/walk.js";

export interface Declared {
  readonly declaration: BlockDeclaration | FormulaDeclaration;
  readonly scope: Scope;
}

export const placeOf = ({ file, start }: Span): string => `${file}:${start}`;

/** All functions that a file sees, its imports' own included, by the places of their names. */
export function functionsSeen(scope: Scope): ReadonlyMap<string, Declared> {
  const found = new Map<string, Declared>();
  const seen = new Set<Scope>();
  const visit = (at: Scope | undefined): void => {
    if (!at || seen.has(at)) return;
    seen.add(at);
    for (const { value } of at.names.values()) {
      if (value.kind === "block" || value.kind === "formula")
        found.set(placeOf(value.declaration.name.span), {
          declaration: value.declaration,
          scope: value.scope,
        });
      if (value.kind === "block" || value.kind === "formula" || value.kind === "model") visit(value.scope);
    }
    visit(at.outer);
  };
  visit(scope);
  return found;
}

export function expressionsIn(d: Declaration): readonly Expression[] {
  const list: Expression[] = [];
  if (d.kind === "mask" || d.kind === "score") list.push(d.value);
  const parameters =
    d.kind === "block" || d.kind === "model" ? d.parameters : "captures" in d ? d.captures : [];
  for (const { defaultValue } of parameters) if (defaultValue) list.push(defaultValue);
  const body: readonly Statement[] = d.kind === "block" || d.kind === "model" ? d.body : [];
  visitStatements(body, (s) => void list.push(...partsOf(s).expressions));
  return list;
}

/** The functions that a declaration as it is written names. */
export function functionsOf({ declaration, scope }: Declared): readonly Declared[] {
  const own = new Set(
    declaration.kind === "block"
      ? declaration.parameters.map(({ name }) => name.text)
      : [
          ...declaration.captures.map(({ name }) => name.text),
          ...declaration.arguments.map(({ text }) => text),
        ],
  );
  const found: Declared[] = [];
  const add = (name: string): void => {
    const value = lookup(scope, name)?.value;
    if (value?.kind === "block" || value?.kind === "formula")
      found.push({ declaration: value.declaration, scope: value.scope });
  };
  for (const x of expressionsIn(declaration))
    visitExpression(x, (e) => {
      if (e.kind === "name" && !own.has(e.text)) add(e.text);
      if (e.kind === "call" && e.callee.kind === "name") add(e.callee.text);
    });
  return found;
}

/** Those that the given expressions name, by place, and those that these name in turn. */
export function closure(
  roots: readonly Expression[],
  seen: ReadonlyMap<string, Declared>,
  wanted: (d: Declared) => boolean,
): readonly Declared[] {
  const found = new Map<string, Declared>();
  const add = (d: Declared): void => {
    const place = placeOf(d.declaration.name.span);
    if (found.has(place) || !wanted(d)) return;
    found.set(place, d);
    for (const next of functionsOf(d)) add(next);
  };
  for (const x of roots)
    visitExpression(x, (e) => {
      const d = e.kind === "name" ? seen.get(placeOf(e.span)) : undefined;
      if (d) add(d);
    });
  return [...found.values()];
}
