/**
 * concrete tree → Expression; operators get their precedence here.
 *
 *     a + b * c  →  binary(+, a, binary(*, b, c))
 */
import type { CstElement, CstNode, IToken } from "chevrotain";
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { BinaryOperator, CallExpression, Expression, Name, Span, UnaryOperator } from "./model.js";

export interface Context {
  readonly file: string;
  readonly diagnostics: Diagnostic[];
}

const isNode = (element: CstElement): element is CstNode => "children" in element;

export const nodes = (node: CstNode, key: string): readonly CstNode[] =>
  (node.children[key] ?? []).filter(isNode);
export const tokens = (node: CstNode, key: string): readonly IToken[] =>
  (node.children[key] ?? []).filter((element): element is IToken => !isNode(element));

export function spanOf(element: CstElement, c: Context): Span {
  if (!isNode(element))
    return { file: c.file, start: element.startOffset, end: (element.endOffset ?? element.startOffset) + 1 };
  const { startOffset, endOffset } = element.location ?? { startOffset: 0, endOffset: -1 };
  if (!Number.isFinite(startOffset)) return { file: c.file, start: 0, end: 0 };
  return { file: c.file, start: startOffset, end: (endOffset ?? startOffset) + 1 };
}

export const join = (a: Span, b: Span): Span => ({ file: a.file, start: a.start, end: b.end });

export function nameOf(token: IToken | undefined, c: Context, at: CstNode): Name {
  if (token === undefined) return { text: "", span: spanOf(at, c) };
  return { text: token.image, span: spanOf(token, c) };
}

export const namesOf = (list: readonly IToken[], c: Context, at: CstNode): readonly Name[] =>
  list.map((token) => nameOf(token, c, at));

export interface Axes {
  readonly names: readonly Name[];
  /** One per name; undefined where no axis has one. */
  readonly bounds: readonly (Expression | undefined)[] | undefined;
}

/** `[i < n, c]`: names, and how far they go where they say so. */
export function axesOf(node: CstNode, c: Context): Axes {
  const axes = nodes(node, "axis");
  const names = axes.map((axis) => nameOf(tokens(axis, "Name")[0], c, axis));
  const bounds = axes.map((axis) => {
    const operator = tokens(axis, "Operator")[0];
    if (!operator) return undefined;
    const bound = expressionIn(axis, c);
    if (operator.image !== "<")
      report(
        c,
        spanOf(operator, c),
        `\`${operator.image}\` says nothing about an index.`,
        "An index counts from 0, and `[i < n]` says that it stops below n.",
      );
    return bound;
  });
  return { names, bounds: bounds.some((bound) => bound !== undefined) ? bounds : undefined };
}

/** A form that the grammar reads and the language does not have. */
export function report(c: Context, span: Span, message: string, hint?: string): void {
  c.diagnostics.push(diagnostic("TFM1008", span, message, { hint }));
}

/** What stands for a part that a syntax error left out; a diagnostic speaks of it. */
const hole = (at: CstNode, c: Context): Expression => ({ kind: "name", text: "", span: spanOf(at, c) });

/** The n-th expression directly under a node. */
export function expressionIn(node: CstNode, c: Context, key = "expression", n = 0): Expression {
  const found = nodes(node, key)[n];
  return found === undefined ? hole(node, c) : expression(found, c);
}

export function expressionsIn(node: CstNode | undefined, c: Context): readonly Expression[] {
  return node === undefined ? [] : nodes(node, "expression").map((e) => expression(e, c));
}

export function expression(node: CstNode, c: Context): Expression {
  const [first, second] = nodes(node, "value");
  const value = first === undefined ? hole(node, c) : valueIn(first, c);
  if (second === undefined) return value;
  const condition = valueIn(second, c);
  return { kind: "where", value, condition, span: join(value.span, condition.span) };
}

function valueIn(node: CstNode, c: Context): Expression {
  const conditional = nodes(node, "conditional")[0];
  if (conditional !== undefined) return conditionalOf(conditional, c);
  const operation = nodes(node, "operation")[0];
  return operation === undefined ? hole(node, c) : operationOf(operation, c);
}

function conditionalOf(node: CstNode, c: Context): Expression {
  const [condition, then, otherwise] = nodes(node, "value").map((v) => valueIn(v, c));
  const missing = hole(node, c);
  return {
    kind: "conditional",
    condition: condition ?? missing,
    then: then ?? missing,
    otherwise: otherwise ?? missing,
    span: spanOf(node, c),
  };
}

// ------------------------------------------------------------ precedence

const comparison = 4;
/** Of binary operators, loosest first; `not` stands between `and` and the comparisons, unary `-` above `%`. */
export const precedences: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  "==": comparison,
  "!=": comparison,
  "<": comparison,
  "<=": comparison,
  ">": comparison,
  ">=": comparison,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "//": 6,
  "%": 6,
  "^": 8,
};
export const prefixPrecedences: Readonly<Record<UnaryOperator, number>> = { not: 3, "-": 7 };

type Item =
  | { readonly kind: "operand"; readonly node: CstNode }
  | { readonly kind: "prefix"; readonly operator: UnaryOperator; readonly span: Span }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly token: IToken };

