/**
 * Running sums in steps: the last one is kept, and the new ones go on from it.
 *
 *   y = cumsum(x) [b, t, d]   →   y = cumsum(new rows of x) + last;   cache last [b, 1, d] = the last row of y
 */
import type { Node } from "../../ir/graph.js";
import { subSizes, symbol } from "../../ir/shape.js";
import { demandBatch, keepLeaf } from "./caches.js";
import { isNew, positionScalar, timeAxes } from "./modes.js";
import type { WantOf } from "./want.js";
import { axisWord, looksEverywhere, unfit } from "./want.js";

export function cumsumStep(want: WantOf<"cumsum">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis, reverse } = node.attributes;
  const x = node.inputs[0]!;
  if (!modes[axis]) return b.cumsum(emit(frame, x, modes), axis, reverse);
  if (reverse) return looksEverywhere(want, "sums over");
  if (!modes.every(isNew) || timeAxes(node.shape, time).length > 1)
    return unfit(want, `has running sums of more than the new positions of ${axisWord(want)}`);
  demandBatch(frame, node);
  const shape = node.shape.map((own, n) => (n === axis ? { name: own.name, size: 1 } : own));
  const { inside, keep } = keepLeaf(frame, node, shape, "ring");
  // Where a text begins there is no last sum: index -1 reads 0.
  const one = [{ name: node.shape[axis]!.name, size: 1 }];
  const at = b.sub(b.min(positionScalar(b), b.const(1, "i32")), b.const(1, "i32")); // []
  const last = b.gather(inside, b.broadcastTo(at, one, [-1]), axis); // [.., 1, ..]
  const rows = b.cumsum(emit(frame, x, modes), axis, false);
  const flat = b.reshape(
    last,
    last.shape.filter((_, n) => n !== axis),
  );
  const from = rows.shape.map((_, n) => (n === axis ? -1 : n < axis ? n : n - 1));
  const sums = b.add(rows, b.broadcastTo(flat, rows.shape, from));
  const newest = b.slice(sums, axis, subSizes(symbol(time), 1), 1); // [.., 1, ..]
  keep(b.update(inside, newest, b.const(0, "i32"), axis));
  return sums;
}
