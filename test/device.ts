/**
 * One shared WebGPU device for a file of tests, created when first asked for.
 *
 * It has the limits that WebGPU guarantees everywhere and no more: a kernel that needs more fails here as it would on
 * a user's machine. Features beyond the core are on where the adapter has them; WGSL must still enable each by name.
 */

import { afterAll, afterEach } from "vitest";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals); // GPUBufferUsage, GPUMapMode …: a page has them without being asked

const optionalFeatures: readonly GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];

let gpu: GPU | undefined; // held for as long as the device: Dawn crashes when it is collected first
let pending: Promise<GPUDevice> | undefined;
let errors: string[] = [];

export function getDevice(): Promise<GPUDevice> {
  pending ??= createDevice();
  return pending;
}

async function createDevice(): Promise<GPUDevice> {
  gpu = create([]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter: run `bash scripts/setup.sh`");
  const requiredFeatures = optionalFeatures.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ requiredFeatures });
  device.addEventListener("uncapturederror", (event) => errors.push(event.error.message));
  device.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") errors.push(`device lost: ${message}`);
  });
  return device;
}

/** The errors that the device reported since the last call, once all submitted work is done. */
export async function takeDeviceErrors(): Promise<readonly string[]> {
  if (pending) await (await pending).queue.onSubmittedWorkDone();
  const taken = errors;
  errors = [];
  return taken;
}

// An error that nobody awaits fails the test in which it happened.
afterEach(async () => {
  const taken = await takeDeviceErrors();
  if (taken.length > 0) throw new Error(`WebGPU reported:\n${taken.join("\n")}`);
});

afterAll(async () => {
  if (pending) (await pending).destroy();
  pending = undefined;
  gpu = undefined;
});
