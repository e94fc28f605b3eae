/**
 * A name that means nothing here → what was probably meant: nearest names, and the habits of other languages.
 *
 * ```
 * softmax(s)               `softmax` is a reduction and needs its index.     = hint: softmax[j](…)
 * adamw(decay: some)       `decay` is matrices or all, not `some`.
 * ```
 */
import type {
  BlockDeclaration,
  CallExpression,
  ModelDeclaration,
  NameExpression,
} from "../../parser/model.js";
import { casesOf } from "./choices.js";
import { isReduction } from "./reduce.js";
import { lookup, visibleNames } from "./scope.js";
import type { Env } from "./session.js";
import { fail, suggest } from "./session.js";

const literals: Readonly<Record<string, string>> = {
  True: "true",
  False: "false",
  None: "none",
  null: "none",
  nil: "none",
};

export function unknownName(env: Env, { text, span }: NameExpression): never {
  const replacement = Object.hasOwn(literals, text) ? literals[text] : undefined;
  const fix = replacement && { message: `write \`${replacement}\``, span, replacement };
  const known = [...visibleNames(env.scope), ...env.session.choices];
  const message = `\`${text}\` is not a name here.`;
  if (fix) return fail(env, "TFM2001", span, message, { fix });
  if (text === "self" || text === "this")
    return fail(env, "TFM2001", span, message, { hint: "What `use` makes is called by its name alone." });
  return fail(env, "TFM2001", span, message, suggest(text, known, span));
}

/** `softmax(s)`: reductions look like functions and are called like none. */
export function refuseBareReduction(env: Env, { callee }: CallExpression): void {
  if (callee.kind !== "name" || !isReduction(callee.text) || lookup(env.scope, callee.text)) return;
  if (env.index?.labels.has(callee.text)) return;
  fail(env, "TFM2001", callee.span, `\`${callee.text}\` is a reduction and needs the index it runs over.`, {
    hint: `As in \`y[i] = ${callee.text}[j](x[i, j])\`.`,
  });
}

/** `math.log(x)`, `torch.relu(x)`: functions here have no prefix. */
export function refusePrefix(env: Env, base: NameExpression, member: string): void {
  const { text, span } = base;
  if (!["math", "np", "numpy", "torch", "F", "nn", "jax", "jnp", "tf"].includes(text)) return;
  if (lookup(env.scope, text) || !lookup(env.scope, member)) return;
  const whole = { ...span, end: span.end + 1 };
  fail(env, "TFM2001", span, `\`${text}\` is not a name here.`, {
    fix: { message: `write \`${member}\` without a prefix`, span: whole, replacement: "" },
  });
}

/** An argument whose parameter is one of a few choices, and which is none of them. */
export function refuseUnknownChoice(
  env: Env,
  declaration: BlockDeclaration | ModelDeclaration,
  parameter: string,
  { text, span }: NameExpression,
): void {
  if (lookup(env.scope, text) || env.session.choices.has(text) || env.index?.labels.has(text)) return;
  const { names } = casesOf(declaration.body, parameter);
  if (names.length === 0) return;
  const listed = names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  fail(
    env,
    "TFM2001",
    span,
    `\`${text}\` is not a name here; \`${parameter}\` of \`${declaration.name.text}\` is ${listed}.`,
    {
      ...suggest(text, names, span),
    },
  );
}
