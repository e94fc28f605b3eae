/**
 * One call of an entry → time per step: the GPU's own clock where it has one, else wall time step by step.
 *
 *   summarise(await profile(session, "forward", inputs))[0] = { kernel: "contract_bias", calls: 24, milliseconds: 3.1, share: 0.62 }
 */
import type { EntryName } from "./inputs.js";
import { entryOf } from "./inputs.js";
import { stepsOf } from "./plan.js";
import type { Scalars, Session } from "./session.js";
import type { Inputs } from "./tensor.js";

export interface StepTime {
  readonly label: string;
  readonly kernel: string;
  readonly turn: number;
  readonly milliseconds: number;
}

export interface Profile {
  readonly clock: "gpu" | "wall";
  readonly steps: readonly StepTime[];
}

/** The steps of one call in order. One call goes before it, so that compiling and first touches are not measured. */
export async function profile(
  session: Session,
  entry: EntryName,
  inputs: Inputs,
  scalars: Scalars = {},
): Promise<Profile> {
  const { program, device } = session;
  await session.time(entry, inputs, scalars);
  const times = await session.time(entry, inputs, scalars);
  const steps = stepsOf(entryOf(program, entry), session.lengthsOf(entry, inputs)).map(
    ({ label, kernel, turn }, n): StepTime => ({
      label,
      kernel: program.kernels[kernel]!.name,
      turn,
      milliseconds: times[n]!,
    }),
  );
  return { clock: device.features.has("timestamp-query") ? "gpu" : "wall", steps };
}

export interface KernelTime {
  readonly kernel: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Of the whole. */
  readonly share: number;
}

/** Summed by kernel, the longest first. */
export function summarise({ steps }: Profile): readonly KernelTime[] {
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const sums = new Map<string, { calls: number; milliseconds: number }>();
  for (const { kernel, milliseconds } of steps) {
    const sum = sums.get(kernel) ?? { calls: 0, milliseconds: 0 };
    sums.set(kernel, { calls: sum.calls + 1, milliseconds: sum.milliseconds + milliseconds });
  }
  const rows = [...sums].map(([kernel, sum]) => ({
    kernel,
    ...sum,
    share: total > 0 ? sum.milliseconds / total : 0,
  }));
  return rows.sort((a, b) => b.milliseconds - a.milliseconds);
}
