/** Random Models that the language can write down, for properties of the parser and the printer. */
import * as fc from "fast-check";
import type {
  BinaryOperator,
  Declaration,
  Expression,
  Model,
  Name,
  Parameter,
  Span,
  Statement,
} from "../../compiler/parser/model.js";

const span: Span = { file: "test.tfm", start: 0, end: 0 };

const word = fc.constantFrom(
  ...[
    "x",
    "y",
    "loss",
    "state",
    "table",
    "mask",
    "score",
    "train",
    "model",
    "param",
    "shared",
    "repeat",
    "θ",
    "_",
    "é2",
    "match",
    "variant",
  ],
);
const name: fc.Arbitrary<Name> = word.map((text) => ({ text, span }));
const operator = fc.constantFrom<BinaryOperator>(
  ...(["+", "-", "*", "/", "//", "%", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or"] as const),
);
const number = fc
  .constantFrom("0", "1", "0.5", "3e-4", "1E+20", "50257", "1.0")
  .map((text): Expression => ({ kind: "number", value: Number(text), text, span }));
const string = fc
  .constantFrom("", "a b", '"', "\\", "\n\t", "ü#")
  .map((value): Expression => ({ kind: "string", value, span }));

const { expression } = fc.letrec<{ expression: Expression; argument: Argument }>((tie) => ({
  argument: fc.record({
    name: fc.option(name, { nil: undefined }),
    value: tie("expression"),
    span: fc.constant(span),
  }),
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    name.map((n): Expression => ({ kind: "name", text: n.text, span })),
    number,
    string,
    fc.boolean().map((value): Expression => ({ kind: "boolean", value, span })),
    fc.array(tie("expression"), { maxLength: 3 }).map((items): Expression => ({ kind: "list", items, span })),
    fc
      .tuple(
        tie("expression"),
        fc.array(tie("argument"), { maxLength: 3 }),
        fc.option(name, { nil: undefined }),
      )
      .map(([callee, args, as]): Expression => ({ kind: "call", callee, arguments: args, as, span })),
    fc
      .tuple(tie("expression"), fc.array(tie("expression"), { maxLength: 3 }))
      .map(([base, indices]): Expression => ({ kind: "subscript", base, indices, span })),
    fc
      .tuple(tie("expression"), name)
      .map(([base, member]): Expression => ({ kind: "member", base, member, span })),
    fc
      .tuple(fc.constantFrom("-" as const, "not" as const), tie("expression"))
      .map(([op, operand]): Expression => ({ kind: "unary", operator: op, operand, span })),
    fc.tuple(operator, tie("expression"), tie("expression")).map(([op, left, right]): Expression => {
      return { kind: "binary", operator: op, left, right, span };
    }),
    fc.tuple(tie("expression"), tie("expression"), tie("expression")).map(
      ([condition, then, otherwise]): Expression => ({
        kind: "conditional",
        condition,
        then,
        otherwise,
        span,
      }),
    ),
    fc
      .tuple(tie("expression"), tie("expression"))
      .map(([value, condition]): Expression => ({ kind: "where", value, condition, span })),
    fc
      .tuple(name, fc.array(name, { minLength: 1, maxLength: 2 }), tie("expression"))
      .map(([op, indices, body]): Expression => ({ kind: "reduce", operator: op, indices, body, span })),
  ),
}));
type Argument = Extract<Expression, { kind: "call" }>["arguments"][number];

/** `repeat f(n) as g` reads the name as the loop's, so such counts are none the language writes. */
const isPlainCount = (e: Expression): boolean =>
  e.kind === "call"
    ? e.as === undefined
    : e.kind === "binary"
      ? isPlainCount(e.right) && isPlainCount(e.left)
      : e.kind !== "unary";

const parameter: fc.Arbitrary<Parameter> = fc.record({
  name,
  axes: fc.oneof(fc.constant(undefined), fc.constant("any" as const), fc.array(name, { maxLength: 2 })),
  defaultValue: fc.option(expression, { nil: undefined }),
  span: fc.constant(span),
});
const sizes = fc.array(expression, { maxLength: 2 });
const optional = fc.option(expression, { nil: undefined });

const { statement } = fc.letrec<{ statement: Statement; body: Statement[] }>((tie) => ({
  body: fc.array(tie("statement"), { maxLength: 3 }) as fc.Arbitrary<Statement[]>,
  statement: fc.oneof(
    { maxDepth: 2, depthSize: "small" },
    fc
      .tuple(
        name,
        fc.option(fc.array(name, { maxLength: 2 }), { nil: undefined }),
        fc.constantFrom(undefined, "+" as const, "*" as const),
        expression,
        fc.option(expression, { nil: undefined }),
      )
      .map(
        ([target, indices, op, value, bound]): Statement => ({
          kind: "assign",
          target,
          indices,
          ...(bound && indices?.length
            ? { bounds: indices.map((_, n) => (n === 0 ? bound : undefined)) }
            : {}),
          operator: op,
          value,
          span,
        }),
      ),
    fc
      .tuple(
        fc.array(fc.record({ name, sizes, span: fc.constant(span) }), { minLength: 1, maxLength: 2 }),
        optional,
        optional,
        fc.boolean(),
        fc.constantFrom(undefined, true, false),
      )
      .map(
        ([entries, init, condition, frozen, decay]): Statement => ({
          kind: "param",
          entries,
          init,
          condition,
          frozen,
          decay,
          span,
        }),
      ),
    fc
      .tuple(name, fc.option(sizes, { nil: undefined }), expression)
      .map(([n, s, value]): Statement => ({ kind: "state", name: n, sizes: s, value, span })),
    fc
      .tuple(name, sizes, fc.array(name, { maxLength: 2 }), expression)
      .map(
        ([n, s, indices, value]): Statement => ({ kind: "table", name: n, sizes: s, indices, value, span }),
      ),
    fc
      .tuple(name, sizes, optional)
      .map(([n, axes, bound]): Statement => ({ kind: "input", name: n, axes, element: "int", bound, span })),
    fc
      .tuple(name, fc.option(name, { nil: undefined }), name)
      .map(([input, derived, n]): Statement => ({ kind: "rename", input, derived, name: n, span })),
    fc.tuple(name, expression).map(
      ([n, value]): Statement => ({
        kind: "use",
        name: n,
        value: { kind: "call", callee: value, arguments: [], as: undefined, span },
        span,
      }),
    ),
    fc
      .tuple(expression.filter(isPlainCount), fc.option(name, { nil: undefined }), fc.boolean(), tie("body"))
      .map(
        ([count, index, shared, body]): Statement => ({ kind: "repeat", count, index, shared, body, span }),
      ),
    fc
      .tuple(expression, tie("body"), tie("body"))
      .map(([condition, then, otherwise]): Statement => ({ kind: "if", condition, then, otherwise, span })),
    fc
      .tuple(
        expression,
        fc.array(
          fc.record({
            patterns: fc.option(fc.array(expression, { minLength: 1, maxLength: 2 }), { nil: undefined }),
            body: tie("body"),
            span: fc.constant(span),
          }),
          { maxLength: 3 },
        ),
      )
      .map(([value, cases]): Statement => ({ kind: "match", value, cases, span })),
    fc
      .tuple(fc.constantFrom("output" as const, "probe" as const), name, expression)
      .map(([kind, n, value]): Statement => ({ kind, name: n, value, span })),
    expression.map((value): Statement => ({ kind: "loss", value, span })),
    fc
      .array(fc.record({ name, value: expression, span: fc.constant(span) }), { maxLength: 3 })
      .map((settings): Statement => ({ kind: "train", settings, span })),
    fc
      .array(expression, { minLength: 1, maxLength: 2 })
      .map((values): Statement => ({ kind: "return", values, span })),
    fc.tuple(name, expression).map(([n, claim]): Statement => ({ kind: "law", name: n, claim, span })),
  ),
}));

const body = fc.array(statement, { maxLength: 5 });
const parameters = fc.array(parameter, { maxLength: 3 });
const doc = fc.constantFrom("", "What it does.", "Two\n\n  lines");
const declaration: fc.Arbitrary<Declaration> = fc.oneof(
  fc.constantFrom("a.tfm", 'q"\\').map((path): Declaration => ({ kind: "import", path, span })),
  fc.tuple(name, expression).map(([n, claim]): Declaration => ({ kind: "law", name: n, claim, span })),
  fc
    .tuple(
      fc.constantFrom("mask" as const, "score" as const),
      name,
      parameters,
      fc.array(name, { maxLength: 3 }),
      expression,
      doc,
    )
    .map(
      ([kind, n, captures, args, value, d]): Declaration => ({
        kind,
        name: n,
        captures,
        arguments: args,
        value,
        doc: d,
        span,
      }),
    ),
  fc
    .tuple(name, parameters, body, doc)
    .map(([n, p, b, d]): Declaration => ({ kind: "block", name: n, parameters: p, body: b, doc: d, span })),
  fc.tuple(name, parameters, body, doc).map(
    ([n, p, b, d]): Declaration => ({
      kind: "model",
      name: n,
      parameters: p,
      base: undefined,
      variant: false,
      body: b,
      doc: d,
      span,
    }),
  ),
  fc.tuple(name, name, fc.boolean(), body, doc).map(
    ([n, base, variant, b, d]): Declaration => ({
      kind: "model",
      name: n,
      parameters: [],
      base,
      variant,
      body: b,
      doc: d,
      span,
    }),
  ),
);

export const model: fc.Arbitrary<Model> = fc
  .array(declaration, { maxLength: 3 })
  .map((declarations) => ({ file: "test.tfm", declarations, trivia: [] }));
