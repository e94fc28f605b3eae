/**
 * What a `repeat` carries → its mean square before the first turn and after each, let out like probes.
 *
 * ```
 * repeat layers { x = x + f(x) }      norm.layers.x@before [], norm.layers.x [layer=12]
 * ```
 * Every model has them, whatever it calls its residual stream, and its text stays as it is.
 */
import type { Builder } from "../builder.js";
import type { Node, Output } from "../graph.js";
import { elementCount } from "../shape.js";
import type { Emission } from "./paths.js";
import type { Env } from "./session.js";
import type { Value } from "./values.js";

/** The names of outputs that hold such norms start with this. */
export const normPrefix = "norm.";
const before = "@before";

/** One emission for each tensor of real numbers among `values`; none where nobody asked for norms. */
export function normEmissions(
  env: Env,
  place: string,
  values: Iterable<readonly [string, Value]>,
  when: "before" | "after",
): readonly Emission[] {
  if (!env.session.norms) return [];
  return [...values].flatMap(([name, value]) => {
    if (value.kind !== "tensor" || value.node.dtype !== "f32") return [];
    const node = meanSquare(env.session.builder, value.node); // []
    const suffix = when === "before" ? before : "";
    return [{ kind: "probe", name: `${normPrefix}${place}.${name}${suffix}`, nodes: [node], batched: false }];
  });
}

function meanSquare(b: Builder, x: Node): Node {
  const axes = x.shape.map((_, axis) => axis);
  return b.div(b.sum(b.mul(x, x), axes), b.length(elementCount(x.shape), "f32")); // []
}

/** A block that is used twice has its loops at one place: the second and later ones are numbered. */
export function distinctNorms(outputs: readonly Output[]): readonly Output[] {
  const seen = new Map<string, number>();
  return outputs.map((output) => {
    const count = (seen.get(output.name) ?? 0) + 1;
    seen.set(output.name, count);
    if (count === 1 || !output.name.startsWith(normPrefix)) return output;
    return { ...output, name: numbered(output.name, count) };
  });
}

/** `norm.layers.x@before`, 2 → `norm.layers.x_2@before`. */
const numbered = (name: string, count: number): string =>
  name.endsWith(before) ? `${name.slice(0, -before.length)}_${count}${before}` : `${name}_${count}`;
