/**
 * Statements, one after the other: each binds names, declares something or lets a value out. A mistake spoils only what
 * its statement defines.
 *
 * ```
 * x = layer_nrom(x)      TFM2001, and x is poison: nothing that follows from it is reported
 * ```
 */
import type { AssignStatement, Expression, MatchStatement, Span, Statement } from "../../parser/model.js";
import { operate } from "./arithmetic.js";
import { declareInput, declareState, declareTable, define } from "./inputs.js";
import { createInstance } from "./instances.js";
import { emitLoss } from "./losses.js";
import { evaluate, evaluateCondition, runBody } from "./meaning.js";
import { declareParameters } from "./parameters.js";
import { checkRename } from "./renames.js";
import { runRepeat } from "./repeat.js";
import { assignable, bind, lookupInBlock } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop, TurnNeeded } from "./session.js";
import { evaluateIndexed } from "./terms.js";
import type { Value } from "./values.js";
import { describe, named, poison } from "./values.js";
import { assignedNames } from "./walk.js";

/** What a statement does. */
export function executeStatement(env: Env, statement: Statement): Value | undefined {
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
    case "rename":
      return nothing(checkRename(env, s));
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

/** Statements that bind or emit return nothing. */
const nothing = (_: unknown): undefined => undefined;

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
  return fail(
    env,
    "TFM2006",
    settingSpan(env, s.value) ?? s.value.span,
    `No case of this \`match\` is for \`${text}\`.`,
    {
      hint: `The cases are ${patterns.join(", ")}.`,
      related:
        value.kind === "number" && value.origin
          ? [{ message: "it was set here", span: value.origin.span }]
          : [],
    },
  );
}

/** Where a library's model was given the value that its own line is about. */
function settingSpan(env: Env, x: Expression): Span | undefined {
  const span = x.kind === "name" ? lookupInBlock(env.scope, x.text)?.span : undefined;
  const { isLibrary } = env.session;
  return span && isLibrary(x.span.file) && !isLibrary(span.file) ? span : undefined;
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
