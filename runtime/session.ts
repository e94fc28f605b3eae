/**
 * (Program, Device) → a Session: binds lengths, allocates, and runs entries, one submission a call.
 *
 *   const session = await createSession(program, device);
 *   const { logits } = await session.run("forward", { tokens: [[1, 2, 3]] }, {}, { read: ["logits"] });
 */
import { bindingBytes, checkFits, checkSlots, entryBytes, packSlots, slotBytes } from "./arena.js";
import type {
  BoundStep,
  CompiledKernel,
  Device,
  DeviceBuffer,
  KernelFunction,
  Range,
  Recording,
} from "./device.js";
import { listNames, nearestNames, RuntimeError } from "./errors.js";
import type { EntryName } from "./inputs.js";
import { bindInputs, entryOf } from "./inputs.js";
import type { DType, Entry, KernelText, Parameter, Place, Program, Size, State, Value } from "./program.js";
import type { Lengths } from "./sizes.js";
import { elementsOf, extentOf, placeRange, sizeOf } from "./sizes.js";
import { tableValues } from "./tables.js";
import type { Inputs, Tensor, TensorData } from "./tensor.js";
import { tensor } from "./tensor.js";

export type Scalars = Readonly<Record<string, number>>;
export type Outputs = Readonly<Record<string, Tensor>>;

/** An output, or `count` elements of it from element `from` on (they come back flat). */
export type Read = string | { readonly name: string; readonly from: number; readonly count: number };

/** Rows of scalar outputs that stay on the device until somebody reads them. */
export interface Ring {
  readonly names: readonly string[];
  readonly rows: number;
  readonly buffer: DeviceBuffer;
}

export interface RunOptions {
  readonly read?: readonly Read[];
  /** Copies the ring's outputs (scalars) into its row `row` on the device. */
  readonly record?: { readonly ring: Ring; readonly row: number };
  /** Lengths that no input tells. */
  readonly lengths?: Lengths;
}

export interface SessionOptions {
  /** The kernels as functions, in the order of `program.kernels`: the CPU device then evaluates no text. */
  readonly kernels?: readonly KernelFunction[] | undefined;
  /** Entries to compile before the session is handed out; the others are compiled at their first call. */
  readonly entries?: readonly EntryName[] | undefined;
}

/** One entry bound to lengths: where everything lies, and its recorded steps. */
interface Plan {
  readonly lengths: Lengths;
  readonly recording: Recording;
  readonly locate: (place: Place) => Range;
}

/** Bindings kept ready; training needs one or two, generation a new one for each token. */
const keptPlans = 8;

export async function createSession(
  program: Program,
  device: Device,
  options: SessionOptions = {},
): Promise<Session> {
  const session = new Session(program, device, options.kernels);
  await session.prepare(options.entries ?? ["forward"]);
  return session;
}

export class Session {
  readonly program: Program;
  readonly device: Device;
  readonly #functions: readonly KernelFunction[] | undefined;
  readonly #compiled = new Map<number, Promise<CompiledKernel>>();
  readonly #plans = new Map<string, Plan>();
  readonly #persistent = new Map<number, Range>();
  #buffers: DeviceBuffer[] = [];
  #arena: DeviceBuffer[] = [];
  #hasStates = false;
  #disposed = false;
  /** Calls take turns: an arena holds one call's values at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(program: Program, device: Device, functions?: readonly KernelFunction[]) {
    this.program = program;
    this.device = device;
    this.#functions = functions;
    this.#allocatePersistent(["parameter", "table"]);
    for (const table of program.tables) this.#write(table.place, tableValues(table));
  }

  /** Compiles the kernels of these entries, all at once. */
  async prepare(entries: readonly EntryName[]): Promise<void> {
    this.#alive();
    const steps = entries.flatMap((name) => entryOf(this.program, name).steps);
    const wanted = [...new Set(steps.map(({ kernel }) => kernel))].filter((n) => !this.#compiled.has(n));
    if (wanted.length > 0) {
      const functions = this.#functions && wanted.map((n) => this.#functions![n]!);
      const all = this.device.compile(
        wanted.map((n) => this.program.kernels[n]!),
        functions,
      );
      wanted.forEach((n, at) => {
        this.#compiled.set(
          n,
          all.then((kernels) => kernels[at]!),
        );
      });
    }
    await Promise.all(steps.map(({ kernel }) => this.#compiled.get(kernel)!));
  }

  /** Allocates for an entry under these lengths ahead of calls, so that smaller ones never grow the arena again. */
  async reserve(entry: EntryName, lengths: Lengths): Promise<void> {
    await this.#exclusive(() => this.#plan(entry, lengths));
  }

  /** Runs one entry. Reads back only what `read` names. */
  run(entry: EntryName, inputs: Inputs, scalars: Scalars = {}, options: RunOptions = {}): Promise<Outputs> {
    return this.#exclusive(async () => {
      const { plan, copies, reads } = await this.#stage(entry, inputs, options);
      const words = this.#scalarWords(scalars);
      const bytes = await this.device.run({
        recording: plan.recording,
        scalars: words,
        copies,
        reads: reads.map(({ range }) => range),
      });
      return Object.fromEntries(
        reads.map((read, n) => [read.name, typed(bytes[n]!, read.dtype, read.shape)]),
      );
    });
  }

