/**
 * Tree → its parts: the children of an expression, the expressions and bodies of a statement.
 *
 * ```
 * a[i] * f(b)   →   a[i], f(b)
 * ```
 */
import type { Declaration, Expression, Statement } from "../../parser/model.js";

export function childrenOf(x: Expression): readonly Expression[] {
  switch (x.kind) {
    case "number":
    case "string":
    case "boolean":
    case "name":
      return [];
    case "list":
      return x.items;
    case "call":
      return [x.callee, ...x.arguments.map(({ value }) => value)];
    case "subscript":
      return [x.base, ...x.indices];
    case "member":
      return [x.base];
    case "unary":
      return [x.operand];
    case "binary":
      return [x.left, x.right];
    case "conditional":
      return [x.condition, x.then, x.otherwise];
    case "where":
      return [x.value, x.condition];
    case "reduce":
      return [x.body];
    default:
      throw new Error(`internal: ${(x satisfies never as Expression).kind} is no expression`);
  }
}

const listed = (...xs: readonly (Expression | undefined)[]): readonly Expression[] =>
  xs.filter((x) => x !== undefined);

/** The expressions that stand directly in a statement, and the statements inside it. */
export function partsOf(s: Statement): {
  readonly expressions: readonly Expression[];
  readonly bodies: readonly (readonly Statement[])[];
} {
  switch (s.kind) {
    case "param":
      return {
        expressions: listed(...s.entries.flatMap(({ sizes }) => sizes), s.init, s.condition),
        bodies: [],
      };
    case "state":
      return { expressions: listed(...(s.sizes ?? []), s.value), bodies: [] };
    case "table":
      return { expressions: [...s.sizes, s.value], bodies: [] };
    case "input":
      return { expressions: listed(...s.axes, s.bound), bodies: [] };
    case "assign":
      return { expressions: listed(...(s.bounds ?? []), s.value), bodies: [] };
    case "use":
    case "output":
    case "loss":
    case "probe":
      return { expressions: [s.value], bodies: [] };
    case "repeat":
      return { expressions: [s.count], bodies: [s.body] };
    case "if":
      return { expressions: [s.condition], bodies: [s.then, s.otherwise] };
    case "match":
      return {
        expressions: listed(s.value, ...s.cases.flatMap(({ patterns }) => patterns ?? [])),
        bodies: s.cases.map(({ body }) => body),
      };
    case "train":
      return { expressions: s.settings.map(({ value }) => value), bodies: [] };
    case "return":
      return { expressions: s.values, bodies: [] };
    case "law":
      return { expressions: [s.claim], bodies: [] };
    case "rename":
      return { expressions: [], bodies: [] };
    default:
      throw new Error(`internal: ${(s satisfies never as Statement).kind} is no statement`);
  }
}

export const bodyOf = (d: Declaration): readonly Statement[] =>
  d.kind === "model" || d.kind === "block" ? d.body : [];

export function visitExpression(x: Expression, f: (x: Expression) => void): void {
  f(x);
  for (const child of childrenOf(x)) visitExpression(child, f);
}

export function visitStatements(body: readonly Statement[], f: (s: Statement) => void): void {
  for (const s of body) {
    f(s);
    for (const inner of partsOf(s).bodies) visitStatements(inner, f);
  }
}

/** The names that assignments of a body define, those of nested bodies included. */
export function assignedNames(body: readonly Statement[]): readonly string[] {
  const names = new Set<string>();
  visitStatements(body, (s) => {
    if (s.kind === "assign") names.add(s.target.text);
  });
  return [...names];
}
