/** Ops that only say where elements are. */
import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";
import type { Tensor } from "../numbers/scalar.js";
import { countOf, place, stridesOf, view } from "../numbers/tensor.js";
import type { Shape, Size } from "../shape.js";
import { addSizes, elementCount, sizeEquals, subSizes } from "../shape.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";
import { isNegative, resized } from "./sizes.js";

type Layout = "broadcast" | "transpose" | "reshape" | "slice" | "pad" | "concat";

const isPermutation = (order: readonly number[], rank: number): boolean =>
  order.length === rank && order.every((_, axis) => order.includes(axis));

export const inverse = (order: readonly number[]): readonly number[] =>
  order.map((_, axis) => order.indexOf(axis));

/** Sums what `broadcast` spread: the gradient of its operand. */
function unbroadcast(b: Builder, dy: Node, from: readonly number[]): Node {
  const fresh = from.flatMap((axis, n) => (axis < 0 ? [n] : []));
  return b.transpose(b.sum(dy, fresh), inverse(from.filter((axis) => axis >= 0)));
}

const sizeAt = (shape: Shape, axis: number): Size => shape[axis]!.size;

export const layout: { readonly [K in Layout]: OpRow<K> } = {
  broadcast: {
    kind: "primitive",
    doc: "y[i₀, …] = x[i_n : from[n] = 0, 1, …]; dx = Σ over the new axes of dy",
    attributes: { shape: "shape", from: "numbers" },
    type(inputs, { shape, from }) {
      demandCount("broadcast", inputs, 1);
      const x = inputs[0]!;
      if (
        from.length !== shape.length ||
        !isPermutation(
          from.filter((axis) => axis !== -1),
          x.shape.length,
        )
      )
        misuse("broadcast", inputs, `from [${from}] does not place every axis once in rank ${shape.length}`);
      from.forEach((axis, n) => {
        if (axis >= 0 && !sizeEquals(sizeAt(x.shape, axis), sizeAt(shape, n)))
          misuse("broadcast", [x, { shape, dtype: x.dtype }], "sizes differ");
      });
      return value(shape, x.dtype);
    },
    reference(m, [x], node, context) {
      const strides = stridesOf(x!.sizes);
      const { shape, from } = node.attributes;
      return view(
        m,
        x!.data,
        shape.map((axis) => context.size(axis.size)),
        from.map((axis) => (axis < 0 ? 0 : strides[axis]!)),
      );
    },
    vjp: (b, dy, node) => [unbroadcast(b, dy, node.attributes.from)],
  },
  transpose: {
    kind: "primitive",
    doc: "axis n of y is axis order[n] of x",
    attributes: { order: "numbers" },
    type(inputs, { order }) {
      demandCount("transpose", inputs, 1);
      const x = inputs[0]!;
      if (!isPermutation(order, x.shape.length))
        misuse("transpose", inputs, `[${order}] is no order of its axes`);
      return value(
        order.map((axis) => x.shape[axis]!),
        x.dtype,
      );
    },
    reference(m, [x], node) {
      const strides = stridesOf(x!.sizes);
      const { order } = node.attributes;
      return view(
        m,
        x!.data,
        order.map((axis) => x!.sizes[axis]!),
        order.map((axis) => strides[axis]!),
      );
    },
    vjp: (b, dy, node) => [b.transpose(dy, inverse(node.attributes.order))],
  },
  reshape: {
    kind: "primitive",
    doc: "the same elements in row-major order",
    attributes: { shape: "shape" },
    type(inputs, { shape }) {
      demandCount("reshape", inputs, 1);
      const x = inputs[0]!;
      if (!sizeEquals(elementCount(x.shape), elementCount(shape)))
        misuse("reshape", [x, { shape, dtype: x.dtype }], "element counts differ");
      return value(shape, x.dtype);
    },
    reference: (_, [x], node, context) => ({
      sizes: node.attributes.shape.map((axis) => context.size(axis.size)),
      data: x!.data,
    }),
    vjp: (b, dy, node) => [b.reshape(dy, node.inputs[0]!.shape)],
  },
  slice: {
    kind: "primitive",
    doc: "y[…, i, …] = x[…, start + i, …]",
    attributes: { axis: "number", start: "size", size: "size" },
    type(inputs, { axis, start, size }) {
      demandCount("slice", inputs, 1);
      demandAxis("slice", inputs, axis);
      const x = inputs[0]!;
      const left = subSizes(sizeAt(x.shape, axis), addSizes(start, size));
      if (isNegative(left) || isNegative(start) || isNegative(size))
        misuse("slice", inputs, "reaches outside");
      return value(resized(x.shape, axis, size), x.dtype);
    },
    reference(m, [x], node, context) {
      const { axis, start, size } = node.attributes;
      const strides = stridesOf(x!.sizes);
      const sizes = x!.sizes.map((s, n) => (n === axis ? context.size(size) : s));
      return view(m, x!.data, sizes, strides, context.size(start) * strides[axis]!);
    },
    vjp(b, dy, node) {
      const { axis, start, size } = node.attributes;
      return [b.pad(dy, axis, start, subSizes(sizeAt(node.inputs[0]!.shape, axis), addSizes(start, size)))];
    },
  },
  pad: {
    kind: "primitive",
    doc: "y[…, before + i, …] = x[…, i, …], 0 elsewhere",
    attributes: { axis: "number", before: "size", after: "size" },
    type(inputs, { axis, before, after }) {
      demandCount("pad", inputs, 1);
      demandAxis("pad", inputs, axis);
      if (isNegative(before) || isNegative(after)) misuse("pad", inputs, "a negative size");
      const x = inputs[0]!;
      return value(resized(x.shape, axis, addSizes(addSizes(before, sizeAt(x.shape, axis)), after)), x.dtype);
    },
    reference(m, [x], node, context) {
      const { axis, before, after } = node.attributes;
      const first = context.size(before);
      const sizes = x!.sizes.map((s, n) => (n === axis ? first + s + context.size(after) : s));
      const data = m.allocate(countOf(sizes));
      const strides = stridesOf(sizes);
      place(x!, data, strides, first * strides[axis]!);
      return { sizes, data };
    },
    vjp(b, dy, node) {
      const { axis, before } = node.attributes;
      return [b.slice(dy, axis, before, sizeAt(node.inputs[0]!.shape, axis))];
    },
  },
  concat: {
    kind: "primitive",
    doc: "the operands one after the other along one axis",
    attributes: { axis: "number" },
    type(inputs, { axis }) {
      demandCount("concat", inputs, 1, Number.POSITIVE_INFINITY);
      demandAxis("concat", inputs, axis);
      const [x] = inputs as readonly [Node];
      const fits = (y: Node): boolean =>
        y.dtype === x.dtype &&
        y.shape.length === x.shape.length &&
        y.shape.every((a, n) => n === axis || sizeEquals(a.size, sizeAt(x.shape, n)));
      if (!inputs.every(fits)) misuse("concat", inputs, "operands do not fit");
      return value(
        resized(x.shape, axis, inputs.map((y) => sizeAt(y.shape, axis)).reduce(addSizes)),
        x.dtype,
      );
    },
    reference(m, inputs, node) {
      const { axis } = node.attributes;
      const sizes = inputs[0]!.sizes.map((s, n) =>
        n === axis ? inputs.reduce((sum, x) => sum + x.sizes[axis]!, 0) : s,
      );
      const data = m.allocate(countOf(sizes));
      const strides = stridesOf(sizes);
      placeAll(inputs, data, strides, axis);
      return { sizes, data };
    },
    vjp(b, dy, node) {
      const { axis } = node.attributes;
      let start: Size = 0;
      return node.inputs.map((x) => {
        const part = b.slice(dy, axis, start, sizeAt(x.shape, axis));
        start = addSizes(start, sizeAt(x.shape, axis));
        return part;
      });
    },
  },
};

function placeAll<T>(
  inputs: readonly Tensor<T>[],
  data: Tensor<T>["data"],
  strides: readonly number[],
  axis: number,
): void {
  let at = 0;
  for (const x of inputs) {
    place(x, data, strides, at * strides[axis]!);
    at += x.sizes[axis]!;
  }
}
