/**
 * A use of a weight → the projection that it is: which operand is projected, and where the weight's own axes lie.
 *
 * ```
 * contract(%x, slice.0) a=[b,i,m] b=[m,h,c] out=[b,h,i,c]   →   x = %x, own axes 1 and 2 of the weight, summed: axis 2 of x
 * add(contract(…), broadcast(slice.4) from=[-1,0,-1,1])     →   bias slice.4
 * ```
 */
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Axis } from "../../ir/shape.js";
import { isOp } from "../rule.js";
import type { Scope, Use, Weight } from "./weights.js";

export interface Projection {
  readonly scope: Scope;
  readonly weight: Weight;
  readonly node: NodeOf<"contract">;
  /** What is projected, its labels, and those of the weight. */
  readonly x: Node;
  readonly labels: readonly string[];
  readonly weights: readonly string[];
  /** The weight's own axes `axis` … `axis + own.length - 1`; all others are x's as well. */
  readonly axis: number;
  readonly own: readonly Axis[];
  /** Equal for projections of one operand whose weights can lie side by side. */
  readonly key: string;
  readonly bias: Bias | undefined;
}

export interface Bias {
  readonly weight: Weight;
  /** The projection with its bias. */
  readonly sum: Node;
}

export function projectionOf({ scope, weight, by, at }: Use): Projection | undefined {
  if (!by || !isOp(by, "contract")) return undefined;
  const x = by.inputs[1 - at]!;
  const { a, b, out } = by.attributes;
  const [labels, weights] = at === 1 ? [a, b] : [b, a];
  const isOwn = weights.map((label) => !labels.includes(label));
  const axis = isOwn.indexOf(true);
  const end = isOwn.lastIndexOf(true) + 1;
  if (axis < 0 || isOwn.slice(axis, end).includes(false) || scope.weight(x)) return undefined;
  const shared = (from: number, to?: number): string =>
    weights
      .slice(from, to)
      .map((label) => `${labels.indexOf(label)}${out.includes(label) ? "b" : "s"}`)
      .join();
  const shape = by.inputs[at]!.shape;
  if (!shape.every(({ size }) => typeof size === "number")) return undefined;
  return {
    ...{ scope, weight, node: by, x, labels, weights, axis },
    own: shape.slice(axis, end),
    key: `${scope.path}:${x.key}:${shared(0, axis)}|${shared(end)}`,
    bias: biasOf(scope, by, weights.slice(axis, end)),
  };
}

/** What the projection's one reader adds to all its elements alike. */
function biasOf(scope: Scope, node: NodeOf<"contract">, own: readonly string[]): Bias | undefined {
  const readers = scope.readers(node);
  const [sum] = readers;
  if (readers.length !== 1 || !sum || !isOp(sum, "add")) return undefined;
  if (scope.body.outputs.some((output) => output.node === node)) return undefined;
  const spread = sum.inputs[sum.inputs[0] === node ? 1 : 0]!;
  if (!isOp(spread, "broadcast")) return undefined;
  const weight = scope.weight(spread.inputs[0]!);
  const from = node.attributes.out.map((label) => own.indexOf(label));
  const isWhole = spread.inputs[0]!.shape.length === own.length;
  return weight && isWhole && spread.attributes.from.every((axis, n) => axis === from[n])
    ? { weight, sum }
    : undefined;
}
