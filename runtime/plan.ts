/**
 * (Entry, lengths) → a Plan: every place a range of bytes, every extent a number, the steps recorded. Made once for each
 * binding of lengths and kept.
 */
import { bindingBytes, checkFits, entryBytes, packSlots } from "./arena.js";
import type { BoundStep, CompiledKernel, Device, DeviceBuffer, Range, Recording } from "./device.js";
import { listNames, nearestNames, RuntimeError } from "./errors.js";
import type { Memory } from "./memory.js";
import type { DType, Entry, KernelText, Place, Program, Slot, Step, Value } from "./program.js";
import type { Lengths } from "./sizes.js";
import { alignElements, elementsOf, extentOf, groupsOf, placeRange, sizeOf } from "./sizes.js";
import type { Tensor } from "./tensor.js";
import { tensor } from "./tensor.js";

/** An output, or `count` elements of it from element `from` on (they come back flat), under the name `as`. */
export type Read =
  | string
  | { readonly name: string; readonly from: number; readonly count: number; readonly as?: string };

/** Rows of scalar outputs that stay on the device until somebody reads them. */
export interface Ring {
  readonly names: readonly string[];
  readonly rows: number;
  readonly buffer: DeviceBuffer;
}

export interface Plan {
  readonly name: string;
  readonly entry: Entry;
  readonly lengths: Lengths;
  readonly recording: Recording;
  readonly locate: (place: Place) => Range;
}

export interface PlanRequest {
  readonly program: Program;
  readonly device: Device;
  readonly memory: Memory;
  readonly name: string;
  readonly entry: Entry;
  readonly lengths: Lengths;
  /** The compiled kernels by their number in the program. */
  readonly kernels: ReadonlyMap<number, CompiledKernel>;
  /** Called before the buffers of the arena or of the caches are replaced. */
  readonly onGrow: () => void;
}

export function makePlan(request: PlanRequest): Plan {
  const { program, device, memory, name, entry, lengths, kernels } = request;
  const textOf = (number: number): KernelText => {
    const { kernel } = kernels.get(number)!;
    return device.info.kind === "webgpu" ? kernel.wgsl : kernel.javascript;
  };
  checkFits(program, name, entry, lengths, device.limits, textOf);
  if (uses(program, entry, "state")) memory.allocateStates();
  if (uses(program, entry, "prepared")) memory.allocatePrepared();
  if (uses(program, entry, "cache")) memory.allocateCaches(lengths, request.onGrow);
  const { buffers, where } = packSlots(entryBytes(program, entry, lengths), device.limits.maxBufferSize);
  if (!memory.arenaHolds(buffers)) {
    request.onGrow();
    memory.growArena(buffers);
  }
  const locate = (place: Place): Range => {
    const home = where.get(place.slot);
    if (!home) return memory.locate(place, lengths);
    const { offset, length } = placeRange(place, lengths);
    const buffer = memory.arena[home.buffer]!;
    return { buffer, offset: home.offset + 4 * offset, size: bindingBytes(length) };
  };
  const bind = (step: Step): BoundStep => {
    const text = textOf(step.kernel);
    return {
      kernel: kernels.get(step.kernel)!,
      bindings: apart(step.bindings.map(locate), step.label),
      extents: [...text.extents.map((extent) => extentOf(extent, lengths)), step.turn],
      invocations: elementsOf(text.grid.map((extent) => extentOf(extent, lengths))),
      groups: groupsOf(text, lengths, device.limits.maxGroupsPerDimension),
      label: step.label,
    };
  };
  return { name, entry, lengths, recording: device.record(stepsOf(entry, lengths).map(bind)), locate };
}

/** The steps as they run under these lengths: those of loops once for every turn. */
export function stepsOf({ steps, loops = [] }: Entry, lengths: Lengths): readonly Step[] {
  let at = 0;
  const all: Step[] = [];
  for (const { from, to, size, tile } of loops) {
    all.push(...steps.slice(at, from));
    const turns = Math.ceil(sizeOf(size, lengths) / tile);
    for (let turn = 0; turn < turns; turn++)
      all.push(...steps.slice(from, to).map((step) => ({ ...step, turn })));
    at = to;
  }
  return [...all, ...steps.slice(at)];
}

