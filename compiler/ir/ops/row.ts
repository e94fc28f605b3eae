/**
 * OpRow: everything one op means. `ops/index.ts` has one for every name of the vocabulary.
 *
 * ```
 * map        one formula over an abstract scalar, and its pullback:   exp: y = eˣ, dx = dy · y
 * primitive  a reference over tensors, and a vjp that builds graph
 * composite  its expansion into other ops (and possibly a vjp of its own)
 * region     a body; `interpret` runs it, `differentiate` rewrites it
 * ```
 */
import type { Builder } from "../builder.js";
import type { Graph, Node, NodeOf, ValueType } from "../graph.js";
import type { Numbers, Scalar, Tensor } from "../numbers/scalar.js";
import type { DType, Shape, Size } from "../shape.js";
import { shapeText } from "../shape.js";
import type { MapOp, OpName, Vocabulary } from "../vocabulary.js";

/** How an attribute is written: in text and in content addresses. */
export type AttributeKind =
  | "number"
  | "boolean"
  | "string"
  | "size"
  | "shape" // the result's
  | "space" // a shape that is not the result's
  | "dtype"
  | "numbers"
  | "strings"
  | "lists"
  | "turns"
  | "graph"
  | "optional graph";

interface RowBase<K extends OpName> {
  /** What it computes, as a formula. */
  readonly doc: string;
  readonly attributes: { readonly [A in keyof Vocabulary[K]]-?: AttributeKind };
  /** The shape rule: result types, or an `internal:` error that shows the operands. */
  type(inputs: readonly Node[], attributes: Vocabulary[K]): readonly ValueType[];
}

/** Gradients of the operands; undefined where there is none. */
export type Cotangents = readonly (Node | undefined)[];

export interface MapRow<K extends OpName> extends RowBase<K> {
  readonly kind: "map";
  readonly arity: number;
  formula<T>(m: Scalar<T>, ...x: T[]): T;
  /** The gradients of the operands, given dy, y and the operands; an operand without one is undefined or left off. */
  slope<T>(m: Scalar<T>, dy: T, y: T, ...x: T[]): readonly (T | undefined)[];
}

/** What a reference may ask of the interpreter that calls it. */
export interface Context<T> {
  size(size: Size): number;
  input(node: NodeOf<"input">): Tensor<T>;
  /** A formula, ready to be evaluated at arguments given by name. */
  formula(formula: Graph): (argument: (name: string) => T) => T;
}

export interface PrimitiveRow<K extends OpName> extends RowBase<K> {
  readonly kind: "primitive";
  reference<T>(m: Numbers<T>, inputs: readonly Tensor<T>[], node: NodeOf<K>, context: Context<T>): Tensor<T>;
  vjp(b: Builder, dy: Node, node: NodeOf<K>): Cotangents;
}

export interface CompositeRow<K extends OpName> extends RowBase<K> {
  readonly kind: "composite";
  expand(b: Builder, node: NodeOf<K>): Node;
  readonly vjp?: (b: Builder, dy: Node, node: NodeOf<K>) => Cotangents;
}

export interface RegionRow<K extends OpName> extends RowBase<K> {
  readonly kind: "region";
}

type CompositeOp = "rank" | "softmax" | "logsumexp" | "mix" | "pairwise";
type RegionOp = "repeat" | "fused" | "get";

export type OpRow<K extends OpName> = K extends MapOp
  ? MapRow<K>
  : K extends CompositeOp
    ? CompositeRow<K>
    : K extends RegionOp
      ? RegionRow<K>
      : PrimitiveRow<K>;

export const value = (shape: Shape, dtype: DType): readonly ValueType[] => [{ shape, dtype }];

export const typeText = ({ shape, dtype }: ValueType): string => `${dtype} ${shapeText(shape)}`;

/** A violated shape rule: the op, its operands' types, and what is wrong. */
export function misuse(op: OpName, inputs: readonly ValueType[], what: string): never {
  throw new Error(`internal: ${op}(${inputs.map(typeText).join(", ")}): ${what}`);
}

export function demandCount(op: OpName, inputs: readonly ValueType[], least: number, most = least): void {
  if (inputs.length < least || inputs.length > most)
    misuse(
      op,
      inputs,
      `${inputs.length} operands instead of ${least === most ? least : `${least} to ${most}`}`,
    );
}

export function demandAxis(op: OpName, inputs: readonly ValueType[], axis: number): void {
  const rank = inputs[0]!.shape.length;
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) misuse(op, inputs, `no axis ${axis}`);
}
