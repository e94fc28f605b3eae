/**
 * One axis moved, cut or made wider: what reading it at shifted indices is made of.
 *
 * ```
 * shift(x [t=T], by -1, to [i=T])     slice(pad(%x) before=1) start=0 size=T
 * ```
 */
import type { Axis, Node, Shape } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, subSizes } from "../shape.js";
import type { Env } from "./session.js";

export const replaceAt = <T>(list: readonly T[], at: number, by: readonly T[]): readonly T[] => [
  ...list.slice(0, at),
  ...by,
  ...list.slice(at + 1),
];

/** A new axis along which the node repeats. */
export function insert(env: Env, node: Node, at: number, axis: Axis): Node {
  const shape: Shape = [...node.shape.slice(0, at), axis, ...node.shape.slice(at)];
  return env.session.builder.broadcastTo(
    node,
    shape,
    shape.map((_, n) => (n < at ? n : n === at ? -1 : n - 1)),
  );
}

/** x[i + shift] as padding and a slice; what is out of range reads as 0. */
export function shift(env: Env, node: Node, axis: number, by: Size, target: Axis): Node {
  const b = env.session.builder;
  const have = node.shape[axis]!.size;
  const missing = subSizes(addSizes(target.size, by), have);
  const before = positive(subSizes(0, by)) ?? 0;
  const after = positive(missing) ?? positive(by) ?? 0;
  return b.slice(b.pad(node, axis, before, after), axis, addSizes(by, before), target.size);
}

/** max(size, 0), where its sign is the same for all lengths. */
function positive(size: Size): Size | undefined {
  if (typeof size === "number") return Math.max(0, size);
  if (size.every(([coefficient]) => coefficient > 0)) return size;
  return size.every(([coefficient]) => coefficient < 0) ? 0 : undefined;
}
