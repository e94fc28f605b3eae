/**
 * Masks and scores: formulas that are evaluated over the indices they are called with.
 *
 * ```
 * mask sliding(w)(i, j) = j <= i and i - j < w
 * sliding(4)            a mask          sliding(4)(i, j)      and(le(%j, %i), lt(sub(%i, %j), 4))
 * ```
 */
import type { Parameter, Span } from "../../parser/model.js";
import { indexAffine } from "./affine.js";
import type { Argument } from "./arguments.js";
import { bindParameter, matchArguments } from "./arguments.js";
import { inferRanges } from "./indices.js";
import { evaluate } from "./meaning.js";
import { bind, createScope } from "./scope.js";
import type { Env } from "./session.js";
import { emptyIndex, fail } from "./session.js";
import type { FormulaValue, Value } from "./values.js";
import { visitExpression } from "./walk.js";

/** With tensors missing that it captures the formula stays open: `additive(v: w)` gets its q and k where it is used. */
export function bindCaptures(env: Env, formula: FormulaValue, args: readonly Argument[], span: Span): Value {
  const { declaration } = formula;
  const what = declaration.name.text;
  const held = new Map([...formula.held].map(([name, { value }]): [string, Value] => [name, value]));
  const { arguments: own } = matchArguments(
    env,
    what,
    declaration.captures.map(laterTensor),
    held,
    args,
    span,
  );
  const given = new Map([...formula.held, ...own]);
  const isOpen = declaration.captures.some((p) => isTensorCapture(p) && !given.has(p.name.text));
  return isOpen ? { ...formula, held: given } : close(env, formula, given, span);
}

const isTensorCapture = (p: Parameter): boolean => p.axes !== undefined && p.defaultValue === undefined;

/** A tensor that is captured may come later, which a default says. */
export const laterTensor = (p: Parameter): Parameter => ({
  ...p,
  axes: undefined,
  defaultValue: isTensorCapture(p) ? { kind: "name", text: "none", span: p.span } : p.defaultValue,
});

function close(
  env: Env,
  formula: FormulaValue,
  given: ReadonlyMap<string, Argument>,
  span: Span,
): FormulaValue {
  const { declaration } = formula;
  const scope = createScope(formula.scope, "block");
  const calls = [...env.calls, { name: declaration.name.text, span }];
  const inner: Env = { ...env, scope, index: undefined, calls };
  for (const parameter of declaration.captures) {
    const argument = given.get(parameter.name.text);
    if (argument) bindParameter(env, scope, parameter, argument.value, argument.span);
    else bindParameter(inner, scope, parameter, evaluate(inner, parameter.defaultValue!), parameter.span);
  }
  return { ...formula, scope, bound: true };
}

/** `mask: sliding` where `sliding(w)` was meant: what it captures comes before its indices. */
export function refuseUnbound(env: Env, formula: FormulaValue, args: readonly Argument[], span: Span): void {
  const { declaration } = formula;
  const indices = args.filter(({ value }) => value.kind === "index" || value.kind === "indexed");
  if (args.length === 0 || indices.length < args.length) return;
  const what = declaration.name.text;
  const needed = declaration.captures.map(({ name }) => name.text).filter((name) => !formula.held.has(name));
  fail(
    env,
    "TFM2003",
    span,
    `The ${declaration.kind} \`${what}\` needs ${needed.map((n) => `\`${n}\``).join(" and ")}.`,
    {
      related: [{ message: "it is declared here", span: declaration.name.span }],
      hint: `Give it where the ${declaration.kind} is named: \`${what}(${needed.map((n) => `${n}: …`).join(", ")})\`.`,
    },
  );
}

/** A mask of fewer indices than it is called with takes the last, a score the first: `causal(h, i, j)` is `causal(i, j)`. */
function taken({ declaration }: FormulaValue, args: readonly Argument[]): readonly Argument[] {
  const wanted = declaration.arguments.length;
  if (wanted === 0 || args.length <= wanted || args.some(({ name }) => name !== undefined)) return args;
  return declaration.kind === "mask" ? args.slice(-wanted) : args.slice(0, wanted);
}

export function callFormula(env: Env, formula: FormulaValue, given: readonly Argument[], span: Span): Value {
  const { declaration } = formula;
  const what = declaration.name.text;
  const args = taken(formula, given);
  if (args.length !== declaration.arguments.length)
    fail(
      env,
      args.length < declaration.arguments.length ? "TFM2003" : "TFM2002",
      span,
      `The ${declaration.kind} \`${what}\` takes (${declaration.arguments.map(({ text }) => text).join(", ")}), and here are ${args.length} arguments.`,
      {
        related: [{ message: "it is declared here", span: declaration.name.span }],
        hint: args.length === 0 ? `It is named, not called: \`${what}\`.` : undefined,
      },
    );
  const scope = createScope(formula.scope, "inner");
  declaration.arguments.forEach((name, n) => {
    const argument = args.find((a) => a.name === name.text) ?? args[n]!;
    bind(scope, name.text, argument.value, name.span);
  });
  const outer = env.index ?? emptyIndex();
  // The formula's own names are not the statement's: its subscripts see the indices it was given and those it sums over.
  visitExpression(declaration.value, (x) => {
    for (const name of x.kind === "reduce" ? x.indices : []) {
      const label = `${what}.${name.text}`;
      outer.infos.delete(label);
      bind(scope, name.text, { kind: "index", affine: indexAffine(label) }, name.span);
    }
  });
  const index = { ...outer, bases: new Map(), labels: new Set<string>() };
  const inner: Env = { ...env, scope, index, calls: [...env.calls, { name: what, span }] };
  inferRanges(inner, declaration.value);
  const value = evaluate(inner, declaration.value);
  return !env.index && value.kind === "indexed"
    ? { kind: "tensor", node: value.node, batched: value.labels.length > 0, axes: [] }
    : value;
}
