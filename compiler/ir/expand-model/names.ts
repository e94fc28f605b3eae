/**
 * A body over variables that are each one body's own → the same over as few as there can be, under the names of their origin.
 *
 * ```
 * x@2 = x@0; x@2 = x@2 + f(x@2); x@0 = x@2      x = x + f(x)
 * ```
 *
 * Variables that are copies of each other become one where neither changes while the other is still wanted (Chaitin 1982).
 */
import type { Expression, Statement } from "../../parser/model.js";
import { partsOf, visitExpression, visitStatements } from "../build/walk.js";
import { baseName, isVariable, namesIn } from "./known.js";
import { mapExpression, mapStatement } from "./rewrite.js";

/** `parameters`: variables that come from outside, with names that are settled. */
export function settleNames(
  body: readonly Statement[],
  parameters: readonly string[] = [],
  taken: Iterable<string> = [],
): readonly Statement[] {
  const live = withoutDead(body);
  const classes = merge(live, parameters);
  const names = choose(live, classes, parameters, new Set(taken));
  return withoutSelfCopies(rename(live, (name) => names.get(name) ?? name));
}

const variablesIn = (x: Expression): readonly string[] => [...namesIn(x)].filter(isVariable);

// ------------------------------------------------------------ dead code

/** Without assignments whose variables nothing needs that leaves the body. */
function withoutDead(body: readonly Statement[]): readonly Statement[] {
  const needed = new Set<string>();
  const uses = new Map<string, Set<string>>();
  visitStatements(body, (s) => {
    const used = partsOf(s).expressions.flatMap(variablesIn);
    if (s.kind !== "assign") for (const name of used) needed.add(name);
    else uses.set(s.target.text, new Set([...(uses.get(s.target.text) ?? []), ...used]));
  });
  const pending = [...needed];
  for (let name = pending.pop(); name !== undefined; name = pending.pop())
    for (const other of uses.get(name) ?? [])
      if (!needed.has(other)) {
        needed.add(other);
        pending.push(other);
      }
  return prune(body, needed);
}

function prune(body: readonly Statement[], needed: ReadonlySet<string>): readonly Statement[] {
  return body.flatMap((s): readonly Statement[] => {
    if (s.kind === "assign" && isVariable(s.target.text) && !needed.has(s.target.text)) return [];
    const kept = mapStatement(
      s,
      (x) => x,
      (inner) => prune(inner, needed),
    );
    const { bodies } = partsOf(kept);
    return bodies.length > 0 && bodies.every((inner) => inner.length === 0) ? [] : [kept];
  });
}

// ------------------------------------------------- who may be one with whom

type Live = ReadonlySet<string>;
type Pairs = Map<string, Set<string>>;

interface Copy {
  readonly a: string;
  readonly b: string;
}

function merge(body: readonly Statement[], parameters: readonly string[]): ReadonlyMap<string, string> {
  const conflicts: Pairs = new Map();
  const copies: Copy[] = [];
  const before = liveBefore(body, new Set(), conflicts, copies);
  for (const p of parameters) conflict(conflicts, p, [...parameters, ...before]);
  const root = new Map<string, string>();
  const find = (name: string): string => {
    const up = root.get(name);
    return up === undefined || up === name ? name : find(up);
  };
  const members = new Map<string, readonly string[]>();
  const of = (name: string): readonly string[] => members.get(name) ?? [name];
  for (const { a, b } of copies) {
    const [x, y] = [find(a), find(b)];
    if (x === y || of(x).some((m) => of(y).some((n) => conflicts.get(m)?.has(n)))) continue;
    root.set(y, x);
    members.set(x, [...of(x), ...of(y)]);
  }
  const all = new Set([...variablesOf(body), ...parameters]);
  return new Map([...all].map((name) => [name, find(name)]));
}

function variablesOf(body: readonly Statement[]): ReadonlySet<string> {
  const found = new Set<string>();
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions) for (const name of variablesIn(x)) found.add(name);
    if (s.kind === "assign" && isVariable(s.target.text)) found.add(s.target.text);
    if (s.kind === "repeat" && s.index && isVariable(s.index.text)) found.add(s.index.text);
  });
  return found;
}

function conflict(pairs: Pairs, name: string, others: Iterable<string>): void {
  for (const other of others) {
    if (other === name) continue;
    pairs.set(name, (pairs.get(name) ?? new Set()).add(other));
    pairs.set(other, (pairs.get(other) ?? new Set()).add(name));
  }
}

/** The variables that are wanted before the body, where `after` are wanted after it. */
function liveBefore(body: readonly Statement[], after: Live, conflicts: Pairs, copies: Copy[]): Live {
  let live = after;
  for (const s of [...body].reverse()) live = liveBeforeOne(s, live, conflicts, copies);
  return live;
}

