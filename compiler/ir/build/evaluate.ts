/**
 * Expression → Value, in a place (Env): compile-time, unsubscripted or inside an index statement.
 *
 * ```
 * 4 * d                    number 256
 * x + mlp(layer_norm(x))   tensor
 * if j <= i then s else 0  select(le(…), …, 0)
 * ```
 */
import type { ConditionalExpression, Expression, NameExpression } from "../../parser/model.js";
import { indexAffine } from "./affine.js";
import { invert, negate, operate } from "./arithmetic.js";
import { evaluateCall } from "./calls.js";
import { refusePrefix, unknownName } from "./habits.js";
import { instanceMember } from "./instances.js";
import { evaluate } from "./meaning.js";
import { evaluateReduce } from "./reduce.js";
import { lookupValue } from "./scope.js";
import type { Env } from "./session.js";
import { fail, TurnNeeded } from "./session.js";
import { evaluateSubscript } from "./subscript.js";
import { lift } from "./tensors.js";
import type { Value } from "./values.js";
import { boolean, number } from "./values.js";

/** What an expression means; poison where what it speaks of failed. */
export function evaluateAny(env: Env, x: Expression): Value {
  switch (x.kind) {
    case "number":
      return number(x.value);
    case "string":
      return { kind: "string", value: x.value };
    case "boolean":
      return boolean(x.value);
    case "name":
      return evaluateName(env, x);
    case "list":
      return { kind: "list", items: x.items.map((item) => evaluate(env, item)) };
    case "call":
      return evaluateCall(env, x);
    case "subscript":
      return evaluateSubscript(env, x);
    case "member":
      if (x.base.kind === "name") refusePrefix(env, x.base, x.member.text);
      return instanceMember(env, evaluate(env, x.base), x);
    case "unary": {
      const operand = evaluate(env, x.operand);
      return x.operator === "-" ? negate(env, operand, x.operand.span) : invert(env, operand, x.operand.span);
    }
    case "binary": {
      const left = evaluate(env, x.left);
      const right = evaluate(env, x.right);
      return operate(env, {
        operator: x.operator,
        left,
        right,
        leftSpan: x.left.span,
        rightSpan: x.right.span,
        span: x.span,
      });
    }
    case "conditional":
      return evaluateConditional(env, x);
    case "where":
      return fail(env, "TFM2009", x.span, "`where` stands only directly inside a reduction.", {
        hint: "Elsewhere write `if … then … else …`.",
      });
    case "reduce":
      return evaluateReduce(env, x);
    default:
      throw new Error(`internal: ${(x satisfies never as Expression).kind} is no expression`);
  }
}

function evaluateName(env: Env, x: NameExpression): Value {
  const { text } = x;
  if (env.index?.labels.has(text)) return { kind: "index", affine: indexAffine(text) };
  const binding = lookupValue(env.scope, text);
  // No knob takes a model: `variant post : gpt2 { norm_at = post }` means the choice.
  const hidden = binding?.value.kind === "model" && env.session.choices.has(text);
  if (binding && !hidden) return binding.value;
  if (text === "training") {
    env.session.asked.training = true;
    return boolean(env.session.training);
  }
  if (env.session.choices.has(text)) return { kind: "choice", name: text };
  return unknownName(env, x);
}

function evaluateConditional(env: Env, x: ConditionalExpression): Value {
  const condition = evaluate(env, x.condition);
  if (condition.kind === "boolean") return evaluate(env, condition.value ? x.then : x.otherwise);
  if (condition.kind === "turn") throw new TurnNeeded("if");
  const inner: Env =
    env.index && condition.kind === "indexed"
      ? { ...env, index: { ...env.index, guarded: new Set([...env.index.guarded, ...condition.labels]) } }
      : env;
  const then = evaluate(inner, x.then);
  const otherwise = evaluate(inner, x.otherwise);
  const spans = [x.condition.span, x.then.span, x.otherwise.span];
  return lift(
    env,
    { values: [condition, then, otherwise], spans, wants: ["bool", "same", "same"] },
    ([c, a, b]) => env.session.builder.select(c!, a!, b!),
  );
}
