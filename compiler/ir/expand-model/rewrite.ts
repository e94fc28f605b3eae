/**
 * A tree with some of its expressions and names exchanged.
 */
import type { Expression, Statement } from "../../parser/model.js";

/** Children first; `f` sees each expression with its children exchanged. */
export function mapExpression(x: Expression, f: (x: Expression) => Expression): Expression {
  const map = (child: Expression): Expression => mapExpression(child, f);
  switch (x.kind) {
    case "number":
    case "string":
    case "boolean":
    case "name":
      return f(x);
    case "list":
      return f({ ...x, items: x.items.map(map) });
    case "call":
      return f({
        ...x,
        callee: map(x.callee),
        arguments: x.arguments.map((a) => ({ ...a, value: map(a.value) })),
      });
    case "subscript":
      return f({ ...x, base: map(x.base), indices: x.indices.map(map) });
    case "member":
      return f({ ...x, base: map(x.base) });
    case "unary":
      return f({ ...x, operand: map(x.operand) });
    case "binary":
      return f({ ...x, left: map(x.left), right: map(x.right) });
    case "conditional":
      return f({ ...x, condition: map(x.condition), then: map(x.then), otherwise: map(x.otherwise) });
    case "where":
      return f({ ...x, value: map(x.value), condition: map(x.condition) });
    case "reduce":
      return f({ ...x, body: map(x.body) });
    default:
      throw new Error(`internal: ${(x satisfies never as Expression).kind} is no expression`);
  }
}

/** The statement with each of its own expressions and bodies exchanged, in the order of evaluation. */
export function mapStatement(
  s: Statement,
  f: (x: Expression) => Expression,
  body: (body: readonly Statement[]) => readonly Statement[],
): Statement {
  switch (s.kind) {
    case "param":
      return {
        ...s,
        condition: s.condition && f(s.condition),
        entries: s.entries.map((e) => ({ ...e, sizes: e.sizes.map(f) })),
        init: s.init && f(s.init),
      };
    case "state":
      return { ...s, sizes: s.sizes?.map(f), value: f(s.value) };
    case "table":
      return { ...s, sizes: s.sizes.map(f), value: f(s.value) };
    case "input":
      return { ...s, axes: s.axes.map(f), bound: s.bound && f(s.bound) };
    case "assign":
      return {
        ...s,
        ...(s.bounds ? { bounds: s.bounds.map((bound) => bound && f(bound)) } : {}),
        value: f(s.value),
      };
    case "output":
    case "probe":
    case "loss":
      return { ...s, value: f(s.value) };
    case "use": {
      const { value } = s;
      return {
        ...s,
        value: {
          ...value,
          callee: f(value.callee),
          arguments: value.arguments.map((a) => ({ ...a, value: f(a.value) })),
        },
      };
    }
    case "repeat":
      return { ...s, count: f(s.count), body: body(s.body) };
    case "if":
      return { ...s, condition: f(s.condition), then: body(s.then), otherwise: body(s.otherwise) };
    case "match":
      return { ...s, value: f(s.value), cases: s.cases.map((c) => ({ ...c, body: body(c.body) })) };
    case "train":
      return { ...s, settings: s.settings.map((x) => ({ ...x, value: f(x.value) })) };
    case "return":
      return { ...s, values: s.values.map(f) };
    case "law":
    case "rename":
      return s;
    default:
      throw new Error(`internal: ${(s satisfies never as Statement).kind} is no statement`);
  }
}
