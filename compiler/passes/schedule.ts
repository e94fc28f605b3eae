/**
 * Entries → Schedule: which nodes run together, in what order, which values live when, and where.
 *
 * The graphs have been fused: every kernel is a `fused` region. Walking them gives the straight line of steps
 * (`schedule/walk`); planning gives every temporary a slot (`schedule/plan`).
 */
import type { Built, Graph, Lengths, Node, ValueType } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import type { Size } from "../ir/shape.js";
import { elementCount } from "../ir/shape.js";
import type { CacheInfo, DecodingGraphs } from "./decoding/graphs.js";
import { capacity } from "./decoding/graphs.js";
import type { PreparedLeaf } from "./fold_gain.js";
import { orderSteps } from "./schedule/order.js";
import { bytesAt, planSlots } from "./schedule/plan.js";
import type { Buffer, View, WalkLoop } from "./schedule/walk.js";
import { walk } from "./schedule/walk.js";

/** A storage slot; temporaries of disjoint lifetimes share one, and all entries share them. */
export interface Slot {
  readonly role: Buffer["role"];
  /** Leaf name; empty for temporary slots. */
  readonly name: string;
  readonly sizes: readonly { readonly count: number; readonly elements: Size }[];
}

/**
 * Where a value is. A stacked value's leading axis advances by align64(stride) elements; otherwise the value is row-major
 * and starts at `turn · align64(stride)`.
 */
export interface Place {
  readonly slot: number;
  readonly turn: number;
  readonly stride: Size;
  /** Elements; of a stacked value, those of one slice. */
  readonly length: Size;
  readonly stacked: boolean;
  /** Slices of a stacked value; 1 otherwise. */
  readonly count: number;
}

/**
 * One cluster = one kernel. `body`'s inputs are `fixed.n` (bound to `reads[n]`), call scalars and the turn;
 * its outputs are written to `writes[n]`.
 */
export interface Step {
  readonly body: Graph;
  readonly reads: readonly Place[];
  readonly writes: readonly Place[];
  readonly turn: number;
  /** The kernel's ops, for profiles and dumps. */
  readonly label: string;
}

export interface ScheduledValue extends ValueType {
  readonly name: string;
  readonly place: Place;
}

/** In the order in which a Program lists them. */
export const entryNames = ["forward", "loss", "grad", "train", "accumulate", "apply"] as const;
/** Those that look at gradients. */
export const trainingNames = ["grad", "train", "accumulate", "apply"] as const;
/** Those of decoding, where a model has it. */
export const decodingNames = ["encode", "step", "reorder"] as const;
/** Those beside `forward` that a program has which trains nothing. */
export const inferenceNames = ["loss", ...decodingNames] as const;
/** What all others wait for where a program has it. */
export const preparing = "prepare";
export type EntryName = (typeof entryNames)[number] | (typeof decodingNames)[number] | typeof preparing;

export interface ScheduledEntry {
  readonly name: EntryName;
  readonly steps: readonly Step[];
  readonly loops: readonly WalkLoop[];
  readonly inputs: readonly string[];
  readonly outputs: readonly ScheduledValue[];
  /** Parameter and state slots hold new values afterwards. */
  readonly updates: boolean;
}

export interface Schedule {
  readonly slots: readonly Slot[];
  readonly entries: readonly ScheduledEntry[];
  readonly lengths: Lengths;
}

/** What the schedule needs to know of decoding. */
export type Caching = Pick<DecodingGraphs, "caches" | "symbol">;

export interface ScheduleOptions {
  /** Steps in the order of the graph, and a slot for every temporary: what reuse has to agree with. */
  readonly reuse?: boolean;
  /** What the entry `prepare` gives. */
  readonly prepared?: readonly PreparedLeaf[];
}

export function schedule(
  graphs: readonly { readonly name: EntryName; readonly graph: Graph }[],
  built: Built,
  caching?: Caching,
  { reuse = true, prepared = [] }: ScheduleOptions = {},
): Schedule {
  const lengths = caching ? withCapacity(built.lengths, caching) : built.lengths;
  const leaves = leafViews(graphs, built, caching?.caches ?? [], prepared);
  const viewOf = (node: Node): View => leaves.get(leafKey(node))!;
  const bytes = measure(lengths, built);
  const walks = graphs.map(({ graph }) => {
    const walked = walk(graph, viewOf, updateTargets(graph, leaves));
    return reuse ? orderSteps(walked, bytes) : walked;
  });
  const persistent = [...new Set([...leaves.values()].map((view) => view.buffer))];
  const leafSlots = new Map(persistent.map((buffer, n) => [buffer, n]));
  const labels = new Map<Graph, string>();
  const label = (body: Graph): string => {
    const known = labels.get(body) ?? labelOf(body);
    labels.set(body, known);
    return known;
  };
  const { slots: temporaries, assignments } = planSlots(walks, bytes, { reuse });
  const slots: readonly Slot[] = [
    ...persistent.map(({ role, name, count, elements }) => ({ role, name, sizes: [{ count, elements }] })),
    ...temporaries.map(({ sizes }) => ({ role: "temporary" as const, name: "", sizes })),
  ];
  const entries = graphs.map(({ name, graph }, n): ScheduledEntry => {
    const { steps, loops, outputs } = walks[n]!;
    const place = (view: View): Place => ({
      slot:
        view.buffer.role === "temporary"
          ? persistent.length + assignments[n]!.get(view.buffer)!
          : leafSlots.get(view.buffer)!,
      turn: view.turn,
      stride: view.buffer.elements,
      length: view.buffer.elements,
      stacked: view.stacked,
      count: view.stacked ? view.buffer.count : 1,
    });
    return {
      name,
      steps: steps.map((step) => ({
        ...step,
        reads: step.reads.map(place),
        writes: step.writes.map(place),
        label: label(step.body),
      })),
      loops,
      inputs: topological(graph)
        .flatMap((node) =>
          node.op === "input" && node.attributes.kind === "input" ? [node.attributes.name] : [],
        )
        .sort(),
      outputs: outputs.map(({ view, ...output }) => ({ ...output, place: place(view) })),
      updates: name === "train" || name === "accumulate" || name === "apply",
    };
  });
  return { slots, entries, lengths };
}

