/**
 * The GPU device, over a browser's WebGPU or Dawn in Node. A call is one encoder, one compute pass, one submit; bind
 * groups and uniforms are made once per recording.
 */
import type { Device, DeviceInfo, Range, RunRequest } from "./device.js";
import { listNames, RuntimeError } from "./errors.js";
import type { GpuBuffer, GpuRecording } from "./gpu-objects.js";
import { dispatchAll, gpuOf, mapModeRead, usage } from "./gpu-objects.js";
import type { Layout } from "./gpu-pipelines.js";
import { compileKernel } from "./gpu-pipelines.js";
import { recordSteps } from "./gpu-recording.js";
import { timestamps, wallTimes } from "./gpu-time.js";
import type { KernelWish } from "./variants.js";
import { kernelWish } from "./variants.js";

const wantedFeatures = ["timestamp-query", "subgroups", "shader-f16"] as const;

export async function openWebgpu(
  gpu: GPU,
  options: {
    readonly adapter?: string | undefined;
    readonly kernels?: KernelWish | undefined;
    readonly software: boolean;
  },
): Promise<Device> {
  const adapter = await requestAdapter(gpu, options.adapter);
  const info = infoOf(adapter, kernelWish(options.kernels));
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
  let others = "";
  try {
    const adapter = await gpu.requestAdapter({ powerPreference });
    if (adapter) return adapter;
  } catch (cause) {
    // Dawn lists what there is: ` * backend: 'vulkan', name: 'llvmpipe'`
    const names = [...String(cause).matchAll(/name: '([^']*)'/g)].map((match) => match[1]!);
    if (names.length > 0) others = ` There is ${listNames(names)}.`;
  }
  const which =
    name === undefined ? "No WebGPU adapter was found." : `No WebGPU adapter matches \`${name}\`.`;
  const hint = 'Use `device: "cpu"`, or run `tfmc doctor` to see what is missing.';
  throw new RuntimeError("TFM6001", which + others, hint);
}

const softwareNames = /llvmpipe|lavapipe|swiftshader|basic render|software/i;

function infoOf(adapter: GPUAdapter, wish: KernelWish): DeviceInfo {
  const { vendor, architecture, device, description } = adapter.info;
  // A browser may keep the first two to itself.
  const name = description || device || `${vendor} ${architecture}`.trim() || "unnamed adapter";
  const fallback = (adapter.info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  const software = fallback || softwareNames.test(`${vendor} ${architecture} ${device} ${description}`);
  const cooperative = wish === "auto" ? !software : wish === "cooperative";
  return { kind: "webgpu", description: name, vendor, architecture, software, cooperative };
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
  const state: { keepAlive: GPU | undefined; failure: Error | undefined } = {
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
  device.onuncapturederror = (event) => {
    event.preventDefault(); // told by the next call, not on the console
    state.failure ??= uncaptured(event.error);
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
      maxInvocations: Math.min(
        device.limits.maxComputeInvocationsPerWorkgroup,
        device.limits.maxComputeWorkgroupSizeX,
      ),
      maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
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
      if (word === 0) {
        const encoder = device.createCommandEncoder();
        encoder.clearBuffer(gpuOf(buffer), offset, size);
        device.queue.submit([encoder.finish()]);
        return;
      }
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

function uncaptured(error: GPUError): Error {
  const memory = error.constructor.name === "GPUOutOfMemoryError" || /out of memory/i.test(error.message);
  return memory
    ? new RuntimeError("TFM6002", `The GPU is out of memory: ${error.message}`, "Use smaller lengths.")
    : new Error(`internal: the GPU refused a command: ${error.message}`);
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
