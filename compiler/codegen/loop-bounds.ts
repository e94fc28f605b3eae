/**
 * A mask, and a tile of rows → the columns (or the other way round) that a loop has to visit at all.
 *
 * ```
 * j ≤ i and i − j < w, i in [i0, i1]   →   j from i0 − w + 1 below i1 + 1
 * ```
 * From comparisons that are linear in the position looped over; of what else the mask says only that it may hold.
 */
import type { Graph, Node } from "../ir/graph.js";
import type { Bounds, Range } from "./intervals.js";
import { rangeOf } from "./intervals.js";
import type { Expr } from "./kernel.js";
import { add, binary, i32 } from "./kernel.js";

export interface LoopBounds {
  /** The first position, and the one behind the last. */
  readonly from?: Expr;
  readonly to?: Expr;
  /** The mask says nothing more: every position between may hold. */
  readonly whole: boolean;
}

interface Asked {
  readonly along: string;
  readonly argument: (name: string) => Range | undefined;
  readonly name: (x: Expr) => Expr;
}

/** Where `along` has to go; `argument` gives the ranges of the mask's other inputs. */
export function loopBounds(
  mask: Graph,
  along: string,
  argument: (name: string) => Range | undefined,
  name: (x: Expr) => Expr,
): LoopBounds {
  const others = (input: string): Range | undefined => (input === along ? {} : argument(input));
  return of({ along, argument: others, name }, mask.outputs[0]!.node, false);
}

const open: LoopBounds = { whole: false };

function of(asked: Asked, node: Node, negated: boolean): LoopBounds {
  const [x, y] = node.inputs;
  if (node.op === "not") return of(asked, x!, !negated);
  if (node.op === "and" || node.op === "or") {
    const parts = [of(asked, x!, negated), of(asked, y!, negated)] as const;
    return (node.op === "and") !== negated ? both(...parts) : either(...parts);
  }
  if (x?.dtype !== "i32" || y?.dtype !== "i32") return open;
  if (node.op === "eq" && !negated) return both(atMost(asked, x, y, 0), atMost(asked, y, x, 0));
  if (node.op === "le") return negated ? atMost(asked, y, x, 1) : atMost(asked, x, y, 0);
  if (node.op === "lt") return negated ? atMost(asked, y, x, 0) : atMost(asked, x, y, 1);
  return open;
}

const join = (fn: "min" | "max", x: Expr | undefined, y: Expr | undefined): Expr | undefined =>
  x && y && binary(fn, x, y);

const made = (from: Expr | undefined, to: Expr | undefined, whole: boolean): LoopBounds => ({
  ...(from && { from }),
  ...(to && { to }),
  whole,
});

const both = (x: LoopBounds, y: LoopBounds): LoopBounds =>
  made(
    join("max", x.from, y.from) ?? x.from ?? y.from,
    join("min", x.to, y.to) ?? x.to ?? y.to,
    x.whole && y.whole,
  );
const either = (x: LoopBounds, y: LoopBounds): LoopBounds =>
  made(join("min", x.from, y.from), join("max", x.to, y.to), false);

/** x + more ≤ y, where |…| on the left is both of its signs. */
function atMost(asked: Asked, x: Node, y: Node, more: number): LoopBounds {
  const right = linear(asked, y);
  if (x.op === "abs") {
    const inner = linear(asked, x.inputs[0]!);
    return both(
      solved(asked, difference(inner, right), more),
      solved(asked, difference(inner && scaled(inner, -1), right), more),
    );
  }
  return solved(asked, difference(linear(asked, x), right), more);
}

/** factor · position + rest */
interface Linear {
  readonly factor: number;
  readonly rest: Bounds;
}

/** factor · position + rest + more ≤ 0 */
function solved({ name }: Asked, linear: Linear | undefined, more: number): LoopBounds {
  const least = linear?.rest.lo;
  if (!linear || !least || linear.factor === 0) return open;
  const { factor } = linear;
  const size = Math.abs(factor);
  const divided = (x: Expr): Expr => (size === 1 ? x : binary("floordiv", x, i32(size)));
  const sum = add(least, i32(more));
  if (factor > 0) return { to: name(add(divided(binary("sub", i32(0), sum)), i32(1))), whole: true };
  return { from: name(divided(add(sum, i32(size - 1)))), whole: true };
}

function linear(asked: Asked, node: Node): Linear | undefined {
  if (node.op === "input" && node.attributes.name === asked.along)
    return { factor: 1, rest: { lo: i32(0), hi: i32(0) } };
  const [x, y] = node.inputs;
  if (node.op === "add") return sum(linear(asked, x!), linear(asked, y!));
  if (node.op === "sub") return difference(linear(asked, x!), linear(asked, y!));
  if (node.op === "neg") return times(linear(asked, x!), -1);
  if (node.op === "mul" && y?.op === "const") return times(linear(asked, x!), y.attributes.value);
  if (node.op === "mul" && x?.op === "const") return times(linear(asked, y!), x.attributes.value);
  if (dependsOn(node, asked.along)) return undefined;
  const range = rangeOf(node, asked.argument, asked.name);
  return "possible" in range ? undefined : { factor: 0, rest: range };
}

const dependsOn = (node: Node, name: string): boolean =>
  (node.op === "input" && node.attributes.name === name) ||
  node.inputs.some((input) => dependsOn(input, name));

const times = (x: Linear | undefined, by: number): Linear | undefined => x && scaled(x, by);

function scaled({ factor, rest }: Linear, by: number): Linear {
  const end = (x: Expr | undefined): Expr | undefined => x && binary("mul", x, i32(by));
  const [lo, hi] = by < 0 ? [end(rest.hi), end(rest.lo)] : [end(rest.lo), end(rest.hi)];
  return { factor: factor * by, rest: { ...(lo && { lo }), ...(hi && { hi }) } };
}

function sum(x: Linear | undefined, y: Linear | undefined): Linear | undefined {
  if (!x || !y) return undefined;
  const [lo, hi] = [
    x.rest.lo && y.rest.lo && add(x.rest.lo, y.rest.lo),
    x.rest.hi && y.rest.hi && add(x.rest.hi, y.rest.hi),
  ];
  return { factor: x.factor + y.factor, rest: { ...(lo && { lo }), ...(hi && { hi }) } };
}

const difference = (x: Linear | undefined, y: Linear | undefined): Linear | undefined => sum(x, times(y, -1));