function liveBeforeOne(s: Statement, after: Live, conflicts: Pairs, copies: Copy[]): Live {
  const used = (...xs: readonly Expression[]): readonly string[] => xs.flatMap(variablesIn);
  switch (s.kind) {
    case "assign": {
      const name = s.target.text;
      const source =
        s.value.kind === "name" && !s.indices && !s.operator && isVariable(s.value.text)
          ? s.value.text
          : undefined;
      const others = [...after].filter((other) => other !== name && other !== source);
      conflict(conflicts, name, others);
      if (source !== undefined) copies.push({ a: name, b: source });
      const rest = s.operator ? [...after] : [...after].filter((other) => other !== name);
      return new Set([...rest, ...(s.operator ? [name] : []), ...used(s.value)]);
    }
    case "repeat": {
      let around: Live = after;
      for (let round = 0; round < 2; round++)
        around = new Set([...around, ...liveBefore(s.body, around, conflicts, round === 0 ? [] : copies)]);
      if (s.index && isVariable(s.index.text)) conflict(conflicts, s.index.text, around);
      return new Set([...[...around].filter((name) => name !== s.index?.text), ...used(s.count)]);
    }
    case "if": {
      const sides = [s.then, s.otherwise].map((inner) => liveBefore(inner, after, conflicts, copies));
      return new Set([...sides.flatMap((side) => [...side]), ...used(s.condition)]);
    }
    case "match": {
      const sides = s.cases.map(({ body }) => liveBefore(body, after, conflicts, copies));
      return new Set([...after, ...sides.flatMap((side) => [...side]), ...used(s.value)]);
    }
    case "return":
      return new Set(used(...s.values));
    default:
      return new Set([...after, ...used(...partsOf(s).expressions)]);
  }
}

// ---------------------------------------------------------------- names

/** One name a class: that of its outermost member which is free. */
function choose(
  body: readonly Statement[],
  classes: ReadonlyMap<string, string>,
  parameters: readonly string[],
  taken: Set<string>,
): ReadonlyMap<string, string> {
  const members = new Map<string, string[]>();
  for (const [name, root] of classes) members.set(root, [...(members.get(root) ?? []), name]);
  const used = new Set([...taken, ...plainNames(body), ...parameters.map(baseName)]);
  const names = new Map<string, string>();
  for (const group of members.values()) {
    const parameter = group.find((name) => parameters.includes(name));
    const sorted = [...group].sort((a, b) => rankOf(a) - rankOf(b));
    const chosen = parameter ? baseName(parameter) : free(sorted.map(baseName), used);
    used.add(chosen);
    for (const name of group) names.set(name, chosen);
  }
  return names;
}

/** Those of outer bodies first, what was made on the way last. */
const rankOf = (name: string): number => {
  const id = Number(name.split("@")[1]);
  return Number.isNaN(id) ? Number.POSITIVE_INFINITY : id;
};

function free(wanted: readonly string[], used: ReadonlySet<string>): string {
  const found = wanted.find((name) => !used.has(name));
  if (found !== undefined) return found;
  for (let n = 2; ; n++) if (!used.has(`${wanted[0]}_${n}`)) return `${wanted[0]}_${n}`;
}

/** Names that mean something else: inputs, instances, parameters, functions. */
function plainNames(body: readonly Statement[]): readonly string[] {
  const names: string[] = [];
  const add = (name: string): void => {
    if (!isVariable(name)) names.push(name);
  };
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions)
      visitExpression(x, (e) => {
        if (e.kind === "name" && !isFunctionPlace(x, e)) add(e.text);
      });
    if (s.kind === "input" || s.kind === "use" || s.kind === "table" || s.kind === "state") add(s.name.text);
    if (s.kind === "param") for (const { name } of s.entries) add(name.text);
    if (s.kind === "assign") add(s.target.text);
  });
  return names;
}

/** A function before its `(` is hidden by no variable. */
function isFunctionPlace(x: Expression, name: Expression): boolean {
  let found = false;
  visitExpression(x, (e) => {
    if (e.kind === "call" && e.callee === name) found = true;
  });
  return found;
}

function rename(body: readonly Statement[], to: (name: string) => string): readonly Statement[] {
  const text = (x: Expression): Expression =>
    mapExpression(x, (e) => (e.kind === "name" ? { ...e, text: to(e.text) } : e));
  return body.map((s): Statement => {
    const done = mapStatement(s, text, (inner) => rename(inner, to));
    if (done.kind === "assign") return { ...done, target: { ...done.target, text: to(done.target.text) } };
    if (done.kind === "repeat" && done.index)
      return { ...done, index: { ...done.index, text: to(done.index.text) } };
    return done;
  });
}

function withoutSelfCopies(body: readonly Statement[]): readonly Statement[] {
  return body.flatMap((s): readonly Statement[] => {
    if (
      s.kind === "assign" &&
      !s.indices &&
      !s.operator &&
      s.value.kind === "name" &&
      s.value.text === s.target.text
    )
      return [];
    return [mapStatement(s, (x) => x, withoutSelfCopies)];
  });
}
