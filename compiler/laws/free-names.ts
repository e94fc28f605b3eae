/**
 * A law's expression → its free names, which are random tensors, with the axes that the signatures say.
 *
 * ```
 * attention(layer_norm(x), 4, memory: m)     x[t, d], m[s, e]
 * mlp(x + y, hidden: 8)                      x[t, d], y[t, d]
 * ```
 */
import type { Scope } from "../ir/build/scope.js";
import { lookup, lookupFunction } from "../ir/build/scope.js";
import { childrenOf } from "../ir/build/walk.js";
import type { CallExpression, Expression, Parameter } from "../parser/model.js";

/** The axes that a parameter declares; undefined for any, `false` for a compile-time value. */
type Wanted = readonly string[] | undefined | false;

/** Where no signature says more. */
const USUAL: readonly string[] = ["t", "d"];

export interface Surroundings {
  readonly scope: Scope;
  /** Compile-time names that are no declarations: parameters of the model that a law stands in. */
  readonly known: ReadonlySet<string>;
}

export function freeTensors(
  expressions: readonly Expression[],
  around: Surroundings,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[] | undefined>();
  const visit = (x: Expression, wanted: Wanted): void => {
    if (x.kind === "name") {
      if (wanted === false || around.known.has(x.text) || lookup(around.scope, x.text)) return;
      found.set(x.text, found.get(x.text) ?? wanted);
    } else if (x.kind === "call") visitCall(x, wanted);
    else for (const child of childrenOf(x)) visit(child, wanted);
  };
  const visitCall = (x: CallExpression, wanted: Wanted): void => {
    const parameters = parametersOf(x, around.scope);
    if (!parameters && x.callee.kind !== "name") visit(x.callee, undefined);
    const named = new Set(x.arguments.flatMap(({ name }) => (name ? [name.text] : [])));
    const rest = parameters?.filter(({ name }) => !named.has(name.text)) ?? [];
    let next = 0;
    for (const { name, value } of x.arguments) {
      const parameter = name ? parameters?.find((p) => p.name.text === name.text) : rest[next++];
      visit(value, parameter ? wantedBy(parameter) : parameters ? false : wanted || undefined);
    }
  };
  for (const x of expressions) visit(x, undefined);
  // The name of an axis is its size.
  const sizes = new Set([...found.values()].flatMap((axes) => axes ?? USUAL));
  return new Map(
    [...found].flatMap(([name, axes]) => (sizes.has(name) ? [] : [[name, axes ?? USUAL] as const])),
  );
}

const wantedBy = ({ axes }: Parameter): Wanted =>
  axes === undefined ? false : axes === "any" ? undefined : axes.map(({ text }) => text);

/** Of a block, and what a formula captures; undefined for a built-in, which takes any tensor. */
function parametersOf({ callee }: CallExpression, scope: Scope): readonly Parameter[] | undefined {
  const value = callee.kind === "name" ? lookupFunction(scope, callee.text) : undefined;
  if (value?.kind === "block") return value.declaration.parameters;
  return value?.kind === "formula" ? value.declaration.captures : undefined;
}
