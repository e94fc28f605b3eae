/**
 * Arguments → parameters: which is for which, and what their axes are called inside.
 *
 * ```
 * mlp(x, 4 * d, act: relu)     x: [t, d] with d = 64, hidden = 256, act = relu
 * ```
 */
import type { BlockDeclaration, CallExpression, Parameter, Span } from "../../parser/model.js";
import type { Size } from "../shape.js";
import { sizeEquals, symbol } from "../shape.js";
import { refuseUnknownChoice } from "./habits.js";
import { shapeWords, sizeWords } from "./lengths.js";
import { evaluate } from "./meaning.js";
import type { Scope } from "./scope.js";
import { bind, lookupInBlock } from "./scope.js";
import type { Env } from "./session.js";
import { fail, originRelated, suggest } from "./session.js";
import type { NumberValue, SizeValue, TensorValue, Value } from "./values.js";
import { describe, innerShape, named, number } from "./values.js";

export interface Argument {
  readonly name: string | undefined;
  readonly nameSpan: Span | undefined;
  readonly value: Value;
  readonly span: Span;
}

/** `declaration` is what is called, where that is known: it says which choices a parameter has. */
export const evaluateArguments = (
  env: Env,
  call: CallExpression,
  declaration?: BlockDeclaration,
): readonly Argument[] =>
  call.arguments.map(({ name, value, span }) => {
    if (name && value.kind === "name" && declaration) refuseUnknownChoice(env, declaration, name.text, value);
    return {
      name: name?.text,
      nameSpan: name?.span,
      value: evaluate(env, value),
      span: name ? value.span : span,
    };
  });

export const isTensor = (v: Value): boolean =>
  v.kind === "tensor" || v.kind === "indexed" || v.kind === "index";
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
  // What an open block lacks may still come, with its tensor or before.
  const missing = parameters.filter((p) => !given.has(p.name.text) && p.defaultValue === undefined);
  if (missing[0] && !open)
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

export function unknownArgument(
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

export function bindTensor(
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
    if (known?.role !== "size") {
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

export interface Where {
  readonly span: Span;
  readonly declared: { readonly message: string; readonly span: Span };
  readonly origin: TensorValue["axes"][number]["origin"];
}

export function checkSize(
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
