/**
 * A model's parameters → their values: the command line's, else what the config form sets, else the default.
 *
 * ```
 * ffn = mlp(hidden: 4 * d_model)     needs d_model, wherever that is set
 * ```
 */
import type { Expression, Parameter, Span } from "../../parser/model.js";
import { bindParameter } from "./arguments.js";
import { casesOf } from "./choices.js";
import type { Derivation } from "./derive.js";
import { evaluate } from "./meaning.js";
import type { Scope } from "./scope.js";
import { bind, createScope, lookup, lookupFunction } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop, suggest } from "./session.js";
import type { Value } from "./values.js";
import { poison } from "./values.js";
import { childrenOf } from "./walk.js";

/** A value that is there, or an expression of the command line. */
export type Given = { readonly value: Value } | { readonly expression: Expression };

/** Where a parameter's value comes from. */
type Source =
  | { readonly kind: "value"; readonly value: Value; readonly span: Span }
  | {
      readonly kind: "expression";
      readonly value: Expression;
      readonly span: Span;
      /** Of the file that wrote it. */
      readonly scope: Scope;
      /** Parameters that it may use. */
      readonly visible: readonly string[];
      readonly set: boolean;
    }
  | undefined;

/** Binds every parameter in `env.scope`; what fails is poison. */
export function bindSettings(env: Env, derivation: Derivation, given: ReadonlyMap<string, Given>): void {
  const { parameters } = derivation.root.declaration;
  const sources = new Map(
    parameters.map((p, n) => [p.name.text, sourceOf(derivation, p, n, given.get(p.name.text))]),
  );
  const values = new Map<string, Value>();
  const pending: string[] = [];
  const settle = (name: string): void => {
    const source = sources.get(name);
    if (values.has(name) || !source) return;
    if (pending.includes(name)) circle(env, [...pending.slice(pending.indexOf(name)), name], source.span);
    pending.push(name);
    values.set(
      name,
      orPoison(() => evaluateSource(env, derivation, name, source, values, settle)),
    );
    pending.pop();
  };
  for (const parameter of parameters) {
    const name = parameter.name.text;
    settle(name);
    bindOne(env, parameter, values.get(name), sources.get(name)?.span ?? parameter.span);
  }
}

/** The parameters as they were bound, over another file's names. */
export function settingsScope(env: Env, { root }: Derivation, file: Scope): Scope {
  const scope = createScope(file, "block");
  for (const { name } of root.declaration.parameters)
    scope.names.set(name.text, env.scope.names.get(name.text)!);
  return scope;
}

function bindOne(env: Env, parameter: Parameter, value: Value | undefined, span: Span): void {
  const name = parameter.name.text;
  orPoison(() => {
    bind(env.scope, name, poison, parameter.span);
    bindParameter(env, env.scope, parameter, value ?? missing(env, parameter), span);
    return poison;
  });
  // Mistakes that speak of the parameter point to what set it.
  bind(env.scope, name, env.scope.names.get(name)!.value, span);
}

function orPoison(f: () => Value): Value {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return poison;
  }
}

function sourceOf(
  { root, settings }: Derivation,
  parameter: Parameter,
  place: number,
  given: Given | undefined,
): Source {
  const { name, span } = parameter;
  const all = root.declaration.parameters.map((p) => p.name.text);
  const expression = { kind: "expression", scope: root.scope, visible: all, span, set: true } as const;
  if (given)
    return "value" in given
      ? { kind: "value", value: given.value, span }
      : { ...expression, value: given.expression };
  const set = settings.get(name.text);
  if (set) return { ...expression, ...set };
  const { defaultValue } = parameter;
  return defaultValue && { ...expression, value: defaultValue, visible: all.slice(0, place), set: false };
}

function evaluateSource(
  env: Env,
  derivation: Derivation,
  name: string,
  source: NonNullable<Source>,
  values: ReadonlyMap<string, Value>,
  settle: (name: string) => void,
): Value {
  if (source.kind === "value") return source.value;
  const { named, needed } = mentions(source.value, name, source.scope);
  const scope = createScope(source.scope, "block");
  for (const other of source.visible) {
    if (needed.has(other)) {
      settle(other);
      bind(scope, other, values.get(other) ?? poison);
      // What the expression does not name is there to be suggested only.
    } else if (!named.has(other)) bind(scope, other, poison);
  }
  const inner: Env = { ...env, scope };
  if (source.set) checkChoice(inner, derivation, name, source.value);
  return evaluate(inner, source.value);
}

/** The names of an expression, and those among them that can mean a parameter: no function before its `(`, nor itself. */
export function mentions(x: Expression, own: string, scope: Scope) {
  const named = new Set<string>();
  const needed = new Set<string>();
  const visit = (e: Expression): void => {
    if (e.kind === "name") {
      named.add(e.text);
      if (e.text !== own || !lookup(scope, own)) needed.add(e.text);
    }
    const callee = e.kind === "call" && e.callee.kind === "name" ? e.callee : undefined;
    const called = callee && lookupFunction(scope, callee.text) ? callee : undefined;
    if (called) named.add(called.text);
    for (const child of childrenOf(e)) if (child !== called) visit(child);
  };
  visit(x);
  return { named, needed };
}

/** A choice that the model does not know, told where it is set. */
function checkChoice(env: Env, { root }: Derivation, name: string, x: Expression): void {
  if (x.kind !== "name" || lookup(env.scope, x.text)) return;
  const { names, open } = casesOf(root.declaration.body, name);
  const { choices } = env.session;
  if (names.length === 0 || names.includes(x.text) || (open && choices.has(x.text))) return;
  fail(env, "TFM2001", x.span, `\`${x.text}\` is none of the choices for \`${name}\`.`, {
    hint: `They are ${names.join(", ")}.`,
    ...suggest(x.text, open ? [...names, ...choices] : names, x.span),
  });
}

const circle = (env: Env, names: readonly string[], span: Span): never =>
  fail(env, "TFM2015", span, `The settings go in a circle: ${names.join(" → ")}.`, {
    hint: "Give one of them a value that needs none of the others.",
  });

const missing = (env: Env, { name, span }: Parameter): never =>
  fail(env, "TFM2003", span, `\`${name.text}\` has no default and no setting gives it.`, {
    hint: `Write \`${name.text} = …\`, or set it on the command line.`,
  });
