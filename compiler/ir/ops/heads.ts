/** Heads that share: of keys and values by groups of queries' heads, and of gradients summed over a group. */
import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";
import type { Axis, Shape, Size } from "../shape.js";
import { divideSize, sizeEquals } from "../shape.js";

/** [...batch, g, j, c] → [...batch, h, j, c], head h a copy of head h // (heads / g). */
export function repeatHeads(b: Builder, x: Node, heads: Size): Node {
  const at = x.shape.length - 3;
  const own = x.shape[at]!;
  if (sizeEquals(own.size, heads)) return x;
  const group: Axis = { name: "group", size: divideSize(heads, own.size)! };
  const wide = [...x.shape.slice(0, at + 1), group, ...x.shape.slice(at + 1)];
  const from = wide.map((_, n) => (n <= at ? n : n === at + 1 ? -1 : n - 1));
  const repeated = b.broadcastTo(x, wide, from); // [...batch, g, group, j, c]
  return b.reshape(
    repeated,
    x.shape.map((axis, n) => (n === at ? { name: own.name, size: heads } : axis)),
  );
}

/** [..., h, ...] → [..., g, ...], summed over the h / groups neighbouring heads of each group. */
export function sharedHeads(b: Builder, x: Node, axis: number, groups: Size): Node {
  const own = x.shape[axis]!;
  if (sizeEquals(own.size, groups)) return x;
  const share: Axis = { name: "share", size: divideSize(own.size, groups)! };
  const wide = [...x.shape.slice(0, axis), { ...own, size: groups }, share, ...x.shape.slice(axis + 1)];
  return b.sum(b.reshape(x, wide), [axis + 1]);
}

/** A field with some axes of a space, in order, repeated along the others. */
export const alongKept = (b: Builder, field: Node, axes: readonly number[], space: Shape): Node =>
  b.broadcastTo(
    field,
    space,
    space.map((_, axis) => axes.indexOf(axis)),
  );
