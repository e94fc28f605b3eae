/**
 * (Recipe, step) → the learning rate of that step. Steps count from 1; η is the recipe's learning rate, w its warmup.
 *
 *   constant   η · min(1, t / w)
 *   linear     t < w: η · t / w;   then η · (φ + (1 − φ) · (1 − p)),              p = min(1, (t − w) / (steps − w))
 *   cosine     t < w: η · t / w;   then η · (φ + (1 − φ) · (1 + cos(π·p)) / 2)
 *   noam       η · width^−½ · min(t^−½, t · w^−³⸍²)
 *
 * Cosine: Loshchilov and Hutter 2017; noam: Vaswani et al. 2017, equation 3. φ is `floor`, a share of η.
 */
import type { Recipe } from "./program.js";

export type Schedule = Recipe["schedule"];

export function learningRateAt(recipe: Pick<Recipe, "learningRate" | "schedule">, step: number): number {
  const { learningRate, schedule } = recipe;
  switch (schedule.kind) {
    case "constant":
      return learningRate * warmupAt(schedule.warmup, step);
    case "linear":
      return decayed(learningRate, schedule, step, (p) => 1 - p);
    case "cosine":
      return decayed(learningRate, schedule, step, (p) => (1 + Math.cos(Math.PI * p)) / 2);
    case "noam": {
      const rising = schedule.warmup > 0 ? step * schedule.warmup ** -1.5 : Number.POSITIVE_INFINITY;
      return learningRate * schedule.width ** -0.5 * Math.min(step ** -0.5, rising);
    }
    default:
      return schedule satisfies never;
  }
}

const warmupAt = (warmup: number, step: number): number => (step < warmup ? step / warmup : 1);

function decayed(
  learningRate: number,
  { warmup, steps, floor }: { readonly warmup: number; readonly steps: number; readonly floor: number },
  step: number,
  shape: (progress: number) => number,
): number {
  if (step < warmup) return learningRate * warmupAt(warmup, step);
  const progress = steps > warmup ? Math.min(1, (step - warmup) / (steps - warmup)) : 1;
  return learningRate * (floor + (1 - floor) * shape(progress));
}
