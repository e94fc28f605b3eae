/**
 * Calls: arguments meet parameters; a block's body is elaborated where it is called, a formula where its indices are.
 *
 * ```
 * attention(x, heads, mask: causal)     elaborates the block under the path `attention`
 * rope(base: 5000)                      the tensor stays open: a value, called later
 * mask(i, j)                            the formula over these indices
 * ```
 */
import type { BlockDeclaration, CallExpression, Parameter, Span } from "../../parser/model.js";
import type { Size } from "../shape.js";
import { sizeEquals, symbol } from "../shape.js";
import { builtins } from "./builtins.js";
import { evaluate } from "./evaluate.js";
import { bindCaptures, callFormula } from "./formulas.js";
import { callInstance } from "./instances.js";
import { shapeWords, sizeWords } from "./lengths.js";
import type { PathContext } from "./paths.js";
import { childPath } from "./paths.js";
import type { Scope } from "./scope.js";
import { bind, createScope, lookupInBlock } from "./scope.js";
import type { Env } from "./session.js";
import { fail, originRelated, suggest } from "./session.js";
import { runBody } from "./statements.js";
import { toIndexed } from "./tensors.js";
import type { BlockValue, NumberValue, SizeValue, TensorValue, Value } from "./values.js";
import { BATCH, describe, innerShape, named, number, tensor } from "./values.js";

export interface Argument {
  readonly name: string | undefined;
  readonly nameSpan: Span | undefined;
  readonly value: Value;
  readonly span: Span;
}

export function evaluateCall(env: Env, call: CallExpression): Value {
  const callee = evaluate(env, call.callee);
  const args = evaluateArguments(env, call);
  if (call.as && callee.kind !== "block")
    fail(env, "TFM2005", call.as.span, "`as` names the parameters of a block's call.");
  switch (callee.kind) {
    case "builtin": {
      const keyword = args.find(({ name }) => name !== undefined);
      if (keyword)
        fail(env, "TFM2002", keyword.nameSpan!, `\`${callee.name}\` has no argument \`${keyword.name}\`.`);
      const plain = {
        name: callee.name,
        values: args.map(({ value }) => value),
        spans: args.map(({ span }) => span),
        span: call.span,
      };
      return builtins[callee.name]!(env, plain);
    }
    case "formula":
      return callee.bound
        ? callFormula(env, callee, args, call.span)
        : bindCaptures(env, callee, args, call.span);
    case "block":
      return callBlock(env, call.as ? { ...callee, as: call.as.text } : callee, args, call.span);
    case "instance":
      return callInstance(env, callee, args, call.span);
    case "none":
      return args[0] && args[0].value.kind !== "index" ? args[0].value : { kind: "boolean", value: true };
    case "full":
      return { kind: "boolean", value: true };
    default:
      return fail(env, "TFM2005", call.callee.span, `This is ${describe(callee)} and cannot be called.`);
  }
}

export const evaluateArguments = (env: Env, call: CallExpression): readonly Argument[] =>
  call.arguments.map(({ name, value, span }) => ({
    name: name?.text,
    nameSpan: name?.span,
    value: evaluate(env, value),
    span: name ? value.span : span,
  }));

const isTensor = (v: Value): boolean => v.kind === "tensor" || v.kind === "indexed" || v.kind === "index";
const isRequiredTensor = (p: Parameter): boolean => p.axes !== undefined && p.defaultValue === undefined;

export interface Bound {
  readonly arguments: ReadonlyMap<string, Argument>;
  /** Tensor parameters that are still open: the block is a value. */
  readonly open: boolean;
}

/** Which parameter each argument is for. Without any tensor, positions count the compile-time parameters only. */
export function matchArguments(
  env: Env,
  what: string,
  all: readonly Parameter[],
  bound: ReadonlyMap<string, Value>,
  args: readonly Argument[],
  span: Span,
): Bound {
  const parameters = all.filter((p) => !bound.has(p.name.text));
  const given = new Map<string, Argument>();
  const keywords = new Set(args.map(({ name }) => name));
  const required = parameters.filter((p) => isRequiredTensor(p) && !keywords.has(p.name.text));
  const open = required.length > 0 && !args.some(({ name, value }) => name === undefined && isTensor(value));
  const positions = parameters.filter((p) => !keywords.has(p.name.text) && !(open && p.axes !== undefined));
  let next = 0;
  for (const argument of args) {
    const parameter =
      argument.name === undefined ? positions[next++] : parameters.find((p) => p.name.text === argument.name);
    if (!parameter) unknownArgument(env, what, all, bound, argument);
    else if (given.has(parameter.name.text))
      fail(env, "TFM2004", argument.nameSpan ?? argument.span, `\`${parameter.name.text}\` is given twice.`);
    else given.set(parameter.name.text, argument);
  }
  const missing = parameters.filter(
    (p) => !given.has(p.name.text) && p.defaultValue === undefined && !(open && p.axes !== undefined),
  );
  if (missing[0])
    fail(
      env,
      "TFM2003",
      span,
      `\`${what}\` needs ${missing.map((p) => `\`${p.name.text}\``).join(" and ")}.`,
      {
        related: [
          {
            message: `\`${missing[0].name.text}\` is declared here without a default`,
            span: missing[0].span,
          },
        ],
        hint: `Give it: \`${what}(…, ${missing[0].name.text}: …)\`.`,
      },
    );
  return { arguments: given, open };
}

