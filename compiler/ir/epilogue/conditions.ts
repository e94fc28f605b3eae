/**
 * A condition on indices at a place → whether it holds there, where that can be told.
 *
 * ```
 * lt(iota, 8) at 8·1 + i, 0 ≤ i < 8 → no · eq(mod(iota, 2), 0) at 4·i + 1 → no
 * ```
 */
import type { Node } from "../graph.js";
import type { Linear, Ranges } from "./linear.js";
import { constant, divided, plus, rangeOf, shiftedBy, times } from "./linear.js";
import type { Place } from "./moves.js";
import { backwards, isMove } from "./moves.js";

export function truthOf(node: Node, place: Place, ranges: Ranges): boolean | undefined {
  if (node.op === "const") return node.attributes.value !== 0;
  if (isMove(node)) {
    const origin = backwards(node, place, ranges);
    if (origin === "zero") return false;
    return origin === "unknown" ? undefined : truthOf(origin.input, origin.place, ranges);
  }
  const [x, y] = node.inputs;
  const truth = (of: Node): boolean | undefined => truthOf(of, place, ranges);
  switch (node.op) {
    case "not":
      return inverse(truth(x!));
    case "and":
      return inverse(either(inverse(truth(x!)), inverse(truth(y!))));
    case "or":
      return either(truth(x!), truth(y!));
    case "lt":
    case "le":
    case "eq":
    case "ne":
      return compared(node.op, x!, y!, place, ranges);
    default:
      return undefined;
  }
}

const inverse = (x: boolean | undefined): boolean | undefined => (x === undefined ? undefined : !x);
const either = (x: boolean | undefined, y: boolean | undefined): boolean | undefined =>
  x === true || y === true ? true : x === false && y === false ? false : undefined;

function compared(
  op: "lt" | "le" | "eq" | "ne",
  x: Node,
  y: Node,
  place: Place,
  ranges: Ranges,
): boolean | undefined {
  const [a, b] = [x, y].map((side) => integerOf(side, place, ranges));
  if (!a || !b) return undefined;
  const [least, most] = rangeOf(plus(a, times(b, -1)), ranges);
  switch (op) {
    case "lt":
      return most < 0 ? true : least >= 0 ? false : undefined;
    case "le":
      return most <= 0 ? true : least > 0 ? false : undefined;
    case "eq":
      return least === 0 && most === 0 ? true : least > 0 || most < 0 ? false : undefined;
    case "ne":
      return inverse(compared("eq", x, y, place, ranges));
    default:
      return op satisfies never;
  }
}

/** A whole number that follows from indices. */
function integerOf(node: Node, place: Place, ranges: Ranges): Linear | undefined {
  if (node.dtype !== "i32") return undefined;
  if (node.op === "const") return constant(node.attributes.value);
  if (node.op === "iota") {
    const { axis, offset } = node.attributes;
    return typeof offset === "number" ? shiftedBy(place[axis]!, offset) : undefined;
  }
  if (isMove(node)) {
    const origin = backwards(node, place, ranges);
    if (origin === "zero") return constant(0);
    return origin === "unknown" ? undefined : integerOf(origin.input, origin.place, ranges);
  }
  if (!["add", "sub", "mul", "mod", "floordiv"].includes(node.op)) return undefined;
  const [x, y] = node.inputs.map((input) => integerOf(input, place, ranges));
  return x && y ? combined(node.op, x, y, ranges) : undefined;
}

function combined(op: Node["op"], x: Linear, y: Linear, ranges: Ranges): Linear | undefined {
  if (op === "add") return plus(x, y);
  if (op === "sub") return plus(x, times(y, -1));
  if (y.terms.length > 0) return op === "mul" && x.terms.length === 0 ? times(y, x.constant) : undefined;
  if (op === "mul") return times(x, y.constant);
  const parts = y.constant > 0 ? divided(x, y.constant, ranges) : undefined;
  return op === "mod" ? parts?.remainder : parts?.quotient;
}
