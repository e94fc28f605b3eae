/**
 * contract(a, b) and what follows it → kernels in which a workgroup owns a tile of the result.
 *
 * ```
 * tile 64×64×16: for k by 16: 64×16 of a and 16×64 of b → workgroup memory; barrier; 16 turns of 4×4 sums; barrier; store
 * lanes: 8 × 16 invocations: for 8 column groups, each 16th turn of k; the 16 sums meet in workgroup memory; lane 0 stores
 * ```
 * What feeds the contraction is computed once a tile, where it is staged. Places beyond an edge of m or n hold the last element again
 * and are not stored; turns beyond the end of k are zeros.
 */
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import type { Expr } from "../kernel.js";
import {
  add,
  binary,
  bool,
  extent,
  fma,
  grid,
  i32,
  lane,
  lanes,
  local,
  mul,
  select,
  splat,
  vector,
} from "../kernel.js";
import type { Position } from "../position.js";
import { decompose } from "../position.js";
import type { Scope } from "../scope.js";
import { zero } from "../scope.js";
import { isWide } from "../values.js";
import type { Context, Launch } from "./context.js";
import { batchOf, columnsOf, contractIn, gridOf, storeTile, strips } from "./contract.js";
import { columnSets, columnsOfGroup } from "./contract-columns.js";
import type { Coordinates, Operand, Plan, Tile } from "./contract-plan.js";
import { bindings, groupsOf } from "./contract-plan.js";
import { accumulate, overOuterK } from "./contract-sums.js";
import type { Team } from "./team.js";
import { combine, createTeam } from "./team.js";

/** Rows, columns and turns of k of a workgroup's tile, and how many rows of it are one invocation's (its columns are four). */
export interface TileSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: 4 | 8;
}

/** The other operand's rows or columns in a tile. */
interface Side {
  readonly operand: Operand;
  readonly labels: readonly string[];
  /** How many of them a tile has, and which tile it is. */
  readonly count: number;
  readonly tile: Expr;
  /** k-major: element (turn, four of the side's own). */
  readonly array: Expr;
}

const rowsOf = ({ rows }: TileSizes, plan: Plan): number => Math.max(4, rows / fours(plan));
/** How often four columns an invocation has. */
const fours = ({ epilogue }: Plan): number => (epilogue ? groupsOf(epilogue.columns) : 1);

const invocationsOfTile = (sizes: TileSizes, plan: Plan): number =>
  (sizes.m / rowsOf(sizes, plan)) * (sizes.n / (4 * fours(plan)));

export function lowerContractTile(context: Context, sizes: TileSizes): Launch {
  const { node, plan } = contractIn(context);
  const { scope } = context;
  const rows = rowsOf(sizes, plan);
  const groups = fours(plan);
  const across = i32(sizes.n / (4 * groups));
  const [x, y] = [
    scope.name(binary("remainder", local, across)),
    scope.name(binary("quotient", local, across)),
  ];
  const sideOf = (operand: Operand, labels: readonly string[], count: number, tile: Expr): Side => {
    const array = scope.array("f32x4", (sizes.k * count) / 4, "workgroup");
    return { operand, labels, count, tile, array };
  };
  const a = sideOf(plan.a, plan.m, sizes.m, grid(1));
  const b = sideOf(plan.b, plan.n, sizes.n, grid(0));
  const batch = batchOf(context, plan);
  const stages = [a, b].map((side) => stager(context, plan, sizes, side, batch));
  const sums = Array.from({ length: rows }, () =>
    Array.from({ length: groups }, () => scope.mutable(zero("f32x4"))),
  );
  overOuterK(context, plan, (outer, labels, total) => {
    scope.loop(i32(0), extent(total), sizes.k, (start) => {
      for (const stage of stages) stage(start, outer, labels, total);
      scope.barrier();
      multiplyStaged(context, sizes, a.array, b.array, x, y, sums);
      scope.barrier();
    });
  });
  const row = scope.name(add(mul(grid(1), i32(sizes.m / rows)), y));
  const column = scope.name(add(mul(grid(0), across), x));
  const tile: Tile = {
    batch,
    rows: strips(context, plan, plan.m, rows, row, sizes.m),
    ...columnsOf(context, plan, 4, column, sizes.n),
  };
  storeTile(
    context,
    plan,
    node,
    tile,
    sums.map((row) => row.map((sum) => scope.read(sum))),
  );
  return {
    grid: gridOf(plan, sizes.m, sizes.n),
    workgroup: [invocationsOfTile(sizes, plan), 1, 1],
    cooperative: true,
  };
}

