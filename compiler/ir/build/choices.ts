/**
 * Declarations → the names that are choices: what a `match` or a comparison knows and nothing declares.
 *
 * ```
 * match norm_at { pre { … } post { … } }     choices pre, post; those of `norm_at` are these two
 * ```
 */
import type { Declaration, Expression, Statement } from "../../parser/model.js";
import { assignedNames, bodyOf, partsOf, visitExpression, visitStatements } from "./walk.js";

/** What some declarations say of choices. */
export interface Choices {
  /** Names that a `match` or a comparison knows. */
  readonly names: readonly string[];
  /** Names that are compared with others. */
  readonly compared: readonly string[];
  /** Parameters that start as a name, and as which. */
  readonly starts: readonly (readonly [parameter: string, name: string])[];
}

/** What a parameter starts as is a choice too, where the parameter is compared with choices. */
export function choicesOf(parts: readonly Choices[]): ReadonlySet<string> {
  const compared = new Set(parts.flatMap((part) => part.compared));
  const names = new Set(parts.flatMap((part) => part.names));
  for (const { starts } of parts)
    for (const [parameter, name] of starts) if (compared.has(parameter)) names.add(name);
  return names;
}

export function collectChoices(declarations: readonly Declaration[]): Choices {
  const names = new Set<string>();
  const compared = new Set<string>();
  const starts: [string, string][] = [];
  for (const d of declarations) {
    const own = ownNames(d);
    visitComparisons(d, (subject, x) => {
      for (const side of subject ? [subject, x] : [x])
        if (side.kind === "name" && own.has(side.text)) compared.add(side.text);
      if (x.kind === "name" && !own.has(x.text)) names.add(x.text);
    });
    if (d.kind === "block" || d.kind === "model")
      for (const { name, defaultValue } of d.parameters)
        if (defaultValue?.kind === "name" && !own.has(defaultValue.text))
          starts.push([name.text, defaultValue.text]);
  }
  return { names: [...names], compared: [...compared], starts };
}

/** What a declaration binds itself: such a name in a comparison is what is compared, not a choice. */
function ownNames(d: Declaration): ReadonlySet<string> {
  const parameters =
    d.kind === "block" || d.kind === "model" ? d.parameters : "captures" in d ? d.captures : [];
  const indices = "arguments" in d ? d.arguments : [];
  return new Set([
    ...parameters.map(({ name }) => name.text),
    ...indices.map(({ text }) => text),
    ...assignedNames(bodyOf(d)),
  ]);
}

/** Each pattern with what is matched, and each side of a comparison alone. */
function visitComparisons(d: Declaration, f: (subject: Expression | undefined, x: Expression) => void): void {
  const look = (x: Expression): void =>
    visitExpression(x, (e) => {
      if (e.kind !== "binary" || (e.operator !== "==" && e.operator !== "!=")) return;
      f(undefined, e.left);
      f(undefined, e.right);
    });
  visitStatements(bodyOf(d), (s) => {
    // A law compares forms, not choices.
    if (s.kind === "law") return;
    for (const x of partsOf(s).expressions) look(x);
    if (s.kind === "match") for (const c of s.cases) for (const p of c.patterns ?? []) f(s.value, p);
  });
  if (d.kind === "mask" || d.kind === "score") look(d.value);
}

/** The choices that a body knows for one of its names; `open` where what is none of them has a way as well. */
export function casesOf(
  body: readonly Statement[],
  subject: string,
): { readonly names: readonly string[]; readonly open: boolean } {
  const names = new Set<string>();
  let open = false;
  const isSubject = (x: Expression): boolean => x.kind === "name" && x.text === subject;
  const add = (x: Expression): void => {
    if (x.kind === "name" && !isSubject(x)) names.add(x.text);
  };
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions)
      visitExpression(x, (e) => {
        if (e.kind !== "binary" || (e.operator !== "==" && e.operator !== "!=")) return;
        if (!isSubject(e.left) && !isSubject(e.right)) return;
        open = true;
        add(e.left);
        add(e.right);
      });
    if (s.kind !== "match" || !isSubject(s.value)) return;
    for (const { patterns } of s.cases) {
      if (!patterns) open = true;
      for (const p of patterns ?? []) add(p);
    }
  });
  return { names: [...names], open };
}
