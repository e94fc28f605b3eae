/**
 * A session's memory: parameters and tables from the start, optimizer state and what is prepared from their first use, caches for the lengths of the
 * text at hand, and one arena for what a call holds, which grows and never shrinks.
 */
import { bindingBytes, checkSlots, packSlots, slotBytes } from "./arena.js";
import type { Device, DeviceBuffer, Range } from "./device.js";
import { RuntimeError } from "./errors.js";
import type { Parameter, Place, Program, State } from "./program.js";
import type { Lengths } from "./sizes.js";
import { cacheSymbols, cachesOf, elementsOf, placeRange } from "./sizes.js";
import { tableValues } from "./tables.js";
import type { Tensor, TensorData } from "./tensor.js";
import { tensor } from "./tensor.js";

export type Owner = Parameter | State;

const sum = (buffers: readonly DeviceBuffer[]): number => buffers.reduce((n, { size }) => n + size, 0);

export class Memory {
  readonly #program: Program;
  readonly #device: Device;
  readonly #homes = new Map<number, Range>();
  #buffers: DeviceBuffer[] = [];
  #arena: readonly DeviceBuffer[] = [];
  #hasStates = false;
  #hasPrepared = false;
  /** By name, parameters whose place holds what is made of them. */
  readonly #kept = new Map<string, Float32Array>();
  readonly #caches: DeviceBuffer[] = [];
  /** The lengths that the caches are for. */
  #cacheKey: string | undefined;
  #areWritten = false;

  constructor(program: Program, device: Device) {
    this.#program = program;
    this.#device = device;
    this.#allocate(["parameter", "table"], longestOf(program));
    for (const table of program.tables) this.#write(table.place, tableValues(table));
  }

