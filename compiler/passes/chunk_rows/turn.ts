/**
 * The nodes of a cone → the same nodes over one chunk of rows, as the body of a region.
 *
 * ```
 * %1 = mul(%0, broadcast(%scale)) : f32 [batch=B, t=T, v=V]   →   %1 = mul(%0, broadcast(fixed.0)) : f32 [row=256, v=V]
 * ```
 * Turn t takes the rows t · chunk … of everything that has rows. Rows beyond the last one are read as zeros; they are left out of
 * results, and count as zeros in sums.
 */
import type { Builder } from "../../ir/builder.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Shape, Size } from "../../ir/shape.js";
import { isFree, isMap } from "../fuse/kinds.js";
import { isOp } from "../rule.js";
import type { Cone } from "./cone.js";
import { isInPlace, widthOf } from "./cone.js";

export interface Turn {
  /** What the region reads besides what it carries. */
  readonly operands: readonly Node[];
  /** The node over this turn's rows; undefined where that cannot be said. */
  local(node: Node): Node | undefined;
  /** The first row of the turn, i32 []. */
  readonly at: Node;
}

export function createTurn(b: Builder, cone: Cone, rows: Size, chunk: number, width: number): Turn {
  const { rank, inside } = cone;
  const axis = { name: "row", size: chunk };
  const at = b.mul(b.input("turn", "turn.0", [], "i32"), b.const(chunk, "i32")); // []
  const ids = b.add(b.iota([axis], 0), b.broadcastTo(at, [axis], [-1])); // [row]
  const isThere = b.lt(ids, b.broadcastTo(b.length(rows, "i32"), [axis], [-1])); // [row]
  const isWhole = typeof rows === "number" && rows % chunk === 0;
  const summed = new Set(cone.sums.flatMap(({ inputs }) => inputs).filter((input) => inside.has(input)));
  const operands: Node[] = [];
  const known = new Map<Node, Node | undefined>();

  const shapeOf = (node: Node): Shape => [axis, ...node.shape.slice(rank)];
  const operand = (node: Node): Node => {
    const n = operands.includes(node) ? operands.indexOf(node) : operands.push(node) - 1;
    return b.input("fixed", `fixed.${n}`, node.shape, node.dtype);
  };
  const fixed = (node: Node): Node => (isFree(node) ? node : operand(node));

  function local(node: Node): Node | undefined {
    if (known.has(node)) return known.get(node);
    const made = inside.has(node) ? computed(node) : outer(node);
    const masked = made && summed.has(node) && !isWhole ? counting(made) : made;
    known.set(node, masked);
    return masked;
  }

  /** Zero in the rows beyond the last one. */
  function counting(node: Node): Node {
    const condition = b.broadcastTo(isThere, node.shape, [0]);
    return b.select(condition, node, b.full(0, node.shape, node.dtype)); // [row, …]
  }

  /** A value with rows that the cone reads: what is small or would be wide is computed here, the rest is read row by row. */
  function outer(node: Node): Node | undefined {
    const isWide = widthOf(node, rank) >= width;
    if (isOp(node, "broadcast")) {
      const { from } = node.attributes;
      if (from.slice(0, rank).every((n) => n < 0))
        return over(node, fixed(node.inputs[0]!), from.slice(rank));
      if (isInPlace(from, rank)) return computed(node);
    }
    if (isMap(node) && (isWide || node.shape.length === rank)) return computed(node);
    if (isWide) return undefined;
    const flat = b.reshape(operand(node), [{ name: "row", size: rows }, ...node.shape.slice(rank)]);
    return b.gather(flat, ids, 0); // [row, …]
  }

  const over = (node: Node, x: Node, from: readonly number[]): Node =>
    b.broadcastTo(x, shapeOf(node), [-1, ...from]);

  function computed(node: Node): Node | undefined {
    if (isOp(node, "contract")) return contracted(node);
    const inputs = node.inputs.map(local);
    if (inputs.some((input) => input === undefined)) return undefined;
    const all = inputs as readonly Node[];
    const moved = (n: number): number => n - rank + 1;
    if (isMap(node)) return b.remake(node, all);
    if (isOp(node, "broadcast")) {
      const from = node.attributes.from.slice(rank).map((n) => (n < 0 ? -1 : moved(n)));
      return b.broadcastTo(all[0]!, shapeOf(node), [0, ...from]);
    }
    if (isOp(node, "reduce")) {
      const { axes, kind } = node.attributes;
      const kept = axes.filter((n) => n >= rank).map(moved);
      return b.reduce(kind, all[0]!, axes.includes(0) ? [0, ...kept] : kept);
    }
    if (isOp(node, "slice") || isOp(node, "pad") || isOp(node, "concat")) {
      const attributes = { ...node.attributes, axis: moved(node.attributes.axis) };
      return b.make(node.op, all, attributes as never) as Node;
    }
    return undefined;
  }

  /** One label stands for the rows. */
  function contracted(node: NodeOf<"contract">): Node | undefined {
    const { a, b: right, out } = node.attributes;
    const leading = out.slice(0, rank).join() === a.slice(0, rank).join() ? a : undefined;
    const shared = a.slice(0, rank).join() === right.slice(0, rank).join();
    const rowLabels = (leading ?? (shared ? a : right)).slice(0, rank);
    const hasRows = (labels: readonly string[]): boolean =>
      rowLabels.every((label, n) => labels[n] === label);
    const collapsed = (labels: readonly string[]): readonly string[] =>
      hasRows(labels) ? [rowLabels[0]!, ...labels.slice(rank)] : labels;
    const value = (n: 0 | 1, labels: readonly string[]): Node | undefined =>
      hasRows(labels) ? local(node.inputs[n]!) : fixed(node.inputs[n]!);
    const [x, y] = [value(0, a), value(1, right)];
    if (!x || !y) return undefined;
    return b.contract(x, y, { a: collapsed(a), b: collapsed(right), out: collapsed(out) });
  }

  return { operands, local, at };
}