/** One turn of k after the other: a row's element times four columns. */
function multiplyStaged(
  { scope }: Context,
  sizes: TileSizes,
  a: Expr,
  b: Expr,
  x: Expr,
  y: Expr,
  sums: readonly (readonly Expr[])[],
): void {
  const quarters = sums.length / 4;
  const groups = sums[0]!.length;
  const row = scope.name(mul(y, i32(quarters)));
  scope.loop(i32(0), i32(sizes.k), 1, (turn) => {
    const at = (of: number, by: Expr): Expr => scope.name(add(scope.name(mul(turn, i32(of / 4))), by));
    const own = at(sizes.n, x);
    const right = sums[0]!.map((_, n) => scope.element(b, add(own, i32((n * sizes.n) / (4 * groups)))));
    for (let n = 0; n < quarters; n++) {
      const left = scope.element(a, add(at(sizes.m, row), i32(n)));
      for (const m of lanes)
        sums[4 * n + m]!.forEach((sum, group) => {
          scope.assign(sum, fma(splat(lane(left, m)), right[group]!, sum));
        });
    }
  });
}

type Stage = (start: Expr, outer: Coordinates, labels: readonly string[], total: Size) => void;

/**
 * How a side of the tile comes into workgroup memory, four elements at a time: by loads along its own axis, by loads along k
 * (a square of 4 × 4, turned over), or one by one.
 */
function stager(context: Context, plan: Plan, sizes: TileSizes, side: Side, batch: Coordinates): Stage {
  const { scope } = context;
  const way = sideWay(context, plan, side.operand, side.labels);
  const turns = way === "turns" ? 4 : 1;
  const [own, deep] = [side.count / 4, sizes.k / turns];
  const items = own * deep;
  const invocations = invocationsOfTile(sizes, plan);
  const rounds = Array.from({ length: Math.ceil(items / invocations) }, (_, n) => {
    const item = scope.name(add(local, i32(n * invocations)));
    // What lies side by side in memory is loaded side by side.
    const [inner, outer] = way === "turns" ? [deep, own] : [own, deep];
    const [low, high] = [binary("remainder", item, i32(inner)), binary("quotient", item, i32(inner))];
    const [four, turn] = (way === "turns" ? [high, low] : [low, high]).map(scope.name) as [Expr, Expr];
    const index = scope.name(add(mul(side.tile, i32(own)), four));
    return {
      // A last round may have fewer items than there are invocations.
      some: (n + 1) * invocations > inner * outer ? scope.name(binary("lt", item, i32(items))) : bool(true),
      members: membersOf(context, plan, side, four, index),
      turn: scope.name(mul(turn, i32(turns))),
      four,
    };
  });
  return (start, outer, labels, total) => {
    const exact = typeof total === "number" && total % sizes.k === 0;
    for (const { some, members, turn, four } of rounds)
      scope.when(some, () => {
        const wanted = scope.name(add(start, turn));
        const safe = exact ? wanted : scope.name(binary("min", wanted, add(extent(total), i32(-turns))));
        const inside = exact ? bool(true) : scope.name(binary("lt", wanted, extent(total)));
        const k = bindings(labels, decompose(scope, safe, labels.map(plan.size)));
        const values = elements(context, plan, side, way, members, { ...batch, ...outer, ...k });
        values.forEach((value, n) => {
          const place = scope.name(add(mul(add(turn, i32(n)), i32(own)), four));
          scope.put(side.array, place, scope.name(select(inside, value, zero("f32x4"))));
        });
      });
  };
}

