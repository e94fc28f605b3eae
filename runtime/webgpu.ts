/**
 * The GPU device, over a browser's WebGPU or Dawn in Node. A call is one encoder, one compute pass, one submit; bind
 * groups and uniforms are made once per recording.
 */
import type {
  BoundStep,
  CompiledKernel,
  Device,
  DeviceBuffer,
  DeviceInfo,
  Range,
  Recording,
  RunRequest,
} from "./device.js";
import { RuntimeError } from "./errors.js";
import type { Kernel } from "./program.js";

interface GpuBuffer extends DeviceBuffer {
  readonly gpu: GPUBuffer;
}
interface GpuKernel extends CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}
interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
interface GpuRecording extends Recording {
  readonly dispatches: readonly Dispatch[];
}

const gpuOf = (buffer: DeviceBuffer): GPUBuffer => (buffer as GpuBuffer).gpu;

/** Values of GPUBufferUsage and GPUMapMode: Node has no such globals. */
const usage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128, resolve: 512 } as const;
const mapModeRead = 1;
const stageCompute = 4;

const wantedFeatures = ["timestamp-query", "subgroups", "shader-f16"] as const;

export async function openWebgpu(
  gpu: GPU,
  options: { readonly adapter?: string | undefined; readonly software: boolean },
): Promise<Device> {
  const adapter = await requestAdapter(gpu, options.adapter);
  const info = infoOf(adapter);
  if (info.software && !options.software)
    throw new RuntimeError(
      "TFM6001",
      `The only adapter, ${info.description}, runs on the CPU.`,
      "Ask for webgpu.",
    );
  const features = wantedFeatures.filter((name) => adapter.features.has(name));
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: features,
      requiredLimits: limitsOf(adapter),
    });
    return webgpuDevice(gpu, device, info);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("TFM6001", `${info.description} gives no device: ${why}`, "Update its driver.", {
      cause,
    });
  }
}

async function requestAdapter(gpu: GPU, name: string | undefined): Promise<GPUAdapter> {
  const powerPreference = name === "low-power" ? "low-power" : "high-performance";
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (adapter) return adapter;
  const which =
    name === undefined ? "No WebGPU adapter was found." : `No WebGPU adapter matches \`${name}\`.`;
  throw new RuntimeError(
    "TFM6001",
    which,
    'Use `device: "cpu"`, or run `tfmc doctor` to see what is missing.',
  );
}

const softwareNames = /llvmpipe|lavapipe|swiftshader|basic render|software/i;

function infoOf(adapter: GPUAdapter): DeviceInfo {
  const { vendor, architecture, device, description } = adapter.info;
  const name = description || device || vendor || "unnamed adapter";
  const fallback = (adapter.info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  const software = fallback || softwareNames.test(`${vendor} ${architecture} ${device} ${description}`);
  return { kind: "webgpu", description: name, vendor, architecture, software };
}

/** All that the adapter has: without asking, a device gets the defaults only (128 MiB a binding). */
function limitsOf(adapter: GPUAdapter): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = Reflect.get(adapter.limits, name);
    if (typeof value === "number" && !/InterStage|subgroup/i.test(name)) limits[name] = value;
  }
  return limits;
}

function webgpuDevice(gpu: GPU, device: GPUDevice, info: DeviceInfo): Device {
  const state: { keepAlive: GPU | undefined; failure: RuntimeError | undefined } = {
    keepAlive: gpu, // Dawn's instance must outlive the device
    failure: undefined,
  };
  void device.lost.then(({ reason, message }) => {
    state.failure ??=
      reason === "destroyed"
        ? new RuntimeError("TFM6009", "This device was disposed.")
        : new RuntimeError(
            "TFM6006",
            `The GPU was lost: ${message}`,
            "Open the device again; resume from a checkpoint.",
          );
  });
  device.onuncapturederror = ({ error }) => {
    state.failure ??= uncaptured(error);
  };
  const check = () => {
    if (state.failure) throw state.failure;
  };
  const scalars = device.createBuffer({
    size: 64,
    usage: usage.uniform | usage.copyTarget,
    label: "scalars",
  });
  const layouts = new Map<number, Layout>();
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const staging = stagingPool(device);

  const readBack = async (
    encoder: GPUCommandEncoder,
    ranges: readonly Range[],
  ): Promise<readonly ArrayBuffer[]> => {
    const size = ranges.reduce((sum, range) => sum + range.size, 0);
    if (size === 0) {
      device.queue.submit([encoder.finish()]);
      return ranges.map(() => new ArrayBuffer(0));
    }
    const buffer = staging.take(size);
    let end = 0;
    const starts = ranges.map(({ buffer: source, offset, size: bytes }) => {
      encoder.copyBufferToBuffer(gpuOf(source), offset, buffer, end, bytes);
      end += bytes;
      return end - bytes;
    });
    device.queue.submit([encoder.finish()]);
    try {
      await buffer.mapAsync(mapModeRead, 0, size);
    } catch (cause) {
      check();
      throw new RuntimeError("TFM6006", "Reading back from the GPU failed.", undefined, { cause });
    }
    const bytes = buffer.getMappedRange(0, size);
    const copies = ranges.map((range, n) => bytes.slice(starts[n]!, starts[n]! + range.size));
    buffer.unmap();
    staging.give(buffer);
    check();
    return copies;
  };

  const encode = (request: RunRequest): GPUCommandEncoder => {
    check();
    device.queue.writeBuffer(scalars, 0, request.scalars);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    dispatchAll(pass, (request.recording as GpuRecording).dispatches);
    pass.end();
    for (const { from, to } of request.copies ?? [])
      encoder.copyBufferToBuffer(gpuOf(from.buffer), from.offset, gpuOf(to.buffer), to.offset, from.size);
    return encoder;
  };

  return {
    info,
    limits: {
      maxBufferSize: device.limits.maxBufferSize,
      maxBindingSize: device.limits.maxStorageBufferBindingSize,
      maxStorageBindings: device.limits.maxStorageBuffersPerShaderStage,
      maxGroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
    },
    features: new Set(device.features),
    createBuffer: (size, label): GpuBuffer => {
      check();
      const flags = usage.storage | usage.copySource | usage.copyTarget;
      const buffer = device.createBuffer({ size, usage: flags, label });
      return { size, gpu: buffer, destroy: () => buffer.destroy() };
    },
    write: (buffer, offset, data) => {
      check();
      device.queue.writeBuffer(
        gpuOf(buffer),
        offset,
        data.buffer as ArrayBuffer,
        data.byteOffset,
        data.byteLength,
      );
    },
    fill: ({ buffer, offset, size }, word) => {
      const chunk = new Uint32Array(Math.min(size / 4, 2 ** 20)).fill(word);
      for (let at = 0; at < size; at += chunk.byteLength)
        device.queue.writeBuffer(
          gpuOf(buffer),
          offset + at,
          chunk,
          0,
          Math.min(chunk.length, (size - at) / 4),
        );
    },
    read: async (ranges) => {
      check();
      return readBack(device.createCommandEncoder(), ranges);
    },
    compile: async (kernels) => {
      check();
      const compiled = await Promise.allSettled(
        kernels.map((kernel) => compileKernel(device, kernel, layouts, pipelines)),
      );
      check();
      for (const result of compiled) if (result.status === "rejected") throw result.reason;
      return compiled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    },
    record: (steps) => recordSteps(device, steps, scalars),
    run: async (request) => readBack(encode(request), request.reads ?? []),
    time: async (request) => {
      check();
      device.queue.writeBuffer(scalars, 0, request.scalars);
      const { dispatches } = request.recording as GpuRecording;
      const times = device.features.has("timestamp-query")
        ? await timestamps(device, dispatches)
        : await wallTimes(device, dispatches);
      check();
      return times;
    },
    idle: async () => {
      await device.queue.onSubmittedWorkDone();
      check();
    },
    dispose: () => {
      state.failure ??= new RuntimeError("TFM6009", "This device was disposed.");
      device.destroy();
      state.keepAlive = undefined;
    },
  };
}

