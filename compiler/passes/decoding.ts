/**
 * Built → the graphs of decoding: what the model computes for new tokens, given what it keeps of the earlier ones.
 *
 * ```
 * forward   tokens [B, T]                     → logits [B, T, V]
 * step      tokens [B, T], position P, caches → logits [B, T, V] of positions P … P + T − 1, caches with their rows
 * encode    source [B, S]                     → caches of what depends on the source alone
 * reorder   parent [B]                        → caches with row parent[n] as row n
 * ```
 *
 * Nothing says what attention is. A value is wanted for new positions, or for all; a sum over positions is allowed where its factors
 * are 0 at later ones, which follows from the comparisons of indices that masks are made of; and what is wanted for all positions is
 * kept, as far down as the graph only moves elements.
 */
import type { Builder } from "../ir/builder.js";
import type { Built, Graph, InputInfo, Node, NodeOf, Output } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import { sizeEquals, symbol, symbolsIn } from "../ir/shape.js";
import { independent } from "./decoding/dependence.js";
import { emit } from "./decoding/emit.js";
import { encodeGraph } from "./decoding/encode.js";
import type { Derivation, Frame, Kept } from "./decoding/frame.js";
import { topFrame } from "./decoding/frame.js";
import type { Decoded, DecodingGraphs } from "./decoding/graphs.js";
import { isTime, newModes, timeAxes } from "./decoding/modes.js";
import type { Plan } from "./decoding/plan.js";
import { noRings, planRings, startReadings } from "./decoding/plan.js";
import { Refusal, refusable, refuse } from "./decoding/refusal.js";
import { warm } from "./decoding/region.js";
import { unrollInner } from "./decoding/unroll.js";
import { eliminate } from "./eliminate.js";

export interface DecodingOptions {
  /** How many new tokens one step takes at most where a cache is a ring. */
  readonly chunk?: number | undefined;
}

/** A ring holds what its window needs and so many positions more, so that a prompt is read in few steps. */
const CHUNK = 64;

/** Undefined where the model does not give logits for each position of a text; refused where a position looks at later ones. */
export function deriveDecoding(
  built: Built,
  b: Builder,
  { chunk = CHUNK }: DecodingOptions = {},
): Decoded | undefined {
  const text = growingText(built);
  if (!text) return undefined;
  const forward = unrollInner(built.forward, b);
  const derive = (outputs: readonly Output[]): DecodingGraphs =>
    graphsOf({ built, b, text, chunk, outputs, forward });
  const find = (name: string): Output => forward.outputs.find((output) => output.name === name)!;
  const alone = refusable(() => derive([find(text.logits)]));
  if (alone instanceof Refusal) return { refused: { code: alone.code, message: alone.message } };
  const others = otherOutputs(built, forward, text).filter(
    (output) => !(refusable(() => derive([find(text.logits), output])) instanceof Refusal),
  );
  if (others.length === 0) return alone;
  return derive(forward.outputs.filter((output) => output.name === text.logits || others.includes(output)));
}

/** The input that grows and what is said of it for each of its positions. */
interface GrowingText {
  readonly input: InputInfo;
  readonly symbol: string;
  readonly logits: string;
}

/** The input with a `next`, else the first that is given, where it is [B, T] of integers and there are logits [B, T, V]. */
function growingText({ inputs, forward }: Built): GrowingText | undefined {
  const read = new Set(
    topological(forward).flatMap((node) => (node.op === "input" ? [node.attributes.name] : [])),
  );
  const given = inputs.filter(({ name, derived }) => derived === undefined && read.has(name));
  const next = inputs.find(({ derived }) => derived?.how === "next")?.derived?.of;
  const input = given.find(({ name }) => name === (next ?? given[0]?.name));
  if (input?.dtype !== "i32" || input.shape.length !== 2) return undefined;
  const [time, ...more] = symbolsIn(input.shape[1]!.size);
  if (time === undefined || more.length > 0 || !sizeEquals(input.shape[1]!.size, symbol(time)))
    return undefined;
  const fits = ({ node }: Output): boolean =>
    node.dtype === "f32" &&
    node.shape.length === 3 &&
    typeof node.shape[2]!.size === "number" &&
    input.shape.every(({ size }, n) => sizeEquals(size, node.shape[n]!.size));
  const logits =
    forward.outputs.find((output) => output.name === "logits" && fits(output)) ?? forward.outputs.find(fits);
  return logits && { input, symbol: time, logits: logits.name };
}

