/**
 * Schedule and Built → Program: kernels' text, places, tables, parameters and states as plain JSON.
 *
 * ```
 * 12 layers of one body → one kernel, twelve steps that differ in their places and their turn
 * ```
 */
import type * as P from "../../runtime/program.js";
import type { Built, Graph } from "../ir/graph.js";
import { rowsOf } from "../ir/parts.js";
import type { Shape } from "../ir/shape.js";
import { elementCount, sizeEquals } from "../ir/shape.js";
import type { Decoded, DecodingGraphs } from "../passes/decoding/graphs.js";
import type { Place, Schedule, ScheduledEntry, Slot, Step } from "../passes/schedule.js";
import { emitDecoding } from "./decoding.js";
import type { CallScalar } from "./extents.js";
import { usesOf } from "./extents.js";
import { nodesOf } from "./family.js";
import { printJavascript } from "./javascript.js";
import { invocationsOf, workgroupBytes } from "./lockstep.js";
import { cooperations, lower } from "./lower.js";
import { emitValue, valuePlace } from "./places.js";
import { constantSize, slotOf } from "./slots.js";
import { emitTables } from "./tables.js";
import { printWgsl } from "./wgsl.js";

export interface ProgramMeta {
  /** Version of the compiler. */
  readonly compiler: string;
  /** SHA-256 of the source. */
  readonly source: string;
}

/** `decoding`: the graphs of the decoding entries that the schedule has, or why there are none; undefined where nothing grows. */
export function emitProgram(
  schedule: Schedule,
  built: Built,
  meta: ProgramMeta,
  decoding?: Decoded,
): P.Program {
  const scalars = callScalars(schedule);
  const kernels = kernelTable(scalars, generatingBodies(schedule));
  const entries = Object.fromEntries(
    schedule.entries.map((entry) => [entry.name, emitEntry(entry, kernels.stepOf)]),
  ) as unknown as P.Program["entries"];
  if (!entries.forward) throw new Error("internal: a schedule without forward");
  return {
    format: 1,
    name: built.name,
    compiler: meta.compiler,
    source: meta.source,
    lengths: schedule.lengths,
    slots: schedule.slots.map(({ role, sizes }) => ({ role, sizes })),
    kernels: kernels.all,
    inputs: emitInputs(schedule.slots, built),
    parameters: emitParameters(schedule.slots, built),
    states: emitStates(schedule.slots, built),
    tables: emitTables(schedule.slots, graphsOf(built, decoding)),
    scalars,
    entries,
    recipe: built.loss ? { ...built.recipe, clip: built.recipe.clip ?? null } : null,
    decoding: decoding ? emitDecoding(schedule, decoding) : null,
  };
}

function graphsOf({ forward, loss }: Built, decoding: Decoded | undefined): readonly Graph[] {
  const none: Partial<DecodingGraphs> = {};
  const { encode, step, reorder } = decoding && "step" in decoding ? decoding : none;
  return [forward, loss, encode, step, reorder].filter((graph) => graph !== undefined);
}

function callScalars(schedule: Schedule): readonly CallScalar[] {
  const found = new Map<string, CallScalar>();
  const bodies = new Set(schedule.entries.flatMap(({ steps }) => steps.map(({ body }) => body)));
  for (const body of bodies)
    for (const node of nodesOf(body))
      if (node.op === "input" && node.attributes.kind === "scalar") {
        const { name } = node.attributes;
        found.set(name, { name, type: node.dtype === "f32" ? "f32" : "i32" });
      }
  if (found.size > 16) throw new Error("internal: more call scalars than the uniform holds");
  return [...found.values()].sort((x, y) => (x.name < y.name ? -1 : 1));
}

interface KernelTable {
  readonly all: P.Kernel[];
  stepOf(step: Step): P.Step;
}

/** Equal texts are one kernel; equal bodies are not even lowered twice. */
function kernelTable(scalars: readonly CallScalar[], generating: ReadonlySet<string>): KernelTable {
  const all: P.Kernel[] = [];
  const byBody = new Map<string, number>();
  const byText = new Map<string, number>();
  const add = (kernel: P.Kernel): number => {
    const { wgsl, javascript, bindings, variants } = kernel;
    const { code, ...javascriptRest } = javascript;
    const { code: wgslCode, ...wgslRest } = wgsl;
    const rest = JSON.stringify([wgslRest, javascriptRest, bindings, variants]);
    // Escaping the long texts would cost more than all else here.
    const text = `${code}\0${wgslCode}\0${rest}`;
    const known = byText.get(text);
    if (known !== undefined) return known;
    byText.set(text, all.push(kernel) - 1);
    return all.length - 1;
  };
  return {
    all,
    stepOf(step) {
      const sharing = sharedPlaces(step);
      const key = bodyKey(step, sharing);
      const number = byBody.get(key) ?? add(emitKernel(step, sharing, scalars, generating.has(key)));
      byBody.set(key, number);
      const places = [
        ...step.reads.filter((_, n) => !sharing.shared.has(n)),
        ...step.writes.filter((_, n) => !sharing.aliases.has(n)),
      ];
      return { kernel: number, bindings: places.map(emitPlace), turn: step.turn, label: step.label };
    },
  };
}

interface Sharing {
  readonly aliases: ReadonlyMap<number, number>;
  readonly shared: ReadonlyMap<number, number>;
}

/** One range of memory may be bound once in a dispatch. */
function sharedPlaces({ reads, writes }: Step): Sharing {
  const shared = new Map<number, number>();
  const firstRead = (place: Place): number => reads.findIndex((read) => samePlace(read, place));
  reads.forEach((place, n) => {
    const first = firstRead(place);
    if (first < n) shared.set(n, first);
  });
  const aliases = new Map<number, number>();
  writes.forEach((place, n) => {
    const first = firstRead(place);
    if (first >= 0) aliases.set(n, first);
  });
  return { aliases, shared };
}

