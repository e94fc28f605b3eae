/**
 * What the invocations of a workgroup have summed, each over its own part of the pairs → the results of the positions that they share.
 *
 * ```
 * by lane m, z, y → M = max m, Z = Σ z · exp(m − M), Y = Σ y · exp(m − M): log Z + M and Y / Z, a few channels of Y at a time
 * ```
 */
import type { ArrayType, Expr } from "../kernel.js";
import { add, binary, bool, i32, local, mul, splat, unary } from "../kernel.js";
import type { Target } from "./context.js";
import { storeAt } from "./context.js";
import { boundAt, scalesOf, storeNumbers, storeSums } from "./pairwise-results.js";
import type { Running, Stream, Sum } from "./pairwise-stream.js";
import { turns } from "./pairwise-tile.js";
import type { Team } from "./team.js";
import { combine } from "./team.js";

/** By what each lane multiplies, so that its sums are relative to the largest score of all. */
type Factors = ReadonlyMap<Running, readonly Expr[]>;

export function finishTogether(stream: Stream, team: Team): void {
  const { scope } = stream.context;
  const factors = mergeMaxima(stream, team);
  mergeNumbers(stream, team, factors);
  const scales = scalesOf(stream);
  scope.when(binary("eq", team.lane, i32(0)), () => {
    storeNumbers(stream, scales);
  });
  const meetings = new Map<ArrayType, Meeting>();
  storeSums(stream, scales, (target, sum, scale) => {
    const { type } = sum.rows!;
    const meeting = meetings.get(type) ?? meet(stream, team, type);
    meetings.set(type, meeting);
    mergeRows(stream, meeting, target, sum, { scale, factor: sum.relative && factors.get(sum.relative) });
  });
}

function mergeMaxima({ context: { scope }, maxima }: Stream, team: Team): Factors {
  const merged = new Map<Running, readonly Expr[]>();
  for (const running of maxima.values()) {
    const before = running.largest.map(scope.read);
    const most = combine(scope, team, "max", before);
    const factor = before.map((own, n) => scope.name(unary("exp", scope.name(binary("sub", own, most[n]!)))));
    const shares = running.total.map((total, n) => scope.name(mul(scope.read(total), factor[n]!)));
    const totals = combine(scope, team, "add", shares);
    running.largest.forEach((own, n) => {
      scope.assign(own, most[n]!);
    });
    running.total.forEach((own, n) => {
      scope.assign(own, totals[n]!);
    });
    merged.set(running, factor);
  }
  return merged;
}

function mergeNumbers({ context: { scope }, sums }: Stream, team: Team, factors: Factors): void {
  for (const { locals, relative } of sums.values()) {
    if (locals.length === 0) continue;
    const factor = relative && factors.get(relative);
    const shares = locals.map((own, n) => {
      const value = scope.read(own);
      return factor ? scope.name(mul(value, factor[n]!)) : value;
    });
    const totals = combine(scope, team, "add", shares);
    locals.forEach((own, n) => {
      scope.assign(own, totals[n]!);
    });
  }
}

interface Weights {
  readonly scale: readonly Expr[] | undefined;
  readonly factor: readonly Expr[] | undefined;
}

/** Where the lanes' rows meet: `few` elements of each lane, then one sum of each lane. */
interface Meeting {
  readonly lanes: number;
  readonly few: number;
  readonly shared: Expr;
  readonly partial: Expr;
}

/** As many elements at a time as make a lane add equally many terms before the second barrier and after it. */
function meet({ context: { scope }, sums }: Stream, { lanes }: Team, type: ArrayType): Meeting {
  const rows = [...sums.values()].flatMap((sum) => (sum.rows?.type === type ? [sum.rows.steps] : []));
  const most = Math.ceil(Math.log2(Math.max(...rows)));
  const few = 2 ** Math.min(Math.floor(Math.log2(lanes) / 2), most);
  const array = (length: number): Expr => scope.array(type, length, "workgroup");
  return { lanes, few, shared: array(lanes * few), partial: array(lanes) };
}

/** In two stages, so that each lane adds: first its share of the lanes of one element, then the first lanes what is left of theirs. */
function mergeRows(
  stream: Stream,
  meeting: Meeting,
  target: Target,
  sum: Sum,
  { scale, factor }: Weights,
): void {
  const { context, own } = stream;
  const { scope } = context;
  const { array, width, steps } = sum.rows!;
  const { lanes, few, shared, partial } = meeting;
  if (own.at.length > 1) throw new Error("internal: lanes share more than one position");
  const wide = (value: Expr): Expr => (width === 4 ? splat(value) : value);
  const total = (of: Expr, from: Expr, count: number, step: number): Expr => {
    const found = scope.mutable(scope.element(of, from));
    scope.loop(i32(1), i32(count), 1, (n) => {
      const at = scope.name(add(from, scope.name(mul(n, i32(step)))));
      scope.assign(found, add(found, scope.element(of, at)));
    });
    return scope.read(found);
  };
  scope.loop(i32(0), turns(context, stream, steps), few, (first) => {
    const exact = steps % few === 0;
    const isThere = (n: Expr): Expr => (exact ? bool(true) : scope.name(binary("lt", n, i32(steps))));
    scope.loop(i32(0), i32(few), 1, (k) => {
      const n = scope.name(add(first, k));
      const safe = exact ? n : scope.name(binary("min", n, i32(steps - 1)));
      const value = scope.element(array, safe);
      const share = scope.name(factor ? mul(value, wide(factor[0]!)) : value);
      scope.put(shared, scope.name(add(mul(local, i32(few)), k)), share);
    });
    scope.barrier();
    scope.put(partial, local, total(shared, local, few, lanes));
    scope.barrier();
    scope.when(binary("lt", local, i32(few)), () => {
      const n = scope.name(add(first, local));
      scope.when(isThere(n), () => {
        const found = total(partial, local, lanes / few, few);
        const value = scope.name(scale ? mul(found, wide(scale[0]!)) : found);
        const position = [...stream.batch, stream.group, own.at[0]!, scope.name(mul(n, i32(width)))];
        context.values.bind(
          target.node,
          boundAt(position, () => value),
        );
        storeAt(context, [target], position, width === 4 ? position.length - 1 : undefined);
      });
    });
  });
}
