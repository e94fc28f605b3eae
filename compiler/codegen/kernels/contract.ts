/**
 * contract(a, b) and what follows it → a kernel in which one invocation owns a tile of the result in registers.
 *
 * ```
 * contract(x [b, t, d], w [d, n]) → for tile (m, n): 4×4 sums; for k by 4: 4 loads of x, 4 of w, 64 multiply-adds; store
 * ```
 * No barriers and no branches in the loop: edge tiles read the last valid element again and do not store it.
 */
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import { contractOf, partsOf } from "../family.js";
import type { Expr } from "../kernel.js";
import { add, binary, exprKey, extent, grid, i32, lane, lanes, mul, vector } from "../kernel.js";
import type { Position } from "../position.js";
import { decompose, shifted } from "../position.js";
import type { Context, Launch } from "./context.js";
import { flush, four, one, tiles } from "./context.js";
import { columnSets, columnStrips } from "./contract-columns.js";
import { storeParts } from "./contract-epilogue.js";
import type { Coordinates, Plan, Strip, Tile } from "./contract-plan.js";
import { bindings, planContract } from "./contract-plan.js";
import type { Sums } from "./contract-registers.js";
import type { ColumnGroup } from "./contract-sums.js";
import { accumulate, columnGroups } from "./contract-sums.js";

export function lowerContract(context: Context): Launch {
  const { node, plan } = contractIn(context);
  const tile: Tile = {
    batch: batchOf(context, plan),
    rows: strips(context, plan, plan.m, plan.tileM, grid(1)),
    ...columnsOf(context, plan, plan.tileN, grid(0)),
  };
  const sums = accumulate(context, plan, tile);
  storeTile(context, plan, node, tile, sums);
  return { grid: gridOf(plan, plan.tileM, plan.tileN), workgroup: [8, 8, 1] };
}

/** The contraction of a body, and what is known of how to compute it. */
export function contractIn({ body }: Pick<Context, "body">): {
  readonly node: NodeOf<"contract">;
  readonly plan: Plan;
} {
  const node = contractOf(body);
  if (!node) throw new Error("internal: no contract");
  return { node, plan: planContract(node, partsOf(body, node)) };
}

/** The columns of invocation `index`, `count` of them; see `strips` for `whole`. */
export function columnsOf(
  context: Context,
  plan: Plan,
  count: number,
  index: Expr,
  whole = count,
): Pick<Tile, "columns" | "sets"> {
  const sets = columnSets(context, plan, index, whole);
  if (!sets) return { columns: strips(context, plan, plan.n, count, index, whole) };
  return { sets, columns: columnStrips(context, plan, sets) };
}

export const batchOf = ({ scope }: Context, plan: Plan): Coordinates =>
  bindings(plan.batch, decompose(scope, grid(2), plan.batch.map(plan.size)));

/** Tiles of `tileM` rows and `tileN` columns: columns along x, rows along y, the batch along z. */
export function gridOf(plan: Plan, tileM: number, tileN: number): Launch["grid"] {
  const count = (labels: readonly string[]): Size => product(labels.map(plan.size));
  return [tiles(count(plan.n), tileN), tiles(count(plan.m), tileM), tiles(count(plan.batch), 1)];
}

/**
 * The rows or columns of a tile: four neighbours of one load where the last label allows it, else one by one. Tiles come in
 * groups of `whole` rows or columns, of which the last may reach beyond the end.
 */
export function strips(
  context: Context,
  plan: Plan,
  labels: readonly string[],
  count: number,
  tile: Expr,
  whole = count,
): readonly Strip[] {
  const { scope } = context;
  const of = labels.map(plan.size);
  const total = product(of);
  const width = count % 4 === 0 && plan.isFourfold(labels.at(-1)) ? 4 : 1;
  const exact = typeof total === "number" && total % whole === 0;
  const base = scope.name(mul(tile, i32(count)));
  return Array.from({ length: count / width }, (_, n): Strip => {
    const wanted = add(base, i32(n * width));
    const last = add(extent(total), i32(-width));
    const start = exact ? wanted : scope.name(binary("min", wanted, last));
    const position = decompose(scope, start, of);
    const at = (by: number): Coordinates => bindings(labels, shifted(position, of.length - 1, by));
    return {
      members: Array.from({ length: width }, (_, by) => at(by)),
      inside: exact
        ? { tag: "const", type: "bool", value: 1 }
        : scope.name(binary("lt", wanted, extent(total))),
    };
  });
}

export function storeTile(
  context: Context,
  plan: Plan,
  node: NodeOf<"contract">,
  tile: Tile,
  sums: Sums,
): void {
  if (tile.sets) {
    storeParts(context, plan, node, tile, sums);
    return;
  }
  const groups = columnGroups(tile);
  let row = 0;
  for (const strip of tile.rows)
    for (const member of strip.members) {
      groups.forEach((group, n) => {
        const sum = sums[row]![n]!;
        const at = (column: Coordinates): Position =>
          plan.out.map((label) => column[label] ?? member[label] ?? tile.batch[label] ?? i32(0));
        storeGroup(context, plan, node, group, group.columns.map(at), strip.inside, sum);
      });
      row++;
    }
}

function storeGroup(
  context: Context,
  plan: Plan,
  node: NodeOf<"contract">,
  group: ColumnGroup,
  positions: readonly Position[],
  rowInside: Expr,
  sum: Expr,
): void {
  const { scope, values } = context;
  const axis = plan.n.length > 0 ? plan.out.indexOf(plan.n.at(-1)!) : -1;
  bindSum(context, node, positions, axis, sum);
  const guard = (strip: Strip): Expr => binary("and", rowInside, strip.inside);
  if (group.columns.length === 4 && group.strips.length === 1) {
    const pending = context.outputs.flatMap((output) => four(context, output, positions[0]!, axis));
    scope.when(guard(group.strips[0]!), () => flush(context, pending));
  } else
    positions.forEach((position, n) => {
      const pending = context.outputs.map((output) => one(context, output, position));
      scope.when(guard(group.strips[n]!), () => flush(context, pending));
    });
  values.bind(node as Node, { at: elsewhere, at4: elsewhere });
}

const elsewhere = (): never => {
  throw new Error("internal: a contraction is read at another element");
};

/** The contract node stands for its sum while its element is stored. */
function bindSum(
  context: Context,
  node: NodeOf<"contract">,
  positions: readonly Position[],
  axis: number,
  sum: Expr,
): void {
  const { scope, values } = context;
  const keyOf = (position: Position): string => position.map((x) => exprKey(x)).join();
  const keys = positions.map(keyOf);
  const at = (position: Position): Expr => {
    const found = keys.indexOf(keyOf(position));
    if (found < 0) return elsewhere();
    return sum.type === "f32x4" ? scope.name(lane(sum, lanes[found]!)) : sum;
  };
  values.bind(node as Node, {
    at,
    at4: (position, along) =>
      along === axis && keyOf(position) === keys[0] && sum.type === "f32x4"
        ? sum
        : vector((n) => at(shifted(position, along, n))),
  });
}
