/**
 * What enters a graph from outside: inputs of the model, tables that the host fills, states of an optimizer.
 *
 * ```
 * input tokens[t <= context] : int(vocab)      input.input "tokens" : i32 [batch=B, t=T]; T at most 128
 * table angle[t, half](i, c) = …               table "angle…" : f32 [t=128, half=8], then a slice of T rows
 * ```
 */
import type { Expression, InputStatement, Span, TableStatement } from "../../parser/model.js";
import type { Node, Shape } from "../graph.js";
import type { Size } from "../shape.js";
import { sizeText, symbolsIn } from "../shape.js";
import { batchAxis, coerce } from "./labels.js";
import { anonymous, boundLength, largest, newLength, sizeOf, wholeNumber } from "./lengths.js";
import { evaluate } from "./meaning.js";
import { outsideName } from "./renames.js";
import { bind, createScope, lookup } from "./scope.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { AxisLabel, TensorValue, Value } from "./values.js";
import { tensor } from "./values.js";

export function define(env: Env, name: string, span: Span, value: Value): void {
  const known = env.scope.names.get(name);
  if (known && known.value.kind !== "poison")
    fail(env, "TFM2004", span, `\`${name}\` is defined already.`, {
      related: known.span ? [{ message: "it is defined here", span: known.span }] : [],
    });
  bind(env.scope, name, value, span);
}

export function declareInput(env: Env, s: InputStatement): void {
  if (env.place !== "model")
    fail(env, "TFM2006", s.span, "Inputs belong in the model; a block has parameters.");
  const axes = s.axes.map((axis) => inputAxis(env, axis));
  const shape: Shape = [batchAxis, ...axes.map(({ name, size }) => ({ name, size }))];
  const bound = s.bound && wholeNumber(env, evaluate(env, s.bound), s.bound.span, "The bound of an input");
  const dtype = s.element === "int" ? "i32" : s.element === "real" ? "f32" : "bool";
  const name = outsideName(env, s.name.text, s.span);
  const node = env.session.builder.input("input", name, shape, dtype);
  env.session.inputs.push({ name, shape, dtype, bound, derived: undefined });
  define(
    env,
    s.name.text,
    s.name.span,
    tensor(
      node,
      true,
      axes.map(({ label }) => label),
    ),
  );
}

export function inputAxis(
  env: Env,
  axis: Expression,
): { readonly name: string; readonly size: Size; readonly label: AxisLabel } {
  const limited = axis.kind === "binary" && axis.operator === "<=" ? axis : undefined;
  const name = limited ? limited.left : axis;
  if (name.kind === "name" && (limited || !lookup(env.scope, name.text))) {
    const size = env.scope.names.has(name.text)
      ? sizeOf(env, evaluate(env, name), name, true)
      : newLength(env.session, name.text);
    const origin = { text: name.text, span: name.span };
    if (limited) {
      const maximum = wholeNumber(
        env,
        evaluate(env, limited.right),
        limited.right.span,
        "The bound of a length",
      );
      for (const length of symbolsIn(size)) boundLength(env.session, length, maximum);
    }
    if (!env.scope.names.has(name.text))
      bind(env.scope, name.text, { kind: "size", size, origin }, name.span, "size");
    return { name: name.text, size, label: { name: name.text, origin } };
  }
  const value = evaluate(env, axis);
  const size = sizeOf(env, value, axis, true);
  const text = axis.kind === "name" ? axis.text : anonymous(size);
  const named = value.kind === "number" || value.kind === "size" ? value.origin : undefined;
  return {
    name: text,
    size,
    label: { name: text, origin: named ?? { text: sizeText(size), span: axis.span } },
  };
}

export function declareTable(env: Env, s: TableStatement): void {
  const b = env.session.builder;
  const sizes = s.sizes.map((x) => ({ expression: x, size: sizeOf(env, evaluate(env, x), x, true) }));
  const full: Shape = sizes.map(({ expression, size }) => ({
    name: expression.kind === "name" ? expression.text : "n",
    size: largest(env.session, size),
  }));
  if (s.indices.length !== full.length)
    fail(
      env,
      "TFM3003",
      s.span,
      `The table has ${full.length} axes and its formula has ${s.indices.length} indices.`,
    );
  const scope = createScope(env.scope, "inner");
  s.indices.forEach((index, n) =>
    bind(scope, index.text, tensor(b.input("fixed", `i${n}`, [], "i32"), false), index.span),
  );
  const value = evaluate({ ...env, scope, index: undefined }, s.value);
  const scalar =
    value.kind === "number"
      ? b.const(value.value, "f32")
      : value.kind === "tensor" && value.node.shape.length === 0
        ? coerce(env, value.node, "f32")
        : undefined;
  if (!scalar)
    fail(
      env,
      "TFM2006",
      s.value.span,
      "A table's formula is a number made of its indices and compile-time values.",
    );
  const name = `${s.name.text}.${scalar.key.slice(0, 12)}`;
  const table: Node = b.make("table", [], {
    name,
    shape: full,
    formula: { name, outputs: [{ name: "value", node: scalar }] },
  }) as Node;
  const cut = sizes.reduce(
    (node, { size }, n) => (typeof size === "number" ? node : b.slice(node, n, 0, size)),
    table,
  );
  define(
    env,
    s.name.text,
    s.name.span,
    tensor(
      cut,
      false,
      full.map((axis) => ({ name: axis.name })),
    ),
  );
}

/** Names that no source can spell: the parameter that states resemble, and the states as they are supplied. */
export const LIKE = "state *";
export const stateName = (name: string): string => `state ${name}`;

/** Inside an optimizer: a value in the parameter's shape that outlives the step. */
export function declareState(env: Env, name: string, expression: Expression, span: Span): void {
  if (env.place !== "optimizer" || !env.states)
    fail(env, "TFM2006", span, "`state` belongs in an optimizer's block.");
  const initial = evaluate(env, expression);
  if (initial.kind !== "number") fail(env, "TFM2006", expression.span, "A state starts as a number.");
  env.states.set(name, { name, initial: initial.value });
  const like = lookup(env.scope, LIKE)?.value as TensorValue;
  const node = env.session.builder.input("state", name, like.node.shape, "f32");
  const given = lookup(env.scope, stateName(name))?.value ?? { ...like, node };
  bind(env.scope, name, given, span, "state");
}
