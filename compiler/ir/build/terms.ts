/**
 * Index statements: `y[i, n] = …` split into terms, each a product whose indices that are not on the left are summed.
 *
 * ```
 * y[i, n] = p[h, i, j] * v[h, j, c] * wo[h, c, n] + bo[n]
 *   contract(p, v) over j · contract(that, wo) over h, c · + bo spread over i
 * ```
 */
import type { AssignStatement, Expression, Span } from "../../parser/model.js";
import { negate, operate } from "./arithmetic.js";
import { indexContext, inferRanges, stateRanges } from "./indices.js";
import { align, coerce, orderLabels, rangeUnknown } from "./labels.js";
import { evaluate } from "./meaning.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import { toIndexed } from "./tensors.js";
import type { IndexedValue, TensorValue, Value } from "./values.js";
import { BATCH, number, tensor } from "./values.js";

/** The tensor of `target[left…] = value`. */
export function evaluateIndexed(env: Env, statement: AssignStatement): TensorValue {
  const left = statement.indices!;
  const index = indexContext(env, left, statement.value);
  const inner: Env = { ...env, index };
  stateRanges(inner, left, statement.bounds ?? []);
  inferRanges(inner, statement.value);
  const names = left.map(({ text }) => text);
  const total = sumOfTerms(inner, statement.value, names);
  const x = toIndexed(inner, total, statement.value.span);
  for (const name of left) if (!index.infos.has(name.text)) rangeUnknown(inner, name.text, name.span);
  const batched = x.labels.includes(BATCH);
  const node = align(inner, x, batched ? [BATCH, ...names] : names);
  return tensor(
    node,
    batched,
    names.map((name) => {
      const { axis, origin } = index.infos.get(name)!;
      return origin ? { name: axis, origin } : { name: axis };
    }),
  );
}

interface Term {
  readonly minus: boolean;
  readonly value: Expression;
}

/** Terms at the top level: a right operand that is a sum itself stood in parentheses. */
function split(x: Expression): readonly Term[] {
  if (x.kind !== "binary" || (x.operator !== "+" && x.operator !== "-")) return [{ minus: false, value: x }];
  return [...split(x.left), { minus: x.operator === "-", value: x.right }];
}

function sumOfTerms(env: Env, x: Expression, left: readonly string[]): Value {
  let total: Value | undefined;
  let span: Span = x.span;
  for (const term of split(x)) {
    const value = evaluateTerm(env, term.value, left);
    if (!total) total = term.minus ? negate(env, value, term.value.span) : value;
    else
      total = operate(env, {
        operator: term.minus ? "-" : "+",
        left: total,
        right: value,
        leftSpan: span,
        rightSpan: term.value.span,
        span: x.span,
      });
    span = term.value.span;
  }
  return total!;
}

interface Factor {
  readonly divides: boolean;
  readonly expression: Expression;
}

function factorsOf(x: Expression): readonly Factor[] {
  if (x.kind !== "binary" || (x.operator !== "*" && x.operator !== "/"))
    return [{ divides: false, expression: x }];
  return [...factorsOf(x.left), { divides: x.operator === "/", expression: x.right }];
}

function evaluateTerm(env: Env, x: Expression, left: readonly string[]): Value {
  const factors = factorsOf(x);
  const values = factors.map(({ expression }): Value => {
    const value = evaluate(env, expression);
    return value.kind === "index" || value.kind === "tensor" || value.kind === "turn"
      ? toIndexed(env, value, expression.span)
      : value;
  });
  if (values.some((v, n) => v.kind === "number" && v.value === 0 && !factors[n]!.divides)) return number(0);
  const last = lastUses(env, factors, values, left);
  let product: Value = values[0]!;
  for (let n = 1; n < factors.length; n++) {
    const done = [...last].filter(([, at]) => at === n).map(([label]) => label);
    product = multiply(env, product, values[n]!, factors[n]!, done, factors[n - 1]!.expression.span);
  }
  return product;
}

/** For each index that is summed in the term, the factor that uses it last. */
function lastUses(
  env: Env,
  factors: readonly Factor[],
  values: readonly Value[],
  left: readonly string[],
): ReadonlyMap<string, number> {
  const uses = new Map<string, number[]>();
  values.forEach((value, n) => {
    if (value.kind !== "indexed") return;
    for (const label of value.labels)
      if (label !== BATCH && !left.includes(label)) uses.set(label, [...(uses.get(label) ?? []), n]);
  });
  for (const [label, at] of uses) {
    if (at.length < 2) notSummed(env, label, factors[at[0]!]!.expression);
  }
  return new Map([...uses].map(([label, at]) => [label, at.at(-1)!]));
}

function notSummed(env: Env, label: string, factor: Expression): never {
  const { span } = factor;
  return fail(
    env,
    "TFM2008",
    span,
    `The index \`${label}\` is not on the left and occurs in one factor of its term only.`,
    {
      hint: `Write \`sum[${label}](…)\` around this factor to add over \`${label}\`, or \`${label}\` on the left. Nothing is summed inside calls or parentheses.`,
    },
  );
}

function multiply(
  env: Env,
  product: Value,
  value: Value,
  factor: Factor,
  done: readonly string[],
  before: Span,
): Value {
  const { span } = factor.expression;
  const operator = factor.divides ? "/" : "*";
  if (done.length === 0)
    return operate(env, { operator, left: product, right: value, leftSpan: before, rightSpan: span, span });
  if (factor.divides) {
    const quotient = operate(env, {
      operator,
      left: product,
      right: value,
      leftSpan: before,
      rightSpan: span,
      span,
    });
    return sumOver(env, toIndexed(env, quotient, span), done);
  }
  const a = toIndexed(env, product, before, "f32");
  const b = toIndexed(env, value, span, "f32");
  const labels = orderLabels(env, [...a.labels, ...b.labels]).filter((label) => !done.includes(label));
  const node = env.session.builder.contract(a.node, b.node, { a: a.labels, b: b.labels, out: labels });
  return { kind: "indexed", node, labels };
}

export function sumOver(env: Env, x: IndexedValue, over: readonly string[]): IndexedValue {
  const axes = over.map((label) => x.labels.indexOf(label));
  const node = env.session.builder.sum(coerce(env, x.node, "f32"), axes);
  return { kind: "indexed", node, labels: x.labels.filter((label) => !over.includes(label)) };
}