  /** Milliseconds of every step of one call, in the order of the entry's steps. */
  time(entry: EntryName, inputs: Inputs, scalars: Scalars = {}): Promise<readonly number[]> {
    return this.#exclusive(async () => {
      const { plan } = await this.#stage(entry, inputs, {});
      return this.device.time({ recording: plan.recording, scalars: this.#scalarWords(scalars) });
    });
  }

  /** The lengths these inputs would bind. */
  lengthsOf(entry: EntryName, inputs: Inputs): Lengths {
    return bindInputs(this.program, entry, inputs).lengths;
  }

  createRing(names: readonly string[], rows: number): Ring {
    this.#alive();
    const buffer = this.device.createBuffer(Math.max(16, 4 * names.length * rows), "ring");
    this.#buffers.push(buffer);
    return { names, rows, buffer };
  }

  releaseRing({ buffer }: Ring): void {
    this.#buffers = this.#buffers.filter((other) => other !== buffer);
    buffer.destroy();
  }

  /** The first `rows` rows of a ring, one Float32Array a row. */
  async readRing(ring: Ring, rows = ring.rows): Promise<readonly Float32Array[]> {
    const width = 4 * ring.names.length;
    const [bytes] = await this.device.read([{ buffer: ring.buffer, offset: 0, size: width * rows }]);
    return Array.from({ length: rows }, (_, n) => new Float32Array(bytes!, n * width, ring.names.length));
  }

  // ---- parameters and optimizer state, by name

