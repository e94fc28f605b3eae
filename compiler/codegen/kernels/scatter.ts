/**
 * scatter_add(ids, updates) → a kernel in which one invocation owns one row of the result and walks all ids.
 *
 * ```
 * scatter_add(tokens [B, T], dy [B, T, d]) size=V → for v in 0 … V: row v = 0; for each (b, t): if tokens[b, t] = v: row v += dy[b, t]
 * ```
 * Every element is summed in the order of the ids, so the result is the same on every run.
 */
import type { Node } from "../../ir/graph.js";
import type { Size } from "../../ir/shape.js";
import { product } from "../../ir/shape.js";
import { scatterOf } from "../family.js";
import type { Expr } from "../kernel.js";
import { add, binary, extent, grid, i32, load } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import type { Position } from "../position.js";
import { decompose, offset, sizes, strides } from "../position.js";
import { zero } from "../scope.js";
import { storageType } from "../values.js";
import type { Context, Launch } from "./context.js";
import { tiles } from "./context.js";

export function lowerScatter(context: Context): Launch {
  const { scope, values } = context;
  const node = scatterOf(context.body);
  if (!node) throw new Error("internal: no scatter_add");
  const { axis } = node.attributes;
  const [ids, updates] = node.inputs as readonly [Node, Node];
  const of = sizes(node.shape);
  const outer = decompose(scope, grid(0), of.slice(0, axis + 1));
  const inner = of.slice(axis + 1);
  const row = outer[axis]!;
  overRow(context, inner, (at, wide) => {
    write(context, [...outer, ...at], wide, () => zero(wide ? "f32x4" : node.dtype));
  });
  nested(context, sizes(ids.shape), [], (where) => {
    const id = values.at(ids, where);
    scope.when(binary("eq", id, row), () => {
      overRow(context, inner, (at, wide) => {
        const position = [...outer.slice(0, axis), ...where, ...at];
        const update = wide
          ? values.at4(updates, position, position.length - 1)
          : values.at(updates, position);
        write(context, [...outer, ...at], wide, (before) => add(before, update));
      });
    });
  });
  return { grid: [tiles(product(of.slice(0, axis + 1)), 1), 1, 1], workgroup: [32, 1, 1] };
}

/** Loops over the positions of a row, four at a time where its last axis allows it. */
function overRow(
  context: Context,
  inner: readonly Size[],
  body: (at: Position, wide: boolean) => void,
): void {
  const last = inner.at(-1);
  const wide = last !== undefined && isMultipleOf4(last) && context.outputs[0]!.node.dtype === "f32";
  nested(context, inner, [], (at) => body(at, wide), wide ? 4 : 1);
}

export function nested(
  context: Context,
  of: readonly Size[],
  outer: Position,
  body: (at: Position) => void,
  step = 1,
): void {
  const [size, ...rest] = of;
  if (size === undefined) body(outer);
  else
    context.scope.loop(i32(0), extent(size), rest.length === 0 ? step : 1, (index) =>
      nested(context, rest, [...outer, index], body, step),
    );
}

function write(context: Context, position: Position, wide: boolean, value: (before: Expr) => Expr): void {
  const { node, binding, stacked } = context.outputs[0]!;
  const index = offset(context.scope, position, strides(node.shape, stacked));
  const type = wide ? "f32x4" : storageType(node.dtype);
  context.scope.store(binding, index, value(load(binding, type, index)));
}
