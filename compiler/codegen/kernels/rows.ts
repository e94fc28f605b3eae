/**
 * A body of reductions over one space → a kernel in which one invocation owns one row (four, where rows lie side by side), or,
 * cooperative, in which a workgroup does: each invocation takes every n-th part of it.
 *
 * ```
 * softmax(x [r, c]): m = max x; s = Σ exp(x − m); y = exp(x − m) / s → for r: { loop c: m } { loop c: s } { loop c: store y }
 * ```
 * Reductions that do not need each other share a loop; nothing is stored between loops.
 */
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { elementCount, sizeEquals } from "../../ir/shape.js";
import type { Space } from "../family.js";
import { dependents, nodesOf, reducesOf, rowShape, spaceOf } from "../family.js";
import type { Expr, SubgroupFunction } from "../kernel.js";
import {
  binary,
  bool,
  convert,
  exprKey,
  extent,
  f32,
  grid,
  i32,
  lane,
  lanes,
  mul,
  select,
  splat,
  vector,
} from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import type { Position } from "../position.js";
import { decompose, flatten, shifted, sizes } from "../position.js";
import { zero } from "../scope.js";
import type { Bound } from "../values.js";
import { isWide, largest } from "../values.js";
import type { Context, Launch, Target } from "./context.js";
import { storeAt, tiles } from "./context.js";
import type { Team } from "./team.js";
import { combine, createTeam } from "./team.js";

/** How the four lanes lie: along a reduced axis, across four rows, or not at all. */
type Lanes = { readonly along: "none" } | { readonly along: "reduced" | "rows"; readonly axis: number };

interface Rows {
  readonly context: Context;
  readonly space: Space;
  readonly lanes: Lanes;
  /** Coordinates of the row, in the order of the kept axes. */
  readonly row: Position;
  /** The invocations that share the row, and the axis that they split. */
  readonly team: (Team & { readonly axis: number }) | undefined;
}

/** `invocations`: so many share a row, in subgroups or not. */
export function lowerRows(context: Context, invocations?: number, subgroups = false): Launch {
  const reduces = reducesOf(context.body);
  const space = spaceOf(reduces[0]!);
  const lanesOf = chooseLanes(context, space, reduces);
  const shape = rowShape(space);
  const team =
    invocations === undefined
      ? undefined
      : { ...createTeam(context.scope, invocations, 1, subgroups), axis: splitAxis(space) };
  const unit = lanesOf.along === "rows" ? 4 : 1;
  const row = decompose(context.scope, grid(0), sizes(shape), unit);
  const rows: Rows = { context, space, lanes: lanesOf, row, team };
  for (const level of levels(context, reduces)) reduceTogether(rows, level);
  const isRow = ({ node }: Target): boolean => node.shape.length === shape.length;
  const [small, full] = [context.outputs.filter(isRow), context.outputs.filter((output) => !isRow(output))];
  if (full.length > 0)
    overSpace(rows, true, (position, axis) => {
      storeAt(context, full, position, axis);
    });
  context.scope.when(team ? binary("eq", team.lane, i32(0)) : bool(true), () => {
    storeAt(context, small, row, unit === 4 ? row.length - 1 : undefined);
  });
  const grid3 = [tiles(elementCount(shape), unit), 1, 1] as const;
  return team
    ? { grid: grid3, workgroup: [team.lanes, 1, 1], cooperative: true }
    : { grid: grid3, workgroup: [32, 1, 1] };
}

/** The longest axis of a row, of equals the innermost; lengths are longer than constants. */
function splitAxis({ shape, reduced }: Space): number {
  const long = (axis: number): number => {
    const { size } = shape[axis]!;
    return typeof size === "number" ? size : Number.MAX_SAFE_INTEGER;
  };
  return reduced.reduce((best, axis) => (long(axis) >= long(best) ? axis : best), reduced[0]!);
}

/** Whether a workgroup can share a row: all it combines are f32, and the row's parts do not lie across rows. */
export function canShareRows(body: Graph, isStacked: Context["isStacked"]): boolean {
  const reduces = reducesOf(body);
  const plain = reduces.every((node) => node.dtype === "f32" && node.attributes.kind !== "argmax");
  return plain && chooseLanes({ isStacked }, spaceOf(reduces[0]!), reduces).along !== "rows";
}

function chooseLanes(
  context: Pick<Context, "isStacked">,
  space: Space,
  reduces: readonly NodeOf<"reduce">[],
): Lanes {
  const axis = space.shape.length - 1;
  const plain = reduces.every((node) => node.dtype === "f32" && node.attributes.kind !== "argmax");
  if (!plain || !isMultipleOf4(space.shape[axis]!.size) || sizeEquals(space.shape[axis]!.size, 0))
    return { along: "none" };
  if (space.reduced.includes(axis)) return { along: "reduced", axis };
  const wide = reduces.some((node) => isWide(node.inputs[0]!, axis, context.isStacked));
  return wide ? { along: "rows", axis } : { along: "none" };
}

/** Reductions by how many others they wait for. */
function levels(
  context: Context,
  reduces: readonly NodeOf<"reduce">[],
): readonly (readonly NodeOf<"reduce">[])[] {
  const nodes = nodesOf(context.body);
  const depth = new Map<Node, number>();
  const all = dependents(nodes, new Set<Node>(reduces as readonly Node[]));
  for (const node of nodes)
    if (all.has(node)) {
      const below = Math.max(0, ...node.inputs.map((x) => depth.get(x) ?? 0));
      depth.set(node, node.op === "reduce" ? below + 1 : below);
    }
  const result: NodeOf<"reduce">[][] = [];
  for (const node of reduces) {
    const at = (depth.get(node as Node) ?? 1) - 1;
    result[at] ??= [];
    result[at].push(node);
  }
  return result;
}