/** What a step may give besides the logits: outputs, no probes, with a place for each position. */
const otherOutputs = (
  built: Built,
  forward: Graph,
  { logits, symbol: time }: GrowingText,
): readonly Output[] =>
  forward.outputs.filter(
    ({ name, node }) =>
      name !== logits &&
      !built.probes.includes(name) &&
      !name.startsWith("norm.") &&
      timeAxes(node.shape, time).length === 1,
  );

interface Task {
  readonly built: Built;
  readonly b: Builder;
  readonly text: GrowingText;
  readonly chunk: number;
  readonly outputs: readonly Output[];
  readonly forward: Graph;
}

function graphsOf(task: Task): DecodingGraphs {
  const plain = deriveStep(task, noRings);
  const plan = planRings(plain.frame.d.readings, task.built.lengths[task.text.symbol]!.maximum, task.chunk);
  const { step, frame } = plan ? deriveStep(task, plan) : plain;
  const { b, text } = task;
  const { caches } = frame.d;
  return {
    encode: noneGrows(encodeGraph(caches, b), text, frame),
    step,
    reorder: reorderGraph(caches, b),
    caches: caches.map(({ info }) => info),
    grown: text.input.name,
    symbol: text.symbol,
    chunk: plan && task.chunk,
  };
}

function deriveStep(task: Task, plan: Plan): { readonly step: Graph; readonly frame: Frame } {
  const { b, text, outputs } = task;
  const graph: Graph = { name: "step", outputs };
  const d: Derivation = {
    b,
    time: text.symbol,
    axis: text.input.shape[1]!.name,
    batch: symbolsIn(text.input.shape[0]!.size)[0] ?? "B",
    plan,
    readings: startReadings(),
    caches: [],
    names: leafNames(graph),
    stacks: new Map(),
    wanted: wantedResults(graph),
  };
  const frame = topFrame(d, (input) => leafDependence(task, input));
  const nodes = topological(graph);
  for (const node of nodes) frame.dependence(node);
  warm(frame, nodes, emit);
  const values = outputs.map(({ name, node }) => ({
    name,
    node: emit(frame, node, newModes(node.shape, d.time)),
  }));
  const kept = d.caches
    .filter(({ info }) => info.kind !== "source")
    .map((cache) => ({ name: `cache.${cache.info.name}`, node: d.stacks.get(cache.id) ?? cache.value }));
  const step = eliminate.run({ name: "step", outputs: [...values, ...kept] }, { builder: b, level: 2 });
  return { step, frame };
}

function leafDependence({ text }: Task, { attributes: { kind }, shape }: NodeOf<"input">) {
  if (kind !== "input") return independent;
  const grows = shape.some(({ size }) => isTime(size, text.symbol));
  return { grows, source: !grows, varies: false };
}

/** Leaves of all kinds share their names. */
const leafNames = (graph: Graph): Set<string> =>
  new Set(topological(graph).flatMap((node) => (node.op === "input" ? [node.attributes.name] : [])));

function wantedResults(graph: Graph): ReadonlyMap<Node, readonly number[]> {
  const wanted = new Map<Node, number[]>();
  for (const node of topological(graph)) {
    const region = node.op === "get" ? node.inputs[0]! : undefined;
    if (region && node.op === "get")
      wanted.set(region, [...(wanted.get(region) ?? []), node.attributes.index]);
  }
  return wanted;
}

/** What is computed once a source must not know how long the text is. */
function noneGrows(
  encode: Graph | undefined,
  { symbol: time, input }: GrowingText,
  _frame: Frame,
): Graph | undefined {
  const knows = encode && topological(encode).some(({ shape }) => timeAxes(shape, time).length > 0);
  if (knows)
    refuse(
      "TFM4104",
      `What depends on the source alone depends on the length of \`${input.shape[1]!.name}\` too.`,
    );
  return encode;
}

function reorderGraph(caches: readonly Kept[], b: Builder): Graph {
  const outputs = caches.map(({ info, leaf, frame }) => {
    const axis = leaf.shape.findIndex(({ size }) => symbolsIn(size).includes(frame.d.batch));
    const rows = leaf.shape[axis]!;
    const parent = b.input("input", "parent", [rows], "i32");
    return { name: `cache.${info.name}`, node: b.gather(leaf, parent, axis) };
  });
  return { name: "reorder", outputs };
}
