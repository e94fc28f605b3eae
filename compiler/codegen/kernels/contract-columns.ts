/**
 * The number of an invocation among those along n → its columns, where what follows the contraction numbers them.
 *
 * ```
 * period 16, 2 partners, width 4; invocation 5 → outer 2, at 1: columns 36 … 39 and 44 … 47
 * ```
 */
import { columnOf, innerOf, rangesOf } from "../../ir/epilogue/columns.js";
import type { Linear, Ranges } from "../../ir/epilogue/linear.js";
import { digit, plus } from "../../ir/epilogue/linear.js";
import { digitsOf } from "../../ir/epilogue/moves.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, i32, mul } from "../kernel.js";
import type { Scope } from "../scope.js";
import type { Context } from "./context.js";
import type { ColumnSet, Coordinates, Plan, Strip } from "./contract-plan.js";
import { bindings, columnsOfSet, groupsOf, setsOf } from "./contract-plan.js";

export type DigitValues = Readonly<Record<string, Expr>>;

/** A linear form as an expression of what its digits are. */
export function linearExpr(scope: Scope, { constant, terms }: Linear, values: DigitValues): Expr {
  const parts = terms.map(({ digit: name, coefficient }) => {
    const value = values[name];
    if (!value) throw new Error(`internal: nothing is known of ${name}`);
    return mul(value, i32(coefficient));
  });
  return add(scope.name(scope.sum(parts)), i32(constant));
}

/** The sets of invocation `index`; invocations come in groups that have `whole` columns, of which the last may reach beyond the end. */
export function columnSets(
  { scope }: Context,
  { epilogue }: Plan,
  index: Expr,
  whole: number,
): readonly ColumnSet[] | undefined {
  if (!epilogue) return undefined;
  const { columns } = epilogue;
  const total = columns.count / columnsOfSet(columns);
  const exact = columns.count % whole === 0;
  const inner = innerOf(columns) / columns.width;
  const sets = setsOf(columns);
  return Array.from({ length: sets }, (_, n): ColumnSet => {
    const wanted = scope.name(add(mul(index, i32(sets)), i32(n)));
    const set = exact ? wanted : scope.name(binary("min", wanted, i32(total - 1)));
    return {
      outer: scope.name(binary("quotient", set, i32(inner))),
      at: scope.name(binary("remainder", set, i32(inner))),
      inside: exact
        ? { tag: "const", type: "bool", value: 1 }
        : scope.name(binary("lt", wanted, extent(total))),
    };
  });
}

/** A strip for each partner of each set. */
export function columnStrips({ scope }: Context, plan: Plan, sets: readonly ColumnSet[]): readonly Strip[] {
  const { columns } = plan.epilogue!;
  return sets.flatMap((set) =>
    Array.from({ length: columns.partners }, (_, partner): Strip => {
      const lanes = Array.from({ length: columns.width }, (_, lane) => columnOf(columns, { partner, lane }));
      return {
        members: lanes.map((column) => coordinatesOf(scope, plan, column, { outer: set.outer, at: set.at })),
        inside: set.inside,
      };
    }),
  );
}

/** Four columns of an invocation, the `group`-th four. */
export function columnsOfGroup(
  context: Context,
  plan: Plan,
  sets: readonly ColumnSet[],
  group: Expr,
): readonly Coordinates[] {
  const { columns } = plan.epilogue!;
  const { width, partners } = columns;
  const groups = groupsOf(columns);
  if (groups === 1) return columnStrips(context, plan, sets).flatMap(({ members }) => members);
  const each = partners / groups;
  return Array.from({ length: 4 }, (_, n) => {
    const member = columnOf(columns, { partner: Math.floor(n / width), lane: n % width });
    const column = plus(member, digit("group", each * innerOf(columns)));
    const ranges = { group: { least: 0, most: groups - 1 } };
    return coordinatesOf(
      context.scope,
      plan,
      column,
      { outer: sets[0]!.outer, at: sets[0]!.at, group },
      ranges,
    );
  });
}

function coordinatesOf(
  scope: Scope,
  plan: Plan,
  column: Linear,
  values: DigitValues,
  more: Readonly<Record<string, { readonly least: number; readonly most: number }>> = {},
): Coordinates {
  const { columns } = plan.epilogue!;
  const ranges: Ranges = new Map([...rangesOf(columns), ...Object.entries(more)]);
  const found = digitsOf(column, plan.n.map(plan.size), ranges);
  if (!found) throw new Error("internal: columns that are no coordinates");
  return bindings(
    plan.n,
    found.map((x) => linearExpr(scope, x, values)),
  );
}
