/**
 * A scalar formula, and bounds of its arguments → bounds of its value: whether a mask may hold, or must, somewhere in a tile.
 *
 * ```
 * j ≤ i over i in [i0, i1], j in [j0, j1]   possible: j0 ≤ i1 · certain: j1 ≤ i0
 * i − j < w                                 possible: i0 − j1 < w · certain: i1 − j0 < w
 * ```
 * What is not known is left open, so a claim is never wrong. Arithmetic on floats counts as unknown where a device may contract it.
 */
import type { Graph, Node } from "../ir/graph.js";
import type { Expr } from "./kernel.js";
import { add, binary, bool, convert, extent, f32, i32, isConst, mul, select, unary } from "./kernel.js";

/** What a number lies between; an end that is missing is not known. */
export interface Bounds {
  readonly lo?: Expr;
  readonly hi?: Expr;
}

/** Whether a condition may hold somewhere, and whether it holds everywhere. */
export interface Truth {
  readonly possible: Expr;
  readonly certain: Expr;
}

export type Range = Bounds | Truth;

const isTruth = (range: Range): range is Truth => "possible" in range;
const unknownTruth: Truth = { possible: bool(true), certain: bool(false) };
const nowhere: Truth = { possible: bool(false), certain: bool(false) };
const point = (x: Expr): Bounds => ({ lo: x, hi: x });

/** The range of `node`; `argument` gives those of the formula's inputs, `name` names what is used more than once. */
export function rangeOf(
  node: Node,
  argument: (name: string) => Range | undefined,
  name: (x: Expr) => Expr,
): Range {
  const known = new Map<Node, Range>();
  const of = (at: Node): Range => {
    const seen = known.get(at) ?? named(found(at), name);
    known.set(at, seen);
    return seen;
  };
  const found = (at: Node): Range => {
    if (at.op === "input")
      return (at.attributes.kind === "fixed" && argument(at.attributes.name)) || unknown(at);
    if (at.op === "const") return constantRange(at.attributes.value, at);
    if (at.op === "length" && at.dtype === "i32") return point(extent(at.attributes.size));
    const below = at.inputs.map(of);
    return at.dtype === "bool" ? truthOf(at, below) : boundsOf(at, below);
  };
  return of(node);
}

/** Whether a mask may hold, and must, for arguments in their ranges. */
export function truthOfMask(
  mask: Graph,
  argument: (name: string) => Range | undefined,
  name: (x: Expr) => Expr,
): Truth {
  const range = rangeOf(mask.outputs[0]!.node, argument, name);
  return isTruth(range) ? range : unknownTruth;
}

const unknown = (node: Node): Range => (node.dtype === "bool" ? unknownTruth : {});

function constantRange(value: number, node: Node): Range {
  if (node.dtype === "bool") return value === 0 ? nowhere : { possible: bool(true), certain: bool(true) };
  if (!Number.isFinite(value)) return {};
  return point(node.dtype === "i32" ? i32(value) : f32(value));
}

function named(range: Range, name: (x: Expr) => Expr): Range {
  if (isTruth(range)) return { possible: name(range.possible), certain: name(range.certain) };
  return bounds(range.lo && name(range.lo), range.hi && name(range.hi));
}

const bounds = (lo: Expr | undefined, hi: Expr | undefined): Bounds => ({
  ...(lo && { lo }),
  ...(hi && { hi }),
});

// ---- Conditions

const and = (x: Expr, y: Expr): Expr => (isConst(x, 0) || isConst(y, 0) ? bool(false) : binary("and", x, y));
const or = (x: Expr, y: Expr): Expr => {
  if (isConst(x, 1) || isConst(y, 1)) return bool(true);
  return isConst(x, 0) ? y : isConst(y, 0) ? x : binary("or", x, y);
};
const not = (x: Expr): Expr => (isConst(x) ? bool(x.value === 0) : unary("not", x));
const negated = ({ possible, certain }: Truth): Truth => ({ possible: not(certain), certain: not(possible) });

