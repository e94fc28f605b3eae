/**
 * Built-in functions: scalar maps, and the few that no formula can say.
 *
 * ```
 * sqrt(16)          number 4                      next(tokens)     input "tokens.next"
 * exp(x)            exp(%x)                       random(x)        uniform draws in the shape of x
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { DerivedInput, DType, Node } from "../graph.js";
import { roundEven } from "../numbers/f64.js";
import type { UnaryMap } from "../vocabulary.js";
import { concat, pad } from "./along-axis.js";
import { join, take } from "./paths.js";
import { outsideName } from "./renames.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import { lift, toIndexed } from "./tensors.js";
import type { Value } from "./values.js";
import { describe, innerShape, number } from "./values.js";
import { wholeBatch } from "./whole-batch.js";

export interface BuiltinCall {
  readonly name: string;
  readonly values: readonly Value[];
  readonly spans: readonly Span[];
  /** Arguments that were given by name. */
  readonly named: ReadonlyMap<string, { readonly value: Value; readonly span: Span }>;
  readonly span: Span;
}

export type Builtin = (env: Env, call: BuiltinCall) => Value;

/** The names of arguments that a built-in function takes by name. */
export const namedArguments: Readonly<Record<string, readonly string[]>> = {
  concat: ["axis"],
  pad: ["before", "after", "axis"],
};

const map =
  (op: UnaryMap, exact: ((x: number) => number) | undefined, want: "f32" | "same" = "f32"): Builtin =>
  (env, call) => {
    arity(env, call, 1);
    const [x] = call.values as [Value];
    if (x.kind === "number" && exact) return finite(env, exact(x.value), call.span);
    return lift(env, { ...call, wants: [want] }, ([node]) => env.session.builder[op](node!));
  };

const pair =
  (
    op: "min" | "max" | "pow" | "straight_through",
    exact: (x: number, y: number) => number,
    want: "f32" | "same",
  ): Builtin =>
  (env, call) => {
    arity(env, call, 2);
    const [x, y] = call.values as [Value, Value];
    if (x.kind === "number" && y.kind === "number") return finite(env, exact(x.value, y.value), call.span);
    return lift(env, { ...call, wants: [want, want] }, ([a, b]) => env.session.builder[op](a!, b!));
  };

function arity(env: Env, { name, values, span }: BuiltinCall, count: number): void {
  if (values.length < count)
    fail(env, "TFM2003", span, `\`${name}\` takes ${count} arguments, and here are ${values.length}.`);
  if (values.length > count)
    fail(env, "TFM2002", span, `\`${name}\` takes ${count} arguments, and here are ${values.length}.`);
}

function finite(env: Env, value: number, span: Span): Value {
  if (Number.isFinite(value)) return number(value);
  return fail(env, "TFM2006", span, "The result is not a finite number.");
}

/** `next(x)`, `valid(x)`, `original(x)`, `marks(x)`: an input that the host makes of the input x; see DerivedInput. */
const derived =
  (how: DerivedInput["how"], dtype: DType): Builtin =>
  (env, call) => {
    arity(env, call, 1);
    const [x] = call.values as [Value];
    const node = x.kind === "tensor" ? x.node : undefined;
    const isInput = node?.op === "input" && node.attributes.kind === "input";
    if (x.kind !== "tensor" || !isInput || (how !== "valid" && node.dtype !== "i32"))
      return fail(
        env,
        "TFM2006",
        call.spans[0]!,
        `\`${how}\` takes an ${how === "valid" ? "" : "integer "}input of the model, and this is ${describe(x)}.`,
      );
    const { inputs, builder } = env.session;
    const source = inputs.find(({ name }) => name === node.attributes.name)!;
    const name = outsideName(env, source.name, call.span, how);
    const bound = how === "valid" || how === "marks" ? undefined : source.bound;
    if (!inputs.some((input) => input.name === name))
      inputs.push({ ...source, name, dtype, bound, derived: { how, of: source.name } });
    return { ...x, node: builder.input("input", name, source.shape, dtype) };
  };

