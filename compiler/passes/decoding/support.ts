/**
 * A sum over positions → which of them it reads: the proof that it reads none of later ones, and how far it looks back.
 *
 *   Σⱼ p[i, j] · v[j], p = softmax(s where j ≤ i and i − j < 4), i a new position   →   up to the last new one, a window of 4
 */
import type { Facts } from "./facts.js";
import { closure, difference } from "./facts.js";
import type { Mode } from "./modes.js";
import { reach } from "./modes.js";

/** Of one axis that is summed over. */
export interface Support {
  /** The largest index, counted from that of the last new position. */
  readonly last: number;
  /** How many positions back from the first new one, that one included. */
  readonly window: number;
}

/** Undefined where nothing known bounds the index along `axis` by that along an axis whose mode is known. */
export function supportOf(
  facts: Facts,
  axis: number,
  modes: readonly (Mode | undefined)[],
): Support | undefined {
  if (facts === "never") return { last: 0, window: 1 };
  const closed = closure(facts);
  let last = Number.POSITIVE_INFINITY;
  let window = Number.POSITIVE_INFINITY;
  modes.forEach((mode, row) => {
    if (!mode || row === axis) return;
    const ahead = difference(closed, axis, row);
    const back = difference(closed, row, axis);
    if (ahead !== undefined) last = Math.min(last, ahead + reach(mode));
    if (back !== undefined && mode.kind === "rows")
      window = Math.min(window, Math.max(1, back + 1 - mode.from));
  });
  return last === Number.POSITIVE_INFINITY ? undefined : { last, window };
}