function truthOf(node: Node, below: readonly Range[]): Truth {
  const [x, y, z] = below;
  if (node.op === "not" && x && isTruth(x)) return negated(x);
  if (node.op === "to_bool" && x && !isTruth(x)) return negated(equal(x, point(zeroLike(x))));
  if (node.op === "stop_gradient" && x && isTruth(x)) return x;
  if (!x || !y) return unknownTruth;
  if (node.op === "select" && z && isTruth(x) && isTruth(y) && isTruth(z)) return chosen(x, y, z);
  if (isTruth(x) && isTruth(y)) return joined(node.op, x, y);
  return isTruth(x) || isTruth(y) ? unknownTruth : compared(node.op, x, y);
}

function joined(op: Node["op"], x: Truth, y: Truth): Truth {
  if (op === "and") return { possible: and(x.possible, y.possible), certain: and(x.certain, y.certain) };
  if (op === "or") return { possible: or(x.possible, y.possible), certain: or(x.certain, y.certain) };
  return unknownTruth;
}

/** Where the condition is not settled, either branch may be taken. */
const chosen = (c: Truth, x: Truth, y: Truth): Truth => ({
  possible: or(and(c.possible, x.possible), and(not(c.certain), y.possible)),
  certain: or(and(x.certain, y.certain), or(and(c.certain, x.certain), and(not(c.possible), y.certain))),
});

function compared(op: Node["op"], x: Bounds, y: Bounds): Truth {
  if (op === "eq") return equal(x, y);
  if (op === "ne") return negated(equal(x, y));
  if (op !== "lt" && op !== "le") return unknownTruth;
  return {
    possible: x.lo && y.hi ? compare(op, x.lo, y.hi) : bool(true),
    certain: x.hi && y.lo ? compare(op, x.hi, y.lo) : bool(false),
  };
}

function equal(x: Bounds, y: Bounds): Truth {
  const overlap = and(
    x.lo && y.hi ? compare("le", x.lo, y.hi) : bool(true),
    y.lo && x.hi ? compare("le", y.lo, x.hi) : bool(true),
  );
  if (!x.lo || !x.hi || !y.lo || !y.hi) return { possible: overlap, certain: bool(false) };
  return { possible: overlap, certain: and(compare("eq", x.lo, y.hi), compare("eq", x.hi, y.lo)) };
}

function compare(op: "lt" | "le" | "eq", x: Expr, y: Expr): Expr {
  if (!isConst(x) || !isConst(y)) return binary(op, x, y);
  return bool(op === "lt" ? x.value < y.value : op === "le" ? x.value <= y.value : x.value === y.value);
}

// ---- Numbers

const zeroLike = (x: Bounds): Expr => ((x.lo ?? x.hi)?.type === "f32" ? f32(0) : i32(0));
const both = (fn: (x: Expr, y: Expr) => Expr, x: Expr | undefined, y: Expr | undefined): Expr | undefined =>
  x && y && fn(x, y);
const lower = (x: Expr, y: Expr): Expr => binary("min", x, y);
const higher = (x: Expr, y: Expr): Expr => binary("max", x, y);
const minus = (x: Expr): Expr => {
  if (isConst(x)) return x.type === "i32" ? i32(-x.value) : f32(-x.value);
  return unary("neg", x);
};

function boundsOf(node: Node, below: readonly Range[]): Bounds {
  const [x, y, z] = below;
  if (x && isTruth(x)) return ofCondition(node, x, y, z);
  if (!x || (y && isTruth(y)) || (z && isTruth(z))) return {};
  switch (node.op) {
    case "neg":
      return bounds(x.hi && minus(x.hi), x.lo && minus(x.lo));
    case "abs":
      return absolute(x);
    case "floor":
      return node.dtype === "i32" ? x : mapped(x, (end) => unary("floor", end));
    case "to_f32":
    case "to_i32":
      return mapped(x, (end) => convert(node.dtype, end));
    case "stop_gradient":
      return x;
    case "min":
    case "max":
      return y ? extreme(node.op, x, y) : {};
    default:
      return y && node.dtype === "i32" ? ofIntegers(node, x, y) : {};
  }
}