export const uses = (program: Program, entry: Entry, role: Slot["role"]): boolean =>
  entry.steps.some(({ bindings }) => bindings.some(({ slot }) => program.slots[slot]!.role === role));

/** Overlapping writable bindings are forbidden in one dispatch; the compiler binds a value once. */
function apart(ranges: readonly Range[], label: string): readonly Range[] {
  ranges.forEach((a, n) => {
    for (const b of ranges.slice(n + 1))
      if (a.buffer === b.buffer && a.offset < b.offset + b.size && b.offset < a.offset + a.size)
        throw new Error(`internal: step ${label} binds overlapping places`);
  });
  return ranges;
}

// ---- outputs

export function outputOf(entry: Entry, entryName: string, name: string): Value {
  const value = entry.outputs.find((output) => output.name === name);
  if (value) return value;
  const names = entry.outputs.map((output) => output.name);
  const near = nearestNames(name, names);
  throw new RuntimeError(
    "TFM6007",
    `\`${entryName}\` has no output \`${name}\`; it has ${listNames(names)}.`,
    near.length > 0 ? `Did you mean ${listNames(near)}?` : undefined,
  );
}

export interface BoundRead {
  readonly name: string;
  readonly range: Range;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Of a stack with gaps: elements of one slice, and from one slice to the next. */
  readonly slices: { readonly count: number; readonly length: number; readonly stride: number } | undefined;
}

export function readOf(plan: Plan, read: Read): BoundRead {
  const value = outputOf(plan.entry, plan.name, typeof read === "string" ? read : read.name);
  const shape = value.shape.map((size) => sizeOf(size, plan.lengths));
  const all = elementsOf(shape);
  const { from, count } = typeof read === "string" ? { from: 0, count: all } : read;
  if (from < 0 || count < 0 || from + count > all)
    throw new RuntimeError("TFM6007", `\`${value.name}\` has no elements ${from} to ${from + count}.`);
  const { buffer, offset } = plan.locate(value.place);
  const slices = slicesOf(value.place, plan.lengths);
  if (slices && count !== all) throw new Error(`internal: ${value.name} is a stack, it is read whole`);
  const span = slices ? placeRange(value.place, plan.lengths).length : count;
  const range = { buffer, offset: offset + 4 * from, size: 4 * span };
  return {
    name: typeof read === "string" ? read : (read.as ?? read.name),
    range,
    shape: typeof read === "string" ? shape : [count],
    dtype: value.dtype,
    slices,
  };
}

function slicesOf({ count = 1, length, stride }: Place, lengths: Lengths): BoundRead["slices"] {
  if (count === 1) return undefined;
  return { count, length: sizeOf(length, lengths), stride: alignElements(sizeOf(stride, lengths)) };
}

/** The slices of a stack one after the other, without the gaps between them. */
function closeGaps(
  words: Uint32Array,
  { count, length, stride }: NonNullable<BoundRead["slices"]>,
): ArrayBuffer {
  const dense = new Uint32Array(count * length);
  for (let n = 0; n < count; n++) dense.set(words.subarray(n * stride, n * stride + length), n * length);
  return dense.buffer;
}

export function ringCopies(plan: Plan, ring: Ring, row: number) {
  return ring.names.map((name, column) => {
    const { buffer, offset } = plan.locate(outputOf(plan.entry, plan.name, name).place);
    const at = 4 * (row * ring.names.length + column);
    return { from: { buffer, offset, size: 4 }, to: { buffer: ring.buffer, offset: at, size: 4 } };
  });
}

export function typedOutput(read: ArrayBuffer, { dtype, shape, slices }: BoundRead): Tensor {
  const bytes = slices ? closeGaps(new Uint32Array(read), slices) : read;
  switch (dtype) {
    case "f32":
      return tensor(new Float32Array(bytes), shape);
    case "i32":
      return tensor(new Int32Array(bytes), shape);
    case "bool":
      return tensor(new Uint32Array(bytes), shape);
    default:
      return dtype satisfies never;
  }
}