const samePlace = (a: Place, b: Place): boolean =>
  a.slot === b.slot &&
  a.turn === b.turn &&
  a.stacked === b.stacked &&
  a.count === b.count &&
  sizeEquals(a.stride, b.stride) &&
  sizeEquals(a.length, b.length);

function bodyKey({ body, reads, writes }: Step, { aliases, shared }: Sharing): string {
  let key = "";
  for (const { node } of body.outputs) key += `${node.key},`;
  for (const { stacked } of reads) key += stacked ? 1 : 0;
  key += "|";
  for (const { stacked } of writes) key += stacked ? 1 : 0;
  for (const pairs of [aliases, shared]) key += `|${[...pairs].join(";")}`;
  return key;
}

/** What runs for one token at a time; gradients always have many rows. */
function generatingBodies({ entries }: Schedule): ReadonlySet<string> {
  const steps = entries.filter(({ name }) => name === "forward" || name === "step");
  return new Set(steps.flatMap((entry) => entry.steps.map((step) => bodyKey(step, sharedPlaces(step)))));
}

function emitKernel(
  step: Step,
  sharing: Sharing,
  scalars: readonly CallScalar[],
  generates: boolean,
): P.Kernel {
  const kernel = lower(step.body, step.reads, step.writes, sharing);
  const uses = usesOf(kernel);
  const variants = emitVariants(step, sharing, scalars, generates);
  return {
    name: kernel.name,
    bindings: kernel.bindings.map(({ type, access }) => ({ type, access })),
    wgsl: printWgsl(kernel, scalars, uses),
    javascript: printJavascript(kernel, scalars, uses),
    ...(variants.length > 0 ? { variants } : {}),
  };
}

function emitVariants(
  { body, reads, writes }: Step,
  sharing: Sharing,
  scalars: readonly CallScalar[],
  generates: boolean,
): readonly P.Variant[] {
  const paying = cooperations(body, reads).filter(({ fewRows }) => generates || !fewRows);
  return paying.map(({ cooperation, when }): P.Variant => {
    const kernel = lower(body, reads, writes, { ...sharing, cooperation });
    const needs = { invocations: invocationsOf(kernel), workgroupBytes: workgroupBytes(kernel) };
    return { wgsl: printWgsl(kernel, scalars), needs, when };
  });
}

/** Of a stacked place all slices are bound: the last one ends where its elements do. */
function emitPlace(place: Place): P.Place {
  const { slot, turn, stride, length, count } = place;
  if (count === 1) return { slot, turn, stride, length };
  if (typeof stride === "number" && typeof length === "number")
    return { slot, turn, stride, length: (count - 1) * Math.ceil(stride / 64) * 64 + length };
  return { slot, turn, stride, length, count };
}

function emitEntry(entry: ScheduledEntry, stepOf: (step: Step) => P.Step): P.Entry {
  const returned = entry.outputs.filter(({ name }) => !/^(parameter|state|cache)\./.test(name));
  return {
    steps: entry.steps.map(stepOf),
    ...(entry.loops.length > 0 && { loops: entry.loops }),
    inputs: entry.inputs,
    outputs: returned.map(({ name, place, shape, dtype }) => ({
      ...emitValue(name, shape, dtype),
      place: valuePlace(place),
    })),
    updates: entry.updates,
  };
}

/** Inputs that no entry reads have no slot and are not asked for. */
function emitInputs(slots: readonly Slot[], built: Built): readonly P.Input[] {
  return built.inputs.flatMap(({ name, shape, dtype, bound, derived }): P.Input[] => {
    const slot = slotOf(slots, "input", name);
    if (slot === undefined) return [];
    const length = elementCount(shape);
    const place = { slot, turn: 0, stride: length, length };
    return [{ ...emitValue(name, shape, dtype), place, bound: bound ?? null, derived: derived ?? null }];
  });
}

const constantSizes = (shape: Shape): readonly number[] => shape.map(({ size }) => constantSize(size));

/** Where a parameter lies in its leaf: the whole of it, one turn of a stack, or the rows that are its own. */
function placeIn(slot: number, parameter: Built["parameters"][number]): P.Place {
  const { start, width, pitch, turn } = rowsOf(parameter);
  const place = { slot, turn: parameter.turn ?? 0, stride: turn, length: turn };
  return parameter.part ? { ...place, rows: { start, width, pitch } } : place;
}

function emitParameters(slots: readonly Slot[], built: Built): readonly P.Parameter[] {
  return built.parameters.map((parameter) => {
    const { name, shape, leaf, init, frozen, decay } = parameter;
    const slot = slotOf(slots, "parameter", leaf);
    if (slot === undefined) throw new Error(`internal: parameter ${name} has no slot`);
    return {
      name,
      shape: constantSizes(shape),
      axes: shape.map((axis) => axis.name),
      place: placeIn(slot, parameter),
      init,
      frozen,
      decay,
    };
  });
}

function emitStates(slots: readonly Slot[], built: Built): readonly P.State[] {
  const { optimizer } = built;
  if (!optimizer) return [];
  return optimizer.states.flatMap((state) =>
    built.parameters.flatMap((parameter): P.State[] => {
      const slot = slotOf(slots, "state", `${state.name}/${parameter.leaf}`);
      if (slot === undefined) return [];
      return [
        {
          name: `${optimizer.name}.${state.name}/${parameter.name}`,
          parameter: parameter.name,
          shape: constantSizes(parameter.shape),
          place: placeIn(slot, parameter),
          initial: state.initial,
        },
      ];
    }),
  );
}
