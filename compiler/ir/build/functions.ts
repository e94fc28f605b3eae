/**
 * What can be done with a function value besides calling it: offering it arguments, and reading those it holds.
 *
 * ```
 * offer(mlp(hidden: 8), hidden: 32, std: 0.1)      mlp(hidden: 8, std: 0.1)
 * rope(base: 500).base                             500; of plain `rope` it is the default, 10000
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { Argument } from "./arguments.js";
import { bindParameter } from "./arguments.js";
import { bindCaptures } from "./formulas.js";
import { acceptsArgument } from "./initializers.js";
import { evaluate } from "./meaning.js";
import { createScope } from "./scope.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";
import type { BlockValue, Value } from "./values.js";
import { describe } from "./values.js";

/** `offer(f, name: value, …)`: f with those arguments that it takes and that nobody gave it. */
export function offer(env: Env, args: readonly Argument[], span: Span): Value {
  const [first, ...rest] = args;
  if (!first || first.name !== undefined)
    return fail(env, "TFM2003", span, "`offer` takes a function and named arguments for it.");
  for (const { name, span: at } of rest)
    if (name === undefined) fail(env, "TFM2002", at, "What is offered has a name: `offer(f, hidden: 64)`.");
  return offered(env, first.value, rest, span);
}

function offered(env: Env, f: Value, args: readonly Argument[], span: Span): Value {
  switch (f.kind) {
    case "block": {
      const bound = new Map(f.bound);
      for (const { name, value } of args)
        if (f.declaration.parameters.some((p) => p.name.text === name) && !bound.has(name!))
          bound.set(name!, value);
      return { ...f, bound };
    }
    case "formula": {
      const taken = args.filter(
        ({ name }) =>
          f.declaration.captures.some((capture) => capture.name.text === name) && !f.held.has(name!),
      );
      return f.bound || taken.length === 0 ? f : bindCaptures(env, f, taken, span);
    }
    case "initializer": {
      const given = new Map(f.given);
      for (const { name, value } of args)
        if (acceptsArgument(f, name!) && !given.has(name!) && value.kind === "number")
          given.set(name!, value.value);
      return { ...f, given };
    }
    case "instance":
    case "builtin":
    case "none":
    case "full":
      return f;
    default:
      return fail(env, "TFM2006", span, `\`offer\` takes a function, and this is ${describe(f)}.`);
  }
}

/** `ffn.hidden`: the argument that a function value holds, or the default that it would take. */
export function argumentOf(
  env: Env,
  f: BlockValue,
  member: { readonly text: string; readonly span: Span },
): Value {
  const { declaration } = f;
  const scope = createScope(f.scope, "block");
  const inner: Env = { ...env, scope, index: undefined };
  for (const parameter of declaration.parameters) {
    const { text } = parameter.name;
    const value =
      f.bound.get(text) ??
      (parameter.axes === undefined && parameter.defaultValue
        ? evaluate(inner, parameter.defaultValue)
        : undefined);
    if (value && text === member.text) return value;
    if (value) bindParameter(inner, scope, parameter, value, parameter.span);
    else if (text === member.text)
      fail(env, "TFM2003", member.span, `\`${declaration.name.text}\` was given no \`${text}\`.`);
  }
  const names = declaration.parameters.map(({ name }) => name.text);
  return fail(
    env,
    "TFM2001",
    member.span,
    `\`${declaration.name.text}\` has no argument \`${member.text}\`.`,
    {
      hint: `It has ${names.join(", ")}.`,
      ...suggest(member.text, names, member.span),
    },
  );
}
