/**
 * Calls: arguments meet parameters; a block's body is elaborated where it is called, a formula where its indices are.
 *
 * ```
 * attention(x, heads, mask: causal)     elaborates the block under the path `attention`
 * rope(base: 5000)                      the tensor stays open: a value, called later
 * mask(i, j)                            the formula over these indices
 * ```
 */
import type { CallExpression, Span } from "../../parser/model.js";
import type { Argument } from "./arguments.js";
import { evaluateArguments, matchArguments } from "./arguments.js";
import type { BuiltinCall } from "./builtins.js";
import { builtins, namedArguments } from "./builtins.js";
import { checkCall, elaborate } from "./elaborate.js";
import { bindCaptures, callFormula, refuseUnbound } from "./formulas.js";
import { offer } from "./functions.js";
import { refuseBareReduction } from "./habits.js";
import { callInitializer } from "./initializers.js";
import { callInstance } from "./instances.js";
import { evaluateCallee } from "./meaning.js";
import { childPath } from "./paths.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";
import { toIndexed } from "./tensors.js";
import type { BlockValue, Value } from "./values.js";
import { BATCH, describe, tensor } from "./values.js";

export function evaluateCall(env: Env, call: CallExpression): Value {
  refuseBareReduction(env, call);
  const callee = evaluateCallee(env, call.callee);
  const args = evaluateArguments(env, call, callee.kind === "block" ? callee.declaration : undefined);
  if (call.as && callee.kind !== "block")
    fail(env, "TFM2005", call.as.span, "`as` names the parameters of a block's call.");
  switch (callee.kind) {
    case "builtin": {
      if (callee.name === "offer") return offer(env, args, call.span);
      return builtins[callee.name]!(env, builtinCall(env, callee.name, args, call.span));
    }
    case "formula":
      if (!callee.bound) refuseUnbound(env, callee, args, call.span);
      return callee.bound
        ? callFormula(env, callee, args, call.span)
        : bindCaptures(env, callee, args, call.span);
    case "block":
      return callBlock(env, call.as ? { ...callee, as: call.as.text } : callee, args, call.span);
    case "instance":
      return callInstance(env, callee, args, call.span);
    case "initializer":
      return callInitializer(env, callee, args, call.span);
    case "none":
      return args[0] && args[0].value.kind !== "index" ? args[0].value : { kind: "boolean", value: true };
    case "full":
      return { kind: "boolean", value: true };
    default:
      return fail(env, "TFM2005", call.callee.span, `This is ${describe(callee)} and cannot be called.`, {
        hint:
          callee.kind === "string"
            ? `A function is named without quotation marks: \`${callee.value}\`.`
            : undefined,
      });
  }
}

function builtinCall(env: Env, name: string, args: readonly Argument[], span: Span): BuiltinCall {
  const takes = namedArguments[name] ?? [];
  const named = new Map<string, Argument>();
  for (const argument of args) {
    if (argument.name === undefined) continue;
    if (!takes.includes(argument.name))
      fail(env, "TFM2002", argument.nameSpan!, `\`${name}\` has no argument \`${argument.name}\`.`, {
        ...suggest(argument.name, takes, argument.nameSpan!),
      });
    if (named.has(argument.name))
      fail(env, "TFM2002", argument.nameSpan!, `\`${argument.name}\` is given twice.`);
    named.set(argument.name, argument);
  }
  const plain = args.filter((argument) => argument.name === undefined);
  return {
    name,
    values: plain.map(({ value }) => value),
    spans: plain.map((argument) => argument.span),
    named,
    span,
  };
}

export function callBlock(env: Env, block: BlockValue, args: readonly Argument[], span: Span): Value {
  const { declaration } = block;
  const what = declaration.name.text;
  checkCall(env, declaration, span);
  const bound = matchArguments(env, what, declaration.parameters, block.bound, args, span);
  if (bound.open) {
    const values = [...bound.arguments].map(([name, { value }]): [string, Value] => [name, value]);
    return { ...block, bound: new Map([...block.bound, ...values]) };
  }
  const inIndex = [...bound.arguments.values()].some(
    ({ value }) => value.kind === "indexed" || value.kind === "index",
  );
  const plain = inIndex ? unlabel(env, bound.arguments) : { arguments: bound.arguments, labels: undefined };
  // `as _`: the caller's own path.
  const path = block.as === "_" ? env.path : childPath(env.path, block.as ?? what);
  const { value } = elaborate({ ...env, index: undefined }, block, plain.arguments, path, span);
  return plain.labels ? relabel(env, value, plain.labels, span) : value;
}

/** Among index expressions a block sees its operands as plain tensors, all of one shape, and must keep that shape. */
function unlabel(env: Env, args: ReadonlyMap<string, Argument>) {
  let labels: readonly string[] = [];
  const plain = new Map<string, Argument>();
  for (const [name, argument] of args) {
    if (argument.value.kind !== "indexed" && argument.value.kind !== "index") plain.set(name, argument);
    else {
      const x = toIndexed(env, argument.value, argument.span);
      labels = x.labels;
      plain.set(name, { ...argument, value: tensor(x.node, x.labels.includes(BATCH)) });
    }
  }
  return { arguments: plain, labels };
}

function relabel(env: Env, value: Value, labels: readonly string[], span: Span): Value {
  if (value.kind === "number") return value;
  if (value.kind === "tensor" && value.node.shape.length === labels.length)
    return { kind: "indexed", node: value.node, labels };
  return fail(
    env,
    "TFM2006",
    span,
    "Among index expressions a block must return a tensor of its argument's shape.",
    {
      hint: "Call it in a statement of its own, without indices.",
    },
  );
}
