/**
 * A block's body, elaborated in a scope and under a path of its own.
 *
 * ```
 * mlp(x, hidden: 256)      scope { x, t, d, hidden, act, … }, path layers.*.mlp
 * ```
 */
import type { BlockDeclaration, Span } from "../../parser/model.js";
import type { Argument } from "./arguments.js";
import { bindParameter } from "./arguments.js";
import { evaluate, runBody } from "./meaning.js";
import type { PathContext } from "./paths.js";
import type { Scope } from "./scope.js";
import { createScope } from "./scope.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { BlockValue, Value } from "./values.js";

const MAX_DEPTH = 60;
/** Blocks that call blocks twice double at every level: 30 lines could ask for 2³⁰ calls. */
export const callLimit = 32_768;

/** A call that is one too many, in depth or in number. */
export function checkCall(env: Env, declaration: BlockDeclaration, span: Span): void {
  if (++env.session.counters.calls > callLimit)
    fail(env, "TFM4001", span, `Blocks are called more than ${callLimit} times here.`, {
      hint: "Give a result a name and use it again, or use `repeat`.",
    });
  const depth = env.calls.filter(({ name }) => name === declaration.name.text).length;
  if (depth >= 4 || env.calls.length >= MAX_DEPTH)
    fail(env, "TFM2012", span, `\`${declaration.name.text}\` calls itself.`, {
      related: [{ message: "it is declared here", span: declaration.name.span }],
      hint: "Use `repeat`.",
    });
}

/** Runs a block's body in a scope of its own. */
export function elaborate(
  env: Env,
  block: BlockValue,
  args: ReadonlyMap<string, Argument>,
  path: PathContext,
  span: Span,
): { readonly value: Value; readonly scope: Scope } {
  const { declaration } = block;
  const scope = createScope(block.scope, "block");
  const inner: Env = {
    ...env,
    scope,
    path,
    index: undefined,
    place: env.place === "optimizer" ? "optimizer" : "block",
    calls: [...env.calls, { name: declaration.name.text, span }],
  };
  for (const parameter of declaration.parameters) {
    const given = args.get(parameter.name.text);
    const kept = block.bound.get(parameter.name.text);
    if (given) bindParameter({ ...env, index: undefined }, scope, parameter, given.value, given.span);
    else if (kept) bindParameter({ ...env, index: undefined }, scope, parameter, kept, span);
    else bindParameter(inner, scope, parameter, evaluate(inner, parameter.defaultValue!), parameter.span);
  }
  const value = runBody(inner, declaration.body);
  if (value === undefined)
    fail(env, "TFM2006", span, `\`${declaration.name.text}\` returns nothing.`, {
      related: [{ message: "it is declared here", span: declaration.name.span }],
      hint: "End it with `return`.",
    });
  return { value, scope };
}