  /** The buffers that hold the slots of these roles. */
  #allocate(roles: readonly string[], lengths: Lengths): readonly DeviceBuffer[] {
    const slots = slotBytes(this.#program, roles, lengths);
    checkSlots(this.#program, slots, this.#device.limits);
    const { buffers, where } = packSlots(slots, this.#device.limits.maxBufferSize);
    const made = buffers.map((size) => this.createBuffer(size, roles.join("+")));
    for (const [slot, size] of slots) {
      const { buffer, offset } = where.get(slot)!;
      this.#homes.set(slot, { buffer: made[buffer]!, offset, size });
    }
    return made;
  }

  /** Memory for optimizer state, with its initial values. */
  allocateStates(): void {
    if (this.#hasStates) return;
    this.#hasStates = true;
    this.#allocate(["state"], longestOf(this.#program));
    for (const { place, initial, shape } of this.#program.states)
      if (initial !== 0) this.#write(place, new Float32Array(elementsOf(shape)).fill(initial));
  }

  /** Memory for what the entry `prepare` writes. */
  allocatePrepared(): void {
    if (this.#hasPrepared) return;
    this.#hasPrepared = true;
    this.#allocate(["prepared"], longestOf(this.#program));
  }

  /** Parameters whose place is a slot of what is prepared, in their places: zero where nobody wrote them, as other parameters are. */
  restore(): void {
    this.allocatePrepared();
    const owners = this.#program.parameters.filter((owner) => this.#isReplaced(owner));
    for (const { name, place } of owners)
      if (!this.#kept.has(name)) this.#device.fill(this.#homes.get(place.slot)!, 0);
    for (const { name, place } of owners) {
      const data = this.#kept.get(name);
      if (data) this.#write(place, data);
    }
  }

  #isReplaced({ place }: Owner): boolean {
    return this.#program.slots[place.slot]!.role === "prepared";
  }

  /** Forgets what was accumulated: the slots of state that nobody names. */
  clearSums(): void {
    const named = new Set(this.#program.states.map(({ place }) => place.slot));
    for (const [slot, range] of this.#homes)
      if (this.#program.slots[slot]!.role === "state" && !named.has(slot)) this.#device.fill(range, 0);
  }

  /** Caches for these lengths, all zero; `onChange` is told before those for other lengths are freed. */
  allocateCaches(lengths: Lengths, onChange: () => void): void {
    const key = cacheLengths(this.#program, lengths);
    if (key === this.#cacheKey) return;
    onChange();
    this.#cacheKey = undefined; // should the device refuse the new ones
    for (const buffer of this.#caches.splice(0)) this.releaseBuffer(buffer);
    this.#caches.push(...this.#allocate(["cache"], lengths));
    this.#cacheKey = key;
    this.#areWritten = false;
  }

  /** Where a text begins nothing of the one before is left, except what the source alone says. */
  beginStep(position: number): void {
    if (this.#areWritten && position === 0)
      for (const { kind, place } of cachesOf(this.#program))
        if (kind !== "source") this.#device.fill(this.#homes.get(place.slot)!, 0);
    this.#areWritten = true;
  }

  createBuffer(size: number, label: string): DeviceBuffer {
    const buffer = this.#device.createBuffer(size, label);
    this.#buffers.push(buffer);
    return buffer;
  }

  releaseBuffer(buffer: DeviceBuffer): void {
    this.#buffers = this.#buffers.filter((other) => other !== buffer);
    buffer.destroy();
  }

  get arena(): readonly DeviceBuffer[] {
    return this.#arena;
  }

  arenaHolds(sizes: readonly number[]): boolean {
    return sizes.every((size, n) => size <= (this.#arena[n]?.size ?? 0));
  }

  /** New arena buffers of at least these sizes; what was bound to the old ones is void. */
  growArena(sizes: readonly number[]): void {
    const old = this.#arena;
    for (const buffer of old) buffer.destroy();
    this.#arena = []; // should the device refuse the first of the new ones
    const count = Math.max(sizes.length, old.length);
    this.#arena = Array.from({ length: count }, (_, n) =>
      this.#device.createBuffer(Math.max(sizes[n] ?? 0, old[n]?.size ?? 0), "arena"),
    );
  }

  /** Where a place of a persistent slot lies. */
  locate(place: Place, lengths: Lengths): Range {
    const home = this.#homes.get(place.slot);
    if (!home) throw new Error(`internal: slot ${place.slot} has no memory`);
    const { offset, length } = placeRange(place, lengths);
    return { buffer: home.buffer, offset: home.offset + 4 * offset, size: bindingBytes(length) };
  }

  #write(place: Place, data: TensorData): void {
    const { buffer, offset } = this.locate(place, {});
    const { start, width, pitch } = place.rows ?? { start: 0, width: data.length, pitch: 0 };
    for (let from = 0, at = start; from < data.length; from += width, at += pitch)
      this.#device.write(buffer, offset + 4 * at, data.subarray(from, from + width));
  }

  writeAll(owners: readonly Owner[], values: ReadonlyMap<string, Float32Array>): void {
    for (const owner of owners) {
      const data = values.get(owner.name);
      if (!data) continue;
      if (data.length !== elementsOf(owner.shape)) throw wrongLength(owner, data.length);
      if (this.#isReplaced(owner)) this.#kept.set(owner.name, data.slice());
      else this.#write(owner.place, data);
    }
  }

  async readAll(owners: readonly Owner[]): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    const stored = owners.filter((owner) => !this.#isReplaced(owner));
    const ranges = stored.map(
      ({ place }): Range => ({ ...this.locate(place, {}), size: 4 * placeRange(place, {}).length }),
    );
    const bytes = await this.#device.read(ranges);
    const read = new Map(stored.map((owner, n) => [owner.name, valuesIn(owner, bytes[n]!)] as const));
    return new Map(
      owners.map((owner) => [owner.name, tensor(read.get(owner.name) ?? this.#keptOf(owner), owner.shape)]),
    );
  }

  /** A copy, as what is read off the device is one. */
  #keptOf({ name, shape }: Owner): Float32Array {
    return this.#kept.get(name)?.slice() ?? new Float32Array(elementsOf(shape));
  }

  get bytes(): { readonly persistent: number; readonly arena: number } {
    return { persistent: sum(this.#buffers), arena: sum(this.#arena) };
  }

  destroy(): void {
    for (const buffer of [...this.#buffers, ...this.#arena]) buffer.destroy();
  }
}

/** An owner's elements among those of its place. */
function valuesIn({ place: { rows }, shape }: Owner, bytes: ArrayBuffer): Float32Array {
  const all = new Float32Array(bytes);
  if (!rows) return all;
  const own = new Float32Array(elementsOf(shape));
  for (let to = 0, at = rows.start; to < own.length; to += rows.width, at += rows.pitch)
    own.set(all.subarray(at, at + rows.width), to);
  return own;
}

const longestOf = ({ lengths }: Program): Lengths =>
  Object.fromEntries(Object.entries(lengths).map(([name, { maximum }]) => [name, maximum]));

/** The lengths that the caches' sizes depend on, as text. */
const cacheLengths = (program: Program, lengths: Lengths): string =>
  cacheSymbols(program)
    .map((symbol) => `${symbol} = ${lengths[symbol]}`)
    .join();

const wrongLength = ({ name, shape }: Owner, count: number): RuntimeError =>
  new RuntimeError("TFM6102", `\`${name}\` is [${shape.join(", ")}]; ${count} elements were given.`);