/** `a - -b` as a flat list: operand, binary -, prefix -, operand. */
function itemsOf(node: CstNode, c: Context): readonly Item[] {
  const operators = tokens(node, "operator");
  return nodes(node, "unary").flatMap((unary, i): Item[] => {
    const prefixes = [...tokens(unary, "prefix")].sort((a, b) => a.startOffset - b.startOffset);
    const operator = operators[i - 1];
    return [
      ...(operator
        ? [{ kind: "binary" as const, operator: operator.image as BinaryOperator, token: operator }]
        : []),
      ...prefixes.map((p) => ({
        kind: "prefix" as const,
        operator: p.image as UnaryOperator,
        span: spanOf(p, c),
      })),
      { kind: "operand", node: unary },
    ];
  });
}

/** Precedence climbing (Richards 1979) over the flat list. */
function operationOf(node: CstNode, c: Context): Expression {
  const items = itemsOf(node, c);
  let at = 0;
  const climb = (least: number): Expression => {
    let left = prefixed();
    for (
      let item = items[at];
      item?.kind === "binary" && precedences[item.operator] >= least;
      item = items[at]
    ) {
      at++;
      const own = precedences[item.operator];
      const right = climb(item.operator === "^" ? own : own + 1);
      if (own === comparison) checkChain(left, item.token, c, climbed);
      left = { kind: "binary", operator: item.operator, left, right, span: join(left.span, right.span) };
      climbed.add(left);
    }
    return left;
  };
  const climbed = new Set<Expression>();
  const prefixed = (): Expression => {
    const item = items[at++];
    if (item === undefined || item.kind === "binary") return hole(node, c);
    if (item.kind === "operand") return unaryOperand(item.node, c);
    const operand = climb(prefixPrecedences[item.operator]);
    return { kind: "unary", operator: item.operator, operand, span: join(item.span, operand.span) };
  };
  return climb(0);
}

/** `a < b < c`: the left side is a comparison of this very list, not one in parentheses. */
function checkChain(left: Expression, operator: IToken, c: Context, climbed: ReadonlySet<Expression>): void {
  if (left.kind !== "binary" || precedences[left.operator] !== comparison || !climbed.has(left)) return;
  c.diagnostics.push(
    diagnostic(
      "TFM1007",
      spanOf(operator, c),
      `Comparisons do not chain: \`${left.operator}\` and \`${operator.image}\` stand side by side.`,
      {
        hint: "Join two comparisons with `and`: `a < b and b < c`.",
      },
    ),
  );
}

// --------------------------------------------------------------- operands

function unaryOperand(node: CstNode, c: Context): Expression {
  const postfix = nodes(node, "postfix")[0];
  const atom = postfix && nodes(postfix, "atom")[0];
  if (postfix === undefined || atom === undefined) return hole(node, c);
  const suffixes = nodes(postfix, "suffix");
  let base = atomOf(atom, c);
  for (let i = 0; i < suffixes.length; i++) {
    const reduced = reduceOf(base, suffixes[i]!, suffixes[i + 1], c);
    if (reduced) i++;
    base = reduced ?? suffixOf(base, suffixes[i]!, c);
  }
  return base;
}

/** NAME `[` names `]` `(` one unnamed expression `)` is a reduction. */
function reduceOf(
  base: Expression,
  subscript: CstNode,
  call: CstNode | undefined,
  c: Context,
): Expression | undefined {
  if (base.kind !== "name" || subscript.name !== "subscript" || call?.name !== "call") return undefined;
  const indices = expressionsIn(subscript, c).flatMap((e) =>
    e.kind === "name" ? [{ text: e.text, span: e.span }] : [],
  );
  const argument = nodes(call, "argument");
  const isNamed = argument.length === 1 && tokens(argument[0]!, "Name").length > 0;
  if (indices.length === 0 || indices.length !== nodes(subscript, "expression").length) return undefined;
  if (argument.length !== 1 || isNamed || tokens(call, "As").length > 0) return undefined;
  const body = expressionIn(argument[0]!, c);
  return {
    kind: "reduce",
    operator: { text: base.text, span: base.span },
    indices,
    body,
    span: join(base.span, spanOf(call, c)),
  };
}

function suffixOf(base: Expression, suffix: CstNode, c: Context): Expression {
  const span = join(base.span, spanOf(suffix, c));
  if (suffix.name === "member")
    return { kind: "member", base, member: nameOf(tokens(suffix, "Name")[0], c, suffix), span };
  if (suffix.name === "subscript")
    return { kind: "subscript", base, indices: expressionsIn(suffix, c), span };
  return callOf(base, suffix, span, c);
}

function callOf(callee: Expression, node: CstNode, span: Span, c: Context): CallExpression {
  const as = tokens(node, "Name")[0];
  return {
    kind: "call",
    callee,
    arguments: nodes(node, "argument").map((argument) => {
      const name = tokens(argument, "Name")[0];
      return {
        name: name && nameOf(name, c, argument),
        value: expressionIn(argument, c),
        span: spanOf(argument, c),
      };
    }),
    as: as && nameOf(as, c, node),
    span,
  };
}

function atomOf(node: CstNode, c: Context): Expression {
  const span = spanOf(node, c);
  const list = nodes(node, "list")[0];
  if (list) return { kind: "list", items: expressionsIn(list, c), span };
  if (nodes(node, "expression").length > 0) return { ...expressionIn(node, c), span };
  const number = tokens(node, "Number")[0];
  if (number) return { kind: "number", value: Number(number.image), text: number.image, span };
  const string = tokens(node, "String")[0];
  if (string) return { kind: "string", value: string.image, span };
  const name = tokens(node, "Name")[0];
  if (name) return { kind: "name", text: name.image, span };
  return { kind: "boolean", value: tokens(node, "True").length > 0, span };
}
