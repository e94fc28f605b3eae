/**
 * What an invocation has summed over the pairs → the elements of the results that it owns.
 *
 * ```
 * m, z, y · z → store l = m + log z, y; where nothing was allowed 0
 * ```
 */
import type { Pairwise } from "../../ir/streaming.js";
import type { Expr } from "../kernel.js";
import {
  add,
  binary,
  exprKey,
  extent,
  f32,
  i32,
  lane,
  lanes,
  mul,
  select,
  splat,
  unary,
  vector,
} from "../kernel.js";
import type { Position } from "../position.js";
import { shifted } from "../position.js";
import type { Target } from "./context.js";
import { storeAt } from "./context.js";
import type { Running, Stream, Sum } from "./pairwise-stream.js";
import { isInside, turns } from "./pairwise-tile.js";

/** What a sum that is relative to a logsumexp is multiplied by, by own position. */
export type Scales = ReadonlyMap<Running, readonly Expr[]>;

/** How a sum of rows is written. */
export type RowsWriter = (target: Target, sum: Sum, scale: readonly Expr[] | undefined) => void;

export function finish(stream: Stream): void {
  const scales = scalesOf(stream);
  storeNumbers(stream, scales);
  storeSums(stream, scales, (target, sum, scale) => {
    storeRows(stream, target, sum, scale);
  });
}

/** 1 / Σ exp F, or 0 of nothing. */
export function scalesOf({ context: { scope }, maxima }: Stream): Scales {
  const inverse = (total: Expr): Expr => {
    const sum = scope.read(total);
    return scope.name(select(binary("lt", f32(0), sum), binary("div", f32(1), sum), f32(0)));
  };
  return new Map([...maxima.values()].map((running) => [running, running.total.map(inverse)]));
}

/** The results of one number a position. */
export function storeNumbers(stream: Stream, scales: Scales): void {
  const { context, maxima, sums, own } = stream;
  const { scope } = context;
  for (const target of context.outputs) {
    const running = maxima.get(target.node);
    const sum = sums.get(target.node as Pairwise);
    const scale = sum?.relative && scales.get(sum.relative);
    const scaled = (local: Expr, n: number): Expr =>
      scope.name(scale ? mul(scope.read(local), scale[n]!) : scope.read(local));
    const found = running ? own.at.map((_, n) => logarithm(stream, running, n)) : sum?.locals.map(scaled);
    if (found && !sum?.rows) storeOwn(stream, target, found);
  }
}

/** The results of a row a position. */
export function storeSums({ context, sums }: Stream, scales: Scales, write: RowsWriter): void {
  for (const target of context.outputs) {
    const sum = sums.get(target.node as Pairwise);
    if (sum?.rows) write(target, sum, sum.relative && scales.get(sum.relative));
  }
}

/** log Σ exp F; 0 of nothing. */
function logarithm({ context: { scope } }: Stream, { largest: most, total }: Running, n: number): Expr {
  const sum = scope.read(total[n]!);
  const some = scope.name(binary("lt", f32(0), sum));
  const log = add(scope.read(most[n]!), unary("log", scope.name(select(some, sum, f32(1)))));
  return scope.name(select(some, scope.name(log), f32(0)));
}

function storeOwn({ context, batch, group, own }: Stream, target: Target, found: readonly Expr[]): void {
  own.at.forEach((at, n) => {
    const position = [...batch, group, at];
    context.values.bind(
      target.node,
      boundAt(position, () => found[n]!),
    );
    context.scope.when(isInside(own, n), () => storeAt(context, [target], position));
  });
}

function storeRows(stream: Stream, target: Target, { rows }: Sum, scale: readonly Expr[] | undefined): void {
  const { context, batch, group, own } = stream;
  const { scope, values } = context;
  const { array, width, steps } = rows!;
  const factors = scale && scope.array("f32", own.at.length);
  scale?.forEach((value, n) => scope.put(factors!, i32(n), value));
  scope.loop(i32(0), turns(context, stream, own.at.length), 1, (r) => {
    const row = scope.name(add(own.first, r));
    const isThere = own.exact
      ? ({ tag: "const", type: "bool", value: 1 } as const)
      : binary("lt", row, extent(own.size));
    scope.when(isThere, () => {
      const factor = factors && scope.element(factors, r);
      scope.loop(i32(0), turns(context, stream, steps), 1, (n) => {
        const position = [...batch, group, row, scope.name(mul(n, i32(width)))];
        const sum = scope.element(array, scope.name(add(mul(r, i32(steps)), n)));
        const value = factor ? scope.name(mul(sum, width === 4 ? splat(factor) : factor)) : sum;
        values.bind(
          target.node,
          boundAt(position, () => value),
        );
        storeAt(context, [target], position, width === 4 ? position.length - 1 : undefined);
      });
    });
  });
}

/** A value at one position, or, a vector, at it and the three behind it. */
export function boundAt(position: Position, value: () => Expr) {
  const axis = position.length - 1;
  const keyOf = (at: Position): string => at.map((x) => exprKey(x)).join();
  const keys = lanes.map((n) => keyOf(shifted(position, axis, n)));
  const at = (asked: Position): Expr => {
    const n = keys.indexOf(keyOf(asked));
    const found = value();
    if (n < 0) throw new Error("internal: a sum over pairs is read at another element");
    return found.type === "f32x4" ? lane(found, lanes[n]!) : found;
  };
  return {
    at,
    at4: (asked: Position, along: number): Expr =>
      value().type === "f32x4" && along === axis && keyOf(asked) === keys[0]
        ? value()
        : vector((n) => at(shifted(asked, along, n))),
  };
}
