/**
 * Expression → its canonical text, with no parenthesis that the grammar does not need.
 *
 *     binary(*, binary(+, a, b), c)  →  (a + b) * c
 */
import type { Layout } from "./layout.js";
import { bracketed, group, indent, joined, line } from "./layout.js";
import type {
  BinaryExpression,
  CallExpression,
  Expression,
  Name,
  ReduceExpression,
  UnaryExpression,
} from "./model.js";
import { precedences, prefixPrecedences } from "./tree-expressions.js";

/** How tightly the place binds: what is looser gets parentheses. Operators stand between `value` and `postfix`. */
const level = { expression: 0, value: 0.5, operand: 1, postfix: 9 } as const;

function levelOf(e: Expression): number {
  switch (e.kind) {
    case "where":
      return level.expression;
    case "conditional":
      return level.value;
    case "binary":
      return precedences[e.operator];
    case "unary":
      return prefixPrecedences[e.operator];
    case "number":
    case "string":
    case "boolean":
    case "name":
    case "list":
    case "call":
    case "subscript":
    case "member":
    case "reduce":
      return level.postfix;
    default:
      return e satisfies never;
  }
}

/** The expression where a whole one may stand. */
export function formatExpression(e: Expression): Layout {
  return at(e, level.expression);
}

/** After `return`, `loss`, `match`: a `[` there would read as an index of a tensor of that name. */
export function formatOperand(e: Expression): Layout {
  return leftmost(e).kind === "list" ? parenthesized(e) : formatExpression(e);
}

/**
 * After `repeat` the word `shared` is the keyword where a name, a number or `(` follows it, and a name elsewhere;
 * an `as` behind a call belongs to the call unless that ends the count.
 */
export function formatCount(e: Expression, shared: boolean, indexed: boolean): Layout {
  const first = leftmost(e);
  const plain = first.kind === "name" ? first.text !== "shared" : first.kind === "number" || !shared;
  return plain && (!indexed || endsPlainly(e)) ? formatOperand(e) : parenthesized(e);
}

function endsPlainly(e: Expression): boolean {
  if (e.kind === "binary") return endsPlainly(e.right);
  return e.kind === "name" || e.kind === "number" || e.kind === "member" || (e.kind === "call" && !e.as);
}

const parenthesized = (e: Expression): Layout => ["(", formatExpression(e), ")"];

/** The part whose text comes first. */
function leftmost(e: Expression): Expression {
  switch (e.kind) {
    case "binary":
      return leftmost(e.left);
    case "where":
      return leftmost(e.value);
    case "call":
      return leftmost(e.callee);
    case "subscript":
    case "member":
      return leftmost(e.base);
    case "reduce":
      return { kind: "name", text: e.operator.text, span: e.operator.span };
    default:
      return e;
  }
}

function at(e: Expression, least: number): Layout {
  const text = bare(e);
  return levelOf(e) < least ? ["(", text, ")"] : text;
}

export const quoted = (value: string): string =>
  `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`;

const names = (list: readonly Name[]): string => list.map((n) => n.text).join(", ");

function bare(e: Expression): Layout {
  switch (e.kind) {
    case "number":
      return e.text;
    case "string":
      return quoted(e.value);
    case "boolean":
      return String(e.value);
    case "name":
      return e.text;
    case "list":
      return bracketed("[", e.items.map(formatExpression), "]");
    case "call":
      return call(e);
    case "subscript":
      return [at(e.base, level.postfix), bracketed("[", e.indices.map(formatExpression), "]")];
    case "member":
      return [at(e.base, level.postfix), ".", e.member.text];
    case "unary":
      return unary(e);
    case "binary":
      return binary(e);
    case "conditional": {
      const [condition, then, otherwise] = [e.condition, e.then, e.otherwise].map((part) =>
        at(part, level.value),
      );
      return group(["if ", condition!, indent([line, "then ", then!, line, "else ", otherwise!])]);
    }
    case "where":
      return group([at(e.value, level.value), " where", indent([line, at(e.condition, level.value)])]);
    case "reduce":
      return reduce(e);
    default:
      return e satisfies never;
  }
}

function call(e: CallExpression): Layout {
  const args = e.arguments.map((a) => [...(a.name ? [`${a.name.text}: `] : []), formatExpression(a.value)]);
  const callee = at(e.callee, level.postfix);
  // `x[i](y)` would read as a reduction named x.
  const shown = e.callee.kind === "subscript" ? ["(", callee, ")"] : callee;
  return [shown, bracketed("(", args, ")"), e.as ? ` as ${e.as.text}` : ""];
}

function reduce(e: ReduceExpression): Layout {
  return [`${e.operator.text}[${names(e.indices)}]`, bracketed("(", [formatExpression(e.body)], ")")];
}

function unary(e: UnaryExpression): Layout {
  return [e.operator === "not" ? "not " : "-", at(e.operand, prefixPrecedences[e.operator])];
}

/** Operators of one precedence in a row break together. */
function binary(e: BinaryExpression): Layout {
  const own = precedences[e.operator];
  if (e.operator === "^") return [at(e.left, own + 1), " ^ ", power(e.right)];
  if (own === precedences["=="]) return [at(e.left, own + 1), ` ${e.operator} `, at(e.right, own + 1)];
  const steps: Layout[] = [];
  let left: Expression = e;
  while (left.kind === "binary" && precedences[left.operator] === own) {
    steps.unshift([` ${left.operator}`, line, at(left.right, own + 1)]);
    left = left.left;
  }
  return group([at(left, own), indent(joined(steps, ""))]);
}

/** `a ^ -b` needs no parentheses: a prefix takes what follows it, and nothing after it is tighter. */
function power(right: Expression): Layout {
  return right.kind === "unary" && right.operator === "-" ? bare(right) : at(right, precedences["^"]);
}

/** `[i < n, c]`, the left of an assignment. */
export const indicesText = (
  indices: readonly Name[],
  bounds: readonly (Expression | undefined)[] | undefined,
): Layout =>
  bounds === undefined
    ? `[${names(indices)}]`
    : bracketed(
        "[",
        indices.map(({ text }, n): Layout => {
          const bound = bounds[n];
          return bound ? [`${text} < `, formatExpression(bound)] : text;
        }),
        "]",
      );
