/**
 * Steps → the same steps in an order in which less is alive at once.
 *
 * ```
 * dx₂ = f(dy), dx₁ = g(dx₂), dw₂ = x₂ · dy, dw₁ = x₁ · dx₂      x₂, dy, x₁ and dx₂ live to the end
 *   →
 * dx₂ = f(dy), dw₂ = x₂ · dy, dx₁ = g(dx₂), dw₁ = x₁ · dx₂      x₂ and dy are gone after two steps
 * ```
 * A step that frees more than it needs runs as soon as it can; otherwise the order stays. What reads a place comes before what
 * writes over it, as before; a loop stays whole. Where this gains nothing the steps stay as they are.
 */
import type { Buffer, View, Walk, WalkLoop, WalkStep } from "./walk.js";

/** Bytes of a buffer at the lengths that are compared. */
export type Measure = (buffer: Buffer) => number;

export function orderSteps(walked: Walk, bytes: Measure): Walk {
  const units = unitsOf(walked);
  const reordered = greedy(units, walked.outputs, bytes);
  if (peak(reordered, walked.outputs, bytes) >= peak(units, walked.outputs, bytes)) return walked;
  return { ...walked, ...linear(reordered) };
}

/** The most that is alive at once. */
export const peakOf = (walked: Walk, bytes: Measure): number => peak(unitsOf(walked), walked.outputs, bytes);

/** What runs together: one step, or all of a loop. */
interface Unit extends Accesses {
  readonly steps: readonly WalkStep[];
  readonly loop?: WalkLoop;
}
type Accesses = Pick<WalkStep, "reads" | "writes">;

function unitsOf({ steps, loops }: Walk): readonly Unit[] {
  const units: Unit[] = [];
  for (let at = 0; at < steps.length; ) {
    const loop = loops.find(({ from, to }) => from <= at && at < to);
    const own = steps.slice(at, loop ? loop.to : at + 1);
    const all = { reads: own.flatMap(({ reads }) => reads), writes: own.flatMap(({ writes }) => writes) };
    units.push({ ...all, steps: own, ...(loop && { loop }) });
    at += own.length;
  }
  return units;
}

function linear(units: readonly Unit[]): Pick<Walk, "steps" | "loops"> {
  const steps: WalkStep[] = [];
  const loops: WalkLoop[] = [];
  for (const { steps: own, loop } of units) {
    if (loop) loops.push({ ...loop, from: steps.length, to: steps.length + own.length });
    steps.push(...own);
  }
  return { steps, loops };
}

function peak(units: readonly Unit[], outputs: Walk["outputs"], bytes: Measure): number {
  const live = createLiveness(units, outputs, bytes);
  let most = 0;
  let held = 0;
  for (const unit of units) {
    const { needs, frees } = live.run(unit);
    most = Math.max(most, held + needs);
    held += needs - frees;
  }
  return most;
}

function greedy(units: readonly Unit[], outputs: Walk["outputs"], bytes: Measure): readonly Unit[] {
  const waits = dependencies(units);
  const followers: number[][] = units.map(() => []);
  const open = waits.map((before, at) => {
    for (const other of before) followers[other]!.push(at);
    return before.size;
  });
  const live = createLiveness(units, outputs, bytes);
  const ready = new Set(open.flatMap((count, at) => (count === 0 ? [at] : [])));
  const order: Unit[] = [];
  while (ready.size > 0) {
    const at = nextOf(ready, (n) => live.change(units[n]!));
    ready.delete(at);
    live.run(units[at]!);
    order.push(units[at]!);
    for (const follower of followers[at]!) if (--open[follower]! === 0) ready.add(follower);
  }
  return order;
}

/** The step that frees most; the first one where none frees anything. */
function nextOf(ready: ReadonlySet<number>, change: (step: number) => number): number {
  let first = Number.POSITIVE_INFINITY;
  let [best, least] = [-1, 0];
  for (const at of ready) {
    first = Math.min(first, at);
    const by = change(at);
    if (by < least || (by === least && best >= 0 && at < best)) [best, least] = [at, by];
  }
  return best >= 0 ? best : first;
}

