/** Kernels → pipelines, made in parallel; equal texts are one pipeline, equally many bindings one layout. */
import { RuntimeError } from "./errors.js";
import type { GpuKernel } from "./gpu-objects.js";
import { stageCompute } from "./gpu-objects.js";
import type { Kernel } from "./program.js";

export interface Layout {
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/** Binding 0 lengths, 1 call scalars, then storage: kernels with equally many bindings share a layout. */
function layoutFor(device: GPUDevice, count: number, layouts: Map<number, Layout>): Layout {
  const known = layouts.get(count);
  if (known) return known;
  const entries = Array.from(
    { length: count + 2 },
    (_, binding): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: stageCompute,
      buffer: { type: binding < 2 ? "uniform" : "storage" },
    }),
  );
  const group = device.createBindGroupLayout({ entries });
  const layout = { group, pipeline: device.createPipelineLayout({ bindGroupLayouts: [group] }) };
  layouts.set(count, layout);
  return layout;
}

export async function compileKernel(
  device: GPUDevice,
  kernel: Kernel,
  layouts: Map<number, Layout>,
  pipelines: Map<string, Promise<GPUComputePipeline>>,
): Promise<GpuKernel> {
  const layout = layoutFor(device, kernel.bindings.length, layouts);
  const key = `${kernel.bindings.length} ${kernel.wgsl.code}`;
  const pipeline = pipelines.get(key) ?? createPipeline(device, kernel, layout.pipeline);
  pipelines.set(key, pipeline);
  return { kernel, pipeline: await pipeline, layout: layout.group };
}

async function createPipeline(
  device: GPUDevice,
  kernel: Kernel,
  layout: GPUPipelineLayout,
): Promise<GPUComputePipeline> {
  device.pushErrorScope("validation"); // a refused module is told below, with the kernel's name
  const module = device.createShaderModule({ code: kernel.wgsl.code, label: kernel.name });
  const refused = device.popErrorScope();
  try {
    return await device.createComputePipelineAsync({
      layout,
      compute: { module, entryPoint: "main" },
      label: kernel.name,
    });
  } catch (cause) {
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter(({ type }) => type === "error");
    const told = errors.map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`).join("; ");
    const why = told || (await refused)?.message || (cause instanceof Error ? cause.message : String(cause));
    throw new RuntimeError("TFM6003", `Kernel \`${kernel.name}\` failed to compile: ${why}`, undefined, {
      cause,
    });
  } finally {
    await refused;
  }
}