function unknownArgument(
  env: Env,
  what: string,
  all: readonly Parameter[],
  bound: ReadonlyMap<string, Value>,
  { name, nameSpan, span }: Argument,
): never {
  const names = all.map((p) => p.name.text);
  if (name === undefined)
    return fail(
      env,
      "TFM2002",
      span,
      `\`${what}\` has ${names.length === 1 ? "1 parameter" : `${names.length} parameters`}, and here is one argument more.`,
      { hint: `They are ${names.join(", ")}.` },
    );
  if (bound.has(name)) return fail(env, "TFM2004", nameSpan!, `\`${name}\` is given already.`);
  return fail(env, "TFM2002", nameSpan!, `\`${what}\` has no argument \`${name}\`.`, {
    hint: `It has ${names.join(", ")}.`,
    ...suggest(name, names, nameSpan!),
  });
}

const MAX_DEPTH = 60;

export function checkRecursion(env: Env, declaration: BlockDeclaration, span: Span): void {
  const depth = env.calls.filter(({ name }) => name === declaration.name.text).length;
  if (depth >= 4 || env.calls.length >= MAX_DEPTH)
    fail(env, "TFM2012", span, `\`${declaration.name.text}\` calls itself.`, {
      related: [{ message: "it is declared here", span: declaration.name.span }],
      hint: "Use `repeat`.",
    });
}

export function callBlock(env: Env, block: BlockValue, args: readonly Argument[], span: Span): Value {
  const { declaration } = block;
  const what = declaration.name.text;
  checkRecursion(env, declaration, span);
  const bound = matchArguments(env, what, declaration.parameters, block.bound, args, span);
  if (bound.open) {
    const values = [...bound.arguments].map(([name, { value }]): [string, Value] => [name, value]);
    return { ...block, bound: new Map([...block.bound, ...values]) };
  }
  const inIndex = [...bound.arguments.values()].some(
    ({ value }) => value.kind === "indexed" || value.kind === "index",
  );
  const plain = inIndex ? unlabel(env, bound.arguments) : { arguments: bound.arguments, labels: undefined };
  const path = childPath(env.path, block.as ?? what);
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

export function bindParameter(env: Env, scope: Scope, parameter: Parameter, value: Value, span: Span): void {
  const { name, axes } = parameter;
  if (value.kind === "poison" || axes === undefined) {
    bind(scope, name.text, named(value, name.text, span), parameter.span, "variable");
    return;
  }
  if (axes === "any" || (value.kind === "number" && axes.length === 0)) {
    bind(scope, name.text, value, parameter.span, "variable");
    return;
  }
  if (value.kind !== "tensor")
    fail(
      env,
      "TFM2006",
      span,
      `\`${name.text}\` is a tensor [${axes.map(({ text }) => text).join(", ")}], and this is ${describe(value)}.`,
      {
        related: [{ message: `\`${name.text}\` is declared here`, span: parameter.span }],
      },
    );
  bindTensor(env, scope, parameter, axes, value, span);
}

function bindTensor(
  env: Env,
  scope: Scope,
  parameter: Parameter,
  axes: readonly { readonly text: string; readonly span: Span }[],
  value: TensorValue,
  span: Span,
): void {
  const shape = innerShape(value);
  const declared = { message: `\`${parameter.name.text}\` is declared here`, span: parameter.span };
  if (shape.length !== axes.length)
    fail(
      env,
      "TFM3002",
      span,
      `\`${parameter.name.text}\` is [${axes.map(({ text }) => text).join(", ")}], and this tensor is ${shapeWords(env, value)}.`,
      { related: [declared] },
    );
  const labels = axes.map((axis, n) => {
    const { size } = shape[n]!;
    const origin = value.axes[n]!.origin;
    const known = lookupInBlock(scope, axis.text);
    if (!known || known.role !== "size") {
      const own: NumberValue | SizeValue = typeof size === "number" ? number(size) : { kind: "size", size };
      // A literal size is known by the name of its axis from here on.
      const known = origin && (/^\d/.test(origin.text) ? { ...origin, text: axis.text } : origin);
      bind(
        scope,
        axis.text,
        known ? { ...own, origin: known } : named(own, axis.text, span),
        axis.span,
        "size",
      );
    } else checkSize(env, axis.text, known.value, size, { span, declared, origin });
    return origin ? { name: axis.text, origin } : { name: axis.text };
  });
  bind(scope, parameter.name.text, { ...value, axes: labels }, parameter.span, "variable");
}

interface Where {
  readonly span: Span;
  readonly declared: { readonly message: string; readonly span: Span };
  readonly origin: TensorValue["axes"][number]["origin"];
}

function checkSize(
  env: Env,
  name: string,
  known: Value,
  size: Size,
  { span, declared, origin }: Where,
): void {
  const have = known.kind === "number" ? known.value : known.kind === "size" ? known.size : symbol("?");
  if (sizeEquals(have, size)) return;
  const first = known.kind === "number" || known.kind === "size" ? known.origin : undefined;
  fail(
    env,
    "TFM3002",
    span,
    `\`${name}\` is ${sizeWords(env, size)} here and ${sizeWords(env, have)} in another argument.`,
    {
      related: [
        declared,
        ...(originRelated(first, `${sizeWords(env, have)} comes from here`) ?? []),
        ...(originRelated(origin, `${sizeWords(env, size)} comes from here`) ?? []),
      ],
      hint: "One name is one size in all arguments.",
    },
  );
}
