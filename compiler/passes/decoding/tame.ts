/**
 * Is an element finite wherever a cache holds finite numbers? Slots of positions that are still to come hold zeros, or what an earlier
 * text left there; a product with 0 leaves them out only where they are finite.
 *
 *   log(valid[j]), 1 / k[j]      no: log 0, 1 / 0
 *   k[j] · q[i] / 8              yes
 */
import type { Node } from "../../ir/graph.js";
import { rowOf } from "../../ir/ops/index.js";
import { difference } from "./facts.js";
import type { Frame } from "./frame.js";
import { keptByReshape, timeAxes } from "./modes.js";

const WILD: ReadonlySet<Node["op"]> = new Set<Node["op"]>([
  "log",
  "sqrt",
  "rsqrt",
  "exp",
  "pow",
  "div",
  "floordiv",
  "mod",
]);

/** Along `axis`, which holds all positions. */
export function isTame(frame: Frame, node: Node, axis: number): boolean {
  if (axis < 0 || node.inputs.length === 0) return true;
  const isKept = frame.dependence(node).grows && timeAxes(node.shape, frame.d.time).length === 1;
  const [x, y] = node.inputs as readonly [Node, Node];
  switch (node.op) {
    case "broadcast":
      return isTame(frame, x, node.attributes.from[axis]!);
    case "transpose":
      return isTame(frame, x, node.attributes.order[axis]!);
    case "reshape":
      return isTame(frame, x, keptByReshape(x.shape, node.shape)[axis]!);
    case "softmax":
      return true;
    case "slice":
    case "pad":
      return isTame(frame, x, axis);
    case "select":
      return isKept || isTameChoice(frame, node.inputs as readonly [Node, Node, Node], axis);
    case "contract": {
      const { a, b, out } = node.attributes;
      const label = out[axis]!;
      return isKept || (isTame(frame, x, a.indexOf(label)) && isTame(frame, y, b.indexOf(label)));
    }
    case "reduce": {
      const kept = x.shape.map((_, n) => n).filter((n) => !node.attributes.axes.includes(n));
      return isKept || isTame(frame, x, kept[axis]!);
    }
    case "gather":
      return !frame.dependence(x).grows || isKept;
    default: {
      if (isKept) return true;
      if (rowOf(node.op).kind !== "map") return false;
      if (node.op === "div" && isConstantAlong(y, axis)) return isTame(frame, x, axis);
      if (WILD.has(node.op)) return node.inputs.every((input) => isConstantAlong(input, axis));
      return node.inputs.every((input) => isTame(frame, input, axis));
    }
  }
}

/** Where the condition leaves positions out, what would stand there is not chosen. */
function isTameChoice(
  frame: Frame,
  [condition, then, otherwise]: readonly [Node, Node, Node],
  axis: number,
): boolean {
  const leavesOut = (aim: "true" | "false"): boolean => {
    const facts = frame.facts(condition, aim);
    return condition.shape.some((_, other) => difference(facts, axis, other) !== undefined);
  };
  return (
    (leavesOut("true") || isTame(frame, then, axis)) && (leavesOut("false") || isTame(frame, otherwise, axis))
  );
}

const isConstantAlong = (node: Node, axis: number): boolean =>
  node.op === "broadcast" &&
  (node.attributes.from[axis] === -1 || isConstantAlong(node.inputs[0]!, node.attributes.from[axis]!));
