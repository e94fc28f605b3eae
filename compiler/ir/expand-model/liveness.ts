/**
 * A body over variables → which of them may not be one: one changes while the other is still wanted.
 *
 * ```
 * y@1 = x@0; x@0 = f(x@0); z@0 = x@0 + y@1      x@0 and y@1
 * ```
 */
import type { Expression, Statement } from "../../parser/model.js";
import { partsOf } from "../build/walk.js";
import { isVariable, namesIn } from "./known.js";

type Live = ReadonlySet<string>;
type Pairs = Map<string, Set<string>>;

/** `parameters`: variables that are there from the start. */
export function conflictsIn(
  body: readonly Statement[],
  parameters: readonly string[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const conflicts: Pairs = new Map();
  const before = liveBefore(body, new Set(), conflicts);
  for (const p of parameters) conflict(conflicts, p, [...parameters, ...before]);
  return conflicts;
}

export const variablesIn = (x: Expression): readonly string[] => [...namesIn(x)].filter(isVariable);

/** The variable that an assignment only copies. */
export const copied = (s: Statement): string | undefined =>
  s.kind === "assign" && s.value.kind === "name" && !s.indices && !s.operator && isVariable(s.value.text)
    ? s.value.text
    : undefined;

function conflict(pairs: Pairs, name: string, others: Iterable<string>): void {
  for (const other of others) {
    if (other === name) continue;
    pairs.set(name, (pairs.get(name) ?? new Set()).add(other));
    pairs.set(other, (pairs.get(other) ?? new Set()).add(name));
  }
}

/** The variables that are wanted before the body, where `after` are wanted after it. */
function liveBefore(body: readonly Statement[], after: Live, conflicts: Pairs): Live {
  let live = after;
  for (const s of [...body].reverse()) live = liveBeforeOne(s, live, conflicts);
  return live;
}

function liveBeforeOne(s: Statement, after: Live, conflicts: Pairs): Live {
  const used = (...xs: readonly Expression[]): readonly string[] => xs.flatMap(variablesIn);
  switch (s.kind) {
    case "assign": {
      const name = s.target.text;
      const source = copied(s);
      const others = [...after].filter((other) => other !== name && other !== source);
      conflict(conflicts, name, others);
      const rest = s.operator ? [...after] : [...after].filter((other) => other !== name);
      return new Set([...rest, ...(s.operator ? [name] : []), ...used(s.value)]);
    }
    case "repeat": {
      let around: Live = after;
      for (let round = 0; round < 2; round++)
        around = new Set([...around, ...liveBefore(s.body, around, conflicts)]);
      if (s.index && isVariable(s.index.text)) conflict(conflicts, s.index.text, around);
      return new Set([...[...around].filter((name) => name !== s.index?.text), ...used(s.count)]);
    }
    case "if": {
      const sides = [s.then, s.otherwise].map((inner) => liveBefore(inner, after, conflicts));
      return new Set([...sides.flatMap((side) => [...side]), ...used(s.condition)]);
    }
    case "match": {
      const sides = s.cases.map(({ body }) => liveBefore(body, after, conflicts));
      return new Set([...after, ...sides.flatMap((side) => [...side]), ...used(s.value)]);
    }
    case "return":
      return new Set(used(...s.values));
    default:
      return new Set([...after, ...used(...partsOf(s).expressions)]);
  }
}
