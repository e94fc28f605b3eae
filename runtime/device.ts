/**
 * A wish ("auto", "webgpu", "cpu") → a Device: buffers, compiled kernels and recorded steps, on a GPU or on the CPU.
 *
 *   const device = await openDevice({ device: "auto" }); device.info.kind = "webgpu"
 */
import { openCpu } from "./cpu.js";
import { RuntimeError } from "./errors.js";
import { loadGpu } from "./gpu.js";
import type { Kernel } from "./program.js";
import type { KernelWish } from "./variants.js";
import { openWebgpu } from "./webgpu.js";

export interface DeviceInfo {
  readonly kind: "webgpu" | "cpu";
  /** The adapter as it names itself. */
  readonly description: string;
  readonly vendor: string;
  readonly architecture: string;
  /** A rasteriser on the CPU behind the GPU's interface. */
  readonly software: boolean;
  /** Whether kernels run as their variants, in which workgroups share work. */
  readonly cooperative: boolean;
}

export interface DeviceLimits {
  readonly maxBufferSize: number;
  readonly maxBindingSize: number;
  readonly maxStorageBindings: number;
  readonly maxGroupsPerDimension: number;
  /** Of a workgroup. */
  readonly maxInvocations: number;
  readonly maxWorkgroupBytes: number;
}

/** Bytes on the device. */
export interface DeviceBuffer {
  readonly size: number;
  destroy(): void;
}

/** Bytes [offset, offset + size) of a buffer. */
export interface Range {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly size: number;
}

/** A kernel made ready by one device. */
export interface CompiledKernel {
  readonly kernel: Kernel;
}

/** A step with its places and grid resolved to bytes and numbers. */
export interface BoundStep {
  readonly kernel: CompiledKernel;
  readonly bindings: readonly Range[];
  /** The extents of the kernel's text for this device, then the turn. */
  readonly extents: readonly number[];
  /** Invocations in all. */
  readonly invocations: number;
  /** Groups to dispatch along each dimension. */
  readonly groups: readonly [number, number, number];
  readonly label: string;
}

/** Steps made ready to run any number of times. */
export interface Recording {
  readonly steps: readonly BoundStep[];
  destroy(): void;
}

export interface RunRequest {
  readonly recording: Recording;
  /** The call scalars, one 4-byte word each, at most 16. */
  readonly scalars: ArrayBuffer;
  /** Copies made on the device after the last step. */
  readonly copies?: readonly { readonly from: Range; readonly to: Range }[];
  /** What to read back after the copies. */
  readonly reads?: readonly Range[];
}

/** A JavaScript kernel: (extents then the turn, call scalars, bindings, from, to) over the flattened grid. */
export type KernelFunction = (
  n: Int32Array,
  s: { readonly f: Float32Array; readonly i: Int32Array; readonly u: Uint32Array },
  b: readonly (Float32Array | Int32Array | Uint32Array)[],
  from: number,
  to: number,
) => void;

export interface Device {
  readonly info: DeviceInfo;
  readonly limits: DeviceLimits;
  readonly features: ReadonlySet<string>;
  createBuffer(size: number, label: string): DeviceBuffer;
  write(buffer: DeviceBuffer, offset: number, data: ArrayBufferView): void;
  /** Sets whole 4-byte words. */
  fill(range: Range, word: number): void;
  read(ranges: readonly Range[]): Promise<readonly ArrayBuffer[]>;
  /** Compiles all at once; `functions` are ready-made JavaScript kernels, one for each. */
  compile(
    kernels: readonly Kernel[],
    functions?: readonly KernelFunction[],
  ): Promise<readonly CompiledKernel[]>;
  record(steps: readonly BoundStep[]): Recording;
  /** Runs all steps in one submission; resolves to `reads`. Without reads it returns before the device is done. */
  run(request: RunRequest): Promise<readonly ArrayBuffer[]>;
  /** Milliseconds of each step, measured one by one. */
  time(request: RunRequest): Promise<readonly number[]>;
  /** Resolves when all that was submitted is done. */
  idle(): Promise<void>;
  dispose(): void;
}

export interface DeviceOptions {
  /** auto: a hardware adapter, else the CPU. Software adapters are taken only where "webgpu" is asked for. */
  readonly device?: "auto" | "webgpu" | "cpu";
  /** Picks among several adapters: part of its name (Dawn), or "high-performance" / "low-power". */
  readonly adapter?: string;
  /** Which kernels a GPU runs; absent: what the environment variable TFMC_KERNELS says, else auto. */
  readonly kernels?: KernelWish;
}

export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const wish = options.device ?? "auto";
  const { adapter, kernels } = options;
  switch (wish) {
    case "cpu":
      return openCpu();
    case "webgpu":
      return openWebgpu(await loadGpu(adapter), { adapter, kernels, software: true });
    case "auto":
      try {
        return await openWebgpu(await loadGpu(adapter), { adapter, kernels, software: false });
      } catch (error) {
        if (error instanceof RuntimeError && error.code === "TFM6001") return openCpu();
        throw error;
      }
    default:
      wish satisfies never;
      throw new RuntimeError(
        "TFM6001",
        `There is no device \`${String(wish)}\`.`,
        "Use auto, webgpu or cpu.",
      );
  }
}
