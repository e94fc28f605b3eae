/**
 * The labels of a contraction → its roles: batch, rows m, columns n, summed k, and the tile one invocation owns.
 *
 * ```
 * a [b, t, d], b [d, n] → out [b, t, n]: m = (b, t), n = (n), k = (d)
 * ```
 */

import type { Columns } from "../../ir/epilogue/columns.js";
import { columnLabels } from "../../ir/epilogue/columns.js";
import type { Epilogue } from "../../ir/epilogue.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import type { Expr } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import type { Position } from "../position.js";

/** A coordinate for each of some labels. */
export type Coordinates = Readonly<Record<string, Expr>>;

/** One or four neighbouring rows or columns. */
export interface Strip {
  readonly members: readonly Coordinates[];
  /** Whether they exist; those that do not repeat the last ones. */
  readonly inside: Expr;
}

export interface Tile {
  readonly batch: Coordinates;
  readonly rows: readonly Strip[];
  readonly columns: readonly Strip[];
  /** What the columns are sets of, where what follows says so; set by set, partner by partner. */
  readonly sets?: readonly ColumnSet[];
}

/** The columns of one (outer, at). */
export interface ColumnSet {
  readonly outer: Expr;
  readonly at: Expr;
  readonly inside: Expr;
}

export interface Operand {
  readonly node: Node;
  readonly labels: readonly string[];
}

export interface Plan {
  readonly a: Operand;
  readonly b: Operand;
  readonly out: readonly string[];
  readonly batch: readonly string[];
  readonly m: readonly string[];
  readonly n: readonly string[];
  /** Loops over k from the outside in; the labels of one loop are neighbours in both operands. */
  readonly k: readonly (readonly string[])[];
  readonly size: (label: string) => Size;
  /** The label's size is a constant multiple of four. */
  readonly isFourfold: (label: string | undefined) => boolean;
  readonly tileM: number;
  readonly tileN: number;
  /** What follows, where it is more than maps of the result's own elements. */
  readonly epilogue?: Epilogue | undefined;
}

export const bindings = (labels: readonly string[], position: Position): Coordinates =>
  Object.fromEntries(labels.map((label, n) => [label, position[n]!]));

/**
 * Elements of the result an invocation computes along m and along n. Tiles of 8 × 8 were no faster on a software adapter (both near
 * 3 GFLOP/s at 512³ on two cores) and take its compiler three times as long; V8 keeps 16 accumulators in registers.
 */
const LARGEST_TILE = 4;

export function planContract(node: NodeOf<"contract">, epilogue?: Epilogue): Plan {
  const { out } = node.attributes;
  const [x, y] = node.inputs as readonly [Node, Node];
  const left: Operand = { node: x, labels: node.attributes.a };
  const right: Operand = { node: y, labels: node.attributes.b };
  // The innermost label of the result becomes a column, so that stores run along it.
  const last = columnLabels(node).at(-1);
  const swap = last !== undefined && left.labels.includes(last);
  const [a, b] = swap ? [right, left] : [left, right];
  const size = sizeOfLabels([a, b]);
  const inA = (label: string): boolean => a.labels.includes(label);
  const inB = (label: string): boolean => b.labels.includes(label);
  const m = out.filter((label) => inA(label) && !inB(label));
  const n = out.filter((label) => inB(label) && !inA(label));
  const columns = tileOf(product(n.map(size)));
  const rows = tileOf(product(m.map(size)));
  return {
    a,
    b,
    out,
    m,
    n,
    size,
    batch: out.filter((label) => inA(label) && inB(label)),
    k: loopsOverK(a, b, out),
    isFourfold: (label) => label !== undefined && isMultipleOf4(size(label)) && size(label) !== 0,
    tileM: epilogue ? Math.min(rows, Math.max(1, LARGEST_TILE / groupsOf(epilogue.columns))) : rows,
    tileN: epilogue ? setsOf(epilogue.columns) * columnsOfSet(epilogue.columns) : columns === 2 ? 1 : columns,
    epilogue,
  };
}

export const columnsOfSet = ({ partners, width }: Columns): number => partners * width;

/** How many sets an invocation has: as many as four columns take. */
export const setsOf = (columns: Columns): number => Math.max(1, LARGEST_TILE / columnsOfSet(columns));

/** Fours of columns of an invocation. */
export const groupsOf = (columns: Columns): number => Math.max(1, columnsOfSet(columns) / LARGEST_TILE);

function sizeOfLabels(operands: readonly Operand[]): (label: string) => Size {
  const found = new Map<string, Size>();
  for (const { node, labels } of operands)
    labels.forEach((label, axis) => {
      found.set(label, node.shape[axis]!.size);
    });
  return (label) => {
    const size = found.get(label);
    if (size === undefined) throw new Error(`internal: label ${label} has no size`);
    return size;
  };
}

const tileOf = (size: Size): number =>
  typeof size !== "number" ? LARGEST_TILE : ([LARGEST_TILE, 2].find((tile) => tile <= size) ?? 1);

function loopsOverK(a: Operand, b: Operand, out: readonly string[]): readonly (readonly string[])[] {
  const summed = [...new Set([...a.labels, ...b.labels])].filter((label) => !out.includes(label));
  const loops: string[][] = [];
  for (const label of summed) {
    const before = loops.at(-1)?.at(-1);
    const follows = ({ labels }: Operand): boolean =>
      before !== undefined && labels.includes(label) && labels[labels.indexOf(label) - 1] === before;
    if (follows(a) && follows(b)) loops.at(-1)!.push(label);
    else loops.push([label]);
  }
  return loops.length > 0 ? loops : [[]];
}