/** Loops over the reduced axes; `axis` is where four elements lie side by side. */
function overSpace(
  rows: Rows,
  fours: boolean,
  body: (position: Position, axis: number | undefined) => void,
): void {
  const { context, space, lanes: how } = rows;
  const position: Expr[] = space.shape.map((_, axis) => rows.row[space.kept.indexOf(axis)] ?? i32(0));
  const inner = fours && how.along === "reduced" ? 4 : 1;
  const walk = (n: number): void => {
    const axis = space.reduced[n];
    if (axis === undefined) {
      body(
        [...position],
        how.along === "none" || (how.along === "reduced" && inner === 1) ? undefined : how.axis,
      );
      return;
    }
    const step = how.along === "reduced" && axis === how.axis ? inner : 1;
    const team = rows.team?.axis === axis ? rows.team : undefined;
    const from = team ? context.scope.name(mul(team.lane, i32(step))) : i32(0);
    context.scope.loop(from, extent(space.shape[axis]!.size), step * (team?.lanes ?? 1), (index) => {
      position[axis] = index;
      walk(n + 1);
    });
  };
  walk(0);
}

function reduceTogether(rows: Rows, level: readonly NodeOf<"reduce">[]): void {
  const { context } = rows;
  const makers = level.map((node) =>
    node.attributes.kind === "argmax" ? argmax(rows, node) : fold(rows, node),
  );
  overSpace(rows, true, (position, axis) => {
    for (const maker of makers) maker.step(position, axis);
  });
  makers.forEach((maker, n) => {
    context.values.bind(level[n]! as Node, boundTo(rows, maker.finish()));
  });
}

interface Accumulator {
  step(position: Position, axis: number | undefined): void;
  finish(): Expr;
}

const combining: Readonly<Record<"sum" | "max" | "min", SubgroupFunction>> = {
  sum: "add",
  max: "max",
  min: "min",
};

function startOf(node: NodeOf<"reduce">): Expr {
  if (node.attributes.kind === "sum") return zero(node.dtype);
  const bound = node.dtype === "f32" ? largest : 2147483647;
  const value = node.attributes.kind === "max" ? -bound : bound;
  return node.dtype === "f32" ? f32(value) : i32(value);
}

function fold(rows: Rows, node: NodeOf<"reduce">): Accumulator {
  const { scope, values } = rows.context;
  const { kind } = node.attributes;
  if (kind === "argmax") throw new Error("internal: argmax is no fold");
  const fn = combining[kind];
  const start = startOf(node);
  const total = scope.mutable(rows.lanes.along === "none" ? start : splat(start));
  return {
    step(position, axis) {
      const x = node.inputs[0]!;
      const value = axis === undefined ? values.at(x, position) : values.at4(x, position, axis);
      scope.assign(total, binary(fn, total, value));
    },
    finish() {
      const whole = scope.read(total);
      const pair = (x: 0 | 1 | 2 | 3, y: 0 | 1 | 2 | 3): Expr => binary(fn, lane(whole, x), lane(whole, y));
      const one = rows.lanes.along === "reduced" ? scope.name(binary(fn, pair(0, 1), pair(2, 3))) : whole;
      return guarded(rows, node, rows.team ? combine(scope, rows.team, fn, [one])[0]! : one);
    },
  };
}

/** The largest and smallest of nothing are 0. */
function guarded(rows: Rows, node: NodeOf<"reduce">, value: Expr): Expr {
  const empties = rows.space.reduced
    .map((axis) => rows.space.shape[axis]!.size)
    .filter((size) => typeof size !== "number" || size === 0);
  if (node.attributes.kind === "sum" || empties.length === 0) return value;
  const { scope } = rows.context;
  const some = empties
    .map((size) => binary("lt", i32(0), extent(size)))
    .reduce((x, y) => binary("and", x, y));
  return scope.name(select(scope.name(some), value, zero(value.type)));
}

/** Index of the largest element, the first of equals. */
function argmax(rows: Rows, node: NodeOf<"reduce">): Accumulator {
  const { scope, values } = rows.context;
  const x = node.inputs[0]!;
  const best = scope.mutable(x.dtype === "i32" ? i32(-2147483647) : f32(-largest));
  const index = scope.mutable(i32(0));
  return {
    step(position) {
      const value = scope.name(convert(best.type === "i32" ? "i32" : "f32", values.at(x, position)));
      const { reduced, shape } = rows.space;
      const where = flatten(
        scope,
        reduced.map((axis) => position[axis]!),
        reduced.map((axis) => shape[axis]!.size),
      );
      scope.when(binary("lt", best, value), () => {
        scope.assign(best, value);
        scope.assign(index, where);
      });
    },
    finish: () => scope.read(index),
  };
}

/** A reduced value at its row: the four rows' lanes where there are four. */
function boundTo(rows: Rows, value: Expr): Bound {
  const { scope } = rows.context;
  const axis = rows.row.length - 1;
  const keyOf = (position: Position): string => position.map((x) => exprKey(x)).join();
  const keys = lanes.map((n) => keyOf(shifted(rows.row, axis, n)));
  const at = (position: Position): Expr => {
    const found = keys.indexOf(keyOf(position));
    if (value.type !== "f32x4" && found === 0) return value;
    if (value.type === "f32x4" && found >= 0) return scope.name(lane(value, lanes[found]!));
    throw new Error("internal: a reduction is read at another row");
  };
  return {
    at,
    at4(position, along) {
      if (value.type === "f32x4" && along === axis && keyOf(position) === keys[0]) return value;
      return vector((n) => at(value.type === "f32x4" ? shifted(position, along, n) : position));
    },
  };
}
