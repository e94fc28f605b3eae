/**
 * An axis read at sums of strided indices: windows, without a gather.
 *
 * ```
 * x[i + k]          spread over k, window stride=1 dilation=1        labels [i, k]
 * x[2*i + 3*k - 1]  pad one zero before, the same with 2 and 3       labels [i, k]
 * x[3*i + 1]        slice, windows of width 1, reshape               labels [i]
 * ```
 */
import type { Axis, Node } from "../graph.js";
import type { Size } from "../shape.js";
import { addSizes, mulSizes, subSizes } from "../shape.js";
import type { Affine } from "./affine.js";
import { insert, replaceAt, shift } from "./axis-layout.js";
import { axisOf } from "./labels.js";
import type { Env } from "./session.js";

interface Step {
  readonly label: string;
  readonly axis: Axis;
  readonly factor: number;
}

/** Undefined where it is no sum of one or two indices with positive factors. */
export function readWindow(
  env: Env,
  node: Node,
  axis: number,
  affine: Affine,
): { node: Node; labels: readonly string[] } | undefined {
  if (affine.kind !== "sum" || affine.terms.length === 0 || affine.terms.length > 2) return undefined;
  const steps = affine.terms.flatMap(({ factor, atom }): Step[] =>
    typeof atom === "string" && factor > 0 ? [{ label: atom, axis: axisOf(env, atom), factor }] : [],
  );
  if (steps.length < affine.terms.length) return undefined;
  const b = env.session.builder;
  const [outer, inner = { label: undefined, axis: { name: "width", size: 1 }, factor: 1 }] =
    longestFirst(steps);
  const last = (size: Size, factor: number): Size => mulSizes(subSizes(size, 1), factor);
  const length = addSizes(
    addSizes(last(outer!.axis.size, outer!.factor), last(inner.axis.size, inner.factor)),
    1,
  );
  const read = shift(env, node, axis, affine.constant, { name: node.shape[axis]!.name, size: length });
  const windows = b.window(insert(env, read, axis + 1, inner.axis), {
    axis,
    along: axis + 1,
    stride: outer!.factor,
    dilation: inner.factor,
    size: outer!.axis.size,
  });
  if (inner.label !== undefined) return { node: windows, labels: [outer!.label, inner.label] };
  return { node: b.reshape(windows, replaceAt(windows.shape, axis + 1, [])), labels: [outer!.label] };
}

/** Windows are many and narrow: a length, or the larger number, counts them. */
function longestFirst(steps: readonly Step[]): readonly Step[] {
  const length = ({ axis }: Step): number =>
    typeof axis.size === "number" ? axis.size : Number.POSITIVE_INFINITY;
  return [...steps].sort((a, b) => (length(a) === length(b) ? 0 : length(b) - length(a)));
}
