/**
 * Instances: `use wte = embedding(vocab, d)` names a block's parameters once; every call and `wte.table` share them.
 *
 * ```
 * use wte = embedding(vocab, d);  wte(tokens);  unembed(x, wte.table)
 * ```
 */
import type { MemberExpression, Span, Statement, UseStatement } from "../../parser/model.js";
import type { Argument } from "./arguments.js";
import { bindParameter, evaluateArguments, matchArguments } from "./arguments.js";
import { checkCall, elaborate } from "./elaborate.js";
import { argumentOf } from "./functions.js";
import { evaluate, evaluateCallee, runStatement } from "./meaning.js";
import { again, childPath } from "./paths.js";
import type { Scope } from "./scope.js";
import { bind, createScope, lookup } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop, suggest } from "./session.js";
import type { InstanceValue, Value } from "./values.js";
import { describe } from "./values.js";

export function createInstance(env: Env, { name, value: call }: UseStatement): Value {
  const callee = evaluateCallee(env, call.callee);
  if (callee.kind !== "block")
    return fail(
      env,
      "TFM2005",
      call.callee.span,
      `\`use\` makes an instance of a block, and this is ${describe(callee)}.`,
    );
  const { declaration } = callee;
  const bound = matchArguments(
    env,
    declaration.name.text,
    declaration.parameters,
    callee.bound,
    evaluateArguments(env, call),
    call.span,
  );
  const values = [...bound.arguments].map(([key, { value }]): [string, Value] => [key, value]);
  const block = { ...callee, bound: new Map([...callee.bound, ...values]) };
  return {
    kind: "instance",
    name: name.text,
    block,
    path: childPath(env.path, name.text, true),
    members: new Map(),
  };
}

export function callInstance(
  env: Env,
  instance: InstanceValue,
  args: readonly Argument[],
  span: Span,
): Value {
  const { block } = instance;
  const what = instance.name;
  checkCall(env, block.declaration, span);
  const bound = matchArguments(env, what, block.declaration.parameters, block.bound, args, span);
  if (bound.open)
    fail(env, "TFM2003", span, `\`${what}\` needs its tensor.`, {
      related: [{ message: "declared here", span: block.declaration.name.span }],
    });
  const { value, scope } = elaborate(env, block, bound.arguments, again(instance.path), span);
  keepMembers(instance, scope);
  return value;
}

function keepMembers(instance: InstanceValue, scope: Scope): void {
  for (const [name, { value, role }] of scope.names)
    if (role === "parameter" || value.kind === "instance") instance.members.set(name, value);
}

/** `wte.table`: a parameter of an instance, whether or not it was called yet. */
export function instanceMember(env: Env, base: Value, { member, span }: MemberExpression): Value {
  if (base.kind === "block") return argumentOf(env, base, member);
  if (base.kind !== "instance")
    return fail(env, "TFM2006", span, `Only an instance has members, and this is ${describe(base)}.`, {
      hint:
        lookup(env.scope, member.text) === undefined
          ? undefined
          : `Functions stand before what they work on: \`${member.text}(…)\`.`,
    });
  const known = base.members.get(member.text);
  if (known) return known;
  declareAhead(env, base, span);
  const value = base.members.get(member.text);
  if (value) return value;
  const names = [...base.members.keys()];
  return fail(env, "TFM2001", member.span, `\`${base.name}\` has no parameter \`${member.text}\`.`, {
    hint: names.length ? `It has ${names.join(", ")}.` : "It has no parameters.",
    ...suggest(member.text, names, member.span),
  });
}

const AHEAD: ReadonlySet<Statement["kind"]> = new Set<Statement["kind"]>(["param", "use", "assign"]);

/** The parameters of an instance that was not called yet: those whose sizes do not come from its tensors. */
function declareAhead(env: Env, instance: InstanceValue, span: Span): void {
  const { block } = instance;
  const scope = createScope(block.scope, "block");
  const inner: Env = {
    ...env,
    scope,
    path: again(instance.path),
    index: undefined,
    place: "block",
    calls: [...env.calls, { name: instance.name, span }],
  };
  const quietly = (f: () => void): void => {
    const before = inner.session.diagnostics.length;
    try {
      f();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
    inner.session.diagnostics.length = before;
  };
  for (const parameter of block.declaration.parameters) {
    const value = block.bound.get(parameter.name.text);
    if (value) bindParameter(inner, scope, parameter, value, span);
    else if (parameter.defaultValue)
      quietly(() => bindParameter(inner, scope, parameter, evaluate(inner, parameter.defaultValue!), span));
    else bind(scope, parameter.name.text, { kind: "poison" });
  }
  for (const statement of block.declaration.body)
    if (AHEAD.has(statement.kind)) quietly(() => void runStatement(inner, statement));
  keepMembers(instance, scope);
}
