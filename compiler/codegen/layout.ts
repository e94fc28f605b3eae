/**
 * A layout node and a position in it → where in its input that element is.
 *
 * ```
 * transpose [1, 0] at (i, j) → input at (j, i) · pad before 2 at (i) → input at (i − 2), where 0 ≤ i − 2 < size
 * ```
 */
import type { Node, NodeOf } from "../ir/graph.js";
import { reshapeGroups } from "../ir/reshape-groups.js";
import type { Size } from "../ir/shape.js";
import { sizeEquals } from "../ir/shape.js";
import type { Expr } from "./kernel.js";
import { add, binary, bool, extent, i32 } from "./kernel.js";
import type { Position } from "./position.js";
import { isMultiple, reshaped, sizes } from "./position.js";
import type { Scope } from "./scope.js";

export type LayoutNode =
  | NodeOf<"broadcast">
  | NodeOf<"transpose">
  | NodeOf<"reshape">
  | NodeOf<"slice">
  | NodeOf<"pad">
  | NodeOf<"window">
  | NodeOf<"unwindow">;
const layouts: ReadonlySet<string> = new Set([
  "broadcast",
  "transpose",
  "reshape",
  "slice",
  "pad",
  "window",
  "unwindow",
]);
export const isLayout = (node: Node): node is LayoutNode => layouts.has(node.op);

export interface Source {
  readonly position: Position;
  /** Where the element exists; elsewhere it is 0. */
  readonly inside: Expr;
}

export const clamped = (x: Expr, size: Size): Expr =>
  binary("max", i32(0), binary("min", x, add(extent(size), i32(-1))));

export const within = (x: Expr, size: Size): Expr =>
  binary("and", binary("le", i32(0), x), binary("lt", x, extent(size)));

/** The input's position of the element at `position`. */
export function source(scope: Scope, node: LayoutNode, position: Position): Source {
  const x = node.inputs[0]!;
  const always = bool(true);
  switch (node.op) {
    case "broadcast":
      return {
        position: x.shape.map((_, axis) => broadcastCoordinate(node, axis, position)),
        inside: always,
      };
    case "transpose": {
      const order = node.attributes.order;
      return { position: x.shape.map((_, axis) => position[order.indexOf(axis)]!), inside: always };
    }
    case "reshape":
      return { position: reshaped(scope, position, sizes(x.shape), sizes(node.shape)), inside: always };
    case "slice":
      return {
        position: moveAxis(scope, position, node.attributes.axis, extent(node.attributes.start)),
        inside: always,
      };
    case "pad": {
      const { axis, before } = node.attributes;
      const at = moveAxis(scope, position, axis, binary("mul", extent(before), i32(-1)))[axis]!;
      const size = x.shape[axis]!.size;
      const safe = scope.name(clamped(at, size));
      return {
        position: position.map((value, n) => (n === axis ? safe : value)),
        inside: scope.name(within(at, size)),
      };
    }
    case "window": {
      const { axis, along, stride, dilation } = node.attributes;
      const at = scope.sum([
        binary("mul", position[axis]!, i32(stride)),
        binary("mul", position[along]!, i32(dilation)),
      ]);
      return { position: position.map((value, n) => (n === axis ? at : value)), inside: always };
    }
    case "unwindow":
      return unwindowed(scope, node, position);
    default:
      node satisfies never;
      throw new Error("internal: no layout");
  }
}

/** i where i · stride + k · dilation is the element's place; outside between and around the windows' elements. */
function unwindowed(scope: Scope, node: NodeOf<"unwindow">, position: Position): Source {
  const { axis, along, stride, dilation } = node.attributes;
  const moved = scope.sum([position[axis]!, binary("mul", position[along]!, i32(-dilation))]);
  const from = scope.name(binary("max", i32(0), moved));
  const at = scope.name(binary("quotient", from, i32(stride)));
  const { size } = node.inputs[0]!.shape[axis]!;
  const whole = binary("eq", binary("mul", at, i32(stride)), moved);
  return {
    position: position.map((value, n) => (n === axis ? scope.name(clamped(at, size)) : value)),
    inside: scope.name(binary("and", whole, binary("lt", at, extent(size)))),
  };
}

function broadcastCoordinate(node: NodeOf<"broadcast">, axis: number, position: Position): Expr {
  const to = node.attributes.from.indexOf(axis);
  if (to < 0) return i32(0);
  return sizeEquals(node.inputs[0]!.shape[axis]!.size, 1) ? i32(0) : position[to]!;
}

const moveAxis = (scope: Scope, position: Position, axis: number, by: Expr): Position =>
  position.map((value, n) => (n === axis ? scope.sum([value, by]) : value));

/** The input's axis along which four consecutive elements of `axis` are consecutive too; undefined where they are not. */
export function follow(node: LayoutNode, axis: number): number | undefined {
  const x = node.inputs[0]!;
  switch (node.op) {
    case "broadcast": {
      const from = node.attributes.from[axis]!;
      return from < 0 || !sizeEquals(x.shape[from]!.size, node.shape[axis]!.size) ? undefined : from;
    }
    case "transpose":
      return node.attributes.order[axis];
    case "reshape":
      return followReshape(sizes(x.shape), sizes(node.shape), axis);
    case "slice":
      return node.attributes.axis !== axis || isMultipleOf4(node.attributes.start) ? axis : undefined;
    case "pad": {
      const whole = isMultipleOf4(node.attributes.before) && isMultipleOf4(x.shape[axis]!.size);
      return node.attributes.axis !== axis || whole ? axis : undefined;
    }
    case "window":
    case "unwindow":
      return axis === node.attributes.axis || axis === node.attributes.along ? undefined : axis;
    default:
      node satisfies never;
      return undefined;
  }
}

/** A constant multiple of four. */
export const isMultipleOf4 = (size: Size): boolean => typeof size === "number" && isMultiple(size, 4);

function followReshape(x: readonly Size[], y: readonly Size[], axis: number): number | undefined {
  const group = reshapeGroups(x, y).find(({ y: axes }) => axes.includes(axis));
  const from = group?.x.filter((n) => !sizeEquals(x[n]!, 1)).at(-1);
  const last = group?.y.filter((n) => !sizeEquals(y[n]!, 1)).at(-1);
  if (from === undefined || last !== axis) return undefined;
  return isMultipleOf4(x[from]!) && isMultipleOf4(y[axis]!) ? from : undefined;
}
