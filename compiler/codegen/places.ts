/**
 * A scheduled value → how a Program says it: name, axes, sizes, and where the host finds it.
 *
 * ```
 * logits [batch=B, t=T, vocab=256] in slot 9 → { axes: ["batch", "t", "vocab"], shape: [B, T, 256], place: { slot: 9, … } }
 * ```
 */
import type * as P from "../../runtime/program.js";
import type { Shape } from "../ir/shape.js";
import { mulSizes } from "../ir/shape.js";
import type { Place } from "../passes/schedule.js";

/** A value that the host reads: its slices one by one, unless they lie without gaps. */
export function valuePlace(place: Place): P.Place {
  const { slot, turn, stride, length, count } = place;
  if (count === 1) return { slot, turn, stride, length };
  if (typeof stride === "number" && stride % 64 === 0)
    return { slot, turn, stride, length: mulSizes(length, count) };
  return { slot, turn, stride, length, count };
}

export const emitValue = (name: string, shape: Shape, dtype: P.DType): Omit<P.Value, "place"> => ({
  name,
  axes: shape.map((axis) => axis.name),
  shape: shape.map((axis) => axis.size),
  dtype,
});
