/**
 * Statements as they were generated → without unused names, and names used once put in place.
 *
 * ```
 * let v0 = load 0 [g0]; let v1 = v0 * 2; store 1 [g0] v1 → store 1 [g0] (load 0 [g0] * 2)
 * ```
 */
import type { Expr, Stmt } from "./kernel.js";
import { eachChild, mapChildren, someChild } from "./kernel.js";
import { bodiesOf, eachExpr, walk } from "./statements.js";

export const tidy = (statements: readonly Stmt[]): readonly Stmt[] =>
  inlineOnce(statements, countUses(statements));

/** The bindings of which four elements are loaded or stored at once. */
export function wideBindings(statements: readonly Stmt[]): ReadonlySet<number> {
  const wide = new Set<number>();
  const visit = (x: Expr): void => {
    if (x.tag === "load" && x.type === "f32x4") wide.add(x.binding);
    eachChild(x, visit);
  };
  walk(statements, (statement) => {
    if (statement.tag === "store" && statement.value.type === "f32x4") wide.add(statement.binding);
    eachExpr(statement, visit);
  });
  return wide;
}

interface Uses {
  /** How often live statements name it; nothing where they do not. */
  readonly counts: ReadonlyMap<string, number>;
  /** Names that four lanes would print, and compute, four times. */
  readonly repeated: ReadonlySet<string>;
}

/** A `let` counts only when its own name is used, so the walk goes backwards. */
function countUses(statements: readonly Stmt[]): Uses {
  const counts = new Map<string, number>();
  const repeated = new Set<string>();
  const once = (x: Expr): void => {
    if (x.tag === "var") counts.set(x.name, (counts.get(x.name) ?? 0) + 1);
    else if (x.type === "f32x4" && x.tag !== "vector") eachChild(x, below);
    else eachChild(x, once);
  };
  const below = (x: Expr): void => (x.type === "f32x4" ? once(x) : often(x));
  const often = (x: Expr): void => {
    if (x.tag === "var") {
      repeated.add(x.name);
      counts.set(x.name, (counts.get(x.name) ?? 0) + 1);
    } else eachChild(x, often);
  };
  const backwards = (body: readonly Stmt[]): void => {
    for (let n = body.length - 1; n >= 0; n--) {
      const statement = body[n]!;
      for (const inner of bodiesOf(statement)) backwards(inner);
      if (statement.tag === "let" && !counts.has(statement.name)) continue;
      const isWide =
        (statement.tag === "store" || statement.tag === "put") && statement.value.type === "f32x4";
      eachExpr(statement, isWide ? below : once);
    }
  };
  backwards(statements);
  return { counts, repeated };
}

function weight(x: Expr): number {
  let sum = 1;
  eachChild(x, (child) => {
    sum += weight(child);
  });
  return sum;
}
const heaviest = 24;

/** Whether moving past a store, an assignment or a barrier could change the value. */
const isImpure = (x: Expr): boolean =>
  x.tag === "load" ||
  x.tag === "element" ||
  x.tag === "subgroup" ||
  (x.tag === "var" ? x.name.startsWith("m") : someChild(x, isImpure));

interface Pending {
  readonly value: Expr;
  readonly impure: boolean;
}

function inlineOnce(statements: readonly Stmt[], uses: Uses): readonly Stmt[] {
  const { counts, repeated } = uses;
  const result: Stmt[] = [];
  const pending = new Map<string, Pending>();
  const flush = (all: boolean): void => {
    for (const [name, { value, impure }] of pending)
      if (all || impure) {
        pending.delete(name);
        result.push({ tag: "let", name, value });
      }
  };
  const put = (x: Expr): Expr => (pending.size === 0 ? x : substitute(x));
  const substitute = (x: Expr): Expr => {
    if (x.tag !== "var") return mapChildren(x, put);
    const found = pending.get(x.name);
    if (!found) return x;
    pending.delete(x.name);
    return found.value;
  };
  for (const statement of statements) {
    if (statement.tag === "let") {
      const used = counts.get(statement.name);
      if (used === undefined) continue;
      const value = put(statement.value);
      if (used === 1 && !repeated.has(statement.name) && weight(value) <= heaviest)
        pending.set(statement.name, { value, impure: isImpure(value) });
      else result.push(value === statement.value ? statement : { ...statement, value });
    } else if (statement.tag === "for") {
      const body = inlineOnce(statement.body, uses);
      if (body.length === 0) continue;
      const [from, to] = [put(statement.from), put(statement.to)];
      // Nested bodies would compute a moved value again on every turn.
      flush(true);
      result.push({ ...statement, from, to, body });
    } else if (statement.tag === "if") {
      const condition = put(statement.condition);
      flush(true);
      const [then, otherwise] = [inlineOnce(statement.then, uses), inlineOnce(statement.otherwise, uses)];
      result.push({ ...statement, condition, then, otherwise });
    } else {
      const taken = withExprs(statement, put);
      flush(false);
      result.push(taken);
    }
  }
  flush(true);
  return result;
}

/** A statement without bodies, over other expressions. */
function withExprs(statement: Exclude<Stmt, { tag: "let" | "for" | "if" }>, map: (x: Expr) => Expr): Stmt {
  switch (statement.tag) {
    case "var":
    case "assign": {
      const value = map(statement.value);
      return value === statement.value ? statement : { ...statement, value };
    }
    case "store":
    case "put": {
      const [index, value] = [map(statement.index), map(statement.value)];
      return index === statement.index && value === statement.value
        ? statement
        : { ...statement, index, value };
    }
    case "array":
    case "barrier":
      return statement;
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}