  async readParameters(names?: readonly string[]): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    return this.#readAll(pick(this.program.parameters, names));
  }

  writeParameters(values: ReadonlyMap<string, Float32Array>): void {
    this.#writeAll(this.program.parameters, values);
  }

  async readStates(): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    this.#allocateStates();
    return this.#readAll(this.program.states);
  }

  writeStates(values: ReadonlyMap<string, Float32Array>): void {
    this.#allocateStates();
    this.#writeAll(this.program.states, values);
  }

  /** Sets every word of the arena: a call may depend on nothing that an earlier one left there. */
  poison(word: number): void {
    for (const buffer of this.#arena) this.device.fill({ buffer, offset: 0, size: buffer.size }, word);
  }

  /** Bytes held on the device: parameters, tables and state, and the arena. */
  get bytes(): { readonly persistent: number; readonly arena: number } {
    const sum = (buffers: readonly DeviceBuffer[]) => buffers.reduce((n, { size }) => n + size, 0);
    return { persistent: sum(this.#buffers), arena: sum(this.#arena) };
  }

  /** Frees the session's memory; the device stays open. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#dropPlans();
    for (const buffer of [...this.#buffers, ...this.#arena]) buffer.destroy();
  }

  // ---- binding

  async #stage(name: EntryName, inputs: Inputs, options: RunOptions) {
    const entry = entryOf(this.program, name);
    const bound = bindInputs(this.program, name, inputs, options.lengths);
    const reads = (options.read ?? []).map((read) => ({ read, value: outputOf(entry, name, read) }));
    const plan = await this.#plan(name, bound.lengths);
    for (const [input, data] of bound.data) {
      const { place } = this.program.inputs.find((candidate) => candidate.name === input)!;
      const { buffer, offset } = plan.locate(place);
      this.device.write(buffer, offset, data);
    }
    const copies = options.record
      ? ringCopies(entry, name, plan, options.record.ring, options.record.row)
      : [];
    return { plan, copies, reads: reads.map(({ read, value }) => readOf(plan, value, read)) };
  }

  async #plan(name: EntryName, lengths: Lengths): Promise<Plan> {
    const key = `${name} ${JSON.stringify(Object.entries(lengths).sort())}`;
    const known = this.#plans.get(key);
    if (known) {
      this.#plans.delete(key);
      this.#plans.set(key, known);
      return known;
    }
    await this.prepare([name]);
    const plan = await this.#bind(name, lengths);
    this.#plans.set(key, plan);
    for (const [oldest, { recording }] of this.#plans) {
      if (this.#plans.size <= keptPlans) break;
      this.#plans.delete(oldest);
      recording.destroy();
    }
    return plan;
  }

  async #bind(name: EntryName, lengths: Lengths): Promise<Plan> {
    const entry = entryOf(this.program, name);
    const { limits } = this.device;
    checkFits(this.program, name, entry, lengths, limits, (kernel) => this.#text(kernel));
    if (this.#needsStates(entry)) this.#allocateStates();
    const { buffers, where } = packSlots(entryBytes(this.program, entry, lengths), limits.maxBufferSize);
    this.#growArena(buffers);
    const locate = (place: Place): Range => {
      const { offset, length } = placeRange(place, lengths);
      const home = where.get(place.slot);
      const base = home ? { buffer: this.#arena[home.buffer]!, offset: home.offset } : this.#home(place);
      return { buffer: base.buffer, offset: base.offset + 4 * offset, size: bindingBytes(length) };
    };
    const kernels = await Promise.all(entry.steps.map(({ kernel }) => this.#compiled.get(kernel)!));
    const steps = entry.steps.map(
      (step, n): BoundStep => ({
        kernel: kernels[n]!,
        bindings: apart(step.bindings.map(locate), step.label),
        extents: [...this.#text(step.kernel).extents.map((extent) => extentOf(extent, lengths)), step.turn],
        grid: this.#text(step.kernel).grid.map((extent) => extentOf(extent, lengths)) as [
          number,
          number,
          number,
        ],
        label: step.label,
      }),
    );
    return { lengths, recording: this.device.record(steps), locate };
  }

  #text(kernel: number): KernelText {
    const { wgsl, javascript } = this.program.kernels[kernel]!;
    return this.device.info.kind === "webgpu" ? wgsl : javascript;
  }

  #home(place: Place): Range {
    const range = this.#persistent.get(place.slot);
    if (!range) throw new Error(`internal: slot ${place.slot} has no memory`);
    return range;
  }

  #needsStates = (entry: Entry): boolean =>
    entry.steps.some(({ bindings }) =>
      bindings.some(({ slot }) => this.program.slots[slot]!.role === "state"),
    );

  // ---- memory

  #allocatePersistent(roles: readonly string[]): void {
    const longest = Object.fromEntries(
      Object.entries(this.program.lengths).map(([name, l]) => [name, l.maximum]),
    );
    const slots = slotBytes(this.program, roles, longest);
    checkSlots(this.program, slots, this.device.limits);
    const { buffers, where } = packSlots(slots, this.device.limits.maxBufferSize);
    const made = buffers.map((size) => this.device.createBuffer(size, roles.join("+")));
    this.#buffers.push(...made);
    for (const [slot, size] of slots) {
      const { buffer, offset } = where.get(slot)!;
      this.#persistent.set(slot, { buffer: made[buffer]!, offset, size });
    }
  }

  #allocateStates(): void {
    this.#alive();
    if (this.#hasStates) return;
    this.#hasStates = true;
    this.#allocatePersistent(["state"]);
    for (const { place, initial, shape } of this.program.states)
      if (initial !== 0) this.#write(place, new Float32Array(elementsOf(shape)).fill(initial));
  }

  #growArena(sizes: readonly number[]): void {
    const fits = sizes.every((size, n) => size <= (this.#arena[n]?.size ?? 0));
    if (fits) return;
    this.#dropPlans();
    const old = this.#arena;
    for (const buffer of old) buffer.destroy();
    const count = Math.max(sizes.length, old.length);
    this.#arena = Array.from({ length: count }, (_, n) =>
      this.device.createBuffer(Math.max(sizes[n] ?? 0, old[n]?.size ?? 0), "arena"),
    );
  }

  #dropPlans(): void {
    for (const { recording } of this.#plans.values()) recording.destroy();
    this.#plans.clear();
  }

  #write(place: Place, data: TensorData): void {
    const { buffer, offset } = this.#home(place);
    this.device.write(buffer, offset + 4 * placeRange(place, {}).offset, data);
  }

  #writeAll(owners: readonly (Parameter | State)[], values: ReadonlyMap<string, Float32Array>): void {
    this.#alive();
    for (const owner of owners) {
      const data = values.get(owner.name);
      if (!data) continue;
      if (data.length !== elementsOf(owner.shape)) throw wrongLength(owner, data.length);
      this.#write(owner.place, data);
    }
  }

  async #readAll(owners: readonly (Parameter | State)[]): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    this.#alive();
    const ranges = owners.map(({ place, shape }): Range => {
      const { buffer, offset } = this.#home(place);
      return { buffer, offset: offset + 4 * placeRange(place, {}).offset, size: 4 * elementsOf(shape) };
    });
    const bytes = await this.device.read(ranges);
    return new Map(owners.map(({ name, shape }, n) => [name, tensor(new Float32Array(bytes[n]!), shape)]));
  }

  // ---- calls

  #scalarWords(scalars: Scalars): ArrayBuffer {
    const words = new DataView(new ArrayBuffer(64));
    this.program.scalars.forEach(({ name, type }, n) => {
      const value = scalars[name] ?? 0;
      if (type === "f32") words.setFloat32(4 * n, value, true);
      else words.setInt32(4 * n, value, true);
    });
    return words.buffer as ArrayBuffer;
  }

  #alive(): void {
    if (this.#disposed) throw new RuntimeError("TFM6009", "This session was disposed.");
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.#alive();
    const result = this.#turn.then(() => {
      this.#alive();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

const pick = (
  parameters: readonly Parameter[],
  names: readonly string[] | undefined,
): readonly Parameter[] => (names ? parameters.filter(({ name }) => names.includes(name)) : parameters);

const wrongLength = ({ name, shape }: Parameter | State, count: number): RuntimeError =>
  new RuntimeError("TFM6102", `\`${name}\` is [${shape.join(", ")}]; ${count} elements were given.`);

/** Overlapping writable bindings are forbidden in one dispatch; the compiler binds a value once. */
function apart(ranges: readonly Range[], label: string): readonly Range[] {
  ranges.forEach((a, n) => {
    for (const b of ranges.slice(n + 1))
      if (a.buffer === b.buffer && a.offset < b.offset + b.size && b.offset < a.offset + a.size)
        throw new Error(`internal: step ${label} binds overlapping places`);
  });
  return ranges;
}

function outputOf(entry: Entry, entryName: string, read: Read): Value {
  const name = typeof read === "string" ? read : read.name;
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

interface BoundRead {
  readonly name: string;
  readonly range: Range;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

function readOf(plan: Plan, value: Value, read: Read): BoundRead {
  const whole = value.shape.map((size: Size) => sizeOf(size, plan.lengths));
  const { from, count } = typeof read === "string" ? { from: 0, count: elementsOf(whole) } : read;
  if (from < 0 || count < 0 || from + count > elementsOf(whole))
    throw new RuntimeError("TFM6007", `\`${value.name}\` has no elements ${from} to ${from + count}.`);
  const { buffer, offset } = plan.locate(value.place);
  const range = { buffer, offset: offset + 4 * from, size: 4 * count };
  return { name: value.name, range, shape: typeof read === "string" ? whole : [count], dtype: value.dtype };
}

function ringCopies(entry: Entry, entryName: string, plan: Plan, ring: Ring, row: number) {
  return ring.names.map((name, column) => {
    const { buffer, offset } = plan.locate(outputOf(entry, entryName, name).place);
    const at = 4 * (row * ring.names.length + column);
    return { from: { buffer, offset, size: 4 }, to: { buffer: ring.buffer, offset: at, size: 4 } };
  });
}

function typed(bytes: ArrayBuffer, dtype: DType, shape: readonly number[]): Tensor {
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
