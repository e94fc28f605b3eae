/**
 * A kernel → what stands where its workgroup may part ways: barriers and subgroup operations need all invocations to come by.
 *
 * ```
 * for i from 0 to local { barrier } → ["a barrier under what differs between invocations"]
 * ```
 * Uniform are constants, extents, scalars, the turn, the grid's point and what is made of these; WGSL's own rules know no more.
 */
import type { Expr, Kernel, Stmt } from "./kernel.js";
import { someChild } from "./kernel.js";
import { bodiesOf, exprsOf, walk } from "./statements.js";

const differing: ReadonlySet<Expr["tag"]> = new Set([
  "load",
  "element",
  "local",
  "subgroup",
  "subgroup_lane",
  "subgroup_size",
]);
/** What exists in cooperative kernels alone. */
const shared: ReadonlySet<Expr["tag"]> = new Set(["local", "subgroup", "subgroup_lane", "subgroup_size"]);

/** Empty where all is well. */
export function checkUniform(kernel: Kernel): readonly string[] {
  return kernel.cooperative ? partings(kernel.body) : strangers(kernel.body);
}

function strangers(body: readonly Stmt[]): readonly string[] {
  const found: string[] = [];
  walk(body, (statement) => {
    const isShared = statement.tag === "array" && statement.space === "workgroup";
    if (statement.tag === "barrier" || isShared)
      found.push(`${statement.tag} in a kernel without workgroups`);
    const inside = (x: Expr): boolean => shared.has(x.tag) || someChild(x, inside);
    if (exprsOf(statement).some(inside)) found.push("an index or sum of a workgroup in a kernel without");
  });
  return found;
}

function partings(body: readonly Stmt[]): readonly string[] {
  const names = differingNames(body);
  const found: string[] = [];
  const differs = (x: Expr): boolean =>
    x.tag === "var" ? names.has(x.name) : differing.has(x.tag) || someChild(x, differs);
  const combines = (x: Expr): boolean => x.tag === "subgroup" || someChild(x, combines);
  const visit = (statements: readonly Stmt[], parted: boolean): void => {
    for (const statement of statements) {
      const exprs = exprsOf(statement);
      if (parted && statement.tag === "barrier")
        found.push("a barrier under what differs between invocations");
      if (parted && exprs.some(combines))
        found.push("a subgroup's sum under what differs between invocations");
      for (const below of bodiesOf(statement)) visit(below, parted || exprs.some(differs));
    }
  };
  visit(body, false);
  return found;
}

/** Names whose values may differ: by what they are made of, or by where they are set. */
function differingNames(body: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  const differs = (x: Expr): boolean =>
    x.tag === "var" ? names.has(x.name) : differing.has(x.tag) || someChild(x, differs);
  const visit = (statements: readonly Stmt[], parted: boolean): void => {
    for (const statement of statements) {
      const apart = parted || exprsOf(statement).some(differs);
      const isNamed = ["let", "var", "assign", "for"].includes(statement.tag);
      if (apart && isNamed && "name" in statement) names.add(statement.name);
      for (const below of bodiesOf(statement)) visit(below, apart);
    }
  };
  // Until nothing is added: a loop's end may set what its beginning reads.
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    visit(body, false);
  }
  return names;
}
