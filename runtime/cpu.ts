/**
 * The CPU device: the same kernels as JavaScript over ArrayBuffers. It needs no GPU, and no `eval` where an emitted
 * module brings its kernels as functions.
 */
import type {
  BoundStep,
  CompiledKernel,
  Device,
  DeviceBuffer,
  KernelFunction,
  Range,
  Recording,
  RunRequest,
} from "./device.js";
import { RuntimeError } from "./errors.js";
import type { Kernel } from "./program.js";
import type { TensorData } from "./tensor.js";

interface CpuBuffer extends DeviceBuffer {
  bytes: ArrayBuffer;
}
interface CpuKernel extends CompiledKernel {
  readonly run: KernelFunction;
}
interface CpuRecording extends Recording {
  readonly calls: readonly (() => void)[];
}

const bytesOf = (buffer: DeviceBuffer): ArrayBuffer => (buffer as CpuBuffer).bytes;

/** Largest buffer: typed arrays are indexed by i32 in the kernels. */
const maxBytes = 4 * (2 ** 31 - 64);

export function openCpu(): Device {
  const words = new ArrayBuffer(64);
  const scalars = { f: new Float32Array(words), i: new Int32Array(words), u: new Uint32Array(words) };
  const start = (request: RunRequest) => {
    new Uint8Array(words).set(new Uint8Array(request.scalars));
    return (request.recording as CpuRecording).calls;
  };
  return {
    info: {
      kind: "cpu",
      description: "JavaScript",
      vendor: "",
      architecture: "",
      software: true,
      cooperative: false,
    },
    limits: {
      maxBufferSize: maxBytes,
      maxBindingSize: maxBytes,
      maxStorageBindings: Number.POSITIVE_INFINITY,
      maxGroupsPerDimension: Number.POSITIVE_INFINITY,
      maxInvocations: 1,
      maxWorkgroupBytes: 0,
    },
    features: new Set(),
    createBuffer,
    write: (buffer, offset, data) =>
      new Uint8Array(bytesOf(buffer)).set(
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        offset,
      ),
    fill: ({ buffer, offset, size }, word) => new Uint32Array(bytesOf(buffer), offset, size / 4).fill(word),
    read: async (ranges) => ranges.map(readRange),
    compile: async (kernels, functions) =>
      kernels.map((kernel, n): CpuKernel => ({ kernel, run: functions?.[n] ?? evaluate(kernel) })),
    record: (steps): CpuRecording => ({
      steps,
      calls: steps.map((step) => callOf(step, scalars)),
      destroy: () => undefined,
    }),
    run: async (request) => {
      for (const call of start(request)) call();
      for (const { from, to } of request.copies ?? [])
        new Uint8Array(bytesOf(to.buffer)).set(
          new Uint8Array(bytesOf(from.buffer), from.offset, from.size),
          to.offset,
        );
      return (request.reads ?? []).map(readRange);
    },
    time: async (request) =>
      start(request).map((call) => {
        const begin = performance.now();
        call();
        return performance.now() - begin;
      }),
    idle: async () => undefined,
    dispose: () => undefined,
  };
}

function createBuffer(size: number, label: string): CpuBuffer {
  try {
    const buffer: CpuBuffer = {
      size,
      bytes: new ArrayBuffer(size),
      destroy: () => {
        buffer.bytes = new ArrayBuffer(0);
      },
    };
    return buffer;
  } catch (cause) {
    const hint = "Use smaller lengths or a smaller model.";
    throw new RuntimeError("TFM6002", `There is no memory for ${size} bytes (${label}).`, hint, { cause });
  }
}

const readRange = ({ buffer, offset, size }: Range): ArrayBuffer =>
  bytesOf(buffer).slice(offset, offset + size);

/** The text of a kernel as a function. */
function evaluate(kernel: Kernel): KernelFunction {
  try {
    return new Function(`"use strict"; return (${kernel.javascript.code}\n);`)() as KernelFunction;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint =
      cause instanceof EvalError
        ? "The page's Content-Security-Policy forbids it; load the emitted module, which brings its kernels as functions."
        : undefined;
    throw new RuntimeError("TFM6003", `Kernel \`${kernel.name}\` failed to compile: ${why}`, hint, { cause });
  }
}

function callOf(step: BoundStep, scalars: Parameters<KernelFunction>[1]): () => void {
  const { kernel, run } = step.kernel as CpuKernel;
  const extents = Int32Array.from(step.extents);
  const bindings = step.bindings.map((range, n) => view(range, kernel.bindings[n]!.type));
  return () => run(extents, scalars, bindings, 0, step.invocations);
}

function view({ buffer, offset, size }: Range, type: "f32" | "i32" | "u32"): TensorData {
  switch (type) {
    case "f32":
      return new Float32Array(bytesOf(buffer), offset, size / 4);
    case "i32":
      return new Int32Array(bytesOf(buffer), offset, size / 4);
    case "u32":
      return new Uint32Array(bytesOf(buffer), offset, size / 4);
    default:
      return type satisfies never;
  }
}
