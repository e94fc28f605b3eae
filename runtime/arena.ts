/**
 * Slot sizes → places in as few buffers as the device allows; and the check that a binding of lengths fits at all.
 *
 *   packSlots([[0, 1000], [1, 300]], 2 ** 28) = { buffers: [1536], where: 0 → [0, 0], 1 → [0, 1024] }
 */
import type { DeviceLimits } from "./device.js";
import { RuntimeError } from "./errors.js";
import { inputsOf } from "./inputs.js";
import type { Entry, KernelText, Place, Program } from "./program.js";
import type { Lengths } from "./sizes.js";
import { cachesOf, groupsOf, placeRange, sizeOf } from "./sizes.js";

export interface Packing {
  /** Bytes of each buffer. */
  readonly buffers: readonly number[];
  /** Slot → buffer and byte offset in it. */
  readonly where: ReadonlyMap<number, { readonly buffer: number; readonly offset: number }>;
}

const alignBytes = (bytes: number): number => Math.max(256, Math.ceil(bytes / 256) * 256);
/** What a place of so many elements binds: whole vec4s, and never nothing. */
export const bindingBytes = (elements: number): number => Math.max(16, Math.ceil(elements / 4) * 16);

export function packSlots(slots: Iterable<readonly [number, number]>, maxBufferSize: number): Packing {
  const buffers: number[] = [];
  const where = new Map<number, { buffer: number; offset: number }>();
  for (const [slot, bytes] of slots) {
    const size = alignBytes(bytes);
    let buffer = buffers.findIndex((used) => used + size <= maxBufferSize);
    if (buffer < 0) buffer = buffers.push(0) - 1;
    where.set(slot, { buffer, offset: buffers[buffer]! });
    buffers[buffer]! += size;
  }
  return { buffers, where };
}

/** Bytes of the slots of these roles, by the largest of their sizes. */
export function slotBytes(
  program: Program,
  roles: readonly string[],
  lengths: Lengths,
): readonly (readonly [number, number])[] {
  return program.slots.flatMap((slot, n) => {
    if (!roles.includes(slot.role)) return [];
    const sizes = slot.sizes.map(({ count, elements }) => count * alignBytes(4 * sizeOf(elements, lengths)));
    return [[n, Math.max(256, ...sizes)] as const];
  });
}

/** Bytes of the input and temporary slots that one entry touches under these lengths. */
export function entryBytes(program: Program, entry: Entry, lengths: Lengths): ReadonlyMap<number, number> {
  const bytes = new Map<number, number>();
  for (const place of placesOf(program, entry)) {
    const { role } = program.slots[place.slot]!;
    if (role !== "temporary" && role !== "input") continue;
    const { offset, length } = placeRange(place, lengths);
    bytes.set(place.slot, Math.max(bytes.get(place.slot) ?? 0, 4 * offset + bindingBytes(length)));
  }
  return new Map([...bytes].sort(([a], [b]) => a - b));
}

function* placesOf(program: Program, entry: Entry): Generator<Place> {
  for (const step of entry.steps) yield* step.bindings;
  for (const value of entry.outputs) yield value.place;
  for (const input of inputsOf(program)) if (entry.inputs.includes(input.name)) yield input.place;
}

// ---- feasibility

interface Excess {
  readonly what: string;
  readonly needed: number;
  readonly limit: number;
  readonly unit: "bytes" | "groups" | "bindings";
}

/** Throws TFM6002 where an entry cannot run under these lengths on a device with these limits. */
export function checkFits(
  program: Program,
  entryName: string,
  entry: Entry,
  lengths: Lengths,
  limits: DeviceLimits,
  textOf: (kernel: number) => KernelText,
): void {
  const excessAt = (at: Lengths): Excess | undefined => findExcess(program, entry, at, limits, textOf);
  const excess = excessAt(lengths);
  if (!excess) return;
  const at = Object.entries(lengths).map(
    ([name, value]) => `${program.lengths[name]?.axis ?? name} = ${value}`,
  );
  throw new RuntimeError(
    "TFM6002",
    `\`${entryName}\` of \`${program.name}\` at ${at.join(", ")}: ${excess.what} needs ` +
      `${amount(excess.needed, excess.unit)}; the device allows ${amount(excess.limit, excess.unit)}.`,
    fittingHint(program, lengths, (other) => excessAt(other) === undefined),
  );
}

