/**
 * What a turn computes of its parameters alone → the same for all turns at once, over the whole leaves.
 *
 * ```
 * in a turn: mul(slice.1, broadcast(slice.0) from=[0,-1]) : [d, n]
 *   → mul("layers.*.wq", broadcast("layers.*.norm.gain") from=[0,1,-1]) : [layer, d, n]
 * ```
 */
import type { Builder } from "../../ir/builder.js";
import type { Node } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";
import type { Axis } from "../../ir/shape.js";
import type { Scope } from "../merge/weights.js";
import { upTo } from "../nodes.js";
import { isOp } from "../rule.js";

/** A value outside the turns; `turns`: its leading axis, one slice a turn, or undefined where all turns have the same. */
export interface Lifted {
  readonly node: Node;
  readonly turns: Axis | undefined;
}

export type Lift = (node: Node) => Lifted | undefined;

/** `leaves`: the whole of each parameter. Undefined of what depends on anything else, or has a length among its sizes. */
export function lifting(scope: Scope, leaves: ReadonlyMap<string, Node>, b: Builder): Lift {
  const known = new Map<Node, Lifted | undefined>();
  const lift: Lift = (node) => {
    if (!known.has(node)) known.set(node, lifted(node, scope, leaves, lift, b));
    return known.get(node);
  };
  return lift;
}

function lifted(
  node: Node,
  scope: Scope,
  leaves: ReadonlyMap<string, Node>,
  lift: Lift,
  b: Builder,
): Lifted | undefined {
  const weight = scope.weight(node);
  if (weight) {
    const leaf = leaves.get(weight.leaf);
    return leaf && { node: leaf, turns: weight.stacked ? leaf.shape[0] : undefined };
  }
  if (isOp(node, "const")) return { node, turns: undefined };
  if (node.inputs.length === 0 || !node.shape.every(({ size }) => typeof size === "number")) return undefined;
  const inputs = node.inputs.map(lift);
  if (!inputs.every((one) => one !== undefined)) return undefined;
  const turns = inputs.map((one) => one.turns).find((axis) => axis !== undefined);
  if (!turns)
    return ops[node.op].kind === "map" || isLayout(node)
      ? { node: rebuilt(node, inputs, b), turns }
      : undefined;
  const made = withTurns(node, inputs, turns, b);
  return made && { node: made, turns };
}

const rebuilt = (node: Node, inputs: readonly Lifted[], b: Builder): Node =>
  b.remake(
    node,
    inputs.map((one) => one.node),
  );

const isLayout = (node: Node): boolean =>
  ["broadcast", "transpose", "reshape", "slice", "contract", "reduce"].includes(node.op);

/** The label of the turns: no label of a graph begins like this. */
const TURNS = "turns of ";

/** The node with one more axis in front. */
function withTurns(node: Node, inputs: readonly Lifted[], turns: Axis, b: Builder): Node | undefined {
  const spread = inputs.map((one) => (one.turns ? one.node : repeated(one.node, turns, b)));
  const [x, y] = spread as [Node, Node];
  if (ops[node.op].kind === "map") return b.remake(node, spread);
  if (isOp(node, "broadcast")) {
    const from = [0, ...node.attributes.from.map((axis) => (axis < 0 ? -1 : axis + 1))];
    return b.make("broadcast", [x], { shape: [turns, ...node.shape], from }) as Node;
  }
  if (isOp(node, "transpose")) return b.transpose(x, [0, ...node.attributes.order.map((axis) => axis + 1)]);
  if (isOp(node, "reshape")) return b.reshape(x, [turns, ...node.shape]);
  if (isOp(node, "slice"))
    return b.slice(x, node.attributes.axis + 1, node.attributes.start, node.attributes.size);
  if (isOp(node, "reduce"))
    return b.make("reduce", [x], {
      ...node.attributes,
      axes: node.attributes.axes.map((axis) => axis + 1),
    }) as Node;
  if (!isOp(node, "contract")) return undefined;
  const { a, b: right, out } = node.attributes;
  return b.contract(x, y, { a: [TURNS, ...a], b: [TURNS, ...right], out: [TURNS, ...out] });
}

/** The same in every turn. */
const repeated = (x: Node, turns: Axis, b: Builder): Node =>
  b.make("broadcast", [x], { shape: [turns, ...x.shape], from: [-1, ...upTo(x.shape.length)] }) as Node;
