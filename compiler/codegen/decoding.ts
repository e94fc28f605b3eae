/**
 * The graphs of decoding, or why there are none → what a Program says of them: where its caches lie, and what they hold.
 *
 * ```
 * cache "layers.*.attention.k" [layer=2, batch=B, t=C, d=8] → { kind: "positions", place: { slot: 12, count: 2, stride: 8·B·C, … } }
 * ```
 */
import type * as P from "../../runtime/program.js";
import type { Graph, NodeOf } from "../ir/graph.js";
import { elementCount } from "../ir/shape.js";
import type { CacheInfo, Decoded } from "../passes/decoding/graphs.js";
import { capacity } from "../passes/decoding/graphs.js";
import type { Schedule, Slot } from "../passes/schedule.js";
import { nodesOf } from "./family.js";
import { emitValue, valuePlace } from "./places.js";
import { slotOf } from "./slots.js";

export function emitDecoding(
  { slots, entries }: Schedule,
  decoding: Decoded,
): NonNullable<P.Program["decoding"]> {
  if ("refused" in decoding) return decoding;
  const { grown, symbol, chunk, caches, reorder } = decoding;
  const isReordered = entries.some(({ name }) => name === "reorder");
  return {
    ...{ grown, symbol, capacity, chunk: chunk ?? null },
    caches: caches.map((cache) => emitCache(slots, cache)),
    parent: isReordered ? emitParent(slots, reorder) : null,
  };
}

function emitCache(slots: readonly Slot[], { name, kind, turns, shape, dtype }: CacheInfo): P.Cache {
  const slot = slotOf(slots, "cache", name);
  if (slot === undefined) throw new Error(`internal: nothing reads the cache ${name}`);
  const length = elementCount(turns === undefined ? shape : shape.slice(1));
  const stacked = turns !== undefined;
  const place = valuePlace({ slot, turn: 0, stride: length, length, stacked, count: turns ?? 1 });
  return { ...emitValue(name, shape, dtype), place, kind };
}

/** The one input of `reorder`. */
function emitParent(slots: readonly Slot[], reorder: Graph): P.Input {
  const [leaf] = nodesOf(reorder).filter(
    (node): node is NodeOf<"input"> => node.op === "input" && node.attributes.kind === "input",
  );
  const slot = leaf && slotOf(slots, "input", leaf.attributes.name);
  if (!leaf || slot === undefined) throw new Error("internal: reorder has no input");
  const length = elementCount(leaf.shape);
  return {
    ...emitValue(leaf.attributes.name, leaf.shape, leaf.dtype),
    ...{ place: { slot, turn: 0, stride: length, length }, bound: null, derived: null },
  };
}
