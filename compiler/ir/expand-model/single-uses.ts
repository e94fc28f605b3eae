/**
 * Variables that are wanted once, right behind → what they stand for, in their place.
 *
 * ```
 * n@1 = norm(x@0); y@0 = f(n@1)      y@0 = f(norm(x@0))
 * ```
 */
import type { Expression, Statement } from "../../parser/model.js";
import { childrenOf, partsOf, visitExpression, visitStatements } from "../build/walk.js";
import { isVariable } from "./known.js";
import { mapExpression, mapStatement } from "./rewrite.js";

/** `n = norm(x); y = f(n)` → `y = f(norm(x))`, where n is wanted nowhere else and nothing is evaluated before it. */
export function withSingleUses(body: readonly Statement[]): readonly Statement[] {
  const counts = new Map<string, number>();
  const count = (name: string, by: number): void => void counts.set(name, (counts.get(name) ?? 0) + by);
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions)
      visitExpression(x, (e) => void (e.kind === "name" && isVariable(e.text) && count(e.text, 1)));
    // Assigned twice is carried on: such a name stays.
    if (s.kind === "assign") count(s.target.text, 1);
  });
  return foldIn(body, (name) => counts.get(name) === 2);
}

function foldIn(body: readonly Statement[], once: (name: string) => boolean): readonly Statement[] {
  const out: Statement[] = [];
  for (const s of body) {
    const before = out.at(-1);
    const name =
      before?.kind === "assign" && !before.indices && !before.operator ? before.target.text : undefined;
    const value = before?.kind === "assign" && name !== undefined && once(name) ? before.value : undefined;
    const next = value && TAKES.has(s.kind) && comesFirst(s, name!) ? replaced(s, name!, value) : undefined;
    if (next) out[out.length - 1] = next;
    else
      out.push(
        mapStatement(
          s,
          (x) => x,
          (inner) => foldIn(inner, once),
        ),
      );
  }
  return out;
}

const TAKES: ReadonlySet<Statement["kind"]> = new Set<Statement["kind"]>([
  "assign",
  "output",
  "probe",
  "loss",
  "return",
]);

/** Whether the name is evaluated before any call in the statement. */
function comesFirst(s: Statement, name: string): boolean {
  let verdict: boolean | undefined;
  const look = (x: Expression): void => {
    if (verdict !== undefined) return;
    if (x.kind === "name" && x.text === name) verdict = true;
    else for (const child of childrenOf(x)) look(child);
    if (x.kind === "call") verdict ??= false;
  };
  for (const x of partsOf(s).expressions) look(x);
  return verdict === true && !(s.kind === "assign" && s.indices);
}

const replaced = (s: Statement, name: string, value: Expression): Statement =>
  mapStatement(
    s,
    (x) => mapExpression(x, (e) => (e.kind === "name" && e.text === name ? value : e)),
    (inner) => inner,
  );
