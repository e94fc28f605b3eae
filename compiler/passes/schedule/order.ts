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
  const touches = touchesOf(units, walked.outputs, bytes);
  const order = greedy(units, touches);
  if (peakThrough(touches, order) >= peakThrough(touches, [...units.keys()])) return walked;
  return { ...walked, ...linear(order.map((at) => units[at]!)) };
}

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

/** The temporaries, numbered, and which of them each step touches. */
interface Touches {
  readonly ofStep: readonly (readonly number[])[];
  readonly ofBuffer: readonly (readonly number[])[];
  readonly bytes: readonly number[];
  readonly isOutput: readonly boolean[];
}

function touchesOf(steps: readonly Accesses[], outputs: Walk["outputs"], measure: Measure): Touches {
  const numbers = new Map<Buffer, number>();
  const ofBuffer: number[][] = [];
  const bytes: number[] = [];
  const ofStep = steps.map(({ reads, writes }, at) => {
    const touched = new Set<number>();
    for (const { buffer } of [...reads, ...writes]) {
      if (buffer.role !== "temporary") continue;
      const number = numbers.get(buffer) ?? bytes.push(measure(buffer)) - 1;
      numbers.set(buffer, number);
      touched.add(number);
    }
    for (const number of touched) {
      ofBuffer[number] ??= [];
      ofBuffer[number].push(at);
    }
    return [...touched];
  });
  const kept = new Set(outputs.map(({ view }) => numbers.get(view.buffer)));
  return { ofStep, ofBuffer, bytes, isOutput: bytes.map((_, number) => kept.has(number)) };
}

/** What is alive while steps run. */
function createLiveness({ ofStep, ofBuffer, bytes, isOutput }: Touches) {
  const left = ofBuffer.map((steps, number) => (isOutput[number] ? Number.POSITIVE_INFINITY : steps.length));
  const alive = bytes.map(() => false);
  const needs = (step: number): number =>
    ofStep[step]!.reduce((sum, number) => sum + (alive[number] ? 0 : bytes[number]!), 0);
  const frees = (step: number): number =>
    ofStep[step]!.reduce((sum, number) => sum + (left[number] === 1 ? bytes[number]! : 0), 0);
  const run = (step: number): void => {
    for (const number of ofStep[step]!) {
      alive[number] = true;
      left[number]!--;
    }
  };
  return { needs, frees, run };
}

/** The most that is alive at once. */
function peakThrough(touches: Touches, order: readonly number[]): number {
  const live = createLiveness(touches);
  let [peak, held] = [0, 0];
  for (const step of order) {
    const needs = live.needs(step);
    peak = Math.max(peak, held + needs);
    held += needs - live.frees(step);
    live.run(step);
  }
  return peak;
}

function greedy(steps: readonly Accesses[], touches: Touches): readonly number[] {
  const waits = dependencies(steps);
  const followers: number[][] = steps.map(() => []);
  const open = waits.map((before, at) => {
    for (const other of before) followers[other]!.push(at);
    return before.size;
  });
  const live = createLiveness(touches);
  const ready = new Set<number>();
  /** None that is ready comes before it. */
  let first = 0;
  const firstReady = (): number => {
    while (!ready.has(first)) first++;
    return first;
  };
  /** Bytes that a step which is ready adds to what is alive, where it adds less than none. */
  const less = new Map<number, number>();
  const judge = (step: number): void => {
    const change = live.needs(step) - live.frees(step);
    if (change < 0) less.set(step, change);
  };
  const order: number[] = [];
  const makeReady = (step: number): void => {
    ready.add(step);
    first = Math.min(first, step);
    judge(step);
  };
  for (const [step, count] of open.entries()) if (count === 0) makeReady(step);
  while (ready.size > 0) {
    const step = less.size > 0 ? leastOf(less) : firstReady();
    ready.delete(step);
    less.delete(step);
    live.run(step);
    order.push(step);
    for (const number of touches.ofStep[step]!)
      for (const other of touches.ofBuffer[number]!) if (ready.has(other)) judge(other);
    for (const follower of followers[step]!) if (--open[follower]! === 0) makeReady(follower);
  }
  return order;
}

/** The step that frees most, of equals the first. */
function leastOf(less: ReadonlyMap<number, number>): number {
  let [found, least] = [-1, 0];
  for (const [step, change] of less)
    if (change < least || (change === least && step < found)) [found, least] = [step, change];
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
