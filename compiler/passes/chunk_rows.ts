/**
 * chunk_rows: a projection to a large vocabulary and its loss, with gradients → the same, a chunk of rows at a time.
 *
 * ```
 * %l = contract(%x, %w) : f32 [batch=B, t=T, v=50257]      repeat(0, 0, 0, %x, %w, %targets) count=B*T / 256 {
 * %s = … max, sum, picked … : f32 [batch=B, t=T]             l = contract(rows of %x, %w) : f32 [row=256, v=50257]
 * %d = … softmax − target … : f32 [batch=B, t=T, v=50257] →  d = …
 * %dx = contract(%d, %w)                                     dx = update(carry.0, contract(d, %w), turn · 256)
 * %dw = contract(%d, %x)                                     dw = add(carry.1, contract(d, rows of %x))
 *                                                          }
 * ```
 * A tensor of all rows and all columns never exists. It pays where that tensor would be large at the lengths that the entry usually
 * runs at: the sum over the rows is read and written once a chunk.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { substitute, topological } from "../ir/rewrite.js";
import { elementCount, evaluateSize, symbolsIn } from "../ir/shape.js";
import type { Cone } from "./chunk_rows/cone.js";
import { findCone, projectedRows, widthOf } from "./chunk_rows/cone.js";
import { createTurn } from "./chunk_rows/turn.js";
import type { Pass, PassContext } from "./pass.js";
import { isOp } from "./rule.js";

/** Bytes of [rows, columns] that a step may hold: half of what WebGPU binds by default. */
export const CHUNK_BYTES = 64 * 2 ** 20;

type Projection = NodeOf<"contract"> & Node;

export const chunkRows = (budget = CHUNK_BYTES): Pass => ({
  name: "chunk_rows",
  says: "loss(x · w), and its gradients => for each chunk of rows: loss(x[rows] · w), …",
  from: 2,
  run: (graph, context) => chunked(graph, context, context.budget ?? budget, new Set()),
});

/** One projection after the other; `left` are those that stay as they are. */
function chunked(graph: Graph, context: PassContext, budget: number, left: ReadonlySet<string>): Graph {
  const { lengths, builder, explain } = context;
  if (!lengths) return graph;
  const bytes = (node: Node): number => {
    const count = elementCount(node.shape);
    return symbolsIn(count).every((symbol) => symbol in lengths) ? 4 * evaluateSize(count, lengths) : 0;
  };
  const seed = topological(graph).find(
    (node): node is Projection => isOp(node, "contract") && !left.has(node.key) && bytes(node) > budget,
  );
  if (!seed) return graph;
  const rank = projectedRows(seed);
  const cone = rank === undefined ? "it is no projection of rows" : findCone(graph, seed, rank);
  const next = typeof cone === "string" ? cone : inChunks(graph, seed, cone, budget, builder);
  if (typeof next !== "string") return chunked(next, context, budget, left);
  explain?.(seed, `The rows of this projection are not computed in chunks: ${next}.`);
  return chunked(graph, context, budget, new Set([...left, seed.key]));
}

/** The largest power of two of rows that the budget has room for: lengths are often multiples of one. */
const chunkOf = (width: number, budget: number): number =>
  2 ** Math.max(0, Math.floor(Math.log2(budget / (4 * width))));

function inChunks(graph: Graph, seed: Node, cone: Cone, budget: number, b: Builder): Graph | string {
  const width = widthOf(seed, cone.rank);
  const chunk = chunkOf(width, budget);
  const rows = elementCount(seed.shape.slice(0, cone.rank));
  const turn = createTurn(b, cone, rows, chunk, width);
  const carried = [...cone.results, ...cone.sums];
  const shapes = carried.map((node, n) =>
    n < cone.results.length ? [{ name: "row", size: rows }, ...node.shape.slice(cone.rank)] : node.shape,
  );
  const next = carried.map((node, n) => {
    const value = turn.local(node);
    const before = b.input("carry", `carry.${n}`, shapes[n]!, node.dtype);
    if (!value) return undefined;
    return n < cone.results.length ? b.update(before, value, turn.at, 0) : b.add(before, value);
  });
  const missing = carried.find((_, n) => !next[n]);
  if (missing) return `${missing.op} reads something wide that is not computed row by row`;
  const initial = carried.map((node, n) => b.full(0, shapes[n]!, node.dtype));
  const region = b.repeat([...initial, ...turn.operands], {
    body: { name: "chunk", outputs: next.map((node, n) => ({ name: `carry.${n}`, node: node! })) },
    first: 0,
    count: { size: rows, tile: chunk },
    reverse: false,
    carries: carried.length,
    slices: 0,
  });
  return substitute(
    graph,
    b,
    new Map(carried.map((node, n) => [node, b.reshape(b.get(region, n), node.shape)])),
  );
}
