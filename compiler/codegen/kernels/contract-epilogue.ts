/**
 * The sums of a tile and what follows them → stores of every output's own elements.
 *
 * ```
 * silu(x[:, :f]) · x[:, f:]    row r, columns 4·at … and f + 4·at … in registers: store out [r, 4·at …] silu(sum 0) · sum 1
 * q, k, v of one product       each at its own place, where outer is in the columns that become it
 * ```
 */
import type { Member, Placement } from "../../ir/epilogue/columns.js";
import { digits, rangesOf } from "../../ir/epilogue/columns.js";
import type { Part } from "../../ir/epilogue.js";
import { computedBy, dependentsOf } from "../../ir/epilogue.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Expr } from "../kernel.js";
import { binary, bool, convert, i32 } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import type { Position } from "../position.js";
import { offset, strides } from "../position.js";
import type { Context, Target } from "./context.js";
import { flush } from "./context.js";
import type { DigitValues } from "./contract-columns.js";
import { linearExpr } from "./contract-columns.js";
import type { ColumnSet, Coordinates, Plan, Tile } from "./contract-plan.js";
import { columnsOfSet } from "./contract-plan.js";
import type { Given, Sums } from "./contract-registers.js";
import { fourOf, registersOf, sameAxis } from "./contract-registers.js";
import { destination } from "./update.js";

export function storeParts(
  context: Context,
  plan: Plan,
  node: NodeOf<"contract">,
  tile: Tile,
  sums: Sums,
): void {
  const values = context.outputs.map((output) => computedBy(output.node));
  const dependents = dependentsOf(node as Node, values, () => true);
  const rows = tile.rows.flatMap(({ members, inside }) => members.map((row) => ({ row, inside })));
  tile.sets!.forEach((set, n) => {
    const first = n * columnsOfSet(plan.epilogue!.columns);
    for (const [index, part] of plan.epilogue!.parts.entries())
      for (const stretch of stretchesOf(part))
        context.scope.when(isIn(plan, set, stretch), () => {
          rows.forEach(({ row, inside }, r) => {
            const store: Storing = {
              ...{ context, plan, node, dependents, stretch },
              output: context.outputs[index]!,
              digits: digitValues(plan, set, { ...tile.batch, ...row }),
              sum: (member) => sumOf(sums[r]!, first + member),
              guard: binary("and", inside, set.inside),
            };
            storeStretch(store);
          });
        });
  });
}

/** What becomes elements of an output for the same values of `outer`, by members. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly placements: ReadonlyMap<number, Placement>;
}

interface Storing extends Pick<Given, "context" | "node" | "dependents" | "digits" | "sum"> {
  readonly plan: Plan;
  readonly stretch: Stretch;
  readonly output: Target;
  readonly guard: Expr;
}

const sumOf = (row: readonly Expr[], column: number): ReturnType<Storing["sum"]> =>
  row[0]!.type === "f32x4"
    ? { whole: row[Math.floor(column / 4)]!, lane: column % 4 }
    : { whole: row[column]!, lane: 0 };

function stretchesOf({ covers }: Part): readonly Stretch[] {
  const found: { from: number; to: number; placements: Map<number, Placement> }[] = [];
  for (const cover of covers)
    cover.forEach((placement, member) => {
      if (!placement) return;
      const { from, to } = placement;
      const same = found.find((x) => x.from === from && x.to === to && !x.placements.has(member));
      if (same) same.placements.set(member, placement);
      else found.push({ from, to, placements: new Map([[member, placement]]) });
    });
  return found;
}

function isIn({ epilogue }: Plan, { outer }: ColumnSet, { from, to }: Stretch): Expr {
  const { count, period } = epilogue!.columns;
  const low = from > 0 ? binary("le", i32(from), outer) : bool(true);
  const high = to < count / period ? binary("lt", outer, i32(to)) : bool(true);
  return binary("and", low, high);
}

const digitValues = (plan: Plan, { outer, at }: ColumnSet, rows: Coordinates): DigitValues => ({
  [digits.outer]: outer,
  [digits.at]: at,
  ...Object.fromEntries([...plan.batch, ...plan.m].map((label) => [digits.row(label), rows[label]!])),
});

/** Four members at once where they are neighbours in the output as well. */
function storeStretch(storing: Storing): void {
  const { plan, stretch } = storing;
  const { members, columns } = plan.epilogue!;
  const registers = registersOf({
    ...storing,
    columns,
    ranges: rangesOf(columns, stretch.from, stretch.to),
  });
  for (const [first] of members.entries()) {
    if (columns.width === 4 && members[first]!.lane > 0) continue;
    const own = ownPlacements(members, stretch, first, columns.width === 4 ? 4 : 1);
    const axis = own.length === 4 ? wideAxis(storing, own) : undefined;
    if (axis !== undefined) {
      const places = own.map(({ place }) => place);
      const value = fourOf(registers, computedBy(storing.output.node), places);
      put(storing, own[0]!, value, axis);
    } else
      for (const placement of own)
        put(storing, placement, registers.at(computedBy(storing.output.node), placement.place));
  }
}

const ownPlacements = (
  members: readonly Member[],
  { placements }: Stretch,
  first: number,
  count: number,
): readonly Placement[] =>
  members.slice(first, first + count).flatMap((_, n) => placements.get(first + n) ?? []);

/** The axis of the output along which four members are neighbours that one store takes. */
function wideAxis({ output: { node, stacked } }: Storing, own: readonly Placement[]): number | undefined {
  const axis = sameAxis(own.map(({ place }) => place));
  if (axis === undefined || axis < 0 || node.dtype !== "f32") return undefined;
  if (node.op === "update" && node.attributes.axis === axis) return undefined;
  return strides(node.shape, stacked)[axis] === 1 && isMultipleOf4(node.shape[axis]!.size) ? axis : undefined;
}

function put(
  { context, output: { node, binding, stacked }, digits: values, guard }: Storing,
  { place }: Placement,
  value: Expr,
  axis?: number,
): void {
  const { scope, stores } = context;
  const position = place.map((x) => scope.name(linearExpr(scope, x, values)));
  const there = landing(context, node, position);
  const index = offset(scope, there.position, strides(node.shape, stacked));
  stores.push({ binding, index, width: axis === undefined ? 1 : 4 });
  const stored = node.dtype === "bool" ? scope.name(convert("u32", value)) : value;
  scope.when(binary("and", guard, there.isThere), () => {
    flush(context, [{ binding, index, value: stored }]);
  });
}

/** Where an element goes: rows of an update to where it says. */
function landing(
  { scope, values }: Context,
  node: Node,
  position: Position,
): { readonly position: Position; readonly isThere: Expr } {
  if (node.op !== "update") return { position, isThere: bool(true) };
  const { axis } = node.attributes;
  const { row, isThere } = destination(scope, node, position[axis]!, values.at(node.inputs[2]!, []));
  return { position: position.map((x, n) => (n === axis ? row : x)), isThere };
}
