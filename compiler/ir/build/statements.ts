/**
 * Statements, one after the other: each binds names, declares something or lets a value out. A mistake spoils only what
 * its statement defines.
 *
 * ```
 * x = layer_nrom(x)      TFM2001, and x is poison: nothing that follows from it is reported
 * ```
 */
import type {
  AssignStatement,
  Expression,
  InputStatement,
  MatchStatement,
  Span,
  Statement,
  TableStatement,
} from "../../parser/model.js";
import type { Node, Shape } from "../graph.js";
import type { Size } from "../shape.js";
import { sizeText, symbolsIn } from "../shape.js";
import { operate } from "./arithmetic.js";
import { evaluate, evaluateCondition } from "./evaluate.js";
import { createInstance } from "./instances.js";
import { anonymous, boundLength, largest, newLength, sizeOf, wholeNumber } from "./lengths.js";
import { emitLoss } from "./losses.js";
import { declareParameters } from "./parameters.js";
import { runRepeat } from "./repeat.js";
import { assignable, bind, createScope, lookup, lookupInBlock } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop, TurnNeeded } from "./session.js";
import { batchAxis, coerce } from "./tensors.js";
import { evaluateIndexed } from "./terms.js";
import type { AxisLabel, TensorValue, Value } from "./values.js";
import { describe, named, poison, tensor } from "./values.js";
import { assignedNames } from "./walk.js";

/** The value that the body returns; undefined where it returns none. */
export function runBody(env: Env, body: readonly Statement[]): Value | undefined {
  for (const statement of body) {
    const returned = runStatement(env, statement);
    if (returned) return returned;
  }
  return undefined;
}

export function runStatement(env: Env, statement: Statement): Value | undefined {
  try {
    return run(env, statement);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    for (const name of definedNames(statement)) {
      const at = assignable(env.scope, name) ?? env.scope;
      if (!keepsShape(env, statement, name)) bind(at, name, poison);
    }
    return statement.kind === "return" ? poison : undefined;
  }
}

/** What changes a tensor (`x = x + …`) hardly changes its shape: the mistakes after it are worth reporting. */
function keepsShape(env: Env, s: Statement, name: string): boolean {
  if (s.kind !== "assign" && s.kind !== "repeat") return false;
  return lookupInBlock(env.scope, name)?.value.kind === "tensor";
}

function definedNames(s: Statement): readonly string[] {
  switch (s.kind) {
    case "param":
      return s.entries.map(({ name }) => name.text);
    case "state":
    case "table":
    case "input":
    case "use":
    case "output":
    case "probe":
      return [s.name.text];
    case "assign":
      return [s.target.text];
    case "if":
      return assignedNames([...s.then, ...s.otherwise]);
    case "match":
      return assignedNames(s.cases.flatMap(({ body }) => body));
    case "repeat":
      return assignedNames(s.body);
    default:
      return [];
  }
}

function run(env: Env, s: Statement): Value | undefined {
  switch (s.kind) {
    case "param":
      return nothing(declareParameters(env, s));
    case "state":
      return nothing(declareState(env, s.name.text, s.value, s.span));
    case "table":
      return nothing(declareTable(env, s));
    case "input":
      return nothing(declareInput(env, s));
    case "assign":
      return nothing(assign(env, s));
    case "use":
      return nothing(define(env, s.name.text, s.name.span, createInstance(env, s)));
    case "repeat":
      return nothing(runRepeat(env, s));
    case "if":
      return runBody(env, evaluateCondition(env, s.condition) ? s.then : s.otherwise);
    case "match":
      return runBody(env, chosenCase(env, s));
    case "output":
    case "probe":
      return nothing(emit(env, s.kind, s.name.text, s.name.span, evaluate(env, s.value), s.value.span));
    case "loss":
      return nothing(emitLoss(env, s.value));
    case "return":
      return s.values.length === 1
        ? evaluate(env, s.values[0]!)
        : { kind: "list", items: s.values.map((x) => evaluate(env, x)) };
    case "train":
    case "law":
      return undefined;
    default:
      throw new Error(`internal: ${(s satisfies never as Statement).kind} is no statement`);
  }
}

const nothing = (_: void): undefined => undefined;

function define(env: Env, name: string, span: Span, value: Value): void {
  const known = env.scope.names.get(name);
  if (known && known.value.kind !== "poison")
    fail(env, "TFM2004", span, `\`${name}\` is defined already.`, {
      related: known.span ? [{ message: "it is defined here", span: known.span }] : [],
    });
  bind(env.scope, name, value, span);
}

