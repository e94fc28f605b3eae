/**
 * Initial values: `normal(0.02)` is a value that a knob may hold, `0.5 * xavier_normal` the same at half the width; a
 * parameter's shape makes it an Initializer.
 *
 * ```
 * param w[64, 256] ~ 0.5 * xavier_normal      N(0, (0.5 · sqrt(2 / (64 + 256)))²)
 * ```
 */
import type { Expression, Span } from "../../parser/model.js";
import type { Initializer, Shape } from "../graph.js";
import type { Argument } from "./arguments.js";
import { evaluate } from "./meaning.js";
import { lookup } from "./scope.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";
import type { InitializerValue, Value } from "./values.js";
import { describe } from "./values.js";

const ARGUMENTS: Readonly<Record<Initializer["kind"], readonly string[]>> = {
  zeros: [],
  ones: [],
  constant: ["value"],
  normal: ["deviation", "mean"],
  uniform: ["low", "high"],
  sinusoids: ["base"],
  xavier_uniform: ["fan_in", "fan_out"],
  xavier_normal: ["fan_in", "fan_out"],
  he_normal: ["fan_in", "fan_out"],
};
export const initializerNames = Object.keys(ARGUMENTS) as readonly Initializer["kind"][];
const isKind = (name: string): name is Initializer["kind"] => Object.hasOwn(ARGUMENTS, name);

export const initializerValue = (name: Initializer["kind"]): InitializerValue => ({
  kind: "initializer",
  name,
  given: new Map(),
  gain: 1,
});

export const acceptsArgument = (x: InitializerValue, name: string): boolean =>
  ARGUMENTS[x.name].includes(name);

/** `normal(0.02)`, `xavier_uniform(fan_out: 64)`: the arguments that say how wide. */
export function callInitializer(
  env: Env,
  x: InitializerValue,
  args: readonly Argument[],
  span: Span,
): InitializerValue {
  const names = ARGUMENTS[x.name];
  const given = new Map(x.given);
  args.forEach(({ name, nameSpan, value, span: at }, n) => {
    const key = name ?? names[n];
    if (key === undefined || !names.includes(key))
      fail(
        env,
        "TFM2002",
        nameSpan ?? at,
        `\`${x.name}\` has no argument ${name ? `\`${name}\`` : `number ${n + 1}`}.`,
        {
          hint: names.length ? `It has ${names.join(", ")}.` : "It has none.",
          ...(name ? suggest(name, names, nameSpan!) : {}),
        },
      );
    if (value.kind !== "number")
      fail(env, "TFM2006", at, `A number is wanted here, and this is ${describe(value)}.`);
    given.set(key, value.value);
  });
  const needed = NEEDED[x.name].find((name) => !given.has(name));
  if (needed) fail(env, "TFM2003", span, `\`${x.name}\` needs \`${needed}\`.`);
  return { ...x, given };
}

const NEEDED: Readonly<Record<Initializer["kind"], readonly string[]>> = {
  zeros: [],
  ones: [],
  constant: ["value"],
  normal: ["deviation"],
  uniform: ["low", "high"],
  sinusoids: [],
  xavier_uniform: [],
  xavier_normal: [],
  he_normal: [],
};

/** Where nothing is written: N(0, 0.02²) from two axes on, zeros below. */
export function initializer(env: Env, init: Expression | undefined, shape: Shape): Initializer {
  if (!init) return shape.length >= 2 ? { kind: "normal", deviation: 0.02, mean: 0 } : { kind: "zeros" };
  const value = wayToStart(env, init);
  if (value.kind !== "initializer")
    return fail(env, "TFM2006", init.span, "This is not a way to start a parameter.", {
      hint: `They are ${initializerNames.join(", ")}.`,
    });
  const needed = NEEDED[value.name].find((name) => !value.given.has(name));
  if (needed) fail(env, "TFM2003", init.span, `\`${value.name}\` needs \`${needed}\`.`);
  return resolved(value, shape);
}

/** An own variable called `normal` does not stand in the way of the initial values of that name. */
function wayToStart(env: Env, init: Expression): Value {
  const name = init.kind === "call" ? init.callee : init;
  if (name.kind !== "name") return evaluate(env, init);
  const known = lookup(env.scope, name.text)?.value;
  if (known?.kind !== "initializer" && isKind(name.text)) {
    const args = (init.kind === "call" ? init.arguments : []).map(
      ({ name: key, value, span }): Argument => ({
        name: key?.text,
        nameSpan: key?.span,
        value: evaluate(env, value),
        span: key ? value.span : span,
      }),
    );
    return callInitializer(env, initializerValue(name.text), args, init.span);
  }
  if (known) return evaluate(env, init);
  return fail(env, "TFM2001", init.span, "This is not a way to start a parameter.", {
    hint: `They are ${initializerNames.join(", ")}.`,
    ...suggest(name.text, initializerNames, name.span),
  });
}

/** Unless said otherwise the first axis is summed over, the others are what comes out. */
function fans(
  { given }: InitializerValue,
  shape: Shape,
): { readonly fanIn: number; readonly fanOut: number } {
  const sizes = shape.map(({ size }) => size as number);
  const rest = sizes.slice(1).reduce((a, b) => a * b, 1);
  return { fanIn: given.get("fan_in") ?? sizes[0] ?? 1, fanOut: given.get("fan_out") ?? rest };
}

const normal = (deviation: number, mean = 0): Initializer => ({ kind: "normal", deviation, mean });

/** With a gain the values are the same ones, that many times as large. */
function resolved(value: InitializerValue, shape: Shape): Initializer {
  const { name, given, gain } = value;
  const at = (key: string): number => given.get(key) ?? 0;
  switch (name) {
    case "zeros":
      return { kind: name };
    case "ones":
      return gain === 1 ? { kind: name } : { kind: "constant", value: gain };
    case "constant":
      return { kind: name, value: gain * at("value") };
    case "normal":
      return normal(Math.abs(gain) * at("deviation"), gain * at("mean"));
    case "uniform": {
      const [a, b] = [gain * at("low"), gain * at("high")];
      return { kind: name, low: Math.min(a, b), high: Math.max(a, b) };
    }
    case "sinusoids":
      return {
        kind: name,
        base: given.get("base") ?? 10000,
        width: (shape.at(-1)?.size as number | undefined) ?? 1,
        gain,
      };
    case "xavier_uniform":
    case "xavier_normal":
    case "he_normal":
      return fanned(name, Math.abs(gain), fans(value, shape));
    default:
      throw new Error(`internal: initializer ${name satisfies never}`);
  }
}

function fanned(
  kind: "xavier_uniform" | "xavier_normal" | "he_normal",
  gain: number,
  { fanIn, fanOut }: { readonly fanIn: number; readonly fanOut: number },
): Initializer {
  if (gain === 1) return { kind, fanIn, fanOut };
  if (kind === "he_normal") return normal(gain * Math.sqrt(2 / fanIn));
  if (kind === "xavier_normal") return normal(gain * Math.sqrt(2 / (fanIn + fanOut)));
  const limit = gain * Math.sqrt(6 / (fanIn + fanOut));
  return { kind: "uniform", low: -limit, high: limit };
}
