/**
 * Steps over buffers → the same steps over slots: two temporaries share a slot when their lifetimes are disjoint, and a
 * pointwise or row kernel writes over an operand that nobody reads after it.
 *
 * Sizes are formulas over the lengths; they are compared at the largest lengths, and a slot is as large as the largest of
 * what it ever holds.
 */
import type { Lengths, Node } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";
import { topological } from "../../ir/rewrite.js";
import type { Size } from "../../ir/shape.js";
import { evaluateSize, sameSizes, sizeEquals, sizeText } from "../../ir/shape.js";
import type { Buffer, View, Walk, WalkStep } from "./walk.js";

/** Slot number of each buffer. */
export type Assignment = ReadonlyMap<Buffer, number>;

export interface TemporarySlot {
  readonly sizes: { readonly count: number; readonly elements: Size }[];
}

interface Lifetime {
  readonly from: number;
  to: number;
}

/** Adds to `slots` what the entry's temporaries need, and says which slot each got. */
export function assignSlots(walked: Walk, slots: TemporarySlot[], lengths: Lengths): Assignment {
  const merged = overwrite(walked);
  const root = (buffer: Buffer): Buffer => merged.get(buffer) ?? buffer;
  const lifetimes = lifetimesOf(walked, root);
  const most = Object.fromEntries(Object.entries(lengths).map(([name, { maximum }]) => [name, maximum]));
  const assignment = new Map<Buffer, number>();
  const busy = new Map<number, number>();
  const capacities = slots.map(({ sizes }) => Math.max(...sizes.map((size) => bytesAt(size, most))));
  walked.steps.forEach((step, at) => {
    for (const { buffer } of step.writes) {
      const owner = root(buffer);
      if (owner.role !== "temporary" || assignment.has(owner)) continue;
      const free = slots.map((_, n) => n).filter((n) => (busy.get(n) ?? -1) < at);
      const need = bytesAt(owner, most);
      const slot = bestFit(need, free, capacities);
      capacities[slot] = Math.max(capacities[slot] ?? 0, need);
      grow(slots, slot, owner);
      assignment.set(owner, slot);
      busy.set(slot, lifetimes.get(owner)!.to);
    }
  });
  for (const [buffer, owner] of merged) assignment.set(buffer, assignment.get(owner)!);
  return assignment;
}

/** Buffers by the steps at which they are first written and last read; outputs live to the end. */
function lifetimesOf(walked: Walk, root: (buffer: Buffer) => Buffer): ReadonlyMap<Buffer, Lifetime> {
  const lifetimes = new Map<Buffer, Lifetime>();
  const touch = (view: View, at: number): void => {
    const owner = root(view.buffer);
    const known = lifetimes.get(owner);
    if (known) known.to = Math.max(known.to, at);
    else lifetimes.set(owner, { from: at, to: at });
  };
  walked.steps.forEach((step, at) => [...step.writes, ...step.reads].forEach((view) => touch(view, at)));
  for (const output of walked.outputs) touch(output.view, Number.POSITIVE_INFINITY);
  return lifetimes;
}

/** Buffer → the dead operand that its kernel writes over. */
function overwrite(walked: Walk): ReadonlyMap<Buffer, Buffer> {
  const merged = new Map<Buffer, Buffer>();
  const root = (buffer: Buffer): Buffer => merged.get(buffer) ?? buffer;
  const last = new Map<Buffer, number>();
  walked.steps.forEach((step, at) =>
    [...step.reads, ...step.writes].forEach((view) => last.set(view.buffer, at)),
  );
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
          readsInPlace(step, k, n),
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

/**
 * Whether each element of operand `read` is read only by the invocation that writes output `write` there, and before it does: in a
 * pointwise kernel everything that depends on the operand is pointwise; a row kernel may also reduce its own row, any number of times.
 */
export function readsInPlace({ body }: Pick<WalkStep, "body">, read: number, write: number): boolean {
  const target = body.outputs[write]!.node;
  const order = topological(body);
  const reduce = order.find((node) => node.op === "reduce");
  if (reduce && !sameSizes(reduce.inputs[0]!.shape, target.shape)) return false;
  if (!reduce && !body.outputs.every(({ node }) => sameSizes(node.shape, target.shape))) return false;
  const elements = new Set<Node>();
  for (const node of order) {
    const isOperand = node.op === "input" && node.attributes.name === `fixed.${read}`;
    if (isOperand && !(sameSizes(node.shape, target.shape) && node.dtype === target.dtype)) return false;
    const depends = node.inputs.some((input) => elements.has(input));
    if (depends && node.op === "reduce") continue;
    if (depends && ops[node.op].kind !== "map") return false;
    if (isOperand || depends) elements.add(node);
  }
  return true;
}

/** Of the free slots the one whose capacity is nearest, large enough where any is; a new one where none is free. */
function bestFit(need: number, free: readonly number[], capacities: readonly number[]): number {
  const waste = (n: number): number => Math.abs(capacities[n]! - need);
  const fitting = free.filter((n) => capacities[n]! >= need);
  const pool = fitting.length > 0 ? fitting : free;
  return pool.length === 0
    ? capacities.length
    : pool.reduce((best, n) => (waste(n) < waste(best) ? n : best));
}

function grow(slots: TemporarySlot[], slot: number, { count, elements }: Buffer): void {
  if (slot === slots.length) slots.push({ sizes: [] });
  const { sizes } = slots[slot]!;
  if (!sizes.some((size) => size.count === count && sizeText(size.elements) === sizeText(elements)))
    sizes.push({ count, elements });
}

const bytesAt = (
  { count, elements }: { count: number; elements: Size },
  lengths: Readonly<Record<string, number>>,
): number => 4 * count * evaluateSize(elements, lengths);