function assign(env: Env, s: AssignStatement): void {
  const name = s.target.text;
  const known = lookupInBlock(env.scope, name);
  if (known?.role === "size" || known?.role === "parameter")
    fail(
      env,
      "TFM2004",
      s.target.span,
      `\`${name}\` is ${known.role === "size" ? "a size" : "a parameter"} and is not assigned to.`,
      {
        related: known.span ? [{ message: "it is declared here", span: known.span }] : [],
      },
    );
  const value = s.indices ? evaluateIndexed(env, s) : evaluate(env, s.value);
  const at = assignable(env.scope, name) ?? env.scope;
  bind(
    at,
    name,
    named(s.operator ? updated(env, s, value) : value, name, s.target.span),
    s.target.span,
    known?.role ?? "variable",
  );
}

function updated(env: Env, s: AssignStatement, value: Value): Value {
  const before = lookupInBlock(env.scope, s.target.text)?.value;
  if (!before)
    fail(
      env,
      "TFM2001",
      s.target.span,
      `\`${s.target.text}\` is not defined yet, so \`${s.operator}=\` has nothing to change.`,
    );
  if (before.kind === "poison") throw new Stop("poison");
  return operate(env, {
    operator: s.operator!,
    left: before,
    right: value,
    leftSpan: s.target.span,
    rightSpan: s.value.span,
    span: s.span,
  });
}

function chosenCase(env: Env, s: MatchStatement): readonly Statement[] {
  const value = evaluate(env, s.value);
  if (value.kind === "turn") throw new TurnNeeded("match");
  for (const { patterns, body } of s.cases) {
    if (!patterns) return body;
    for (const pattern of patterns) {
      const right = evaluate(env, pattern);
      const equal = operate(env, {
        operator: "==",
        left: value,
        right,
        leftSpan: s.value.span,
        rightSpan: pattern.span,
        span: pattern.span,
      });
      if (equal.kind === "boolean" && equal.value) return body;
    }
  }
  const patterns = s.cases
    .flatMap((c) => c.patterns ?? [])
    .flatMap((p) => (p.kind === "name" ? [p.text] : p.kind === "number" ? [p.text] : []));
  const text =
    value.kind === "choice" ? value.name : value.kind === "number" ? String(value.value) : describe(value);
  return fail(env, "TFM2006", s.value.span, `No case of this \`match\` is for \`${text}\`.`, {
    hint: `The cases are ${patterns.join(", ")}.`,
    related:
      value.kind === "number" && value.origin
        ? [{ message: "it was set here", span: value.origin.span }]
        : [],
  });
}

function emit(
  env: Env,
  kind: "output" | "probe",
  name: string,
  span: Span,
  value: Value,
  valueSpan: Span,
): void {
  if (kind === "output" && env.place !== "model")
    fail(env, "TFM2006", span, "Outputs belong in the model; a block returns its value.");
  if (value.kind !== "tensor")
    fail(env, "TFM2006", valueSpan, `A tensor leaves a model, and this is ${describe(value)}.`);
  if (env.region.emissions.some((e) => e.kind !== "loss" && e.name === name))
    fail(env, "TFM2004", span, `\`${name}\` leaves the model twice.`);
  env.region.emissions.push({ kind, name, nodes: [value.node], batched: value.batched });
  if (kind === "output") bind(env.scope, name, value, span);
}

// ------------------------------------------------------------------- inputs

function declareInput(env: Env, s: InputStatement): void {
  if (env.place !== "model")
    fail(env, "TFM2006", s.span, "Inputs belong in the model; a block has parameters.");
  const axes = s.axes.map((axis) => inputAxis(env, axis));
  const shape: Shape = [batchAxis, ...axes.map(({ name, size }) => ({ name, size }))];
  const bound = s.bound && wholeNumber(env, evaluate(env, s.bound), s.bound.span, "The bound of an input");
  const dtype = s.element === "int" ? "i32" : s.element === "real" ? "f32" : "bool";
  const node = env.session.builder.input("input", s.name.text, shape, dtype);
  env.session.inputs.push({ name: s.name.text, shape, dtype, bound, nextOf: undefined });
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

function inputAxis(
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

// ------------------------------------------------------------ tables, states

function declareTable(env: Env, s: TableStatement): void {
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
function declareState(env: Env, name: string, expression: Expression, span: Span): void {
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
