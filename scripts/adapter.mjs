// Prints the WebGPU adapter that the tests will use and exits 0, or exits 1 where it gives no device.
// `--json` prints its limits and features too.
import { create } from "webgpu";

const gpu = create([]); // held to the end: a device must not outlive it
const adapter = await gpu.requestAdapter();
if (!adapter) {
  console.error("Dawn finds no WebGPU adapter on this machine.");
  process.exit(1);
}
const device = await adapter.requestDevice();

if (process.argv.includes("--json")) {
  const { vendor, architecture, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const info = {
    vendor,
    architecture,
    device: adapter.info.device,
    description,
    subgroupMinSize,
    subgroupMaxSize,
  };
  /** @type {Record<string, number>} */
  const limits = {};
  for (const key in adapter.limits) limits[key] = Number(Reflect.get(adapter.limits, key));
  console.log(JSON.stringify({ info, features: [...adapter.features].sort(), limits }, undefined, 2));
} else {
  const { description, vendor } = adapter.info;
  console.log(description || adapter.info.device || vendor || "unnamed adapter");
}
device.destroy();
// Dawn's threads may outlive the last line of a script; leaving at once is the clean end.
process.exit(gpu ? 0 : 1);