function findExcess(
  program: Program,
  entry: Entry,
  lengths: Lengths,
  limits: DeviceLimits,
  textOf: (kernel: number) => KernelText,
): Excess | undefined {
  for (const [slot, bytes] of entryBytes(program, entry, lengths))
    if (alignBytes(bytes) > limits.maxBufferSize)
      return {
        what: slotText(program, entry, slot),
        needed: bytes,
        limit: limits.maxBufferSize,
        unit: "bytes",
      };
  for (const step of entry.steps) {
    const what = `step \`${step.label}\` (kernel \`${program.kernels[step.kernel]!.name}\`)`;
    if (step.bindings.length > limits.maxStorageBindings)
      return { what, needed: step.bindings.length, limit: limits.maxStorageBindings, unit: "bindings" };
    const groups = Math.max(...groupsOf(textOf(step.kernel), lengths, limits.maxGroupsPerDimension));
    if (groups > limits.maxGroupsPerDimension)
      return { what, needed: groups, limit: limits.maxGroupsPerDimension, unit: "groups" };
    for (const place of step.bindings) {
      const bytes = bindingBytes(sizeOf(place.length, lengths));
      if (bytes > limits.maxBindingSize)
        return {
          what: `${what}, slot ${place.slot},`,
          needed: bytes,
          limit: limits.maxBindingSize,
          unit: "bytes",
        };
    }
  }
  return undefined;
}

function slotText(program: Program, entry: Entry, slot: number): string {
  const step = entry.steps.find(({ bindings }) => bindings.some((place) => place.slot === slot));
  const input = program.inputs.find(({ place }) => place.slot === slot);
  const user = input ? `input \`${input.name}\`` : step ? `first used by \`${step.label}\`` : "an output";
  return `slot ${slot} (${user})`;
}

/** The largest value of each length, the others as they are, that fits. */
function fittingHint(program: Program, lengths: Lengths, fits: (lengths: Lengths) => boolean): string {
  const options = Object.keys(lengths).flatMap((name) => {
    let [low, high] = [0, lengths[name]!];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fits({ ...lengths, [name]: middle })) low = middle;
      else high = middle;
    }
    return low > 0 ? [`${program.lengths[name]?.axis ?? name} = ${low}`] : [];
  });
  return options.length > 0
    ? `It would fit with ${options.join(" or ")}.`
    : "No length makes it fit; use a smaller model or another device.";
}

/** A persistent slot larger than a buffer can be. */
export function checkSlots(
  program: Program,
  slots: Iterable<readonly [number, number]>,
  limits: DeviceLimits,
): void {
  for (const [slot, bytes] of slots) {
    if (bytes <= limits.maxBufferSize) continue;
    const owner = [...program.parameters, ...program.states, ...program.tables, ...cachesOf(program)].find(
      ({ place }) => place.slot === slot,
    );
    throw new RuntimeError(
      "TFM6002",
      `Slot ${slot} (\`${owner?.name ?? program.slots[slot]!.role}\`) needs ${amount(bytes, "bytes")}; the device ` +
        `allows ${amount(limits.maxBufferSize, "bytes")} in one buffer.`,
      "Use a smaller model or another device.",
    );
  }
}

function amount(value: number, unit: Excess["unit"]): string {
  if (unit !== "bytes") return `${value} ${unit}`;
  const power = Math.min(3, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${Number((value / 1024 ** power).toFixed(2))} ${["bytes", "KiB", "MiB", "GiB"][power]}`;
}
