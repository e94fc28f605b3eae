/**
 * Built and Schedule, under lengths → what a model costs: per block and in total.
 *
 * ```
 * layers.*.attention   [batch=8, t=128, d=768]   28,348,416 parameters   …
 * ```
 *
 * A node belongs to the block whose parameters it reads; without parameters, to the block of what it works on.
 */
import type { Built, Graph, Node } from "../ir/graph.js";
import { constantTurns } from "../ir/ops/regions.js";
import { topological } from "../ir/rewrite.js";
import type { Size } from "../ir/shape.js";
import { elementCount, evaluateSize } from "../ir/shape.js";
import type { DecodingGraphs } from "./decoding/graphs.js";
import { capacity } from "./decoding/graphs.js";
import type { LengthValues } from "./flops.js";
import { flopsOf, mixFlops } from "./flops.js";
import type { EntryName, Place, Schedule } from "./schedule.js";

export interface SummaryOptions {
  /** The recipe's where nothing is said. */
  readonly batch?: number | undefined;
  /** Of every length of the model, at most its maximum; the maximum where nothing is said. */
  readonly length?: number | undefined;
}

export interface BlockSummary {
  /** A path of the model, with a star for the turns of a `repeat`. */
  readonly name: string;
  /** Of its result, in numbers. */
  readonly shape: readonly { readonly axis: string; readonly size: number }[];
  readonly parameters: number;
  /** Forward. */
  readonly flops: number;
  /** Of its parameters. */
  readonly bytes: number;
}

export interface ModelSummary {
  readonly name: string;
  readonly lengths: LengthValues;
  readonly blocks: readonly BlockSummary[];
  readonly parameters: number;
  readonly weightBytes: number;
  readonly activationBytes: { readonly forward: number; readonly train: number | undefined };
  /** With the sums of gradients where a step comes in parts. */
  readonly optimizerBytes: number;
  /** What steps keep of a batch of texts of these lengths; undefined where there are no steps. */
  readonly cacheBytes: number | undefined;
  readonly flops: { readonly forward: number; readonly train: number | undefined; readonly decode: number };
}

export interface SummarySource {
  readonly built: Built;
  /** The forward graph with attention in the form of `mix`. */
  readonly forward: Graph;
  /** The graph of one training step before fusion, where the model has a loss. */
  readonly train: Graph | undefined;
  /** Where a step comes in parts: the graph of a part and that of the update. */
  readonly parts?: { readonly accumulate: Graph; readonly apply: Graph } | undefined;
  readonly schedule: Schedule;
  /** What is kept between steps, where the model has them. */
  readonly steps?: Pick<DecodingGraphs, "caches" | "symbol"> | undefined;
}

const wordBytes = 4;

export function summarize(source: SummarySource, options: SummaryOptions): ModelSummary {
  const { built, forward, schedule } = source;
  const lengths = lengthsOf(built, options);
  const blocks = blocksOf(forward, built, lengths);
  const parameters = blocks.reduce((sum, block) => sum + block.parameters, 0);
  return {
    name: built.name,
    lengths,
    blocks,
    parameters,
    weightBytes: parameters * wordBytes,
    activationBytes: {
      forward: arenaBytes(schedule, "forward", lengths),
      train: stepBytes(source, lengths),
    },
    optimizerBytes: stateBytes(schedule, lengths),
    cacheBytes: source.steps && cacheBytes(source.steps, lengths),
    flops: {
      forward: total(forward, (node) => flopsOf(node, lengths)),
      train: stepFlops(source, lengths),
      decode: decodeFlops(forward, lengths),
    },
  };
}

function lengthsOf(built: Built, { batch, length: wanted }: SummaryOptions): LengthValues {
  const entries = Object.entries(built.lengths).map(([symbol, { maximum }]): [string, number] => {
    if (symbol === "B") return [symbol, batch ?? built.recipe.batch];
    return [symbol, symbol === "P" ? 0 : Math.min(maximum, wanted ?? maximum)];
  });
  return { B: batch ?? built.recipe.batch, P: 0, ...Object.fromEntries(entries) };
}

// ---------------------------------------------------------------------- FLOPs

/** The sum over all nodes, those in bodies once a turn. */
function total(graph: Graph, value: (node: Node) => number): number {
  return topological(graph).reduce((sum, node) => {
    if (node.op === "repeat")
      return sum + constantTurns(node.attributes.count) * total(node.attributes.body, value);
    return sum + (node.op === "fused" ? total(node.attributes.body, value) : value(node));
  }, 0);
}

/** Of one training step, all of its parts. */
function stepFlops({ built, train, parts }: SummarySource, lengths: LengthValues): number | undefined {
  const work = (graph: Graph): number => total(graph, (node) => flopsOf(node, lengths));
  if (parts) return built.recipe.accumulate * work(parts.accumulate) + work(parts.apply);
  return train && work(train);
}

/** One new token after a full context: every length of queries is 1, keys and values are cached. */
function decodeFlops(graph: Graph, lengths: LengthValues): number {
  const one = Object.fromEntries(Object.keys(lengths).map((symbol) => [symbol, symbol === "P" ? 0 : 1]));
  return total(graph, (node) =>
    node.op === "mix" ? mixFlops(node.inputs, one, { ...lengths, B: 1 }) : flopsOf(node, one),
  );
}

// ---------------------------------------------------------------------- bytes

function cacheBytes(
  { caches, symbol }: Pick<DecodingGraphs, "caches" | "symbol">,
  lengths: LengthValues,
): number {
  const full = { ...lengths, [capacity]: lengths[symbol]! };
  return caches.reduce((sum, { shape }) => sum + wordBytes * evaluateSize(elementCount(shape), full), 0);
}