function uncaptured(error: GPUError): RuntimeError {
  const memory = error.constructor.name === "GPUOutOfMemoryError" || /out of memory/i.test(error.message);
  return memory
    ? new RuntimeError("TFM6002", `The GPU is out of memory: ${error.message}`, "Use smaller lengths.")
    : new RuntimeError("TFM6006", `internal: the GPU refused a command: ${error.message}`);
}

function dispatchAll(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
  let last: GPUComputePipeline | undefined;
  for (const { pipeline, group, x, y, z } of dispatches) {
    if (pipeline !== last) pass.setPipeline(pipeline);
    last = pipeline;
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(x, y, z);
  }
}

// ---- kernels

interface Layout {
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

async function compileKernel(
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

// ---- recordings

function recordSteps(device: GPUDevice, steps: readonly BoundStep[], scalars: GPUBuffer): GpuRecording {
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
    const { kernel, pipeline, layout } = step.kernel as GpuKernel;
    const { offset, size } = offsets[n]!;
    const places = step.bindings.map((range) => `${nameOf(range.buffer)}+${range.offset}:${range.size}`);
    const key = `${offset} ${places.join(" ")}`;
    const group =
      groups.get(key) ??
      bindGroup(device, layout, { buffer: uniforms, offset, size }, scalars, step.bindings);
    groups.set(key, group);
    const [x, y, z] = step.grid.map((count, d) => Math.ceil(count / kernel.wgsl.workgroup[d]!)) as [
      number,
      number,
      number,
    ];
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
  layout: GPUBindGroupLayout,
  uniforms: GPUBufferBinding,
  scalars: GPUBuffer,
  bindings: readonly Range[],
): GPUBindGroup {
  const storage = bindings.map(({ buffer, offset, size }, n) => ({
    binding: n + 2,
    resource: { buffer: gpuOf(buffer), offset, size },
  }));
  const entries = [
    { binding: 0, resource: uniforms },
    { binding: 1, resource: { buffer: scalars } },
    ...storage,
  ];
  return device.createBindGroup({ layout, entries });
}

/** Buffers for reading back, by powers of two. */
function stagingPool(device: GPUDevice) {
  const free: GPUBuffer[] = [];
  return {
    take: (size: number): GPUBuffer => {
      const at = free.findIndex((buffer) => buffer.size >= size && buffer.size <= 4 * size + 4096);
      if (at >= 0) return free.splice(at, 1)[0]!;
      const rounded = Math.min(2 ** Math.ceil(Math.log2(Math.max(256, size))), device.limits.maxBufferSize);
      const flags = usage.mapRead | usage.copyTarget;
      return device.createBuffer({ size: Math.max(size, rounded), usage: flags, label: "staging" });
    },
    give: (buffer: GPUBuffer): void => {
      free.push(buffer);
      if (free.length > 4) free.shift()!.destroy();
    },
  };
}

// ---- time

/** Steps of one query set: a set holds at most 4096 queries. */
const stepsPerSet = 2048;

/** A pass per step, each with the GPU's own clock around it. */
async function timestamps(device: GPUDevice, dispatches: readonly Dispatch[]): Promise<readonly number[]> {
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

async function wallTimes(device: GPUDevice, dispatches: readonly Dispatch[]): Promise<readonly number[]> {
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
