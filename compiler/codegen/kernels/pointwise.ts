/**
 * A body without heavy ops → a kernel in which one invocation computes one element of every output, or four.
 *
 * ```
 * gelu(x [b=B, t=T, d=64]) → for g in 0 … B·T·16: store [4g … 4g+3] gelu(load [4g … 4g+3])
 * ```
 */
import { elementCount } from "../../ir/shape.js";
import { grid } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import { decompose, sizes } from "../position.js";
import type { Context, Launch } from "./context.js";
import { storeAt, tiles } from "./context.js";

export function lowerPointwise(context: Context): Launch {
  const { shape } = context.outputs[0]!.node;
  const of = sizes(shape);
  const last = of.length - 1;
  const wide = last >= 0 && isMultipleOf4(of[last]!) && of[last] !== 0;
  const position = decompose(context.scope, grid(0), of, wide ? 4 : 1);
  storeAt(context, context.outputs, position, wide ? last : undefined);
  return { grid: [tiles(elementCount(shape), wide ? 4 : 1), 1, 1], workgroup: [64, 1, 1] };
}
