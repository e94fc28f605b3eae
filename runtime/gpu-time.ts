/** Dispatches → milliseconds of each, by the GPU's clock or by the wall's. */
import type { Dispatch } from "./gpu-objects.js";
import { dispatchAll, mapModeRead, usage } from "./gpu-objects.js";

/** Steps of one query set: a set holds at most 4096 queries. */
const stepsPerSet = 2048;

/** A pass per step, each with the GPU's own clock around it. */
export async function timestamps(
  device: GPUDevice,
  dispatches: readonly Dispatch[],
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let from = 0; from < dispatches.length; from += stepsPerSet) {
    const part = dispatches.slice(from, from + stepsPerSet);
    const set = device.createQuerySet({ type: "timestamp", count: 2 * part.length });
    const size = 16 * part.length;
    const resolved = device.createBuffer({ size, usage: usage.resolve | usage.copySource });
    const mapped = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    const encoder = device.createCommandEncoder();
    part.forEach((dispatch, n) => {
      const timestampWrites = {
        querySet: set,
        beginningOfPassWriteIndex: 2 * n,
        endOfPassWriteIndex: 2 * n + 1,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      dispatchAll(pass, [dispatch]);
      pass.end();
    });
    encoder.resolveQuerySet(set, 0, 2 * part.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
    device.queue.submit([encoder.finish()]);
    await mapped.mapAsync(mapModeRead);
    const ticks = new BigUint64Array(mapped.getMappedRange());
    part.forEach((_, n) => {
      times.push(Number(ticks[2 * n + 1]! - ticks[2 * n]!) / 1e6);
    });
    for (const owned of [set, resolved, mapped]) owned.destroy();
  }
  return times;
}

export async function wallTimes(
  device: GPUDevice,
  dispatches: readonly Dispatch[],
): Promise<readonly number[]> {
  const times: number[] = [];
  for (const dispatch of dispatches) {
    const begin = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    dispatchAll(pass, [dispatch]);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    times.push(performance.now() - begin);
  }
  return times;
}