const aligned = (elements: number): number => Math.ceil(elements / 64) * 64;

function stateBytes({ slots }: Schedule, lengths: LengthValues): number {
  const states = slots.filter(({ role }) => role === "state");
  return states.reduce((sum, { sizes }) => {
    const elements = sizes.map((size) => size.count * aligned(evaluateSize(size.elements, lengths)));
    return sum + wordBytes * Math.max(0, ...elements);
  }, 0);
}

function stepBytes({ schedule, train, parts }: SummarySource, lengths: LengthValues): number | undefined {
  const names: readonly EntryName[] = parts ? ["accumulate", "apply"] : ["train"];
  return train && Math.max(...names.map((name) => arenaBytes(schedule, name, lengths)));
}

/** Of the temporary slots that an entry touches, as the runtime allocates them. */
export function arenaBytes(schedule: Schedule, name: EntryName, lengths: LengthValues): number {
  const entry = schedule.entries.find((candidate) => candidate.name === name);
  const largest = new Map<number, number>();
  const touch = ({ slot, turn, stride, length: size, stacked, count }: Place): void => {
    if (schedule.slots[slot]!.role !== "temporary") return;
    const step = aligned(evaluateSize(stride, lengths));
    const end = stacked ? count * step : turn * step + aligned(evaluateSize(size, lengths));
    largest.set(slot, Math.max(largest.get(slot) ?? 0, end));
  };
  for (const { reads, writes } of entry?.steps ?? []) for (const place of [...reads, ...writes]) touch(place);
  return wordBytes * [...largest.values()].reduce((sum, elements) => sum + elements, 0);
}

// --------------------------------------------------------------------- blocks

interface Row {
  shape: BlockSummary["shape"];
  flops: number;
}

function blocksOf(graph: Graph, built: Built, lengths: LengthValues): readonly BlockSummary[] {
  const rows = new Map<string, Row>();
  const block = (name: string): string =>
    name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : built.name;
  attribute(graph, 1, (node) => leafBlock(node, block), lengths, rows, built.name);
  const parameters = new Map<string, number>();
  for (const { leaf, shape } of built.parameters) {
    const elements = evaluateSize(elementCount(shape), lengths);
    parameters.set(block(leaf), (parameters.get(block(leaf)) ?? 0) + elements);
  }
  const names = [...new Set([...rows.keys(), ...parameters.keys()])];
  return names.map((name) => ({
    name,
    shape: rows.get(name)?.shape ?? [],
    parameters: parameters.get(name) ?? 0,
    flops: rows.get(name)?.flops ?? 0,
    bytes: wordBytes * (parameters.get(name) ?? 0),
  }));
}

const leafBlock = (node: Node, block: (name: string) => string): string | undefined =>
  node.op === "input" && node.attributes.kind === "parameter" ? block(node.attributes.name) : undefined;

/** Adds every node's work to its block's row; `weight` says of which block a leaf is a parameter. */
function attribute(
  graph: Graph,
  turns: number,
  weight: (node: Node) => string | undefined,
  lengths: LengthValues,
  rows: Map<string, Row>,
  outside: string,
): void {
  const weights = new Map<Node, string>();
  const places = new Map<Node, string>();
  for (const node of topological(graph)) {
    const own = weight(node) ?? onlyWeights(node, weights);
    if (own !== undefined) weights.set(node, own);
    const read = node.inputs.map((input) => weights.get(input)).find((name) => name !== undefined);
    const worked = node.inputs.map((input) => places.get(input)).find((name) => name !== undefined);
    const place = own ?? read ?? worked ?? outside;
    if (node.inputs.length > 0) places.set(node, place);
    if (node.op === "repeat") {
      const slices = sliceBlocks(node, weights);
      attribute(
        node.attributes.body,
        turns * constantTurns(node.attributes.count),
        (leaf) => slices(leaf),
        lengths,
        rows,
        place,
      );
    } else if (node.inputs.length > 0 && own === undefined)
      addWork(rows, place, node, turns * flopsOf(node, lengths), lengths);
  }
}

/** The block of a node that is computed from parameters alone. */
function onlyWeights(node: Node, weights: ReadonlyMap<Node, string>): string | undefined {
  const all =
    node.inputs.length > 0 && node.inputs.every((input) => weights.has(input) || input.op === "const");
  return all ? node.inputs.map((input) => weights.get(input)).find((name) => name !== undefined) : undefined;
}

/** A body's `slice.n` and `fixed.n` stand for operands of the region. */
function sliceBlocks(
  node: Extract<Node, { op: "repeat" }>,
  weights: ReadonlyMap<Node, string>,
): (leaf: Node) => string | undefined {
  const { carries, slices } = node.attributes;
  return (leaf) => {
    if (leaf.op !== "input") return undefined;
    const { kind, name } = leaf.attributes;
    const at = Number(name.slice(name.indexOf(".") + 1));
    if (kind === "slice") return weights.get(node.inputs[carries + at]!);
    return kind === "fixed" ? weights.get(node.inputs[carries + slices + at]!) : undefined;
  };
}

function addWork(
  rows: Map<string, Row>,
  name: string,
  node: Node,
  flops: number,
  lengths: LengthValues,
): void {
  const size = (value: Size): number => evaluateSize(value, lengths);
  const shape = node.shape.map((axis) => ({ axis: axis.name, size: size(axis.size) }));
  const row = rows.get(name) ?? { shape, flops: 0 };
  row.flops += flops;
  if (shape.length > 0) row.shape = shape;
  rows.set(name, row);
}
