/** Bound steps → dispatches: bind groups, and one buffer with the lengths of every step, made once. */
import type { BoundStep, DeviceBuffer } from "./device.js";
import type { Dispatch, GpuKernel, GpuRecording } from "./gpu-objects.js";
import { gpuOf, usage } from "./gpu-objects.js";

export function recordSteps(
  device: GPUDevice,
  steps: readonly BoundStep[],
  scalars: GPUBuffer,
): GpuRecording {
  const { texts, offsets, bytes } = layUniforms(steps);
  const uniforms = device.createBuffer({
    size: Math.max(256, bytes),
    usage: usage.uniform | usage.copyTarget,
    label: "lengths",
  });
  device.queue.writeBuffer(uniforms, 0, texts as Uint32Array<ArrayBuffer>);
  const groups = new Map<string, GPUBindGroup>();
  const names = new Map<DeviceBuffer, number>();
  const nameOf = (buffer: DeviceBuffer): number => {
    const known = names.get(buffer) ?? names.size;
    names.set(buffer, known);
    return known;
  };
  const dispatches = steps.map((step, n): Dispatch => {
    const { pipeline } = step.kernel as GpuKernel;
    const { offset, size } = offsets[n]!;
    const places = step.bindings.map((range) => `${nameOf(range.buffer)}+${range.offset}:${range.size}`);
    const key = `${offset} ${places.join(" ")}`;
    const group = groups.get(key) ?? bindGroup(device, step, { buffer: uniforms, offset, size }, scalars);
    groups.set(key, group);
    const [x, y, z] = step.groups;
    return { pipeline, group, x, y, z };
  });
  return { steps, dispatches, destroy: () => uniforms.destroy() };
}

/** Each step's extents at a multiple of 256 bytes; equal ones share. */
function layUniforms(steps: readonly BoundStep[]) {
  const known = new Map<string, { readonly offset: number; readonly size: number }>();
  const rows: (readonly number[])[] = [];
  let bytes = 0;
  const offsets = steps.map(({ extents }) => {
    const key = extents.join(" ");
    const seen = known.get(key);
    if (seen) return seen;
    const place = { offset: bytes, size: Math.ceil(extents.length / 4) * 16 };
    known.set(key, place);
    rows.push(extents);
    bytes += Math.ceil(place.size / 256) * 256;
    return place;
  });
  const texts = new Uint32Array(bytes / 4);
  [...known.values()].forEach(({ offset }, n) => {
    texts.set(rows[n]!, offset / 4);
  });
  return { texts, offsets, bytes };
}

function bindGroup(
  device: GPUDevice,
  { kernel, bindings, label }: BoundStep,
  uniforms: GPUBufferBinding,
  scalars: GPUBuffer,
): GPUBindGroup {
  const storage = bindings.map(({ buffer, offset, size }, n) => ({
    binding: n + 2,
    resource: { buffer: gpuOf(buffer), offset, size },
  }));
  const first = [
    { binding: 0, resource: uniforms },
    { binding: 1, resource: { buffer: scalars } },
  ];
  return device.createBindGroup({
    layout: (kernel as GpuKernel).layout,
    entries: [...first, ...storage],
    label,
  });
}
