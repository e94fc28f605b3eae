/**
 * What is kept between steps: rows of new positions are written where they belong, and all are read.
 *
 * ```
 * k [b, h, t, c], all positions   →   cache k [b, h, C, c];  update(k, rows, P)
 * x [b, t, d], the position before →  cache x [b, R, d];     gather(update(x, rows, P) modulo R, P − 1 + 0 … T − 1)
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { constantTurns } from "../../ir/ops/regions.js";
import type { Shape } from "../../ir/shape.js";
import { symbol, symbolsIn } from "../../ir/shape.js";
import type { Frame, Kept } from "./frame.js";
import { fixedOperand, numbered } from "./frame.js";
import type { CacheInfo } from "./graphs.js";
import { capacity } from "./graphs.js";
import type { Modes, Rows } from "./modes.js";
import { excess, indexVector, newModes, positionScalar, timeAxes } from "./modes.js";
import { cacheName, placeName } from "./names.js";
import { refuse } from "./refusal.js";
import type { Emit, Want } from "./want.js";
import { axisWord, unfit } from "./want.js";

/** Earlier positions of `node`, which has one time axis, from a cache. */
export function keptRows(want: Want): Node {
  const { frame, node, modes, emit } = want;
  const { b, time, readings } = frame.d;
  if (frame.body && !frame.dependence(node).varies) return outside(frame, node, modes, emit);
  const [axis] = timeAxes(node.shape, time) as readonly [number];
  if (excess(node.shape[axis]!.size, time) !== 0)
    return unfit(want, `works on more positions than ${axisWord(want)} has`);
  const mode = modes[axis]!;
  const cache = cacheOf(want, axis);
  if (mode.kind === "slots") {
    const { id, ring } = mode.layout;
    readings.readers.set(cache.id, (readings.readers.get(cache.id) ?? new Set()).add(id));
    if (ring !== frame.d.plan.ringOf(cache.id))
      throw new Error(`internal: ${cache.info.name} is read as ${id}`);
    return cache.value;
  }
  readings.lookBack.set(cache.id, Math.max(1 - mode.from, readings.lookBack.get(cache.id) ?? 1));
  const { name } = node.shape[axis]!;
  return b.gather(cache.value, slotsOfRows(frame, name, mode, frame.d.plan.ringOf(cache.id)), axis);
}

/** Where the positions lie, -1 for those before the first: i32 [T]. */
function slotsOfRows({ d: { b, time } }: Frame, name: string, mode: Rows, ring: number | undefined): Node {
  const index = indexVector(b, name, symbol(time), mode, time); // [T]
  if (ring === undefined) return index;
  const full = (value: number): Node => b.full(value, index.shape, "i32");
  return b.select(b.le(full(0), index), b.mod(index, full(ring)), full(-1));
}

function cacheOf({ frame, node, emit }: Want, axis: number): Kept {
  const known = frame.kept.get(node.key);
  if (known) return known;
  const { b, time, plan } = frame.d;
  demandBatch(frame, node);
  const rows = emit(frame, node, newModes(node.shape, time));
  const id = `${frame.id}${node.key}`;
  const ring = plan.ringOf(id);
  const size = ring ?? symbol(capacity);
  const shape = node.shape.map((own, n) => (n === axis ? { name: own.name, size } : own));
  const { leaf, inside, info } = cacheLeaf(frame, node, shape, ring === undefined ? "positions" : "ring");
  const value = b.update(inside, rows, positionScalar(b), axis, ring !== undefined);
  const kept: Kept = { info, id, frame, node, leaf, value };
  frame.kept.set(node.key, kept);
  frame.d.caches.push(kept);
  return kept;
}

/** `node`, which depends on the source alone, as `encode` left it. */
export function encoded({ frame, node, modes, emit }: Want): Node {
  if (frame.body && !frame.dependence(node).varies) return outside(frame, node, modes, emit);
  const known = frame.kept.get(node.key);
  if (known) return known.value;
  demandBatch(frame, node);
  const { leaf, inside, info } = cacheLeaf(frame, node, node.shape, "source");
  const kept: Kept = { info, id: `${frame.id}${node.key}`, frame, node, leaf, value: inside };
  frame.kept.set(node.key, kept);
  frame.d.caches.push(kept);
  return kept.value;
}

/** A cache of another make: its leaf, and what says its value after the step. */
export function keepLeaf(frame: Frame, node: Node, shape: Shape, kind: CacheInfo["kind"]) {
  const { leaf, inside, info } = cacheLeaf(frame, node, shape, kind);
  const keep = (value: Node): void => {
    const kept: Kept = { info, id: `${frame.id}${node.key}/own`, frame, node, leaf, value };
    frame.d.caches.push(kept);
  };
  return { inside, keep };
}

export function demandBatch(frame: Frame, node: Node): void {
  if (node.shape.some(({ size }) => symbolsIn(size).includes(frame.d.batch))) return;
  refuse("TFM4103", `${placeName(frame, node)} keeps something that all rows of a batch share.`);
}

/** The leaf of a cache, and the same inside the body of a region: there it is a stack's slice. */
function cacheLeaf(frame: Frame, node: Node, shape: Shape, kind: CacheInfo["kind"]) {
  const { b } = frame.d;
  const name = cacheName(frame, node);
  const { body } = frame;
  const turns = body && constantTurns(body.region.attributes.count);
  const whole = turns === undefined ? shape : [{ name: "layer", size: turns }, ...shape];
  const leaf = b.input("cache", name, whole, node.dtype);
  const info: CacheInfo = { name, kind, turns, shape: whole, dtype: node.dtype };
  if (!body) return { leaf, inside: leaf, info };
  const index = numbered(body.slices, leaf);
  return { leaf, inside: b.input("slice", `slice.${index}`, shape, node.dtype), info };
}

/** What is the same for all turns of a region is kept once, outside of it. */
function outside(frame: Frame, node: Node, modes: Modes, emit: Emit): Node {
  const { outer, region } = frame.body!;
  const { b } = frame.d;
  const made = new Map<Node, Node>();
  const lift = (x: Node): Node => {
    const known = made.get(x);
    if (known) return known;
    const isFixed = x.op === "input" && x.attributes.kind === "fixed";
    const lifted = isFixed ? fixedOperand(region, x) : b.remake(x, x.inputs.map(lift));
    made.set(x, lifted);
    return lifted;
  };
  return fixedValue(frame, emit(outer, lift(node), modes));
}

/** A value from outside, inside a region's body. */
export function fixedValue({ body, d: { b } }: Frame, outside: Node): Node {
  if (outside.op === "input" && outside.attributes.kind === "scalar") return outside;
  const index = numbered(body!.fixed, outside);
  return b.input("fixed", `fixed.${index}`, outside.shape, outside.dtype);
}
