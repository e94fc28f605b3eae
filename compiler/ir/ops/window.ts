/**
 * Windows of an axis: what a convolution reads, and where its gradient goes.
 *
 * ```
 * x [t=7] spread over [t=7, k=3], window axis=0 along=1 stride=2 dilation=1 size=3
 *   y[i, k] = x[2i + k]:   0 1 2
 *                          2 3 4
 *                          4 5 6
 * ```
 * For each k the elements of `axis` move by k · dilation; `unwindow` moves them back, with zeros between and around them.
 * Each is the other's adjoint.
 */
import type { Node } from "../graph.js";
import { countOf, place, stridesOf, view } from "../numbers/tensor.js";
import type { Size } from "../shape.js";
import { addSizes, mulSizes, subSizes } from "../shape.js";
import type { Vocabulary } from "../vocabulary.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";
import { isNegative, resized } from "./sizes.js";

type Window = "window" | "unwindow";
type Attributes = Vocabulary[Window];

const attributes = {
  axis: "number",
  along: "number",
  stride: "number",
  dilation: "number",
  size: "size",
} as const;

/** How many elements `count` windows of `width` reach over. */
export const reach = (count: Size, width: Size, { stride, dilation }: Attributes): Size =>
  addSizes(addSizes(mulSizes(subSizes(count, 1), stride), mulSizes(subSizes(width, 1), dilation)), 1);

function demandWindow(op: Window, inputs: readonly Node[], given: Attributes): Node {
  demandCount(op, inputs, 1);
  demandAxis(op, inputs, given.axis);
  demandAxis(op, inputs, given.along);
  const { axis, along, stride, dilation } = given;
  if (axis === along) misuse(op, inputs, "wants two axes");
  for (const step of [stride, dilation])
    if (!Number.isInteger(step) || step < 1) misuse(op, inputs, `${step} is no step`);
  return inputs[0]!;
}

/** Where element (…, i, …, k, …) of windows stands among the elements of `sizes`. */
function windowStrides(sizes: readonly number[], { axis, along, stride, dilation }: Attributes): number[] {
  const strides = stridesOf(sizes);
  const step = strides[axis]!;
  return strides.map((own, n) => (n === axis ? step * stride : n === along ? own + step * dilation : own));
}

export const windows: { readonly [K in Window]: OpRow<K> } = {
  window: {
    kind: "primitive",
    doc: "y[…, i, …, k, …] = x[…, i · stride + k · dilation, …, k, …], k the index of the axis along; its adjoint is unwindow",
    attributes,
    type(inputs, given) {
      const x = demandWindow("window", inputs, given);
      const { axis, along, size } = given;
      const left = subSizes(x.shape[axis]!.size, reach(size, x.shape[along]!.size, given));
      if (isNegative(size) || (isNegative(left) && size !== 0)) misuse("window", inputs, "reaches outside");
      return value(resized(x.shape, axis, size), x.dtype);
    },
    reference(m, [x], { attributes: given }, context) {
      const sizes = x!.sizes.map((own, n) => (n === given.axis ? context.size(given.size) : own));
      return view(m, x!.data, sizes, windowStrides(x!.sizes, given));
    },
    vjp(b, dy, { attributes: given, inputs }) {
      const { size } = inputs[0]!.shape[given.axis]!;
      return [b.make("unwindow", [dy], { ...given, size }) as Node];
    },
  },
  unwindow: {
    kind: "primitive",
    doc: "y[…, i · stride + k · dilation, …, k, …] = x[…, i, …, k, …], 0 elsewhere; its adjoint is window",
    attributes,
    type(inputs, given) {
      const x = demandWindow("unwindow", inputs, given);
      const { axis, along, size } = given;
      const left = subSizes(size, reach(x.shape[axis]!.size, x.shape[along]!.size, given));
      if (isNegative(left) && x.shape[axis]!.size !== 0) misuse("unwindow", inputs, "reaches outside");
      return value(resized(x.shape, axis, size), x.dtype);
    },
    reference(m, [x], { attributes: given }, context) {
      const sizes = x!.sizes.map((own, n) => (n === given.axis ? context.size(given.size) : own));
      const data = m.allocate(countOf(sizes));
      place(x!, data, windowStrides(sizes, given), 0);
      return { sizes, data };
    },
    vjp(b, dy, { attributes: given, inputs }) {
      const { size } = inputs[0]!.shape[given.axis]!;
      return [b.make("window", [dy], { ...given, size }) as Node];
    },
  },
};