/** The rows or columns of the `four`-th four of a tile, the `index`-th of all. */
function membersOf(
  context: Context,
  plan: Plan,
  side: Side,
  four: Expr,
  index: Expr,
): readonly Coordinates[] {
  const { scope } = context;
  if (!plan.epilogue || side.operand !== plan.b)
    return strips(context, plan, side.labels, 4, index, side.count).flatMap((strip) => strip.members);
  // Fours of the same partners are neighbours, so that invocations that are neighbours read neighbours.
  const across = side.count / (4 * fours(plan));
  const among = scope.name(binary("remainder", four, i32(across)));
  const group = scope.name(binary("quotient", four, i32(across)));
  const invocation = scope.name(add(mul(side.tile, i32(across)), among));
  return columnsOfGroup(context, plan, columnSets(context, plan, invocation, side.count)!, group);
}

/** Four of a side's own at one turn of k, or at four. */
function elements(
  { scope, values }: Context,
  plan: Plan,
  { operand: { node, labels }, labels: own }: Side,
  way: SideWay,
  members: readonly Coordinates[],
  k: Coordinates,
): readonly Expr[] {
  const position = (member: Coordinates): Position =>
    labels.map((label) => member[label] ?? k[label] ?? i32(0));
  if (way === "own") return [values.at4(node, position(members[0]!), labels.indexOf(own.at(-1)!))];
  if (way === "one") return [scope.name(vector((n) => values.at(node, position(members[n]!))))];
  const along = labels.indexOf(plan.k.at(-1)!.at(-1)!);
  const rows = members.map((member) => values.at4(node, position(member), along));
  return lanes.map((turn) => scope.name(vector((n) => lane(rows[n]!, turn))));
}

type SideWay = "own" | "turns" | "one";

function sideWay(
  { isStacked }: Pick<Context, "isStacked">,
  plan: Plan,
  operand: Operand,
  labels: readonly string[],
): SideWay {
  const isWideAlong = (label: string | undefined): boolean => {
    const axis = label === undefined ? -1 : operand.labels.indexOf(label);
    return axis >= 0 && plan.isFourfold(label) && isWide(operand.node, axis, isStacked);
  };
  const apart = operand === plan.b && plan.epilogue !== undefined && plan.epilogue.columns.width < 4;
  if (!apart && isWideAlong(labels.at(-1))) return "own";
  return isWideAlong(plan.k.at(-1)?.at(-1)) ? "turns" : "one";
}

/** Whether neighbouring lanes take neighbouring turns of k, at least so many, so that a subgroup can be lanes of one column. */
export function isSplitAlongK(context: Pick<Context, "body" | "isStacked">, least: number): boolean {
  const { plan } = contractIn(context);
  const turns = product(plan.k.at(-1)!.map(plan.size));
  const isLong = typeof turns !== "number" || turns >= least;
  return isLong && sideWay(context, plan, plan.b, plan.n) === "turns";
}

function teamOf(scope: Scope, isAlongK: boolean, subgroups: boolean): Team {
  if (subgroups) return createTeam(scope, 64, 1, true);
  return isAlongK ? createTeam(scope, 64, 2) : createTeam(scope, 16, 8);
}

/** Few rows, or few elements with long sums: the workgroup splits k. */
export function lowerContractLanes(context: Context, subgroups = false): Launch {
  const { node, plan } = contractIn(context);
  const { scope } = context;
  // Where k is contiguous, neighbours are lanes; else they are columns.
  const isAlongK = sideWay(context, plan, plan.b, plan.n) === "turns";
  const team = teamOf(scope, isAlongK, subgroups);
  const group = scope.name(add(mul(grid(0), i32(team.columns)), team.column));
  const whole = team.columns * plan.tileN;
  const tile: Tile = {
    batch: batchOf(context, plan),
    rows: strips(context, plan, plan.m, plan.tileM, grid(1)),
    ...columnsOf(context, plan, plan.tileN, group, whole),
  };
  const sums = accumulate(context, plan, tile, team);
  const totals = combine(scope, team, "add", sums.flat());
  const width = sums[0]!.length;
  scope.when(binary("eq", team.lane, i32(0)), () => {
    const own = sums.map((row, n) => row.map((_, m) => totals[n * width + m]!));
    storeTile(context, plan, node, tile, own);
  });
  return {
    grid: gridOf(plan, plan.tileM, whole),
    workgroup: [team.lanes * team.columns, 1, 1],
    cooperative: true,
  };
}
