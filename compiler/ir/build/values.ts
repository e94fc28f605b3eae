/**
 * The values that an elaboration handles: compile-time ones (number, choice, function …) and tensors (graph nodes).
 *
 * ```
 * heads = 4          number 4
 * group = d / heads  number 16, which remembers its dividend and divisor
 * x                  tensor: node f32 [batch=B, t=T, d=64], batched
 * x[i, c]            indexed: the same node, its axes labelled [@batch, i, c]
 * ```
 */
import type { BlockDeclaration, FormulaDeclaration, ModelDeclaration, Span } from "../../parser/model.js";
import type { Initializer, Node } from "../graph.js";
import type { Size } from "../shape.js";
import type { Affine } from "./affine.js";
import type { Argument } from "./arguments.js";
import type { PathContext } from "./paths.js";
import type { Scope } from "./scope.js";

/** Where a number got its first name. */
export interface Origin {
  readonly text: string;
  readonly span: Span;
}

export interface NumberValue {
  readonly kind: "number";
  readonly value: number;
  readonly origin?: Origin;
  /** A parameter whose condition is false: the constant 0 that vanishes. */
  readonly absent?: true;
  /** For an inexact quotient: what was divided by what. */
  readonly quotient?: { readonly dividend: NumberValue; readonly divisor: NumberValue; readonly span: Span };
}

/** A size that is not known at compile time: a polynomial of lengths. */
export interface SizeValue {
  readonly kind: "size";
  readonly size: Size;
  readonly origin?: Origin;
}

/** One axis of a tensor as its user sees it: the batch axis is not among them. */
export interface AxisLabel {
  readonly name: string;
  readonly origin?: Origin;
}

export interface TensorValue {
  readonly kind: "tensor";
  readonly node: Node;
  readonly batched: boolean;
  readonly axes: readonly AxisLabel[];
}

/** A tensor whose axes carry index names; `BATCH` first where it is batched. */
export interface IndexedValue {
  readonly kind: "indexed";
  readonly node: Node;
  readonly labels: readonly string[];
}

/** An integer expression of indices, `h // group`, not yet a tensor. */
export interface IndexValue {
  readonly kind: "index";
  readonly affine: Affine;
}

/** The number of a `repeat`'s turn while its body stands for all turns. */
export interface TurnValue {
  readonly kind: "turn";
  readonly node: Node;
}

export interface FormulaValue {
  readonly kind: "formula";
  readonly declaration: FormulaDeclaration;
  /** Where the formula's free names are looked up; holds its captures where they are bound. */
  readonly scope: Scope;
  readonly bound: boolean;
  /** Captures that an open formula was given so far. */
  readonly held: ReadonlyMap<string, Argument>;
}

/** A block with some arguments bound (`rope(base: 5000)`); `as` where the user named it. */
export interface BlockValue {
  readonly kind: "block";
  readonly declaration: BlockDeclaration;
  readonly scope: Scope;
  readonly bound: ReadonlyMap<string, Value>;
  readonly as: string | undefined;
}

/** A way to start a parameter, `gain` times over: `normal(0.02)`, `0.5 * xavier_normal`. */
export interface InitializerValue {
  readonly kind: "initializer";
  readonly name: Initializer["kind"];
  readonly given: ReadonlyMap<string, number>;
  readonly gain: number;
}

export interface InstanceValue {
  readonly kind: "instance";
  readonly name: string;
  readonly block: BlockValue;
  readonly path: PathContext;
  /** Parameters and tensors that calls of it have made, by their names in the block. */
  readonly members: Map<string, Value>;
}

export type Value =
  | NumberValue
  | SizeValue
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "choice"; readonly name: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | TensorValue
  | IndexedValue
  | IndexValue
  | TurnValue
  | FormulaValue
  | BlockValue
  | InstanceValue
  | InitializerValue
  | { readonly kind: "builtin"; readonly name: string }
  | { readonly kind: "model"; readonly declaration: ModelDeclaration; readonly scope: Scope }
  | { readonly kind: "none" }
  | { readonly kind: "full" }
  /** The value of what failed: silences what follows from it. */
  | { readonly kind: "poison" };

export type Callable = FormulaValue | BlockValue | InstanceValue;

/** The label of the implicit batch axis. */
export const BATCH = "@batch";

export const number = (value: number, origin?: Origin): NumberValue =>
  origin ? { kind: "number", value, origin } : { kind: "number", value };
export const boolean = (value: boolean): Value => ({ kind: "boolean", value });
export const poison: Value = { kind: "poison" };

/** Non-batch axes of a tensor's node. */
export const innerShape = (x: TensorValue) => (x.batched ? x.node.shape.slice(1) : x.node.shape);

export const tensor = (node: Node, batched: boolean, axes?: readonly AxisLabel[]): TensorValue => ({
  kind: "tensor",
  node,
  batched,
  axes: axes ?? node.shape.slice(batched ? 1 : 0).map(({ name }) => ({ name })),
});

/** A number that gets its first name here. */
export const named = (value: Value, text: string, span: Span): Value =>
  (value.kind === "number" || value.kind === "size") && !value.origin
    ? { ...value, origin: { text, span } }
    : value;

const ARTICLES: Readonly<Record<Value["kind"], string>> = {
  number: "a number",
  size: "a length",
  boolean: "a truth value",
  choice: "a choice",
  string: "a string",
  list: "a list",
  tensor: "a tensor",
  indexed: "a tensor",
  index: "an index",
  turn: "the number of a turn",
  formula: "a formula",
  block: "a block",
  instance: "an instance",
  initializer: "a way to start a parameter",
  builtin: "a function",
  model: "a model",
  none: "`none`",
  full: "the mask `full`",
  poison: "nothing",
};

/** "a tensor": for messages. */
export const describe = (value: Value): string => ARTICLES[value.kind];

/** What a user may have written for a value, for messages. */
export const numberText = (x: number): string =>
  Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(6)));
