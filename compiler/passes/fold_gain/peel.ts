/**
 * An operand of projections → what is projected once its gains and shifts are the weights' own.
 *
 * ```
 * %3 = mul(%x, broadcast("gain")); %4 = add(%3, broadcast("bias"))      →   %x; + "bias", · "gain", from the outside in
 * ```
 */
import type { Node, NodeOf } from "../../ir/graph.js";
import { topologicalFrom } from "../../ir/rewrite.js";
import type { Scope } from "../merge/weights.js";
import { isOp } from "../rule.js";
import type { Lift } from "./lift.js";

/** One thing that is done to every row alike. `from`: axis n of the operand is that axis of `value`, or none. */
export interface Layer {
  readonly op: "mul" | "div" | "add" | "sub";
  readonly value: Node;
  readonly from: readonly number[];
}

export interface Peeled {
  readonly base: Node;
  /** The last one first. */
  readonly layers: readonly Layer[];
}

/** Down to the first node that is something else, or that somebody else reads too. */
export function peel(x: Node, scope: Scope, lift: Lift): Peeled {
  const layers: Layer[] = [];
  let base = x;
  while (base === x || isReadOnce(base, scope)) {
    const found = outermost(base, (value) => lift(value) !== undefined);
    if (!found) break;
    layers.push(found.layer);
    base = found.inner;
  }
  return { base, layers };
}

/**
 * A factor of rows beneath, which may come behind the projections: where what it scales lies in memory anyway, its product with that
 * need not. A layer norm's centred rows lie nowhere, they would be stored instead.
 */
export function rowFactor(
  { base }: Peeled,
  x: Node,
  scope: Scope,
): { readonly layer: Layer; readonly inner: Node } | undefined {
  if (base !== x && !isReadOnce(base, scope)) return undefined;
  const found = outermost(base, () => true);
  if (!found || (found.layer.op !== "mul" && found.layer.op !== "div")) return undefined;
  return isKept(found.inner, base, found.layer.value, scope) ? found : undefined;
}

/** Whether something else reads a node than the product with its own factor, or it is nothing that a kernel would compute here. */
function isKept(node: Node, product: Node, factor: Node, scope: Scope): boolean {
  if (node.inputs.length === 0 || isOp(node, "get")) return true;
  if (scope.body.outputs.some((output) => output.node === node)) return true;
  const inFactor = new Set(topologicalFrom([factor]));
  return scope.readers(node).some((reader) => reader !== product && !inFactor.has(reader));
}

export const isReadOnce = (node: Node, scope: Scope): boolean =>
  scope.readers(node).length === 1 && scope.body.outputs.every((output) => output.node !== node);

/** What is done last, with a value that `isTaken`. */
export function outermost(
  node: Node,
  isTaken: (value: Node) => boolean,
): { readonly layer: Layer; readonly inner: Node } | undefined {
  if (!isOp(node, "mul") && !isOp(node, "add") && !isOp(node, "div") && !isOp(node, "sub")) return undefined;
  const { op } = node;
  for (const place of op === "mul" || op === "add" ? [1, 0] : [1]) {
    const spread = node.inputs[place]!;
    if (!isOp(spread, "broadcast") || !isTaken(spread.inputs[0]!)) continue;
    const { from } = (spread as NodeOf<"broadcast">).attributes;
    return { layer: { op, value: spread.inputs[0]!, from }, inner: node.inputs[1 - place]! };
  }
  return undefined;
}

export const isConstant = (node: Node): boolean =>
  isOp(node, "const") || (node.inputs.length > 0 && node.inputs.every(isConstant));
