/**
 * The way back into the whole language: expressions hold calls, calls run statements, statements hold expressions. The session
 * carries both functions, so that each file can use them without importing those that use it.
 *
 * ```
 * evaluate(env, x)     env.session.meaning.expression(env, x), and gives up the statement where that is poison
 * ```
 */
import type { Expression, Statement } from "../../parser/model.js";
import { lookupFunction } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop, TurnNeeded } from "./session.js";
import type { Value } from "./values.js";
import { describe } from "./values.js";

/** The value of an expression; never poison, for that gives up the statement. */
export function evaluate(env: Env, x: Expression): Value {
  const value = env.session.meaning.expression(env, x);
  if (value.kind === "poison") throw new Stop("poison");
  return value;
}

/** What stands before `(`. A number or a tensor hides no function of its name: `dropout(x, dropout)` calls the block. */
export function evaluateCallee(env: Env, x: Expression): Value {
  if (x.kind !== "name" || env.index?.labels.has(x.text)) return evaluate(env, x);
  const found = lookupFunction(env.scope, x.text);
  if (found?.kind === "poison") throw new Stop("poison");
  return found ?? evaluate(env, x);
}

/** A condition that must be known when the model is built. */
export function evaluateCondition(env: Env, x: Expression): boolean {
  const value = evaluate(env, x);
  if (value.kind === "boolean") return value.value;
  if (value.kind === "turn") throw new TurnNeeded("condition");
  return fail(
    env,
    "TFM2006",
    x.span,
    `A truth value known at compile time is wanted here, and this is ${describe(value)}.`,
    {
      hint: "Inside a formula a choice per element is written `if … then … else …`.",
    },
  );
}

/** The value that a statement returns; undefined where it returns none. */
export const runStatement = (env: Env, statement: Statement): Value | undefined =>
  env.session.meaning.statement(env, statement);

/** The value that the body returns; undefined where it returns none. */
export function runBody(env: Env, body: readonly Statement[]): Value | undefined {
  for (const statement of body) {
    const returned = runStatement(env, statement);
    if (returned) return returned;
  }
  return undefined;
}
