/**
 * The sums of a contraction's tile, an invocation's own, in registers.
 *
 * ```
 * x [b, t, d], w [d, n], 4 × 4 → for k by 4: 4 loads of x, 4 of w, 64 multiply-adds
 * ```
 */
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import type { Expr } from "../kernel.js";
import { extent, f32, fma, i32, lane, lanes, mul, splat, vector } from "../kernel.js";
import type { Position } from "../position.js";
import { decompose, shifted } from "../position.js";
import { zero } from "../scope.js";
import { isWide } from "../values.js";
import type { Context } from "./context.js";
import type { Coordinates, Operand, Plan, Strip, Tile } from "./contract-plan.js";
import { bindings } from "./contract-plan.js";
import type { Sums } from "./contract-registers.js";
import type { Team } from "./team.js";

/** The columns whose sums share a vector (or the only column). */
export interface ColumnGroup {
  readonly strips: readonly Strip[];
  readonly columns: readonly Coordinates[];
}

export function columnGroups(tile: Tile): readonly ColumnGroup[] {
  const all = tile.columns.flatMap((strip) => strip.members.map((column) => ({ strip, column })));
  const width = all.length % 4 === 0 ? 4 : 1;
  return Array.from({ length: all.length / width }, (_, n) => {
    const part = all.slice(n * width, (n + 1) * width);
    return {
      strips: [...new Set(part.map(({ strip }) => strip))],
      columns: part.map(({ column }) => column),
    };
  });
}

const rowsOf = (tile: Tile): readonly Coordinates[] => tile.rows.flatMap((strip) => strip.members);

/** `team`: the terms of the innermost loop are split among its lanes. */
export function accumulate(context: Context, plan: Plan, tile: Tile, team?: Team): Sums {
  const { scope } = context;
  const groups = columnGroups(tile);
  const sums = rowsOf(tile).map(() =>
    groups.map(({ columns }) => scope.mutable(columns.length === 4 ? zero("f32x4") : f32(0))),
  );
  overOuterK(context, plan, (outer, labels, total) => {
    innerLoops(context, plan, tile, sums, outer, labels, total, team);
  });
  return sums.map((row) => row.map((sum) => scope.read(sum)));
}

/** The loops over k but the innermost, whose labels are left. */
export function overOuterK(
  { scope }: Context,
  plan: Plan,
  body: (outer: Coordinates, labels: readonly string[], total: Size) => void,
): void {
  const walk = (n: number, outer: Coordinates): void => {
    const labels = plan.k[n]!;
    const total = product(labels.map(plan.size));
    const next = (index: Expr): Coordinates => ({
      ...outer,
      ...bindings(labels, decompose(scope, index, labels.map(plan.size))),
    });
    if (n < plan.k.length - 1) scope.loop(i32(0), extent(total), 1, (index) => walk(n + 1, next(index)));
    else body(outer, labels, total);
  };
  walk(0, {});
}

/**
 * The innermost loop: by four where one load brings four turns of an operand, else one by one. Four turns in a row would
 * otherwise only be four times the text, and in V8 too many values for its registers.
 */
function innerLoops(
  context: Context,
  plan: Plan,
  tile: Tile,
  sums: Sums,
  outer: Coordinates,
  labels: readonly string[],
  total: Size,
  team?: Team,
): void {
  const { scope } = context;
  const of = labels.map(plan.size);
  const last = labels.at(-1);
  const byFour =
    last !== undefined &&
    (wayOf(context, plan, plan.a, plan.m, tile.rows).four === "turns" ||
      wayOf(context, plan, plan.b, plan.n, tile.columns).four === "turns");
  const step = byFour ? 4 : 1;
  const from = team ? scope.name(mul(team.lane, i32(step))) : i32(0);
  scope.loop(from, extent(total), step * (team?.lanes ?? 1), (index) => {
    const start = { ...tile.batch, ...outer, ...bindings(labels, decompose(scope, index, of)) };
    const turns = byFour ? [0, 1, 2, 3].map((by) => advanced(start, last, by)) : [start];
    multiply(context, plan, tile, sums, turns);
  });
}

const advanced = (coordinates: Coordinates, label: string, by: number): Coordinates => ({
  ...coordinates,
  [label]: shifted([coordinates[label]!], 0, by)[0]!,
});

/** Adds the products of one turn of k, or of four neighbouring ones, to all sums. */
function multiply(context: Context, plan: Plan, tile: Tile, sums: Sums, turns: readonly Coordinates[]): void {
  const { scope } = context;
  const a = reader(context, plan.a, wayOf(context, plan, plan.a, plan.m, tile.rows), turns);
  const b = reader(context, plan.b, wayOf(context, plan, plan.b, plan.n, tile.columns), turns);
  const groups = columnGroups(tile);
  turns.forEach((_, turn) => {
    const right = groups.map((group) =>
      group.columns.length === 1 ? b(turn, group.strips[0]!, 0) : fourColumns(group, turn, b),
    );
    let row = 0;
    for (const strip of tile.rows)
      strip.members.forEach((_, member) => {
        const left = a(turn, strip, member);
        groups.forEach((_, n) => {
          const sum = sums[row]![n]!;
          const factor = sum.type === "f32x4" ? splat(left) : left;
          scope.assign(sum, fma(factor, right[n]!, sum));
        });
        row++;
      });
  });
}

type Reader = (turn: number, strip: Strip, member: number) => Expr;

function fourColumns(group: ColumnGroup, turn: number, b: Reader): Expr {
  const members = group.strips.flatMap((strip) => strip.members.map((_, member) => ({ strip, member })));
  return vector((n) => b(turn, members[n]!.strip, members[n]!.member));
}

/** What one load of an operand brings: four members of a strip, four turns of k (along that axis), or one element. */
type Way = { readonly four: "strip" | "turns"; readonly axis: number } | { readonly four: "none" };

function wayOf(
  { isStacked }: Context,
  plan: Plan,
  { node, labels }: Operand,
  own: readonly string[],
  strips: readonly Strip[],
): Way {
  const wideAlong = (label: string | undefined): number | undefined => {
    const axis = label === undefined ? -1 : labels.indexOf(label);
    return axis >= 0 && isWide(node, axis, isStacked) ? axis : undefined;
  };
  const along = wideAlong(own.at(-1));
  if (along !== undefined && strips.every(({ members }) => members.length === 4))
    return { four: "strip", axis: along };
  const k = plan.k.at(-1)?.at(-1);
  const inner = plan.isFourfold(k) ? wideAlong(k) : undefined;
  return inner === undefined ? { four: "none" } : { four: "turns", axis: inner };
}

function reader(
  { values }: Context,
  { node, labels }: Operand,
  way: Way,
  turns: readonly Coordinates[],
): Reader {
  const position = (turn: Coordinates, member: Coordinates): Position =>
    labels.map((label) => member[label] ?? turn[label] ?? i32(0));
  return (turn, strip, member) => {
    const own = strip.members[member]!;
    if (way.four === "strip")
      return lane(values.at4(node, position(turns[turn]!, strip.members[0]!), way.axis), lanes[member]!);
    if (way.four === "turns") return lane(values.at4(node, position(turns[0]!, own), way.axis), lanes[turn]!);
    return values.at(node, position(turns[turn]!, own));
  };
}
