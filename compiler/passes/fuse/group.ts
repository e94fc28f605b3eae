/**
 * One kernel that the fuse pass is forming, and what it tells by itself.
 *
 * ```
 * reduce(x, [1]) : f32 [b]   →   rows: axes 1 of x's space, one row an element of [b]
 * ```
 */
import type { Node } from "../../ir/graph.js";
import type { Shape } from "../../ir/shape.js";
import { elementCount } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { isPairwise, isRescaled, sharesPairs, sharesProduct } from "../../ir/streaming.js";
import { isContraction, isReduction, stripLayout } from "./kinds.js";

export type Alignment = "space" | "loose" | "operand" | `over:${string}`;

export interface Group {
  family: "pointwise" | "rows" | "contract" | "pairwise" | "scatter" | "update" | "cumsum" | "region";
  space: Shape;
  rows: { readonly axes: string; readonly shape: Shape } | undefined;
  readonly members: Set<Node>;
  readonly outputs: Node[];
  /** Stored values it reads so far; one of them may still join. */
  readonly sources: Set<Node>;
  /** Groups that read what this one stores. */
  readonly readers: Set<Group>;
}

/** Fewer rows than this are not worth a kernel of one invocation a row … */
const FEW_ROWS = 64;
/** … unless a row kernel's whole space is small. */
const SMALL_SPACE = 4096;

export const emptyGroup = (family: Group["family"], space: Shape): Group => ({
  ...{ family, space, rows: undefined, outputs: [] },
  ...{ members: new Set(), sources: new Set(), readers: new Set() },
});

/** The kernel of a node, which has not joined it yet. */
export function groupOf(node: Node): Group {
  if (!isReduction(node))
    return emptyGroup(familyOf(node), node.op === "update" ? node.inputs[1]!.shape : node.shape);
  const rows = { axes: node.attributes.axes.join(), shape: node.shape };
  return { ...emptyGroup("rows", node.inputs[0]!.shape), rows };
}

function familyOf(node: Node): Group["family"] {
  if (node.op === "scatter_add") return "scatter";
  if (node.op === "update" || node.op === "cumsum") return node.op;
  if (isPairwise(node)) return "pairwise";
  return isContraction(node) ? "contract" : "pointwise";
}

/** Where `source` stands when it is read through layout ops by a reader at `at`. */
export function accessed(input: Node, source: Node, at: Alignment): Alignment {
  if (at !== "space" || input.op !== "broadcast" || input.inputs[0] !== source) return "loose";
  const { from } = input.attributes;
  const kept = from.filter((axis) => axis >= 0);
  const inOrder = kept.length === source.shape.length && kept.every((axis, n) => axis === n);
  return inOrder ? `over:${from.flatMap((axis, n) => (axis < 0 ? [n] : [])).join()}` : "loose";
}

/** Whether one invocation a row keeps a device busy. */
export function manyRows(rows: Shape, full: Shape): boolean {
  const [count, space] = [elementCount(rows), elementCount(full)];
  if (typeof count !== "number" || count >= FEW_ROWS) return true;
  return typeof space === "number" && space <= SMALL_SPACE;
}

/** Whether it sums the same pairs and forms one of the products that `node` needs; two results of many channels are enough for one. */
export function sumsAsWell({ members, family }: Group, node: Pairwise): boolean {
  const pairs = [...members].filter(isPairwise);
  const wide = pairs.filter(({ attributes }) => attributes.valued).length;
  if (family !== "pairwise" || wide + Number(node.attributes.valued) > 2) return false;
  return (
    pairs.every((other) => sharesPairs(other, node)) && pairs.some((other) => sharesProduct(other, node))
  );
}

/** Whether it can compute the logsumexp that its sums are relative to as it goes. */
export function sumsRelativeTo({ members }: Group, l: Pairwise): boolean {
  const pairs = [...members].filter(isPairwise);
  const readers = [...members].filter((x) => x.inputs.some((input) => stripLayout(input) === l));
  return (
    pairs.every(({ attributes }) => attributes.reduce === "sum") &&
    readers.every((x) => isPairwise(x) && x.inputs.includes(l as Node) && isRescaled(x, l))
  );
}
