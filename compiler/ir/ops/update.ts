/** The op that writes rows into what is kept between calls. */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import type { Tensor } from "../numbers/scalar.js";
import { countOf, stridesOf } from "../numbers/tensor.js";
import { sizeEquals } from "../shape.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";

export const update: OpRow<"update"> = {
  kind: "primitive",
  doc: "y[…, at + i, …] = rows[…, i, …], x elsewhere; ring: modulo the axis's size, where the last of equals stays; dx = dy with zeros for the rows",
  attributes: { axis: "number", ring: "boolean" },
  type(inputs, { axis }) {
    demandCount("update", inputs, 3);
    demandAxis("update", inputs, axis);
    const [x, rows, at] = inputs as readonly [Node, Node, Node];
    if (at.dtype !== "i32" || at.shape.length > 0) misuse("update", inputs, "the index is one i32");
    const fits =
      rows.dtype === x.dtype &&
      rows.shape.length === x.shape.length &&
      rows.shape.every((a, n) => n === axis || sizeEquals(a.size, x.shape[n]!.size));
    if (!fits) misuse("update", inputs, "the rows do not fit");
    return value(x.shape, x.dtype);
  },
  reference(m, [x, rows, at], { attributes: { axis, ring } }) {
    const { sizes } = x!;
    const data = m.allocate(countOf(sizes));
    for (let n = 0; n < data.length; n++) data[n] = x!.data[n]!;
    const first = m.valueOf(at!.data[0]!);
    const size = sizes[axis]!;
    for (let i = 0; i < rows!.sizes[axis]!; i++) {
      const row = ring ? (((first + i) % size) + size) % size : first + i;
      if (row >= 0 && row < size) copyRow(rows!, i, { sizes, data }, row, axis);
    }
    return { sizes, data };
  },
  vjp(b, dy, node) {
    const [, rows, at] = node.inputs as readonly [Node, Node, Node];
    const { axis, ring } = node.attributes;
    const nothing = b.full(0, rows.shape, rows.dtype);
    return [b.update(dy, nothing, at, axis, ring), b.gather(dy, places(b, node), axis)];
  },
};

/** Where each row lies in x, -1 where a later one took its place; i32 [rows]. */
function places(b: Builder, { inputs, attributes: { axis, ring } }: NodeOf<"update">): Node {
  const [x, rows, at] = inputs as readonly [Node, Node, Node];
  const axes = [rows.shape[axis]!];
  const spread = (scalar: Node): Node => b.broadcastTo(scalar, axes, [-1]);
  const index = b.iota(axes, 0); // [rows]
  const found = b.add(index, spread(at)); // [rows]
  if (!ring) return found;
  const size = spread(b.length(x.shape[axis]!.size, "i32")); // [rows]
  const stays = b.le(b.sub(spread(b.length(axes[0]!.size, "i32")), index), size);
  return b.select(stays, b.mod(found, size), b.full(-1, axes, "i32")); // [rows]
}

/** Copies index `from` along `axis` of one tensor to index `to` of another one. */
function copyRow<T>(source: Tensor<T>, from: number, target: Tensor<T>, to: number, axis: number): void {
  const inner = stridesOf(target.sizes)[axis]!;
  const outer = countOf(target.sizes.slice(0, axis));
  for (let o = 0; o < outer; o++)
    for (let n = 0; n < inner; n++)
      target.data[(o * target.sizes[axis]! + to) * inner + n] =
        source.data[(o * source.sizes[axis]! + from) * inner + n]!;
}