/** Bytes of a buffer in a batch of the recipe's size, of texts as long as they may be. */
function measure(lengths: Lengths, { recipe }: Built): (buffer: Buffer) => number {
  const typical = Object.fromEntries(
    Object.entries(lengths).map(([name, { maximum }]) => [
      name,
      name === "B" ? Math.min(maximum, recipe.batch) : maximum,
    ]),
  );
  const known = new Map<Buffer, number>();
  return (buffer) => {
    const found = known.get(buffer) ?? bytesAt(buffer, typical);
    known.set(buffer, found);
    return found;
  };
}

/** Caches hold as many positions as the longest text has. */
const withCapacity = (lengths: Lengths, { symbol }: Caching): Lengths => ({
  ...lengths,
  [capacity]: { axis: "capacity", maximum: lengths[symbol]!.maximum },
});

type Graphs = readonly { readonly name: EntryName; readonly graph: Graph }[];

/** Every leaf of the entries that lies in memory, in the order parameters, what is prepared, states, tables, inputs, caches. */
function leafViews(
  graphs: Graphs,
  built: Built,
  caches: readonly CacheInfo[],
  prepared: readonly PreparedLeaf[],
): ReadonlyMap<string, View> {
  const isStack = stacksOf(built, caches, prepared);
  const replaced = replacedParameters(graphs, prepared);
  const found = new Map<string, View>();
  const order = ["prepared", "parameter", "state", "table", "input", "cache"];
  const nodes = graphs
    .flatMap(({ graph }) => withBodies(graph))
    .filter((node) => order.includes(leafRole(node)));
  for (const node of nodes.sort((a, b) => order.indexOf(leafRole(a)) - order.indexOf(leafRole(b)))) {
    const key = leafKey(node);
    if (found.has(key)) continue;
    const role = leafRole(node) as Buffer["role"];
    const name = leafName(node);
    const stacked = isStack(role, name);
    const of = role === "prepared" ? replaced.get(name) : undefined;
    const count = stacked ? (node.shape[0]!.size as number) : 1;
    const elements = elementCount(stacked ? node.shape.slice(1) : node.shape);
    const view: View = { buffer: { role, name: of ?? name, count, elements }, turn: 0, stacked };
    found.set(key, view);
    if (of !== undefined) found.set(`parameter.${of}`, view);
  }
  return found;
}

/** Whether a leaf's leading axis is the turns of a `repeat`. */
function stacksOf(
  { parameters }: Built,
  caches: readonly CacheInfo[],
  prepared: readonly PreparedLeaf[],
): (role: Buffer["role"], name: string) => boolean {
  const turned = new Set(parameters.filter(({ turn }) => turn !== undefined).map(({ leaf }) => leaf));
  const cached = new Set(caches.filter(({ turns }) => turns !== undefined).map(({ name }) => name));
  const made = new Set(prepared.filter(({ stacked }) => stacked).map(({ name }) => name));
  return (role, name) => {
    if (role === "state") return turned.has(name.slice(name.indexOf("/") + 1));
    return (role === "parameter" ? turned : role === "cache" ? cached : made).has(name);
  };
}

/** What is prepared, by name, and the parameter whose place it takes: nothing but `prepare` reads that one. */
function replacedParameters(graphs: Graphs, prepared: readonly PreparedLeaf[]): ReadonlyMap<string, string> {
  const others = graphs.filter(({ name }) => name !== preparing).flatMap(({ graph }) => withBodies(graph));
  const read = new Set(others.map((node) => (leafRole(node) === "parameter" ? leafName(node) : "")));
  const takers = (of: string): number => prepared.filter((one) => one.of === of).length;
  return new Map(
    prepared.flatMap(({ name, of }) =>
      of === undefined || read.has(of) || takers(of) > 1 ? [] : [[name, of] as const],
    ),
  );
}

/** The nodes of a graph and of the turns inside it: a turn reads tables by itself. */
function withBodies(graph: Graph): readonly Node[] {
  return topological(graph).flatMap((node) =>
    node.op === "repeat" ? [node, ...withBodies(node.attributes.body)] : [node],
  );
}

function leafRole(node: Node): string {
  if (node.op === "table") return "table";
  return node.op === "input" ? node.attributes.kind : "";
}

function leafName(node: Node): string {
  if (node.op !== "input" && node.op !== "table") throw new Error(`internal: ${node.op} is no leaf`);
  return node.attributes.name;
}

const leafKey = (node: Node): string => `${leafRole(node)}.${leafName(node)}`;

/** `parameter.<leaf>`, `prepared.<leaf>`, `state.<state>/<leaf>` and `cache.<leaf>` are written over the leaf they replace. */
function updateTargets(graph: Graph, leaves: ReadonlyMap<string, View>): ReadonlyMap<string, View> {
  const targets = new Map<string, View>();
  for (const { name } of graph.outputs) {
    const leaf = /^(?:parameter|prepared|state|cache)\./.test(name) ? leaves.get(name) : undefined;
    if (leaf) targets.set(name, leaf);
  }
  return targets;
}

function labelOf(body: Graph): string {
  const names = topological(body)
    .filter((node) => node.op !== "input" && node.op !== "const")
    .map((node) => node.op);
  return [...new Set(names)].join(".") || "copy";
}
