/**
 * Runs a Schedule over real slots, its kernel bodies by the interpreter: what the plan promises, without codegen.
 * Temporaries start poisoned and are poisoned again after their last reader would allow it, so that a value read from
 * memory that somebody else has overwritten shows.
 */

import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { substitute, topological } from "../../compiler/ir/rewrite.js";
import type { Shape } from "../../compiler/ir/shape.js";
import { elementCount, evaluateSize } from "../../compiler/ir/shape.js";
import type { Place, Schedule, ScheduledEntry, Step } from "../../compiler/passes/schedule.js";

type Lengths = Readonly<Record<string, number>>;
export type Values = Readonly<Record<string, Tensor<number>>>;

const aligned = (elements: number): number => Math.ceil(elements / 64) * 64;

export interface Memory {
  readonly slots: readonly Float64Array[];
}

export function allocate(schedule: Schedule, lengths: Lengths): Memory {
  return {
    slots: schedule.slots.map(({ sizes }) =>
      new Float64Array(
        Math.max(0, ...sizes.map(({ count, elements }) => count * aligned(evaluateSize(elements, lengths)))),
      ).fill(Number.NaN),
    ),
  };
}

/** The value at a place; a stack is gathered slice by slice. */
export function readPlace(memory: Memory, place: Place, shape: Shape, lengths: Lengths): Tensor<number> {
  const sizes = shape.map((axis) => evaluateSize(axis.size, lengths));
  const data = new Float64Array(evaluateSize(elementCount(shape), lengths));
  spans(place, lengths).forEach(({ at, length }, n) => {
    data.set(memory.slots[place.slot]!.subarray(at, at + length), n * length);
  });
  return { sizes, data };
}

export function writePlace(memory: Memory, place: Place, value: Tensor<number>, lengths: Lengths): void {
  spans(place, lengths).forEach(({ at, length }, n) => {
    for (let e = 0; e < length; e++) memory.slots[place.slot]![at + e] = value.data[n * length + e]!;
  });
}

function spans(place: Place, lengths: Lengths): readonly { readonly at: number; readonly length: number }[] {
  const stride = aligned(evaluateSize(place.stride, lengths));
  const length = evaluateSize(place.length, lengths);
  return Array.from({ length: place.count }, (_, n) => ({ at: (place.turn + n) * stride, length }));
}

export function runEntry(
  entry: ScheduledEntry,
  schedule: Schedule,
  memory: Memory,
  scalars: Values,
  lengths: Lengths,
): Values {
  const temporary = (place: Place): boolean => schedule.slots[place.slot]!.role === "temporary";
  const lastUse = lastUses(entry, temporary);
  for (const { step, at, isLast } of turnsOf(entry, lengths)) {
    const written = runStep(step, memory, scalars, lengths);
    for (const place of step.reads)
      if (isLast && temporary(place) && lastUse.get(keyOf(place)) === at)
        spans(place, lengths).forEach(
          ({ at: from, length }) => void memory.slots[place.slot]!.fill(Number.NaN, from, from + length),
        );
    step.writes.forEach((place, n) => void writePlace(memory, place, written[n]!, lengths));
  }
  return Object.fromEntries(
    entry.outputs.map(({ name, place, shape }) => [name, readPlace(memory, place, shape, lengths)]),
  );
}

/** The steps as they run, those of loops once a turn; `isLast`: in no later turn. */
function turnsOf({ steps, loops }: ScheduledEntry, lengths: Lengths) {
  const runs = steps.map((step, at) => ({ step, at, isLast: true }));
  return [...loops].reverse().reduce((all, { from, to, size, tile }) => {
    const turns = Math.ceil(evaluateSize(size, lengths) / tile);
    const looped = Array.from({ length: turns }, (_, turn) =>
      runs
        .slice(from, to)
        .map(({ step, at }) => ({ step: { ...step, turn }, at, isLast: turn === turns - 1 })),
    );
    return [...all.slice(0, from), ...looped.flat(), ...all.slice(to)];
  }, runs);
}

const keyOf = ({ slot, turn, stacked }: Place): string => `${slot}.${turn}.${stacked}`;

/** The last step that reads each place before somebody writes it again; whole stacks and their slices are left alone. */
function lastUses(entry: ScheduledEntry, temporary: (place: Place) => boolean): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  const stacks = new Set(
    [
      ...entry.steps.flatMap((step) => [...step.reads, ...step.writes]),
      ...entry.outputs.map((output) => output.place),
    ]
      .filter((place) => place.stacked || place.turn > 0)
      .map((place) => place.slot),
  );
  const kept = new Set(entry.outputs.map((output) => output.place.slot));
  entry.steps.forEach((step, at) => {
    for (const place of step.reads)
      if (temporary(place) && !stacks.has(place.slot) && !kept.has(place.slot)) last.set(keyOf(place), at);
  });
  return last;
}

function runStep(step: Step, memory: Memory, scalars: Values, lengths: Lengths): readonly Tensor<number>[] {
  const b = createBuilder();
  const leaves = topological(step.body).filter((node) => node.op === "input");
  const inputs: Record<string, Tensor<number>> = {
    ...scalars,
    turn: { sizes: [], data: new Float64Array([step.turn]) },
  };
  // The body's `fixed.n` and turn belong to a region; here they become ordinary inputs of the same names.
  const replacements = new Map(
    leaves.flatMap((leaf) => {
      if (leaf.op !== "input") return [];
      const { kind, name, shape, dtype } = leaf.attributes;
      if (kind === "turn") return [[leaf, b.input("input", "turn", shape, dtype)] as const];
      if (kind !== "fixed") return [];
      inputs[name] = readPlace(memory, step.reads[Number(name.slice("fixed.".length))]!, shape, lengths);
      return [[leaf, b.input("input", name, shape, dtype)] as const];
    }),
  );
  const body: Graph = substitute(step.body, b, replacements);
  const outputs = interpret(body, f64, { inputs, lengths });
  return step.body.outputs.map(({ name }) => outputs[name]!);
}
