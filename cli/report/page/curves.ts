/**
 * Columns of runs → points to draw: over steps, time or tokens, smoothed, each seed or the mean with its band.
 */
import type { Column, PageRun, PageVariant } from "../page-data.js";

export type XAxis = "steps" | "seconds" | "tokens";
export type Quantity = "loss" | "validation" | "gradientNorm" | "learningRate";

export interface Curve {
  readonly x: Column;
  readonly y: Column;
}

/** The mean over seeds, and how far they lie from it; `deviation` is null where there is one seed. */
export interface MeanCurve extends Curve {
  readonly deviation: Column;
}

export interface View {
  readonly x: XAxis;
  /** 0 for none, below 1. */
  readonly smoothing: number;
}

const canSmooth = (quantity: Quantity): boolean => quantity === "loss" || quantity === "gradientNorm";

/** One run's curve by step: what an axis shows, and the value. */
function points(run: PageRun, quantity: Quantity, axis: XAxis): { steps: Column; x: Column; y: Column } {
  if (quantity === "validation") {
    const { steps, loss } = run.validation;
    return { steps, x: run.validation[axis], y: loss };
  }
  return { steps: run.steps, x: run[axis], y: run[quantity] };
}

/** An exponential moving average, corrected for its start, so that the first point is itself. */
export function smoothed(y: Column, smoothing: number): Column {
  if (smoothing === 0) return y;
  let average = 0;
  let weight = 0;
  return y.map((value) => {
    if (value === null) return null;
    average = smoothing * average + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return average / weight;
  });
}

export function runCurve(run: PageRun, quantity: Quantity, { x: axis, smoothing }: View): Curve {
  const { x, y } = points(run, quantity, axis);
  return { x, y: canSmooth(quantity) ? smoothed(y, smoothing) : y };
}

/** Step by step over the seeds that have a value there. */
export function meanCurve(variant: PageVariant, quantity: Quantity, { x: axis, smoothing }: View): MeanCurve {
  const at = new Map<number, { readonly x: number[]; readonly y: number[] }>();
  for (const run of variant.runs) {
    const { steps, x, y } = points(run, quantity, axis);
    const values = canSmooth(quantity) ? smoothed(y, smoothing) : y;
    steps.forEach((step, n) => {
      const [place, value] = [x[n], values[n]];
      if (step === null || typeof place !== "number" || typeof value !== "number") return;
      const found = at.get(step) ?? { x: [], y: [] };
      at.set(step, found);
      found.x.push(place);
      found.y.push(value);
    });
  }
  const sorted = [...at].sort(([a], [b]) => a - b).map(([, values]) => values);
  return {
    x: sorted.map(({ x }) => mean(x)),
    y: sorted.map(({ y }) => mean(y)),
    deviation: sorted.map(({ y }) => deviation(y)),
  };
}

/** The place of the last number; -1 where there is none. */
export function lastKnown(values: Column): number {
  let at = values.length - 1;
  while (at >= 0 && values[at] === null) at--;
  return at;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample, n − 1. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