const mapped = ({ lo, hi }: Bounds, fn: (x: Expr) => Expr): Bounds => bounds(lo && fn(lo), hi && fn(hi));

const absolute = ({ lo, hi }: Bounds): Bounds => {
  const zero = zeroLike({ ...(lo && { lo }), ...(hi && { hi }) });
  const least = [lo, hi && minus(hi)].filter((x) => x !== undefined).reduce(higher, zero);
  return bounds(least, lo && hi && higher(hi, minus(lo)));
};

/** One known end bounds the larger from below, and the smaller from above. */
function extreme(op: "min" | "max", x: Bounds, y: Bounds): Bounds {
  if (op === "min") return bounds(both(lower, x.lo, y.lo), both(lower, x.hi, y.hi) ?? x.hi ?? y.hi);
  return bounds(both(higher, x.lo, y.lo) ?? x.lo ?? y.lo, both(higher, x.hi, y.hi));
}

/** select between numbers, and conditions as 0 and 1. */
function ofCondition(node: Node, c: Truth, x: Range | undefined, y: Range | undefined): Bounds {
  if (node.op === "to_i32" || node.op === "to_f32")
    return { lo: convert(node.dtype, c.certain), hi: convert(node.dtype, c.possible) };
  if (node.op !== "select" || !x || !y || isTruth(x) || isTruth(y)) return {};
  return bounds(both(lower, x.lo, y.lo), both(higher, x.hi, y.hi));
}

function ofIntegers(node: Node, x: Bounds, y: Bounds): Bounds {
  switch (node.op) {
    case "add":
      return bounds(both(add, x.lo, y.lo), both(add, x.hi, y.hi));
    case "sub":
      return bounds(both(subtract, x.lo, y.hi), both(subtract, x.hi, y.lo));
    case "mul":
      return multiplied(x, y);
    case "floordiv":
      return divisor(y) ? mapped(x, (end) => binary("floordiv", end, divisor(y)!)) : {};
    case "mod":
      return divisor(y) ? remainder(x, divisor(y)!) : {};
    default:
      return {};
  }
}

const subtract = (x: Expr, y: Expr): Expr => binary("sub", x, y);

/** A constant that is more than 0. */
const divisor = ({ lo, hi }: Bounds): Expr | undefined =>
  lo && lo === hi && isConst(lo) && lo.value > 0 ? lo : undefined;

function multiplied(x: Bounds, y: Bounds): Bounds {
  if (!x.lo || !x.hi || !y.lo || !y.hi) return {};
  const factor = x.lo === x.hi ? x.lo : y.lo === y.hi ? y.lo : undefined;
  const other = x.lo === x.hi ? y : x;
  if (factor && isConst(factor)) {
    const [a, b] = [mul(other.lo!, factor), mul(other.hi!, factor)];
    return factor.value < 0 ? { lo: b, hi: a } : { lo: a, hi: b };
  }
  const ends = [mul(x.lo, y.lo), mul(x.lo, y.hi), mul(x.hi, y.lo), mul(x.hi, y.hi)];
  return { lo: ends.reduce(lower), hi: ends.reduce(higher) };
}

/** Within one period the remainders of the ends bound it; over more of them it may be anything. */
function remainder(x: Bounds, by: Expr): Bounds {
  const most = add(by, i32(-1));
  if (!x.lo || !x.hi) return { lo: i32(0), hi: most };
  const period = (end: Expr): Expr => binary("floordiv", end, by);
  const same = binary("eq", period(x.lo), period(x.hi));
  return {
    lo: select(same, binary("mod", x.lo, by), i32(0)),
    hi: select(same, binary("mod", x.hi, by), most),
  };
}
