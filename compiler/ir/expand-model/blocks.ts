/**
 * What all calls of a block agree on, found by running the bodies that call it.
 *
 * ```
 * mlp(x, 64, act: gelu), mlp(y, 32, act: gelu)     act is gelu, bias is true (the default), hidden varies
 * ```
 */
import type { BlockDeclaration, Parameter } from "../../parser/model.js";
import type { Scope } from "../build/scope.js";
import { placeOf } from "./declared.js";
import type { Engine } from "./engine.js";
import { createBody, placeIn } from "./engine.js";
import { know } from "./evaluate.js";
import type { FunctionKnown, Given, Known } from "./known.js";
import { constant, isVariable, keyOf, nameText, open, textOf } from "./known.js";

export interface BlockFacts {
  readonly declaration: BlockDeclaration;
  readonly scope: Scope;
  /** By parameter: what it is at every call so far; undefined where calls differ. */
  readonly agreed: Map<string, Known | undefined>;
}

/** Adds what one call says. True where something is known less than before, or the block is new. */
export function learnCall(
  engine: Engine,
  facts: Map<string, BlockFacts>,
  f: FunctionKnown,
  given: ReadonlyMap<string, Given> | undefined,
): boolean {
  const declaration = f.declaration as BlockDeclaration;
  const place = placeOf(declaration.name.span);
  const known = facts.get(place);
  const fact = known ?? { declaration, scope: f.scope, agreed: new Map<string, Known | undefined>() };
  facts.set(place, fact);
  const body = createBody(engine, f.scope, { library: true });
  let changed = known === undefined;
  for (const parameter of declaration.parameters) {
    const name = parameter.name.text;
    const value = given && valueAt(engine, body, parameter, given.get(name));
    body.names.set(name, value ?? open(nameText(name), parameter.axes !== undefined));
    const settled = value && settledOf(value, name);
    const before = fact.agreed.get(name);
    const first = !fact.agreed.has(name);
    if (!first && before === undefined) continue;
    const same = !first && before && settled && keyOf(settledKey(before)) === keyOf(settledKey(settled));
    const now = first ? settled : same ? before : undefined;
    if (first || now !== before) changed = true;
    fact.agreed.set(name, now);
  }
  return changed;
}

function valueAt(
  engine: Engine,
  body: ReturnType<typeof createBody>,
  { axes, defaultValue }: Parameter,
  given: Given | undefined,
): Known | undefined {
  if (axes !== undefined) return undefined;
  return given?.known ?? (defaultValue && know(placeIn(engine, body), defaultValue));
}

/** What can take a parameter's place in the block's own body; numbers keep their parameter's name. */
function settledOf(known: Known, name: string): Known | undefined {
  if (known.kind === "constant" && known.value.kind === "number")
    return constant(known.value, nameText(name));
  return isClosed(known) ? known : undefined;
}

const settledKey = (known: Known): unknown =>
  known.kind === "constant" && known.value.kind === "number" ? known.value.value : textOf(known);

/** Whether it means the same everywhere: it names nothing of the body that wrote it. */
function isClosed(known: Known): boolean {
  switch (known.kind) {
    case "constant":
      return known.value.kind !== "number" ? isPlain(known) : known.text.kind === "number";
    case "function":
      return [...known.held.values()].every((g) => isClosed(g.known));
    case "list":
      return known.items.every(isClosed);
    case "open":
    case "instance":
      return false;
    default:
      throw new Error(`internal: ${(known satisfies never as Known).kind}`);
  }
}

/** Choices, truth values, built-in functions; of initial values those with plain numbers. */
function isPlain({ text, value }: Known & { readonly kind: "constant" }): boolean {
  if (value.kind !== "initializer") return true;
  const inside =
    text.kind === "call" ? text.arguments.map((a) => a.value) : text.kind === "name" ? [] : [text];
  return inside.every((x) => x.kind === "number") && !isVariable(JSON.stringify(text));
}
