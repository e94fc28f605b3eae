/**
 * How a workgroup shares one piece of work: its invocations as lanes that split a sum, beside each other for some columns.
 *
 * ```
 * local 37 of 128, 8 columns → column 5, lane 4 of 16: adds every 16th term, then the lanes' sums meet in workgroup memory
 * ```
 */
import type { Expr, SubgroupFunction } from "../kernel.js";
import { add, binary, i32, local, mul, select, subgroup, subgroupLane, unary } from "../kernel.js";
import type { Scope } from "../scope.js";
import { zero } from "../scope.js";

export interface Team {
  /** Whether the lanes meet in subgroups first, which takes a feature of the device, and one column. */
  readonly subgroups: boolean;
  readonly lanes: number;
  readonly columns: number;
  readonly lane: Expr;
  readonly column: Expr;
}

/** Both are powers of two; neighbours in memory are neighbouring columns, or, of one column, neighbouring lanes. */
export function createTeam(scope: Scope, lanes: number, columns: number, subgroups = false): Team {
  if (subgroups && columns !== 1) throw new Error("internal: a subgroup has lanes of several columns");
  return {
    subgroups,
    lanes,
    columns,
    lane: scope.name(binary("quotient", local, i32(columns))),
    column: columns === 1 ? i32(0) : scope.name(binary("remainder", local, i32(columns))),
  };
}

/**
 * What the lanes of each column have, combined in an order that depends on nothing but their number; every lane gets it.
 * In two stages of √lanes terms: as many barriers as a tree of two levels has, where a binary one has log₂ lanes.
 */
export function combine(
  scope: Scope,
  team: Team,
  fn: SubgroupFunction,
  values: readonly Expr[],
): readonly Expr[] {
  return team.subgroups
    ? combineSubgroups(scope, team, fn, values)
    : combineInMemory(scope, team, fn, values);
}

function combineInMemory(
  scope: Scope,
  { lanes, columns, lane, column }: Team,
  fn: SubgroupFunction,
  values: readonly Expr[],
): readonly Expr[] {
  const few = 2 ** Math.floor(Math.log2(lanes) / 2);
  const at = (of: Expr): Expr => scope.name(add(mul(of, i32(columns)), column));
  const shared = values.map((value) => sharedArray(scope, value, lanes * columns));
  const own = at(lane);
  shared.forEach((array, n) => {
    scope.put(array, own, values[n]!);
  });
  scope.barrier();
  const gather = (from: Expr, start: Expr, to: number, step: number): readonly Expr[] => {
    const totals = shared.map((array) => scope.mutable(scope.element(array, at(start))));
    scope.loop(from, i32(to), step, (other) => {
      shared.forEach((array, n) => {
        scope.assign(totals[n]!, binary(fn, totals[n]!, scope.element(array, at(other))));
      });
    });
    return totals;
  };
  scope.when(binary("lt", lane, i32(few)), () => {
    const partial = gather(scope.name(add(lane, i32(few))), lane, lanes, few);
    shared.forEach((array, n) => {
      scope.put(array, own, scope.read(partial[n]!));
    });
  });
  scope.barrier();
  return gather(i32(1), i32(0), few, 1).map((total) => scope.read(total));
}

function sharedArray(scope: Scope, { type }: Expr, length: number): Expr {
  if (type !== "f32" && type !== "f32x4") throw new Error("internal: lanes share f32 only");
  return scope.array(type, length, "workgroup");
}

/**
 * Within subgroups, then across them. WGSL says neither how large they are, nor which invocations one has, nor that all are full: only
 * that its lanes count up from 0. So each first lane puts its subgroup's value in its own place, and every subgroup combines all places.
 */
function combineSubgroups(
  scope: Scope,
  { lanes }: Team,
  fn: SubgroupFunction,
  values: readonly Expr[],
): readonly Expr[] {
  const isFirst = scope.name(binary("eq", subgroupLane, i32(0)));
  const count = scope.name(subgroup("add", i32(1)));
  const shared = values.map((value) => {
    const array = sharedArray(scope, value, lanes);
    const found = scope.name(subgroup(fn, scope.name(value)));
    // The largest of equals is itself; of sums the others must not count again.
    scope.put(array, local, fn === "add" ? select(isFirst, found, zero(value.type)) : found);
    return array;
  });
  scope.barrier();
  const totals = shared.map((array) => scope.mutable(scope.element(array, subgroupLane)));
  const others = scope.name(binary("quotient", add(i32(lanes - 1), unary("neg", subgroupLane)), count));
  scope.loop(i32(1), scope.name(add(others, i32(1))), 1, (n) => {
    const at = scope.name(add(subgroupLane, scope.name(mul(n, count))));
    shared.forEach((array, k) => {
      scope.assign(totals[k]!, binary(fn, totals[k]!, scope.element(array, at)));
    });
  });
  return totals.map((total) => scope.name(subgroup(fn, scope.read(total))));
}
