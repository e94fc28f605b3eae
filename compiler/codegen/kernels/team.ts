/**
 * How a workgroup shares one piece of work: its invocations as lanes that split a sum, beside each other for some columns.
 *
 * ```
 * local 37 of 128, 8 columns → column 5, lane 4 of 16: adds every 16th term, then the lanes' sums meet in workgroup memory
 * ```
 */
import type { BinaryFunction, Expr } from "../kernel.js";
import { add, binary, i32, local, mul } from "../kernel.js";
import type { Scope } from "../scope.js";

export interface Team {
  readonly lanes: number;
  readonly columns: number;
  readonly lane: Expr;
  readonly column: Expr;
}

/** Both are powers of two; neighbours in memory are neighbouring columns, or, of one column, neighbouring lanes. */
export function createTeam(scope: Scope, lanes: number, columns: number): Team {
  return {
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
  { lanes, columns, lane, column }: Team,
  fn: BinaryFunction,
  values: readonly Expr[],
): readonly Expr[] {
  const few = 2 ** Math.floor(Math.log2(lanes) / 2);
  const at = (of: Expr): Expr => scope.name(add(mul(of, i32(columns)), column));
  const shared = values.map((value) => {
    if (value.type !== "f32" && value.type !== "f32x4") throw new Error("internal: lanes share f32 only");
    return scope.array(value.type, lanes * columns, "workgroup");
  });
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
