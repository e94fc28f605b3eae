/**
 * update(x, rows, at) → a kernel in which one invocation writes one element of the rows, or four, over x.
 *
 * ```
 * update(cache [B, C, d], k [B, T, d], position) axis=1 → for (b, t, e): where position + t < C: store x[b, position + t, e] k[b, t, e]
 * ```
 */
import type { NodeOf } from "../../ir/graph.js";
import { elementCount } from "../../ir/shape.js";
import { updateOf } from "../family.js";
import type { Expr } from "../kernel.js";
import { add, binary, bool, convert, extent, grid } from "../kernel.js";
import { isMultipleOf4, within } from "../layout.js";
import { decompose, offset, sizes, strides } from "../position.js";
import type { Scope } from "../scope.js";
import type { Context, Launch } from "./context.js";
import { tiles } from "./context.js";

export function lowerUpdate(context: Context): Launch {
  const { scope, values } = context;
  const { binding, stacked } = context.outputs[0]!;
  const node = updateOf(context.body);
  if (!node) throw new Error("internal: no update");
  const rows = node.inputs[1]!;
  const { axis } = node.attributes;
  const of = sizes(rows.shape);
  const steps = strides(node.shape, stacked);
  const last = of.length - 1;
  const wide = node.dtype === "f32" && axis !== last && steps[last] === 1 && isMultipleOf4(of[last]!);
  const position = decompose(scope, grid(0), of, wide ? 4 : 1);
  const { row, isThere } = destination(scope, node, position[axis]!, values.at(node.inputs[2]!, []));
  scope.when(isThere, () => {
    const value = wide ? values.at4(rows, position, last) : values.at(rows, position);
    const there = position.map((coordinate, n) => (n === axis ? row : coordinate));
    const stored = node.dtype === "bool" ? scope.name(convert("u32", value)) : value;
    scope.store(binding, offset(scope, there, steps), stored);
  });
  return { grid: [tiles(elementCount(rows.shape), wide ? 4 : 1), 1, 1], workgroup: [64, 1, 1] };
}

/** Where row number `index` goes, and whether it goes anywhere. */
export function destination(
  scope: Scope,
  { inputs, attributes: { axis, ring } }: NodeOf<"update">,
  index: Expr,
  first: Expr,
): { readonly row: Expr; readonly isThere: Expr } {
  const size = inputs[0]!.shape[axis]!.size;
  const rows = inputs[1]!.shape[axis]!.size;
  const row = scope.name(add(index, first));
  if (!ring) return { row, isThere: scope.name(within(row, size)) };
  const apart = typeof rows === "number" && typeof size === "number" && rows <= size;
  // Of rows that meet the last one stays: those that a later one would follow are left out.
  const stays = apart ? bool(true) : binary("le", binary("sub", extent(rows), index), extent(size));
  return { row: scope.name(binary("mod", row, extent(size))), isThere: scope.name(stays) };
}
