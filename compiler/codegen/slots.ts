/**
 * A leaf's role and name → the number of its slot.
 *
 * ```
 * slotOf(slots, "parameter", "layers.*.attention.wq") → 3
 * ```
 */
import type { Size } from "../ir/shape.js";
import { sizeText } from "../ir/shape.js";
import type { Slot } from "../passes/schedule.js";

export function slotOf(slots: readonly Slot[], role: Slot["role"], name: string): number | undefined {
  const index = slots.findIndex((slot) => slot.role === role && slot.name === name);
  return index < 0 ? undefined : index;
}

export function constantSize(size: Size): number {
  if (typeof size !== "number") throw new Error(`internal: ${sizeText(size)} is not constant`);
  return size;
}