interface Liveness {
  /** Bytes that running the step adds to what is alive. */
  change(step: Accesses): number;
  run(step: Accesses): { readonly needs: number; readonly frees: number };
}

function createLiveness(steps: readonly Accesses[], outputs: Walk["outputs"], bytes: Measure): Liveness {
  const left = new Map<Buffer, number>();
  for (const step of steps)
    for (const buffer of temporariesOf(step)) left.set(buffer, (left.get(buffer) ?? 0) + 1);
  for (const { view } of outputs) left.set(view.buffer, Number.POSITIVE_INFINITY);
  const alive = new Set<Buffer>();
  const effect = (step: Accesses): { readonly needs: number; readonly frees: number } => {
    let [needs, frees] = [0, 0];
    for (const buffer of temporariesOf(step)) {
      if (!alive.has(buffer)) needs += bytes(buffer);
      if (left.get(buffer) === 1) frees += bytes(buffer);
    }
    return { needs, frees };
  };
  return {
    change: (step) => {
      const { needs, frees } = effect(step);
      return needs - frees;
    },
    run(step) {
      const result = effect(step);
      for (const buffer of temporariesOf(step)) {
        alive.add(buffer);
        left.set(buffer, left.get(buffer)! - 1);
      }
      return result;
    },
  };
}

function temporariesOf({ reads, writes }: Accesses): ReadonlySet<Buffer> {
  const found = new Set<Buffer>();
  for (const { buffer } of reads) if (buffer.role === "temporary") found.add(buffer);
  for (const { buffer } of writes) if (buffer.role === "temporary") found.add(buffer);
  return found;
}

/** The last step that wrote a region of a buffer, and those that have read it since. */
interface Region {
  writer: number | undefined;
  readers: number[];
}

interface Regions {
  readonly whole: Region;
  readonly turns: Map<number, Region>;
}

/** The steps that each step has to wait for: writers of what it touches, readers of what it writes. */
function dependencies(steps: readonly Accesses[]): readonly ReadonlySet<number>[] {
  const buffers = new Map<Buffer, Regions>();
  return steps.map(({ reads, writes }, at) => {
    const before = new Set<number>();
    for (const view of reads) for (const { writer } of touching(buffers, view)) add(before, writer);
    for (const view of writes)
      for (const { writer, readers } of touching(buffers, view)) {
        add(before, writer);
        for (const reader of readers) before.add(reader);
      }
    before.delete(at);
    for (const view of reads) regionOf(buffers, view).readers.push(at);
    for (const view of writes) {
      const region = regionOf(buffers, view);
      region.writer = at;
      region.readers = [];
    }
    return before;
  });
}

const add = (set: Set<number>, step: number | undefined): void => {
  if (step !== undefined) set.add(step);
};

function regionsOf(buffers: Map<Buffer, Regions>, buffer: Buffer): Regions {
  const known = buffers.get(buffer) ?? { whole: { writer: undefined, readers: [] }, turns: new Map() };
  buffers.set(buffer, known);
  return known;
}

function regionOf(buffers: Map<Buffer, Regions>, { buffer, turn, stacked }: View): Region {
  const { whole, turns } = regionsOf(buffers, buffer);
  if (stacked) return whole;
  const own = turns.get(turn) ?? { writer: undefined, readers: [] };
  turns.set(turn, own);
  return own;
}

/** The regions that a view has elements of: the whole, and its slice or, of a stack, every slice. */
function touching(buffers: Map<Buffer, Regions>, { buffer, turn, stacked }: View): readonly Region[] {
  const { whole, turns } = regionsOf(buffers, buffer);
  if (stacked) return [whole, ...turns.values()];
  const own = turns.get(turn);
  return own ? [whole, own] : [whole];
}
