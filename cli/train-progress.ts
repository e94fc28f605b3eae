/**
 * Steps of a training run → a live line on a terminal, a plain line every few steps elsewhere, one JSON event a line with --json.
 *
 * ```
 * step 120/500 · loss 2.134 · 5,120 tokens/s · ETA 0:41 · 38.2 MiB
 * ```
 */
import type { Context } from "./context.js";
import { log } from "./context.js";
import { bytes, count, duration } from "./terminal.js";

export interface StepReport {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly tokens: number;
  /** Bytes held on the device. */
  readonly memory: number;
}

export interface TrainProgress {
  step(report: StepReport): void;
  event(name: string, values: Readonly<Record<string, unknown>>): void;
}

/** Milliseconds between plain lines. */
const plainEvery = 5000;
const liveEvery = 100;

export function createTrainProgress(
  context: Context,
  now: () => number = () => performance.now(),
): TrainProgress {
  const { json, quiet, progress } = context.options;
  const live = progress && context.host.stderr.terminal && !quiet && !json;
  const start = now();
  let shown = Number.NEGATIVE_INFINITY;
  let done = 0;
  let tokens = 0;
  return {
    step(report) {
      done++;
      tokens += report.tokens;
      const elapsed = (now() - start) / 1000;
      const rate = tokens / Math.max(1e-9, elapsed);
      if (json) return emit(context, "step", { ...report, tokensPerSecond: rate });
      const last = report.step === report.steps;
      const due = now() - shown >= (live ? liveEvery : plainEvery);
      if (quiet || !(due || last)) return;
      shown = now();
      const line = lineOf(report, rate, (elapsed / done) * (report.steps - report.step));
      if (live && !last) context.live.update(line);
      else log(context, line);
    },
    event(name, values) {
      if (json) emit(context, name, values);
    },
  };
}

function lineOf(report: StepReport, rate: number, left: number): string {
  const parts = [
    `step ${report.step}/${report.steps}`,
    `loss ${report.loss.toFixed(4)}`,
    `${count(rate)} tokens/s`,
    `ETA ${duration(left)}`,
    bytes(report.memory),
  ];
  return parts.join(" · ");
}

function emit(context: Context, event: string, values: Readonly<Record<string, unknown>>): void {
  context.host.stdout.write(`${JSON.stringify({ schemaVersion: 1, event, ...values })}\n`);
}
