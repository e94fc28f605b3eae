/**
 * (Program, Device) → a Session: binds lengths, allocates, and runs entries, one submission a call.
 *
 *   const session = await createSession(program, device);
 *   const { logits } = await session.run("forward", { tokens: [[1, 2, 3]] }, {}, { read: ["logits"] });
 */
import type { CompiledKernel, Device, KernelFunction } from "./device.js";
import { RuntimeError } from "./errors.js";
import type { EntryName } from "./inputs.js";
import { bindInputs, checkDecoding, entryOf, inputsOf } from "./inputs.js";
import { Memory } from "./memory.js";
import type { Plan, Read, Ring } from "./plan.js";
import { makePlan, outputOf, readOf, ringCopies, typedOutput, uses } from "./plan.js";
import type { Program } from "./program.js";
import type { Lengths } from "./sizes.js";
import type { Inputs, Tensor } from "./tensor.js";
import { variantOf, withVariant } from "./variants.js";

export type Scalars = Readonly<Record<string, number>>;
export type Outputs = Readonly<Record<string, Tensor>>;
export type { Read, Ring } from "./plan.js";

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

/** Bindings kept ready; training on windows needs one or two, on pairs some twenty, generation a new one for each token. */
const keptPlans = 32;

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
  readonly #memory: Memory;
  /** By kernel and variant. */
  readonly #compiled = new Map<string, Promise<CompiledKernel>>();
  readonly #plans = new Map<string, Plan>();
  #disposed = false;
  /** How often parameters changed. */
  #changes = 0;
  /** How often they had changed when what is made of them was made. */
  #prepared: number | undefined;
  #holder: { readonly owner: object; readonly changes: number } | undefined;
  #holding: Promise<unknown> = Promise.resolve();
  /** Calls take turns: an arena holds one call's values at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(program: Program, device: Device, functions?: readonly KernelFunction[]) {
    this.program = program;
    this.device = device;
    this.#functions = functions;
    this.#memory = new Memory(program, device);
  }

  /** Compiles the kernels of these entries, all at once, but those whose text depends on the lengths. */
  async prepare(entries: readonly EntryName[]): Promise<void> {
    await this.#compile(entries);
  }

  /** Allocates for an entry under these lengths ahead of calls, so that smaller ones never grow the arena again. */
  async reserve(entry: EntryName, lengths: Lengths): Promise<void> {
    await this.#exclusive(() => this.#plan(entry, lengths));
  }

  /** Runs one entry. Reads back only what `read` names. */
  run(entry: EntryName, inputs: Inputs, scalars: Scalars = {}, options: RunOptions = {}): Promise<Outputs> {
    return this.#exclusive(async () => {
      for (const read of options.read ?? []) outputOf(entryOf(this.program, entry), entry, nameOf(read));
      const plan = await this.#stage(entry, inputs, scalars, options.lengths);
      const reads = (options.read ?? []).map((read) => readOf(plan, read));
      const bytes = await this.device.run({
        recording: plan.recording,
        scalars: this.#scalarWords(scalars),
        copies: options.record ? ringCopies(plan, options.record.ring, options.record.row) : [],
        reads: reads.map(({ range }) => range),
      });
      return Object.fromEntries(reads.map((read, n) => [read.name, typedOutput(bytes[n]!, read)]));
    });
  }

  /** Milliseconds of every step of one call, in the order of the entry's steps. What it updates is updated. */
  time(entry: EntryName, inputs: Inputs, scalars: Scalars = {}): Promise<readonly number[]> {
    return this.#exclusive(async () => {
      const { recording } = await this.#stage(entry, inputs, scalars);
      return this.device.time({ recording, scalars: this.#scalarWords(scalars) });
    });
  }

  /** The lengths these inputs would bind. */
  lengthsOf(entry: EntryName, inputs: Inputs): Lengths {
    return bindInputs(this.program, entry, inputs).lengths;
  }

  /**
   * Does `work` on the caches while nobody else's is done. `kept`: they are as this owner's last work left them, and the
   * parameters what they were.
   */
  holdCaches<T>(owner: object, work: (kept: boolean) => Promise<T>): Promise<T> {
    const result = this.#holding.then(() => {
      const kept = this.#holder?.owner === owner && this.#holder.changes === this.#changes;
      this.#holder = { owner, changes: this.#changes };
      return work(kept);
    });
    this.#holding = result.catch(() => undefined);
    return result;
  }

  createRing(names: readonly string[], rows: number): Ring {
    this.#alive();
    const buffer = this.#memory.createBuffer(Math.max(16, 4 * names.length * rows), "ring");
    return { names, rows, buffer };
  }

  releaseRing({ buffer }: Ring): void {
    this.#memory.releaseBuffer(buffer);
  }

  /** The first `rows` rows of a ring, one Float32Array a row. */
  readRing({ names, buffer, rows: all }: Ring, rows = all): Promise<readonly Float32Array[]> {
    return this.#exclusive(async () => {
      const width = 4 * names.length;
      const [bytes] = await this.device.read([{ buffer, offset: 0, size: width * rows }]);
      return Array.from({ length: rows }, (_, n) => new Float32Array(bytes!, n * width, names.length));
    });
  }

  // ---- parameters and optimizer state, by name

  readParameters(names?: readonly string[]): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    const { parameters } = this.program;
    const wanted = names ? parameters.filter(({ name }) => names.includes(name)) : parameters;
    return this.#exclusive(() => this.#memory.readAll(wanted));
  }

  /** Those that `values` names; the others stay. Calls that were started before see the new values too. */
  writeParameters(values: ReadonlyMap<string, Float32Array>): void {
    this.#alive();
    this.#changes++;
    this.#memory.writeAll(this.program.parameters, values);
  }

  readStates(): Promise<ReadonlyMap<string, Tensor<Float32Array>>> {
    return this.#exclusive(() => {
      this.#memory.allocateStates();
      return this.#memory.readAll(this.program.states);
    });
  }

  writeStates(values: ReadonlyMap<string, Float32Array>): void {
    this.#alive();
    this.#memory.allocateStates();
    this.#memory.writeAll(this.program.states, values);
  }

  /** Forgets the gradients that `accumulate` added up since the last `apply`. */
  clearSums(): void {
    this.#alive();
    this.#memory.clearSums();
  }

  /** Sets every word of the arena: a call may depend on nothing that an earlier one left there. */
  poison(word: number): void {
    for (const buffer of this.#memory.arena) this.device.fill({ buffer, offset: 0, size: buffer.size }, word);
  }

  /** Bytes held on the device: parameters, tables and state, and the arena. */
  get bytes(): { readonly persistent: number; readonly arena: number } {
    return this.#memory.bytes;
  }

  /** Frees the session's memory; the device stays open. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#dropPlans();
    this.#memory.destroy();
  }

  // ---- calls

  /** The plan for these inputs, and the inputs in their places. */
  async #stage(name: EntryName, inputs: Inputs, scalars: Scalars, lengths?: Lengths): Promise<Plan> {
    const bound = bindInputs(this.program, name, inputs, lengths);
    const position = scalars["position"] ?? 0;
    checkDecoding(this.program, name, bound.lengths, position);
    await this.#makePrepared(name);
    const plan = await this.#plan(name, bound.lengths);
    if (name === "step") this.#memory.beginStep(position);
    if (plan.entry.updates) this.#changes++;
    for (const { name: input, place } of inputsOf(this.program)) {
      const data = bound.data.get(input);
      if (!data) continue;
      const { buffer, offset } = plan.locate(place);
      this.device.write(buffer, offset, data);
    }
    return plan;
  }

  /** Where an entry reads what is made of parameters, makes it, unless it is made and they have not changed. */
  async #makePrepared(name: EntryName): Promise<void> {
    if (!this.program.entries.prepare || this.#prepared === this.#changes || name === "prepare") return;
    if (!uses(this.program, entryOf(this.program, name), "prepared")) return;
    const { recording } = await this.#plan("prepare", {});
    const changes = this.#changes;
    this.#memory.restore();
    await this.device.run({ recording, scalars: this.#scalarWords({}), copies: [], reads: [] });
    this.#prepared = changes;
  }

  /** The kept plan for these lengths, now the youngest, or a new one in place of the oldest. */
  async #plan(name: EntryName, lengths: Lengths): Promise<Plan> {
    const key = `${name} ${JSON.stringify(Object.entries(lengths).sort())}`;
    const plan = this.#plans.get(key) ?? (await this.#newPlan(name, lengths));
    this.#plans.delete(key);
    this.#plans.set(key, plan);
    if (this.#plans.size > keptPlans) {
      const [oldest, { recording }] = this.#plans.entries().next().value!;
      this.#plans.delete(oldest);
      recording.destroy();
    }
    return plan;
  }

  async #newPlan(name: EntryName, lengths: Lengths): Promise<Plan> {
    const kernels = await this.#compile([name], lengths);
    const { program, device } = this;
    const entry = entryOf(program, name);
    const onGrow = () => this.#dropPlans();
    return makePlan({ program, device, memory: this.#memory, name, entry, lengths, kernels, onGrow });
  }

  /** The compiled kernels of these entries by their number in the program, as they run under these lengths. */
  async #compile(
    entries: readonly EntryName[],
    lengths?: Lengths,
  ): Promise<ReadonlyMap<number, CompiledKernel>> {
    this.#alive();
    const { kernels } = this.program;
    const used = new Set(
      entries.flatMap((name) => entryOf(this.program, name).steps.map(({ kernel }) => kernel)),
    );
    const chosen = [...used].flatMap((number) => {
      const variant = variantOf(kernels[number]!, this.device, lengths);
      return variant === undefined ? [] : [{ number, variant, key: `${number}.${variant}` }];
    });
    const wanted = chosen.filter(({ key }) => !this.#compiled.has(key));
    const all = this.device.compile(
      wanted.map(({ number, variant }) => withVariant(kernels[number]!, variant)),
      this.#functions && wanted.map(({ number }) => this.#functions![number]!),
    );
    wanted.forEach(({ key }, at) => {
      const one = all.then((compiled) => compiled[at]!);
      this.#compiled.set(key, one);
    });
    const [compiled] = await Promise.all([
      Promise.all(chosen.map(async ({ number, key }) => [number, await this.#compiled.get(key)!] as const)),
      all,
    ]);
    return new Map(compiled);
  }

  #dropPlans(): void {
    for (const { recording } of this.#plans.values()) recording.destroy();
    this.#plans.clear();
  }

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

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.#alive();
    const result = this.#turn.then(() => {
      this.#alive();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

const nameOf = (read: Read): string => (typeof read === "string" ? read : read.name);