/** 0, 1, 2, … along an axis of x, the first one where none is said: `positions(x)`, `positions(x, 1)`. */
function positions(env: Env, call: BuiltinCall): Value {
  arity(env, call, Math.max(1, Math.min(2, call.values.length)));
  const [x, which] = call.values as [Value, Value | undefined];
  const number = which === undefined ? 0 : which.kind === "number" ? which.value : -1;
  const axis = x.kind === "tensor" ? innerShape(x)[number] : undefined;
  if (x.kind !== "tensor" || !axis)
    return fail(
      env,
      "TFM2006",
      call.spans[0]!,
      `\`positions\` takes a tensor and the number of one of its axes, and this is ${describe(x)}.`,
    );
  return {
    kind: "tensor",
    node: env.session.builder.iota([axis], 0),
    batched: false,
    axes: x.axes.slice(number, number + 1),
  };
}

/** How many items a list has. */
function count(env: Env, call: BuiltinCall): Value {
  arity(env, call, 1);
  const [x] = call.values as [Value];
  if (x.kind === "list") return number(x.items.length);
  return fail(env, "TFM2006", call.spans[0]!, `\`count\` takes a list, and this is ${describe(x)}.`);
}

/** Uniform in [0, 1), in the shape of x; every textual place draws its own. */
function random(env: Env, call: BuiltinCall): Value {
  arity(env, call, 1);
  const [x] = call.values as [Value];
  const value = x.kind === "tensor" ? x : toIndexed(env, x, call.span);
  const b = env.session.builder;
  const scalar = (name: string): Node => b.input("scalar", name, [], "i32");
  const path = join(env.path.path, take(env.path, "random"));
  const inputs = [scalar("seed"), scalar("step"), env.turn ?? b.const(0, "i32")];
  return { ...value, node: b.make("random", inputs, { path, shape: value.node.shape }) as Node };
}

/** Uniform in [0, 1) by whole numbers: `draw(seed, i, j)` is the same on every device and in every run. */
function draw(env: Env, call: BuiltinCall): Value {
  const { builder: b } = env.session;
  if (call.values.length < 2)
    fail(env, "TFM2003", call.span, "`draw` takes a seed and at least one more whole number.", {
      hint: "Of the same numbers it is the same: `table r[n, d](i, c) = draw(7, i, c)`.",
    });
  call.values.forEach((value, n) => {
    const real = value.kind === "number" ? !Number.isInteger(value.value) : isReal(value);
    if (real)
      fail(env, "TFM2006", call.spans[n]!, "`draw` takes whole numbers.", {
        hint: "`integer(x)` makes one.",
      });
  });
  return lift(env, { ...call, wants: call.values.map(() => "i32") }, (nodes) => {
    const bits = nodes.slice(1).reduce((x, y) => b.hash(x, y), nodes[0]!);
    const high = b.mod(b.floordiv(bits, b.const(256, "i32")), b.const(2 ** 24, "i32"));
    return b.mul(b.to_f32(high), b.const(2 ** -24, "f32"));
  });
}

const isReal = (value: Value): boolean =>
  (value.kind === "tensor" || value.kind === "indexed") && value.node.dtype !== "i32";

export const builtins: Readonly<Record<string, Builtin>> = {
  exp: map("exp", Math.exp),
  log: map("log", Math.log),
  sqrt: map("sqrt", Math.sqrt),
  rsqrt: map("rsqrt", (x) => 1 / Math.sqrt(x)),
  tanh: map("tanh", Math.tanh),
  erf: map("erf", undefined),
  sigmoid: map("sigmoid", (x) => 1 / (1 + Math.exp(-x))),
  sin: map("sin", Math.sin),
  cos: map("cos", Math.cos),
  abs: map("abs", Math.abs, "same"),
  floor: map("floor", Math.floor),
  round: map("round", roundEven),
  stop_gradient: map("stop_gradient", (x) => x, "same"),
  min: pair("min", Math.min, "same"),
  max: pair("max", Math.max, "same"),
  straight_through: pair("straight_through", (value) => value, "f32"),
  pow: pair("pow", (x, y) => x ** y, "f32"),
  next: derived("next", "i32"),
  valid: derived("valid", "bool"),
  original: derived("original", "i32"),
  marks: derived("marks", "i32"),
  whole_batch: wholeBatch,
  positions,
  random,
  count,
  draw,
  concat,
  pad,
  integer: map("to_i32", Math.trunc, "same"),
  // Takes named arguments: calls.ts hands it to functions.ts.
  offer: (env, { span }) =>
    fail(env, "TFM2003", span, "`offer` takes a function and named arguments for it."),
};
