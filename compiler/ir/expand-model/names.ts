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
import { baseName, isVariable } from "./known.js";
import { conflictsIn, copied, variablesIn } from "./liveness.js";
import { mapExpression, mapStatement } from "./rewrite.js";
import { withSingleUses } from "./single-uses.js";

/** The variables of one body under their own names again, without what is dead. */
export function plainNamesOf(
  body: readonly Statement[],
  parameters: readonly string[] = [],
): readonly Statement[] {
  const live = withoutSelfCopies(withoutDead(body));
  const names = choose(live, parameters, new Set());
  return rename(live, (name) => names.get(name) ?? name);
}

/** `parameters`: variables that come from outside, with names that are settled. */
export function settleNames(
  body: readonly Statement[],
  parameters: readonly string[] = [],
  taken: Iterable<string> = [],
): readonly Statement[] {
  const single = withSingleUses(withoutDead(body));
  const copiedAway = mergeBy(single, parameters, () => copies(single));
  const merged = mergeBy(copiedAway, parameters, () => namesakes(copiedAway, parameters));
  const names = choose(merged, parameters, new Set(taken));
  return rename(merged, (name) => names.get(name) ?? name);
}

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

type Candidate = readonly [string, string];

/** The candidates made one where neither of the two changes while the other is wanted. */
function mergeBy(
  body: readonly Statement[],
  parameters: readonly string[],
  candidates: () => readonly Candidate[],
): readonly Statement[] {
  const conflicts = conflictsIn(body, parameters);
  const members = new Map<string, readonly string[]>();
  const of = (name: string): readonly string[] => members.get(name) ?? [name];
  for (const [a, b] of candidates()) {
    const [x, y] = [of(a), of(b)];
    if (x === y || x.includes(b) || x.some((m) => y.some((n) => conflicts.get(m)?.has(n)))) continue;
    const all = [...x, ...y].sort((m, n) => rankOf(m) - rankOf(n));
    for (const name of all) members.set(name, all);
  }
  const first = (name: string): string => of(name).find((m) => parameters.includes(m)) ?? of(name)[0]!;
  return withoutSelfCopies(rename(body, (name) => (isVariable(name) ? first(name) : name)));
}

function copies(body: readonly Statement[]): readonly Candidate[] {
  const found: Candidate[] = [];
  visitStatements(body, (s) => {
    const source = copied(s);
    if (s.kind === "assign" && source !== undefined) found.push([s.target.text, source]);
  });
  return found;
}

/** Of one name in different bodies, where that makes no loop carry what it did not. */
function namesakes(body: readonly Statement[], parameters: readonly string[]): readonly Candidate[] {
  const plain = carriedOrPlain(body, parameters);
  const all = [...new Set([...variablesOf(body), ...parameters])].filter(plain);
  return all.flatMap((a, n) =>
    all.slice(n + 1).flatMap((b): Candidate[] => (baseName(a) === baseName(b) ? [[a, b]] : [])),
  );
}

/** Variables that no loop assigns without their being there before. */
function carriedOrPlain(
  body: readonly Statement[],
  parameters: readonly string[],
): (name: string) => boolean {
  const local = new Set<string>();
  const look = (
    inner: readonly Statement[],
    before: ReadonlySet<string>,
    inLoop: boolean,
  ): ReadonlySet<string> => {
    const seen = new Set(before);
    for (const s of inner) {
      if (s.kind === "assign") {
        if (inLoop && !seen.has(s.target.text)) local.add(s.target.text);
        seen.add(s.target.text);
      } else if (s.kind === "repeat") look(s.body, seen, true);
      else for (const part of partsOf(s).bodies) for (const name of look(part, seen, inLoop)) seen.add(name);
    }
    return seen;
  };
  look(body, new Set(parameters), false);
  return (name) => !local.has(name);
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

// ---------------------------------------------------------------- names

/** Each variable its own name, those of outer bodies first. */
function choose(
  body: readonly Statement[],
  parameters: readonly string[],
  taken: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const used = new Set([...taken, ...plainNames(body), ...parameters.map(baseName)]);
  const names = new Map(parameters.map((name) => [name, baseName(name)]));
  for (const name of [...variablesOf(body)].sort((a, b) => rankOf(a) - rankOf(b))) {
    if (names.has(name)) continue;
    const chosen = free(baseName(name), used);
    used.add(chosen);
    names.set(name, chosen);
  }
  return names;
}

/** Those of outer bodies first, what was made on the way last. */
const rankOf = (name: string): number => {
  const id = Number(name.split("@")[1]);
  return Number.isNaN(id) ? Number.POSITIVE_INFINITY : id;
};

function free(wanted: string, used: ReadonlySet<string>): string {
  if (!used.has(wanted)) return wanted;
  for (let n = 2; ; n++) if (!used.has(`${wanted}_${n}`)) return `${wanted}_${n}`;
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
