/**
 * What an invocation keeps while it walks pairs of positions.
 *
 * ```
 * l = logsumexp_j F, y = Σ_j exp(F − l) · v_j, 4 own positions, 64 channels → 4 maxima, 4 totals, an array of 4 · 16 vectors
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Pairwise } from "../../ir/streaming.js";
import type { ArrayType, Expr } from "../kernel.js";
import { f32, i32 } from "../kernel.js";
import type { Position } from "../position.js";
import { zero } from "../scope.js";
import { largest } from "../values.js";
import type { Context } from "./context.js";
import type { Product, Strip } from "./pairwise-tile.js";
import { turns, widthOf } from "./pairwise-tile.js";
import type { Team } from "./team.js";

export interface Stream {
  readonly context: Context;
  readonly nodes: readonly Pairwise[];
  readonly products: readonly Product[];
  readonly columns: boolean;
  readonly batch: Position;
  /** The head, or the group of heads, whose sums the invocation owns. */
  readonly group: Expr;
  readonly own: Strip;
  readonly zero: Expr;
  /** The invocations that share the own positions, each with some tiles of the other side. */
  readonly team?: Team;
  readonly maxima: ReadonlyMap<Node, Running>;
  readonly sums: ReadonlyMap<Pairwise, Sum>;
}

/** Of a logsumexp: by own position the largest score so far, and the sum of exp(score − largest). */
export interface Running {
  readonly largest: readonly Expr[];
  readonly total: readonly Expr[];
}

/** By own position a local, or the rows of an array. */
export interface Sum {
  readonly node: Pairwise;
  /** What the sum is relative to. */
  readonly relative: Running | undefined;
  readonly locals: readonly Expr[];
  readonly rows: Rows | undefined;
}

/** `steps` elements an own position. */
export interface Rows {
  readonly array: Expr;
  readonly type: ArrayType;
  readonly width: 1 | 4;
  readonly steps: number;
}

export function started(
  { scope }: Context,
  nodes: readonly Pairwise[],
  count: number,
): Pick<Stream, "maxima" | "sums"> {
  const locals = (value: Expr): readonly Expr[] => Array.from({ length: count }, () => scope.mutable(value));
  const maxima = new Map<Node, Running>();
  for (const node of nodes)
    if (node.attributes.reduce === "logsumexp")
      maxima.set(node as Node, { largest: locals(f32(-largest)), total: locals(f32(0)) });
  const sums = new Map<Pairwise, Sum>();
  for (const node of nodes.filter(({ attributes }) => attributes.reduce === "sum")) {
    const { x, fields } = pairwiseParts(node);
    const relative = fields.map((field) => maxima.get(field)).find((found) => found !== undefined);
    const channels = Number(x?.shape.at(-1)?.size ?? 0);
    const width = widthOf(channels);
    const steps = channels / width;
    const type = width === 4 ? "f32x4" : "f32";
    sums.set(node, {
      ...{ node, relative, locals: x ? [] : locals(f32(0)) },
      rows: x && { array: scope.array(type, count * steps), type, width, steps },
    });
  }
  return { maxima, sums };
}

export function clear(stream: Stream): void {
  const { context, sums, own } = stream;
  for (const { rows } of sums.values())
    if (rows)
      context.scope.loop(i32(0), turns(context, stream, own.at.length * rows.steps), 1, (n) =>
        context.scope.put(rows.array, n, zero(rows.array.type)),
      );
}
