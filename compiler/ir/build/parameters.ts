/**
 * `param` statements → parameter leaves with their path names and how they start.
 *
 * ```
 * param wq[d, heads, head_dim] ~ normal(0.02)
 *   input.parameter "attention.wq" : f32 [d=64, heads=4, head_dim=16], decays, N(0, 0.02²)
 * ```
 */
import type { Expression, ParamStatement, Span } from "../../parser/model.js";
import type { Initializer, Shape } from "../graph.js";
import { absent } from "./arithmetic.js";
import { initializer } from "./initializers.js";
import { anonymous, sizeOf } from "./lengths.js";
import { evaluate, evaluateCondition } from "./meaning.js";
import { join } from "./paths.js";
import { bind } from "./scope.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { AxisLabel, TensorValue } from "./values.js";
import { tensor } from "./values.js";

export const MAX_PARAMETERS = 2 ** 40;

export function declareParameters(env: Env, statement: ParamStatement): void {
  const present = statement.condition === undefined || evaluateCondition(env, statement.condition);
  for (const { name, sizes, span } of statement.entries) {
    const known = env.scope.names.get(name.text);
    if (known)
      fail(env, "TFM2004", name.span, `\`${name.text}\` is defined already.`, {
        related: known.span ? [{ message: "it is defined here", span: known.span }] : [],
      });
    const value = present ? declare(env, statement, name.text, sizes, span) : absent(name.text, name.span);
    bind(env.scope, name.text, value, name.span, "parameter");
  }
}

function declare(
  env: Env,
  statement: ParamStatement,
  name: string,
  sizes: readonly Expression[],
  span: Span,
): TensorValue {
  const labels: AxisLabel[] = [];
  const shape: Shape = sizes.map((expression) => {
    const value = evaluate(env, expression);
    const size = sizeOf(env, value, expression, false);
    const text = expression.kind === "name" ? expression.text : anonymous(size);
    const origin = (value.kind === "number" ? value.origin : undefined) ?? {
      text: String(size),
      span: expression.span,
    };
    labels.push({ name: text, origin });
    return { name: text, size };
  });
  const count = shape.reduce((product, { size }) => product * (size as number), 1);
  if (count > MAX_PARAMETERS)
    fail(env, "TFM4001", span, `\`${name}\` would have ${count} elements; the limit is ${MAX_PARAMETERS}.`);
  const init = initializer(env, statement.init, shape);
  const path = join(env.path.path, name);
  const frame = env.path.region;
  const known = frame.parameters.get(path);
  if (known && env.path.reuses) {
    if (JSON.stringify(known.shape) !== JSON.stringify(shape))
      fail(env, "TFM3002", span, `The shared parameter \`${path}\` would have two shapes.`, {
        related: [{ message: "the first use is declared here", span: known.span }],
      });
    return tensor(known.node, false, labels);
  }
  if (known)
    fail(env, "TFM2004", span, `Two parameters here are called \`${path}\`.`, {
      related: [{ message: "the first is declared here", span: known.span }],
      hint: "`as _` gives a block's parameters the names of its caller's; call one of the two `as` something else.",
    });
  const b = env.session.builder;
  const node = frame.outer
    ? b.input("slice", sliceName(frame.id, path), shape, "f32")
    : b.input("parameter", path, shape, "f32");
  // Biases and gains, of whatever rank, start as a constant.
  const decay = statement.decay ?? (shape.length >= 2 && !CONSTANT.has(init.kind));
  frame.parameters.set(path, {
    path,
    shape,
    init,
    frozen: statement.frozen,
    decay,
    span,
    node,
    order: env.session.counters.parameters++,
  });
  return tensor(node, false, labels);
}

const CONSTANT: ReadonlySet<Initializer["kind"]> = new Set<Initializer["kind"]>([
  "zeros",
  "ones",
  "constant",
]);

/** The name of a parameter inside its `repeat` until the region is closed. */
export const sliceName = (region: number, path: string): string => `${region}:${path}`;
