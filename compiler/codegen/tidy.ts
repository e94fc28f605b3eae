/**
 * Statements as they were generated → without unused names, and names used once put in place.
 *
 * ```
 * let v0 = load 0 [g0]; let v1 = v0 * 2; store 1 [g0] v1 → store 1 [g0] (load 0 [g0] * 2)
 * ```
 */
import type { Expr, Stmt } from "./kernel.js";
import { children, withChildren } from "./kernel.js";

export const tidy = (statements: readonly Stmt[]): readonly Stmt[] => {
  const used = countUses(statements);
  const kept = dropUnused(statements, used);
  const repeated = repeatedNames(kept);
  return inlineOnce(kept, (name) => used.get(name) === 1 && !repeated.has(name));
};

/** The bindings of which four elements are loaded or stored at once. */
export function wideBindings(statements: readonly Stmt[]): ReadonlySet<number> {
  const wide = new Set<number>();
  const visit = (x: Expr): void => {
    if (x.tag === "load" && x.type === "f32x4") wide.add(x.binding);
    children(x).forEach(visit);
  };
  walk(statements, (statement) => {
    if (statement.tag === "store" && statement.value.type === "f32x4") wide.add(statement.binding);
    exprsOf(statement).forEach(visit);
  });
  return wide;
}

export const bodiesOf = (statement: Stmt): readonly (readonly Stmt[])[] =>
  statement.tag === "for"
    ? [statement.body]
    : statement.tag === "if"
      ? [statement.then, statement.otherwise]
      : [];

export function walk(statements: readonly Stmt[], visit: (statement: Stmt) => void): void {
  for (const statement of statements) {
    visit(statement);
    for (const body of bodiesOf(statement)) walk(body, visit);
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

function withExprs(statement: Stmt, exprs: readonly Expr[]): Stmt {
  switch (statement.tag) {
    case "let":
    case "var":
    case "assign":
      return { ...statement, value: exprs[0]! };
    case "array":
      return statement;
    case "store":
    case "put":
      return { ...statement, index: exprs[0]!, value: exprs[1]! };
    case "for":
      return { ...statement, from: exprs[0]!, to: exprs[1]! };
    case "if":
      return { ...statement, condition: exprs[0]! };
    case "barrier":
      return statement;
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}

function withBodies(statement: Stmt, map: (body: readonly Stmt[]) => readonly Stmt[]): Stmt {
  if (statement.tag === "for") return { ...statement, body: map(statement.body) };
  if (statement.tag === "if")
    return { ...statement, then: map(statement.then), otherwise: map(statement.otherwise) };
  return statement;
}

/** Uses by live statements: a `let` counts only when its own name is used, so the walk goes backwards. */
function countUses(statements: readonly Stmt[]): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  const visit = (x: Expr): void => {
    if (x.tag === "var") used.set(x.name, (used.get(x.name) ?? 0) + 1);
    children(x).forEach(visit);
  };
  const backwards = (body: readonly Stmt[]): void => {
    for (const statement of [...body].reverse()) {
      bodiesOf(statement).forEach(backwards);
      if (statement.tag !== "let" || used.has(statement.name)) exprsOf(statement).forEach(visit);
    }
  };
  backwards(statements);
  return used;
}

const dropUnused = (statements: readonly Stmt[], used: ReadonlyMap<string, number>): readonly Stmt[] =>
  statements
    .filter((statement) => statement.tag !== "let" || used.has(statement.name))
    .map((statement) => withBodies(statement, (body) => dropUnused(body, used)))
    .filter((statement) => statement.tag !== "for" || statement.body.length > 0);

function weight(x: Expr): number {
  let sum = 1;
  children(x).forEach((child) => {
    sum += weight(child);
  });
  return sum;
}
const heaviest = 24;

/** Whether moving past a store, an assignment or a barrier could change the value. */
const isPure = (x: Expr): boolean =>
  x.tag !== "load" &&
  x.tag !== "element" &&
  x.tag !== "subgroup" &&
  !(x.tag === "var" && x.name.startsWith("m")) &&
  children(x).every(isPure);

function inlineOnce(statements: readonly Stmt[], isSingle: (name: string) => boolean): readonly Stmt[] {
  const result: Stmt[] = [];
  let pending = new Map<string, Expr>();
  const flush = (keep: (value: Expr) => boolean): void => {
    if (pending.size === 0) return;
    for (const [name, value] of pending) if (!keep(value)) result.push({ tag: "let", name, value });
    pending = new Map([...pending].filter(([, value]) => keep(value)));
  };
  for (const statement of statements) {
    const exprs = exprsOf(statement).map((x) => substitute(x, pending));
    const taken = withExprs(statement, exprs);
    const stays = taken.tag === "let" && taken.value.tag === "subgroup";
    if (taken.tag === "let" && !stays && isSingle(taken.name) && weight(taken.value) <= heaviest) {
      pending.set(taken.name, taken.value);
      continue;
    }
    // Nested bodies would compute a moved value again on every turn.
    if (taken.tag === "for" || taken.tag === "if") flush(() => false);
    else if (taken.tag !== "let" || stays) flush(isPure);
    result.push(withBodies(taken, (body) => inlineOnce(body, isSingle)));
  }
  flush(() => false);
  return result;
}

/** Names that four lanes would print, and compute, four times. */
function repeatedNames(statements: readonly Stmt[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (x: Expr, repeated: boolean): void => {
    if (x.tag === "var" && repeated) found.add(x.name);
    const below = x.type === "f32x4" && x.tag !== "vector";
    for (const child of children(x)) visit(child, repeated || (below && child.type !== "f32x4"));
  };
  walk(statements, (statement) => {
    const wide = (statement.tag === "store" || statement.tag === "put") && statement.value.type === "f32x4";
    for (const x of exprsOf(statement)) visit(x, wide && x.type !== "f32x4");
  });
  return found;
}

function substitute(x: Expr, pending: Map<string, Expr>): Expr {
  if (pending.size === 0) return x;
  if (x.tag !== "var") {
    const below = children(x);
    if (below.length === 0) return x;
    const taken = below.map((child) => substitute(child, pending));
    return taken.every((child, n) => child === below[n]) ? x : withChildren(x, taken);
  }
  const value = pending.get(x.name);
  if (value) pending.delete(x.name);
  return value ?? x;
}
