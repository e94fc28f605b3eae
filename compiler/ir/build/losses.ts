/**
 * `loss` statements → sums and counts over the batch.
 *
 * ```
 * loss cross_entropy(logits, next(tokens))     loss.sum = Σ over batch of the first value, loss.count of the second
 * loss 0.01 * balance(x)                       adds 0.01 of its mean
 * ```
 */
import type { Expression, Span } from "../../parser/model.js";
import type { Node } from "../graph.js";
import { coerce } from "./labels.js";
import { evaluate } from "./meaning.js";
import type { Emission } from "./paths.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { Value } from "./values.js";
import { describe, innerShape } from "./values.js";

export function emitLoss(env: Env, expression: Expression): void {
  if (env.place !== "model") fail(env, "TFM2006", expression.span, "Losses belong in the model.");
  const b = env.session.builder;
  const { value, weight } = weighted(env, expression);
  const items = value.kind === "list" ? value.items : [value];
  if (items.length > 2) fail(env, "TFM2006", expression.span, "A loss is one number, or a sum and a count.");
  const [sum, count] = items.map((item) => total(env, item, expression.span));
  const scaled = weight === 1 ? sum!.node : b.mul(sum!.node, b.const(weight, "f32"));
  const examples = sum!.batched ? b.length([[1, "B"]], "f32") : b.const(1, "f32");
  env.region.emissions.push({
    kind: "loss",
    name: "loss",
    nodes: [scaled, count?.node ?? examples],
    batched: false,
  });
}

/** `0.5 * f(…)`: the weight stands in front, for a loss may be a pair. */
function weighted(env: Env, x: Expression): { readonly value: Value; readonly weight: number } {
  if (x.kind !== "binary" || x.operator !== "*") return { value: evaluate(env, x), weight: 1 };
  const left = weighted(env, x.left);
  const right = weighted(env, x.right);
  if (left.value.kind === "number")
    return { value: right.value, weight: left.value.value * left.weight * right.weight };
  if (right.value.kind === "number")
    return { value: left.value, weight: right.value.value * left.weight * right.weight };
  return fail(env, "TFM2006", x.span, "A loss is weighted by a number: `loss 0.5 * cross_entropy(…)`.");
}

/** One number for the whole batch. */
function total(env: Env, value: Value, span: Span): { readonly node: Node; readonly batched: boolean } {
  const b = env.session.builder;
  if (value.kind === "number") return { node: b.const(value.value, "f32"), batched: false };
  if (value.kind !== "tensor")
    return fail(env, "TFM2006", span, `A loss is a number per example, and this is ${describe(value)}.`);
  if (innerShape(value).length > 0)
    return fail(env, "TFM3003", span, "A loss is one number per example; reduce it first.", {
      hint: "For example `mean[i](…)`.",
    });
  const node = coerce(env, value.node, "f32");
  return value.batched ? { node: b.sum(node, [0]), batched: true } : { node, batched: false };
}

/** All losses of a model as one sum over one count: Σ wₖ·meanₖ = (Σ sₖ·c₁/cₖ) / c₁. */
export function combineLosses(
  env: Env,
  losses: readonly Emission[],
): { readonly sum: Node; readonly count: Node } | undefined {
  const b = env.session.builder;
  const [first, ...rest] = losses;
  if (!first) return undefined;
  const count = first.nodes[1]!;
  const sum = rest.reduce((acc, { nodes }) => {
    const [s, c] = nodes as readonly [Node, Node];
    return b.add(acc, c === count ? s : b.mul(s, b.div(count, b.max(c, b.const(1, "f32")))));
  }, first.nodes[0]!);
  return { sum, count };
}
