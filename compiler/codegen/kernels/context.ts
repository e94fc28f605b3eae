/**
 * What every family needs: the scope, the values of the body, and its outputs with their places.
 *
 * ```
 * storeAt(context, outputs, position) → let v0 = …; let v1 = …; store 2 [i] v0; store 3 [i] v1;
 * ```
 */
import type { Graph, Node } from "../../ir/graph.js";
import type { Expr, GridExtent, Kernel } from "../kernel.js";
import { convert } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import type { Position } from "../position.js";
import { offset, shifted, strides } from "../position.js";
import type { Scope } from "../scope.js";
import type { Access, Values } from "../values.js";

export interface Target {
  readonly node: Node;
  readonly binding: number;
  readonly stacked: boolean;
}

export interface Context {
  readonly body: Graph;
  readonly scope: Scope;
  readonly values: Values;
  readonly outputs: readonly Target[];
  readonly stores: Access[];
  readonly isStacked: (input: Node) => boolean;
}

export interface Launch {
  readonly grid: Kernel["grid"];
  readonly workgroup: readonly [number, number, number];
  /** The grid counts workgroups. */
  readonly cooperative?: true;
}

export const tiles = (size: GridExtent["size"], tile: number): GridExtent => ({ size, tile });

interface Pending {
  readonly binding: number;
  readonly index: Expr;
  readonly value: Expr;
}

/** Stores outputs at a position (four along `axis`, where given); values first, since an output may lie on an input. */
export function storeAt(
  context: Context,
  outputs: readonly Target[],
  position: Position,
  axis?: number,
): void {
  const pending = outputs.flatMap((output) =>
    axis === undefined ? [one(context, output, position)] : four(context, output, position, axis),
  );
  flush(context, pending);
}

export function flush(context: Context, pending: readonly Pending[]): void {
  for (const { binding, index, value } of pending) context.scope.store(binding, index, value);
}

export function one({ scope, values, stores }: Context, output: Target, position: Position): Pending {
  const { node, binding, stacked } = output;
  const index = offset(scope, position, strides(node.shape, stacked));
  stores.push({ binding, index, width: 1 });
  const value = values.at(node, position);
  return { binding, index, value: node.dtype === "bool" ? scope.name(convert("u32", value)) : value };
}

export function four(context: Context, output: Target, position: Position, axis: number): readonly Pending[] {
  const { scope, values, stores } = context;
  const { node, binding, stacked } = output;
  const steps = strides(node.shape, stacked);
  if (node.dtype !== "f32" || steps[axis] !== 1 || !isMultipleOf4(node.shape[axis]!.size))
    return [0, 1, 2, 3].map((n) => one(context, output, shifted(position, axis, n)));
  const index = offset(scope, position, steps);
  stores.push({ binding, index, width: 4 });
  return [{ binding, index, value: values.at4(node, position, axis) }];
}
