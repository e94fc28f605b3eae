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
import { anonymous, sizeOf } from "./lengths.js";
import { evaluate, evaluateCondition } from "./meaning.js";
import { join } from "./paths.js";
import { bind } from "./scope.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";
import type { AxisLabel, TensorValue } from "./values.js";
import { describe, tensor } from "./values.js";

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
  const init = initializer(env, statement, shape);
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
  if (known) throw new Error(`internal: parameter ${path} is declared twice`);
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

const ARGUMENTS: Readonly<Record<Initializer["kind"], readonly string[]>> = {
  zeros: [],
  ones: [],
  constant: ["value"],
  normal: ["deviation", "mean"],
  uniform: ["low", "high"],
  xavier_uniform: ["fan_in", "fan_out"],
  xavier_normal: ["fan_in", "fan_out"],
  he_normal: ["fan_in", "fan_out"],
};
const isKind = (name: string): name is Initializer["kind"] => Object.hasOwn(ARGUMENTS, name);

/** Where nothing is written: N(0, 0.02²) from two axes on, zeros below. */
function initializer(env: Env, { init }: ParamStatement, shape: Shape): Initializer {
  if (!init) return shape.length >= 2 ? { kind: "normal", deviation: 0.02, mean: 0 } : { kind: "zeros" };
  const name = init.kind === "call" ? init.callee : init;
  if (name.kind !== "name" || !isKind(name.text))
    return fail(
      env,
      name.kind === "name" ? "TFM2001" : "TFM2006",
      init.span,
      "This is not a way to start a parameter.",
      {
        hint: `They are ${Object.keys(ARGUMENTS).join(", ")}.`,
        ...(name.kind === "name" ? suggest(name.text, Object.keys(ARGUMENTS), name.span) : {}),
      },
    );
  return makeInitializer(env, name.text, initArguments(env, init, name.text), shape, init.span);
}

function initArguments(env: Env, init: Expression, kind: Initializer["kind"]): ReadonlyMap<string, number> {
  const names = ARGUMENTS[kind];
  const given = new Map<string, number>();
  if (init.kind !== "call") return given;
  init.arguments.forEach(({ name, value: expression, span }, n) => {
    const key = name?.text ?? names[n];
    if (key === undefined || !names.includes(key))
      fail(
        env,
        "TFM2002",
        name?.span ?? span,
        `\`${kind}\` has no argument ${name ? `\`${name.text}\`` : `number ${n + 1}`}.`,
        {
          hint: names.length ? `It has ${names.join(", ")}.` : "It has none.",
          ...(name ? suggest(name.text, names, name.span) : {}),
        },
      );
    const value = evaluate(env, expression);
    if (value.kind !== "number")
      fail(env, "TFM2006", expression.span, `A number is wanted here, and this is ${describe(value)}.`);
    given.set(key, value.value);
  });
  return given;
}

function makeInitializer(
  env: Env,
  kind: Initializer["kind"],
  given: ReadonlyMap<string, number>,
  shape: Shape,
  span: Span,
): Initializer {
  const need = (name: string): number =>
    given.get(name) ?? fail(env, "TFM2003", span, `\`${kind}\` needs \`${name}\`.`);
  switch (kind) {
    case "zeros":
    case "ones":
      return { kind };
    case "constant":
      return { kind, value: need("value") };
    case "normal":
      return { kind, deviation: need("deviation"), mean: given.get("mean") ?? 0 };
    case "uniform":
      return { kind, low: need("low"), high: need("high") };
    case "xavier_uniform":
    case "xavier_normal":
    case "he_normal": {
      // Unless said otherwise the first axis is summed over, the others are what comes out.
      const sizes = shape.map(({ size }) => size as number);
      const rest = sizes.slice(1).reduce((a, b) => a * b, 1);
      return { kind, fanIn: given.get("fan_in") ?? sizes[0] ?? 1, fanOut: given.get("fan_out") ?? rest };
    }
    default:
      throw new Error(`internal: initializer ${kind satisfies never}`);
  }
}
