/**
 * A running sum → a kernel in which one invocation walks one row.
 *
 * ```
 * cumsum(x [r, n]) axis=1 → for r: sum = 0; loop n: { sum += x[r, n]; store sum }
 * ```
 */
import { product } from "../../ir/shape.js";
import { cumsumOf } from "../family.js";
import { add, binary, extent, grid, i32 } from "../kernel.js";
import { decompose, offset, sizes, strides } from "../position.js";
import { zero } from "../scope.js";
import type { Context, Launch } from "./context.js";
import { tiles } from "./context.js";

export function lowerCumsum(context: Context): Launch {
  const { scope, values, stores } = context;
  const node = cumsumOf(context.body);
  if (!node) throw new Error("internal: no cumsum");
  const { axis, reverse } = node.attributes;
  const of = sizes(node.shape);
  const rows = of.filter((_, n) => n !== axis);
  const row = decompose(scope, grid(0), rows);
  const { binding, stacked } = context.outputs[0]!;
  const size = extent(of[axis]!);
  const sum = scope.mutable(zero("f32"));
  scope.loop(i32(0), size, 1, (step) => {
    const last = add(size, i32(-1));
    const at = reverse ? scope.name(binary("sub", last, step)) : step;
    const position = [...row.slice(0, axis), at, ...row.slice(axis)];
    scope.assign(sum, add(sum, values.at(node.inputs[0]!, position)));
    const index = offset(scope, position, strides(node.shape, stacked));
    stores.push({ binding, index, width: 1 });
    scope.store(binding, index, scope.read(sum));
  });
  return { grid: [tiles(product(rows), 1), 1, 1], workgroup: [32, 1, 1] };
}
