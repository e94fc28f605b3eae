/**
 * Sums over pairs of positions → kernels in which an invocation owns some positions of one side and walks the other side's.
 *
 * ```
 * l = logsumexp_j F, y = Σ_j exp(F − l) · v_j → for 2 queries: { for 4 keys: products; m' = max(m, F); z, y = z, y · exp(m − m') + … } y / z
 * split: 64 invocations share a query, each walks every 64th tile of keys, and their m, z, y meet at the end
 * tile: 64 invocations with queries of their own share the keys and values, which come into workgroup memory 16 at a time
 * ```
 * Nothing of a pair is stored. Positions that the mask excludes for the whole tile are not walked.
 */
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { pairwiseOf } from "../family.js";
import type { Expr } from "../kernel.js";
import { add, grid, i32, local, mul } from "../kernel.js";
import { decompose, sizes } from "../position.js";
import type { Context, Launch } from "./context.js";
import { tiles } from "./context.js";
import { lowerPairsOfBatch } from "./pairwise-batch.js";
import { finish } from "./pairwise-results.js";
import { finishTogether } from "./pairwise-split.js";
import type { PairTile } from "./pairwise-stage.js";
import { walkStaged } from "./pairwise-stage.js";
import type { Stream } from "./pairwise-stream.js";
import { clear, started } from "./pairwise-stream.js";
import type { Strip } from "./pairwise-tile.js";
import { ends, ownTile, productsOf, runtimeZero, strip } from "./pairwise-tile.js";
import { overHeads, walk } from "./pairwise-walk.js";
import { createTeam } from "./team.js";

export function lowerPairwise(context: Context): Launch {
  const nodes = pairwiseOf(context.body);
  if (nodes[0]!.attributes.over === "batch") return lowerPairsOfBatch(context, nodes);
  const { size, depth } = ownSide(nodes);
  const count = ownTile(size);
  const own = strip(context, context.scope.name(mul(grid(0), i32(count))), count, size);
  const stream = opened(context, nodes, own, runtimeZero(context, product(depth)));
  clear(stream);
  overHeads(stream, (head) => walk(stream, head));
  finish(stream);
  return { grid: [tiles(size, count), 1, tiles(product(depth), 1)], workgroup: [32, 1, 1] };
}

/** Few positions of this side: the invocations of a workgroup share one, and its sums meet in workgroup memory. */
export function lowerPairwiseSplit(context: Context, invocations: number): Launch {
  const nodes = pairwiseOf(context.body);
  const { size, depth } = ownSide(nodes);
  const team = createTeam(context.scope, invocations, 1);
  const own = strip(context, grid(0), 1, size);
  const stream = { ...opened(context, nodes, own, i32(0)), team };
  clear(stream);
  overHeads(stream, (head) => walk(stream, head));
  finishTogether(stream, team);
  return {
    grid: [tiles(size, 1), 1, tiles(product(depth), 1)],
    workgroup: [invocations, 1, 1],
    cooperative: true,
  };
}

/** Many positions of this side: those of a workgroup walk the other side's together. */
export function lowerPairwiseTile(context: Context, tile: PairTile): Launch {
  const { scope } = context;
  const nodes = pairwiseOf(context.body);
  const { size, depth } = ownSide(nodes);
  const span = tile.own * tile.invocations;
  const block = ends(context, scope.name(mul(grid(0), i32(span))), span, size);
  const first = scope.name(add(block.first, scope.name(mul(local, i32(tile.own)))));
  const own = strip(context, first, tile.own, size, span);
  const stream = opened(context, nodes, own, i32(0));
  clear(stream);
  walkStaged(stream, block, tile);
  finish(stream);
  return {
    grid: [tiles(size, span), 1, tiles(product(depth), 1)],
    workgroup: [tile.invocations, 1, 1],
    cooperative: true,
  };
}

/** How many positions the summing side has, and how often. */
function ownSide(nodes: readonly Pairwise[]): { readonly size: Size; readonly depth: readonly Size[] } {
  const { space, over, heads } = nodes[0]!.attributes;
  const rank = space.length;
  const { size } = space[over === "columns" ? rank - 2 : rank - 1]!;
  return { size, depth: [...sizes(space.slice(0, rank - 3)), heads] };
}

function opened(context: Context, nodes: readonly Pairwise[], own: Strip, zero: Expr): Stream {
  const place = decompose(context.scope, grid(2), ownSide(nodes).depth);
  return {
    ...{ context, nodes, columns: nodes[0]!.attributes.over === "columns", own, zero },
    ...{ products: productsOf(nodes), batch: place.slice(0, -1), group: place[place.length - 1]! },
    ...started(context, nodes, own.at.length),
  };
}
