/**
 * Steps over buffers → the same steps over slots: two temporaries share a slot when their lifetimes are disjoint, and a
 * kernel writes over an operand that nobody reads after it, where `in-place` allows.
 *
 * ```
 * a [8 MiB, steps 0–3], b [6 MiB, steps 1–2], c [6 MiB, steps 4–6]   →   a and c share a slot of 8 MiB, b has one of 6
 * ```
 * The largest buffers choose first, so that the smaller ones find room in what is there. Sizes are formulas over the lengths; they
 * are compared at typical ones, and a slot is as large as the largest of what it ever holds.
 */
import type { Graph } from "../../ir/graph.js";
import type { Size } from "../../ir/shape.js";
import { evaluateSize, sizeEquals, sizeText } from "../../ir/shape.js";
import { readsInPlace } from "./in-place.js";
import type { Measure } from "./order.js";
import type { Buffer, View, Walk } from "./walk.js";

/** Slot number of each buffer. */
export type Assignment = ReadonlyMap<Buffer, number>;

export interface TemporarySlot {
  readonly sizes: { readonly count: number; readonly elements: Size }[];
}

export interface Plan {
  readonly slots: readonly TemporarySlot[];
  /** One for each entry. */
  readonly assignments: readonly Assignment[];
}

/** A buffer and the steps at which it is first and last touched. */
interface Tenant {
  readonly entry: number;
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly from: number;
  to: number;
}

interface Room extends TemporarySlot {
  /** By entry. */
  readonly tenants: readonly Tenant[][];
}

/** `reuse: false` gives every temporary a slot of its own, and nothing is overwritten: what planning has to agree with. */
export function planSlots(walks: readonly Walk[], bytes: Measure, { reuse = true } = {}): Plan {
  const rooms: Room[] = [];
  const isInPlace = knowing(readsInPlace);
  const assignments = walks.map(() => new Map<Buffer, number>());
  const merged = walks.map((walked) => (reuse ? overwrite(walked, isInPlace) : none));
  const tenants = walks.flatMap((walked, entry) => tenantsOf(walked, entry, merged[entry]!, bytes));
  for (const tenant of tenants.sort((x, y) => y.bytes - x.bytes || x.entry - y.entry || x.from - y.from)) {
    const found = reuse ? roomFor(tenant, rooms) : -1;
    const slot = found >= 0 ? found : rooms.push({ sizes: [], tenants: walks.map(() => []) }) - 1;
    rooms[slot]!.tenants[tenant.entry]!.push(tenant);
    grow(rooms[slot]!, tenant.buffer);
    assignments[tenant.entry]!.set(tenant.buffer, slot);
  }
  merged.forEach((owners, entry) => {
    for (const [buffer, owner] of owners) assignments[entry]!.set(buffer, assignments[entry]!.get(owner)!);
  });
  return { slots: rooms.map(({ sizes }) => ({ sizes })), assignments };
}

const none: ReadonlyMap<Buffer, Buffer> = new Map();

type InPlace = (body: Graph, read: number, write: number) => boolean;

/** The same answers, each body asked once: its kernel runs in every turn. */
function knowing(asked: InPlace): InPlace {
  const answers = new Map<Graph, Map<string, boolean>>();
  return (body, read, write) => {
    const known = answers.get(body) ?? new Map<string, boolean>();
    answers.set(body, known);
    const key = `${read} ${write}`;
    const answer = known.get(key) ?? asked(body, read, write);
    known.set(key, answer);
    return answer;
  };
}

const meet = (x: Tenant, y: Tenant): boolean => x.from <= y.to && y.from <= x.to;

/**
 * The smallest free room, of those first that the entry has already: a session that opens one entry has the memory of that one alone.
 * Rooms stand in the order of their sizes.
 */
