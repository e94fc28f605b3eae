/** What the GPU device's parts share: its own buffers, kernels and recordings behind the Device's interfaces. */
import type { CompiledKernel, DeviceBuffer, Recording } from "./device.js";

export interface GpuBuffer extends DeviceBuffer {
  readonly gpu: GPUBuffer;
}
export interface GpuKernel extends CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
export interface GpuRecording extends Recording {
  readonly dispatches: readonly Dispatch[];
}

export const gpuOf = (buffer: DeviceBuffer): GPUBuffer => (buffer as GpuBuffer).gpu;

/** Values of GPUBufferUsage and GPUMapMode: Node has no such globals. */
export const usage = {
  mapRead: 1,
  copySource: 4,
  copyTarget: 8,
  uniform: 64,
  storage: 128,
  resolve: 512,
} as const;
export const mapModeRead = 1;
export const stageCompute = 4;

/** Each call into the device costs about a microsecond in Node, and each argument a tenth: none is made in vain. */
export function dispatchAll(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
  let pipeline: GPUComputePipeline | undefined;
  let group: GPUBindGroup | undefined;
  for (const dispatch of dispatches) {
    if (dispatch.pipeline !== pipeline) pass.setPipeline(dispatch.pipeline);
    if (dispatch.group !== group) pass.setBindGroup(0, dispatch.group);
    pipeline = dispatch.pipeline;
    group = dispatch.group;
    const { x, y, z } = dispatch;
    if (y === 1 && z === 1) pass.dispatchWorkgroups(x);
    else pass.dispatchWorkgroups(x, y, z);
  }
}
