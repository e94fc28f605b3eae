/**
 * The body of a cooperative kernel → phases: what stands between two barriers, done for one invocation after the other.
 *
 * ```
 * put a[local] x; barrier; store 0 [local] a[0] → for local { a[local] = x } for local { b0[local] = a[0] }
 * ```
 * A loop or a branch with a barrier in it is the same for all invocations (`uniform.ts`), so it stands around its phases.
 */
import type { Expr, Kernel, Stmt, ValueType } from "./kernel.js";
import { eachChild } from "./kernel.js";
import { bodiesOf, exprsOf, walk } from "./statements.js";

export type Part =
  | { readonly tag: "phase"; readonly statements: readonly Stmt[] }
  | { readonly tag: "for"; readonly statement: Stmt & { tag: "for" }; readonly body: readonly Part[] }
  | {
      readonly tag: "if";
      readonly statement: Stmt & { tag: "if" };
      readonly then: readonly Part[];
      readonly otherwise: readonly Part[];
    };

export const invocationsOf = ({ workgroup }: Kernel): number => workgroup[0] * workgroup[1] * workgroup[2];

export const arraysOf = (body: readonly Stmt[]): readonly (Stmt & { tag: "array" })[] => {
  const found: (Stmt & { tag: "array" })[] = [];
  walk(body, (statement) => {
    if (statement.tag === "array") found.push(statement);
  });
  return found;
};

/** Of memory that a workgroup shares. */
export const workgroupBytes = ({ body }: Kernel): number =>
  arraysOf(body)
    .filter(({ space }) => space === "workgroup")
    .reduce((sum, { type, length }) => sum + (type === "f32x4" ? 16 : 4) * length, 0);

export const hasBarrier = (statement: Stmt): boolean =>
  statement.tag === "barrier" || bodiesOf(statement).some((body) => body.some(hasBarrier));

export function partsOf(body: readonly Stmt[]): readonly Part[] {
  const parts: Part[] = [];
  let run: Stmt[] = [];
  const close = (): void => {
    if (run.length > 0) parts.push({ tag: "phase", statements: run });
    run = [];
  };
  for (const statement of body) {
    if (!hasBarrier(statement)) {
      run.push(statement);
      continue;
    }
    close();
    if (statement.tag === "for") parts.push({ tag: "for", statement, body: partsOf(statement.body) });
    if (statement.tag === "if")
      parts.push({
        tag: "if",
        statement,
        then: partsOf(statement.then),
        otherwise: partsOf(statement.otherwise),
      });
  }
  close();
  return parts;
}

/** The names that live longer than their phase, so that each invocation needs its own. */
export function spreadNames(parts: readonly Part[]): ReadonlyMap<string, ValueType> {
  const homes = new Map<string, { readonly phase: object; readonly type: ValueType }>();
  const spread = new Map<string, ValueType>();
  const use = (x: Expr, phase: object): void => {
    const home = x.tag === "var" ? homes.get(x.name) : undefined;
    if (x.tag === "var" && home && home.phase !== phase) spread.set(x.name, home.type);
    eachChild(x, (child) => use(child, phase));
  };
  const enter = (part: Part): void => {
    if (part.tag !== "phase") {
      for (const x of exprsOf(part.statement)) use(x, part);
      (part.tag === "for" ? part.body : [...part.then, ...part.otherwise]).forEach(enter);
      return;
    }
    walk(part.statements, (statement) => {
      for (const x of exprsOf(statement)) use(x, part);
      if (statement.tag === "let" || statement.tag === "var")
        homes.set(statement.name, { phase: part, type: statement.value.type });
      const home = statement.tag === "assign" ? homes.get(statement.name) : undefined;
      if (statement.tag === "assign" && home && home.phase !== part) spread.set(statement.name, home.type);
    });
  };
  parts.forEach(enter);
  return spread;
}