function roomFor(tenant: Tenant, rooms: readonly Room[]): number {
  let found = -1;
  for (let n = rooms.length - 1; n >= 0; n--) {
    const others = rooms[n]!.tenants[tenant.entry]!;
    if (others.some((other) => meet(other, tenant))) continue;
    if (others.length > 0) return n;
    if (found < 0) found = n;
  }
  return found;
}

/** Temporaries that own their place, by the steps at which it is first written and last read; outputs live to the end. */
function tenantsOf(
  walked: Walk,
  entry: number,
  merged: ReadonlyMap<Buffer, Buffer>,
  bytes: Measure,
): readonly Tenant[] {
  const tenants = new Map<Buffer, Tenant>();
  const touch = (view: View, at: number): void => {
    const buffer = merged.get(view.buffer) ?? view.buffer;
    if (buffer.role !== "temporary") return;
    const known = tenants.get(buffer);
    if (known) known.to = Math.max(known.to, lastRead(walked, known.from, at));
    else tenants.set(buffer, { entry, buffer, bytes: bytes(buffer), from: at, to: at });
  };
  walked.steps.forEach((step, at) => {
    for (const view of [...step.writes, ...step.reads]) touch(view, at);
  });
  for (const output of walked.outputs) touch(output.view, Number.POSITIVE_INFINITY);
  return [...tenants.values()];
}

/** When what was written at `from` and is read at `at` may go: what a loop reads of before it is read in its last turn too. */
function lastRead({ loops }: Walk, from: number, at: number): number {
  const loop = loops.find((one) => from < one.from && one.from <= at && at < one.to);
  return loop ? loop.to - 0.5 : at;
}

/** Buffer → the dead operand that its kernel writes over. */
function overwrite(walked: Walk, isInPlace: InPlace): ReadonlyMap<Buffer, Buffer> {
  const merged = new Map<Buffer, Buffer>();
  const root = (buffer: Buffer): Buffer => merged.get(buffer) ?? buffer;
  const last = new Map<Buffer, number>();
  const first = new Map<Buffer, number>();
  walked.steps.forEach((step, at) => {
    for (const { buffer } of [...step.reads, ...step.writes]) {
      first.set(buffer, first.get(buffer) ?? at);
      last.set(buffer, lastRead(walked, first.get(buffer)!, at));
    }
  });
  for (const output of walked.outputs) last.set(output.view.buffer, Number.POSITIVE_INFINITY);
  const written = new Map<Buffer, number>();
  walked.steps.forEach((step, at) => {
    const taken = new Set<Buffer>();
    step.writes.forEach((write, n) => {
      const seen = (written.get(write.buffer) ?? 0) + 1;
      written.set(write.buffer, seen);
      if (!isPlain(write) || seen > 1) return;
      const dead = step.reads.find(
        (read, k) =>
          isPlain(read) &&
          !taken.has(root(read.buffer)) &&
          last.get(read.buffer) === at &&
          last.get(root(read.buffer))! <= at &&
          step.reads.filter((other) => root(other.buffer) === root(read.buffer)).length === 1 &&
          sizeEquals(read.buffer.elements, write.buffer.elements) &&
          isInPlace(step.body, k, n),
      );
      if (!dead) return;
      const owner = root(dead.buffer);
      taken.add(owner);
      merged.set(write.buffer, owner);
      last.set(owner, Math.max(last.get(owner)!, last.get(write.buffer)!));
    });
  });
  return merged;
}

const isPlain = ({ buffer, stacked }: View): boolean =>
  buffer.role === "temporary" && buffer.count === 1 && !stacked;

function grow({ sizes }: TemporarySlot, { count, elements }: Buffer): void {
  if (!sizes.some((size) => size.count === count && sizeText(size.elements) === sizeText(elements)))
    sizes.push({ count, elements });
}

export const bytesAt = (
  { count, elements }: { count: number; elements: Size },
  lengths: Readonly<Record<string, number>>,
): number => 4 * count * evaluateSize(elements, lengths);
