/**
 * Schedule, Program and lengths → what one call of an entry costs, counted on the steps that will run.
 *
 * ```
 * train at B = 4, T = 512   →   78 kernels, 602 dispatches, 9.1 GiB moved, 2.2 GiB at most, 1.9 TFLOP
 * ```
 * Bytes are those of the operands of each step, an operand once however often a kernel reads it, and of a table or a part of a tensor what
 * is read of it. FLOPs are those of the bodies: what two kernels compute counts twice, and a sum over pairs counts all of its pairs;
 * how many of them a mask of positions forbids is told beside.
 */
import type { Program } from "../../runtime/program.js";
import { createBuilder } from "../ir/builder.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { interpret } from "../ir/interpret.js";
import { f64 } from "../ir/numbers/f64.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { instantiate } from "../ir/ops/formula.js";
import { ops } from "../ir/ops/index.js";
import { topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { elementCount, evaluateSize, sizeText } from "../ir/shape.js";
import type { LengthValues } from "../passes/flops.js";
import { flopsOf } from "../passes/flops.js";
import type { EntryName, Place, Schedule, ScheduledEntry, Slot, Step } from "../passes/schedule.js";
import { arenaBytes } from "../passes/summary.js";
import { fixedNumber } from "./values.js";

export interface EntryCosts {
  /** Different ones; a step is a dispatch of one of them, in a loop one a turn. */
  readonly kernels: number;
  readonly dispatches: number;
  /** Read and written by all steps. */
  readonly bytes: number;
  readonly flops: number;
  /** Of those, what masks forbid: a kernel may leave it out. */
  readonly masked: number;
  /** What lies in memory during the call, by the role of its slots. */
  readonly memory: Readonly<Record<Slot["role"], number>>;
  readonly peak: number;
}

interface Work {
  readonly flops: number;
  readonly masked: number;
}

const WORD = 4;

export function costsOf(
  { schedule, program }: { readonly schedule: Schedule; readonly program: Program },
  name: EntryName,
  lengths: LengthValues,
): EntryCosts {
  const entry = schedule.entries.find((one) => one.name === name);
  const emitted = program.entries[name];
  if (!entry || !emitted) throw new Error(`internal: no entry ${name}`);
  const at: LengthValues = { P: 0, ...lengths };
  const known = new Map<Graph, Work>();
  const workOf = (body: Graph): Work => {
    const work = known.get(body) ?? bodyWork(body, at);
    known.set(body, work);
    return work;
  };
  const times = timesOf(entry, at);
  const work = entry.steps.map(({ body }) => workOf(body));
  const memory = memoryOf(schedule, name, at);
  return {
    kernels: new Set(emitted.steps.map(({ kernel }) => kernel)).size,
    dispatches: total(times),
    bytes: total(entry.steps.map((step, n) => times[n]! * stepBytes(step, at))),
    flops: total(work.map(({ flops }, n) => times[n]! * flops)),
    masked: total(work.map(({ masked }, n) => times[n]! * masked)),
    memory,
    peak: total(Object.values(memory)),
  };
}

/** How often each step runs: those of a loop once a turn. */
const timesOf = ({ steps, loops }: ScheduledEntry, lengths: LengthValues): readonly number[] =>
  steps.map((_, at) => {
    const loop = loops.find(({ from, to }) => at >= from && at < to);
    return loop ? Math.ceil(evaluateSize(loop.size, lengths) / loop.tile) : 1;
  });

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const elementsOf = ({ shape }: { readonly shape: Shape }, lengths: LengthValues): number =>
  evaluateSize(elementCount(shape), lengths);

// ---------------------------------------------------------------------- memory

function memoryOf(schedule: Schedule, name: EntryName, lengths: LengthValues): EntryCosts["memory"] {
  const steps = schedule.entries.find((one) => one.name === name)!.steps;
  const bound = new Set(steps.flatMap(({ reads, writes }) => [...reads, ...writes].map(({ slot }) => slot)));
  const of = (role: Slot["role"]): number =>
    total(
      schedule.slots.map((slot, n) => (slot.role === role && bound.has(n) ? slotBytes(slot, lengths) : 0)),
    );
  return {
    parameter: of("parameter"),
    prepared: of("prepared"),
    state: of("state"),
    table: of("table"),
    input: of("input"),
    cache: of("cache"),
    temporary: arenaBytes(schedule, name, lengths),
  };
}

/** Slices lie at multiples of 64 elements. */
const slotBytes = ({ sizes }: Slot, lengths: LengthValues): number =>
  WORD *
  Math.max(
    ...sizes.map(({ count, elements }) => count * 64 * Math.ceil(evaluateSize(elements, lengths) / 64)),
  );

// ----------------------------------------------------------------------- bytes

function stepBytes({ body, reads, writes }: Step, lengths: LengthValues): number {
  const nodes = topological(body);
  const read = new Map<string, number>();
  for (const node of nodes) {
    if (node.op !== "input" || node.attributes.kind !== "fixed") continue;
    const place = placeText(reads[fixedNumber(node)]!);
    read.set(place, Math.max(read.get(place) ?? 0, elementsRead(node, nodes, body, lengths)));
  }
  const written = body.outputs.map(({ node }, n) =>
    writes[n] ? elementsOf(node.op === "update" ? node.inputs[1]! : node, lengths) : 0,
  );
  return WORD * (total([...read.values()]) + total(written));
}

const placeText = ({ slot, turn, stride, stacked }: Place): string =>
  `${slot} ${turn} ${sizeText(stride)} ${stacked}`;

/** How much of a bound tensor a body looks at. */
function elementsRead(leaf: Node, nodes: readonly Node[], body: Graph, lengths: LengthValues): number {
  const all = elementsOf(leaf, lengths);
  if (body.outputs.some(({ node }) => node === leaf)) return all;
  const uses = nodes.filter(({ inputs }) => inputs.includes(leaf));
  return Math.min(all, total(uses.map((user) => elementsTaken(user, leaf, all, lengths))));
}

function elementsTaken(user: Node, leaf: Node, all: number, lengths: LengthValues): number {
  if (user.op === "slice") return elementsOf(user, lengths);
  if (user.op === "gather" && user.inputs[1] !== leaf) return elementsOf(user, lengths);
  return user.op === "update" && user.inputs[0] === leaf ? 0 : all;
}

// ----------------------------------------------------------------------- FLOPs

/** Of one run of a body; products that several sums over the same pairs have in common are computed once. */
function bodyWork(body: Graph, lengths: LengthValues): Work {
  const products = new Set<string>();
  let [flops, masked] = [0, 0];
  for (const node of topological(body)) {
    if (node.op === "pairwise") {
      const work = pairWork(node, products, lengths);
      flops += work;
      masked += work * forbiddenShare(node, lengths);
    } else if (countsReals(node)) flops += flopsOf(node, lengths);
  }
  return { flops, masked };
}

/** Index arithmetic and random bits are no floating-point operations. */
const countsReals = (node: Node): boolean =>
  node.op !== "random" &&
  (ops[node.op].kind !== "map" || [node, ...node.inputs].some(({ dtype }) => dtype === "f32"));

function pairWork(node: NodeOf<"pairwise">, products: Set<string>, lengths: LengthValues): number {
  const again = node.inputs.slice(0, 2 * node.attributes.products).flatMap((left, n, sides) => {
    const key = n % 2 === 0 ? `${left.key} ${sides[n + 1]!.key}` : undefined;
    if (key === undefined) return [];
    const isKnown = products.has(key);
    products.add(key);
    return isKnown ? [2 * evaluateSize(left.shape.at(-1)!.size, lengths)] : [];
  });
  return (
    flopsOf(node as Node, lengths) - total(again) * elementsOf({ shape: node.attributes.space }, lengths)
  );
}

/** Positions along an axis at which a mask is asked. */
const SAMPLES = 48;

/** The share of pairs that positions alone forbid, from a grid of them: fields, padding among them, count as allowing everything. */
function forbiddenShare({ attributes: { mask, space } }: NodeOf<"pairwise">, lengths: LengthValues): number {
  if (!mask) return 0;
  const isPosition = ({ attributes: { name } }: NodeOf<"input">): boolean => name === "i" || name === "j";
  const inputs = topological(mask).filter((node) => node.op === "input");
  if (inputs.some((node) => !isPosition(node) && node.dtype !== "bool")) return 0;
  const [rows, columns] = space.slice(-2).map(({ size }) => places(evaluateSize(size, lengths)));
  const [I, J] = [rows!.length, columns!.length];
  const shape: Shape = [
    { name: "i", size: I },
    { name: "j", size: J },
  ];
  const b = createBuilder();
  const allowing = b.broadcastTo(b.const(1, "bool"), shape, []);
  const position = (name: string): Node => b.input("input", name, shape, "i32");
  const asked = instantiate(b, mask, shape, (name) =>
    name === "i" || name === "j" ? position(name) : allowing,
  );
  const grid = (at: (i: number, j: number) => number): Tensor<number> => ({
    sizes: [I, J],
    data: Float64Array.from({ length: I * J }, (_, n) => at(Math.floor(n / J), n % J)),
  });
  const { mask: allowed } = interpret({ name: "mask", outputs: [{ name: "mask", node: asked }] }, f64, {
    inputs: { i: grid((i) => rows![i]!), j: grid((_, j) => columns![j]!) },
    lengths,
  });
  const allowedPairs = Array.from(allowed!.data).reduce((sum, one) => sum + one, 0);
  return 1 - allowedPairs / Math.max(1, I * J);
}

/** The middles of as many equal parts. */
function places(count: number): readonly number[] {
  const parts = Math.min(SAMPLES, count);
  return Array.from({ length: parts }, (_, n) => Math.floor(((n + 0.5) * count) / parts));
}
