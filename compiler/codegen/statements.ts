/**
 * Walks over statements.
 *
 * ```
 * for i { store 1 [i] v0 } → walk: the loop, the store · eachExpr of the store: i, v0
 * ```
 */
import type { Expr, Stmt } from "./kernel.js";

export const bodiesOf = (statement: Stmt): readonly (readonly Stmt[])[] =>
  statement.tag === "for"
    ? [statement.body]
    : statement.tag === "if"
      ? [statement.then, statement.otherwise]
      : none;
const none: readonly (readonly Stmt[])[] = [];

export function walk(statements: readonly Stmt[], visit: (statement: Stmt) => void): void {
  for (const statement of statements) {
    visit(statement);
    if (statement.tag === "for") walk(statement.body, visit);
    else if (statement.tag === "if") {
      walk(statement.then, visit);
      walk(statement.otherwise, visit);
    }
  }
}

/** The expressions that a statement itself evaluates, before its bodies. */
export function exprsOf(statement: Stmt): readonly Expr[] {
  switch (statement.tag) {
    case "let":
    case "var":
    case "assign":
      return [statement.value];
    case "array":
      return [];
    case "store":
    case "put":
      return [statement.index, statement.value];
    case "for":
      return [statement.from, statement.to];
    case "if":
      return [statement.condition];
    case "barrier":
      return [];
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}

/** As `exprsOf`, without making a list. */
export function eachExpr(statement: Stmt, visit: (x: Expr) => void): void {
  switch (statement.tag) {
    case "let":
    case "var":
    case "assign":
      visit(statement.value);
      return;
    case "store":
    case "put":
      visit(statement.index);
      visit(statement.value);
      return;
    case "for":
      visit(statement.from);
      visit(statement.to);
      return;
    case "if":
      visit(statement.condition);
      return;
    case "array":
    case "barrier":
      return;
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}
