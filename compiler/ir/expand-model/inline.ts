/**
 * A call of a block → what its body comes to, where that can stand in the caller's.
 *
 * ```
 * residual(x, second, f, norm, pre) as _     x = x + f(norm(x)), and the list x, second
 * ```
 */
import type { BlockDeclaration, Statement } from "../../parser/model.js";
import { take } from "../build/paths.js";
import { assignedNames, partsOf, visitExpression, visitStatements } from "../build/walk.js";
import type { Engine, Frame } from "./engine.js";
import { createBody, hoist, placeIn, variable } from "./engine.js";
import { know } from "./evaluate.js";
import type { FunctionKnown, Given, Known, Open } from "./known.js";
import { nameOf, nameText, open, Whole } from "./known.js";
import { runStatements } from "./statements.js";

const STRUCTURE: ReadonlySet<Statement["kind"]> = new Set<Statement["kind"]>([
  "assign",
  "use",
  "repeat",
  "if",
  "match",
  "return",
]);

/** Whether a body only puts blocks together: no parameters, no indices, no sizes of its own. */
export function isStructure({ parameters, body }: BlockDeclaration): boolean {
  const axes = new Set(
    parameters.flatMap((p) =>
      Array.isArray(p.axes) ? p.axes.map(({ text }: { text: string }) => text) : [],
    ),
  );
  let plain = true;
  visitStatements(body, (s) => {
    if (!STRUCTURE.has(s.kind) || (s.kind === "assign" && s.indices)) plain = false;
    for (const x of partsOf(s).expressions)
      visitExpression(x, (e) => {
        if (e.kind === "reduce" || (e.kind === "name" && axes.has(e.text))) plain = false;
      });
  });
  return plain;
}

/** The body in the caller's place, under the caller's path; undefined where it cannot stand there. */
export function inline(
  engine: Engine,
  frame: Frame,
  f: FunctionKnown,
  given: ReadonlyMap<string, Given>,
): Known | undefined {
  const declaration = f.declaration as BlockDeclaration;
  const taken = new Map(frame.path.taken);
  const body = createBody(engine, f.scope, {
    path: frame.path,
    returns: "value",
    library: true,
    parameters: frame.parameters,
  });
  const assigned = new Set(assignedNames(declaration.body));
  try {
    for (const { name, defaultValue, axes } of declaration.parameters) {
      const known = given.get(name.text)?.known ?? know(placeIn(engine, body), defaultValue!);
      const isAssigned = assigned.has(name.text);
      body.names.set(name.text, bound(engine, body, name.text, known, axes !== undefined, isAssigned));
    }
    const result = runStatements(engine, body, declaration.body);
    if (!result) throw new Whole("nothing is returned");
    frame.out.push(...body.out);
    return result;
  } catch (error) {
    if (!(error instanceof Whole)) throw error;
    frame.path.taken.clear();
    for (const [name, count] of taken) frame.path.taken.set(name, count);
    return undefined;
  }
}

/** A tensor is evaluated once, where it is passed; a name that the body assigns is the body's own. */
function bound(
  engine: Engine,
  body: Frame,
  name: string,
  known: Known,
  tensor: boolean,
  assigned: boolean,
): Known {
  if (known.kind !== "open") return known;
  const value: Open = tensor ? { ...known, tensor } : known;
  if (!assigned && known.text.kind === "name") return value;
  if (!assigned && !known.tensor && !tensor) return value;
  if (!assigned) return hoist(engine, body, name, value);
  const target = variable(body, name);
  body.out.push({
    kind: "assign",
    target: nameOf(target),
    indices: undefined,
    operator: undefined,
    value: known.text,
    span: known.text.span,
  });
  return open(nameText(target), value.tensor);
}

/** What a call comes to where nothing of the body is left: `dropout(x, 0)` is x. */
export function reduce(
  engine: Engine,
  frame: Frame,
  f: FunctionKnown,
  given: ReadonlyMap<string, Given>,
): Known | undefined {
  const declaration = f.declaration as BlockDeclaration;
  const body = createBody(engine, f.scope, { returns: "value", library: true });
  for (const { name, defaultValue, axes } of declaration.parameters) {
    const known = given.get(name.text)?.known ?? know(placeIn(engine, body), defaultValue!);
    body.names.set(name.text, known.kind === "open" && axes ? { ...known, tensor: true } : known);
  }
  try {
    const result = runStatements(engine, body, declaration.body);
    if (!result || body.out.length > 0 || !isSettled(result, given)) return undefined;
    take(frame.path, f.as ?? declaration.name.text);
    return result;
  } catch (error) {
    if (!(error instanceof Whole)) throw error;
    return undefined;
  }
}

/** An argument itself, or what needs no evaluation. */
function isSettled(result: Known, given: ReadonlyMap<string, Given>): boolean {
  if (result.kind === "function") return true;
  if (result.kind === "constant") return result.text.kind === "number" || result.text.kind === "boolean";
  if (result.kind === "open")
    return [...given.values()].some(
      ({ known }) => known === result || (known.kind === "open" && known.text === result.text),
    );
  return false;
}
