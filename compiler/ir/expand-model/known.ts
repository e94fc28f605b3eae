/**
 * What an expression of a model is before anything runs: a value with the text that gives it, a function with the arguments it
 * holds, or a text that is evaluated later.
 *
 * ```
 * 4 * d_model        constant 3072, written `4 * d_model`
 * rope(base: 500)    function rope holding base
 * layer_norm(x)      open
 * ```
 */
import type {
  BlockDeclaration,
  CallExpression,
  Expression,
  FormulaDeclaration,
  Name,
  Span,
} from "../../parser/model.js";
import type { Scope } from "../build/scope.js";
import type { Value } from "../build/values.js";
import { visitExpression } from "../build/walk.js";

export interface Constant {
  readonly kind: "constant";
  readonly value: Value;
  readonly text: Expression;
}

export interface Open {
  readonly kind: "open";
  readonly text: Expression;
  /** Whether it is a tensor for certain; compile-time values that vary are not, nor indices in subscripts. */
  readonly tensor: boolean;
}

export interface FunctionKnown {
  readonly kind: "function";
  readonly declaration: BlockDeclaration | FormulaDeclaration;
  readonly scope: Scope;
  readonly held: ReadonlyMap<string, Given>;
  readonly as: string | undefined;
}

export type Known =
  | Constant
  | Open
  | FunctionKnown
  | { readonly kind: "list"; readonly items: readonly Known[] }
  | { readonly kind: "instance"; readonly text: Expression; readonly block: FunctionKnown | undefined };

/** An argument; one that the user wrote stays even where it is what would be taken anyway. */
export interface Given {
  readonly known: Known;
  readonly explicit: boolean;
}

export const nowhere: Span = { file: "", start: 0, end: 0 };
export const nameOf = (text: string): Name => ({ text, span: nowhere });
export const nameText = (text: string): Expression => ({ kind: "name", text, span: nowhere });
export const numberText = (value: number): Expression =>
  value < 0
    ? { kind: "unary", operator: "-", operand: numberText(-value), span: nowhere }
    : { kind: "number", value, text: String(value).replace("e+", "e"), span: nowhere };

export const open = (text: Expression, tensor: boolean): Open => ({ kind: "open", text, tensor });
export const constant = (value: Value, text: Expression): Constant => ({ kind: "constant", value, text });

/** How a value is written. */
export function textOf(known: Known): Expression {
  switch (known.kind) {
    case "constant":
    case "open":
    case "instance":
      return known.text;
    case "list":
      return { kind: "list", items: known.items.map(textOf), span: nowhere };
    case "function": {
      const name = functionName(known);
      return known.held.size === 0 && known.as === undefined
        ? name
        : callText(name, heldTexts(known), known.as);
    }
    default:
      throw new Error(`internal: ${(known satisfies never as Known).kind} has no text`);
  }
}

/** The name of a function, with the place of its declaration: that tells it from another of the same name. */
export const functionName = ({ declaration }: FunctionKnown): Expression => ({
  kind: "name",
  text: declaration.name.text,
  span: declaration.name.span,
});

export type ArgumentText = CallExpression["arguments"][number];

export const namedText = (name: string | undefined, value: Expression): ArgumentText => ({
  name: name === undefined ? undefined : nameOf(name),
  value,
  span: nowhere,
});

/** The arguments that a function holds, in the order of its parameters; what a formula captures goes by its place. */
export function heldTexts({ declaration, held }: FunctionKnown): readonly ArgumentText[] {
  let plain = declaration.kind !== "block";
  return parametersOf(declaration).flatMap(({ name }) => {
    const given = held.get(name.text);
    if (!given) plain = false;
    return given ? [namedText(plain ? undefined : name.text, textOf(given.known))] : [];
  });
}

export const parametersOf = (d: BlockDeclaration | FormulaDeclaration) =>
  d.kind === "block" ? d.parameters : d.captures;

export const callText = (
  callee: Expression,
  args: readonly ArgumentText[],
  as: string | undefined,
): CallExpression => ({
  kind: "call",
  callee,
  arguments: args,
  as: as === undefined ? undefined : nameOf(as),
  span: nowhere,
});

/** The marks of variables until `names.ts` gives them their names: `x@3`. */
export const isVariable = (name: string): boolean => name.includes("@");
export const baseName = (name: string): string => name.split("@")[0]!;

export function namesIn(x: Expression): ReadonlySet<string> {
  const names = new Set<string>();
  visitExpression(x, (e) => void (e.kind === "name" && names.add(e.text)));
  return names;
}

/** Equal texts, wherever they stood. */
export const sameText = (a: Expression, b: Expression): boolean => keyOf(a) === keyOf(b);
export const keyOf = (x: unknown): string =>
  JSON.stringify(x, (key, value) => (key === "span" || key === "text_" ? undefined : value));

/** Thrown where a body cannot be taken apart: the call that led to it stays as it is. */
export class Whole extends Error {}
