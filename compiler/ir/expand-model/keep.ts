/**
 * Calls that stay calls: which arguments they still need, and how they are written.
 *
 * ```
 * attention(n, heads: heads, kv_heads: heads, bias: true)     attention(n, heads)
 * ```
 */
import type { BlockDeclaration, CallExpression, Expression, Statement } from "../../parser/model.js";
import type { PathContext } from "../build/paths.js";
import { createFrame, rootPath, take } from "../build/paths.js";
import type { Engine, Kept } from "./engine.js";
import { createBody, keptCall, placeIn } from "./engine.js";
import { know } from "./evaluate.js";
import type { FunctionKnown, Given, Known } from "./known.js";
import { nameOf, namesIn, nameText, open, sameText, textOf } from "./known.js";
import { mapExpression, mapStatement } from "./rewrite.js";

/** Without arguments that are what the default says; those that the user wrote stay. */
export function withoutDefaults(engine: Engine, f: FunctionKnown, given: ReadonlyMap<string, Given>): Kept {
  const { parameters } = f.declaration as BlockDeclaration;
  const body = createBody(engine, f.scope, { library: true });
  const axes = new Set(
    parameters.flatMap((p) => (Array.isArray(p.axes) ? p.axes.map((a: { text: string }) => a.text) : [])),
  );
  const kept = new Map<string, Given>();
  const doubtful: string[] = [];
  for (const { name, defaultValue, axes: own } of parameters) {
    const argument = given.get(name.text);
    const usual = defaultValue && know(placeIn(engine, body), defaultValue);
    body.names.set(name.text, argument?.known ?? usual ?? open(nameText(name.text), own !== undefined));
    if (!argument) continue;
    const unneeded = !argument.explicit && usual !== undefined && isSame(argument.known, usual);
    if (!unneeded) kept.set(name.text, argument);
    if (!unneeded && !argument.explicit && usual && [...namesIn(textOf(usual))].some((n) => axes.has(n)))
      doubtful.push(name.text);
  }
  return { given: kept, doubtful };
}

function isSame(a: Known, b: Known): boolean {
  if (sameText(textOf(a), textOf(b))) return true;
  return (
    a.kind === "constant" &&
    b.kind === "constant" &&
    a.value.kind === "number" &&
    b.value.kind === "number" &&
    b.text.kind === "number" &&
    a.value.value === b.value.value
  );
}

/** `attention(x, heads: heads)` → `attention(x, heads)`: a name that is the next parameter's needs no label. */
export const withoutLabels = (
  body: readonly Statement[],
  parametersOf: (name: string) => readonly string[] | undefined,
): readonly Statement[] => {
  const shorten = (x: Expression): Expression =>
    mapExpression(x, (e) => (e.kind === "call" ? withoutLabel(e, parametersOf) : e));
  return body.map((s) => mapStatement(s, shorten, (inner) => withoutLabels(inner, parametersOf)));
};

function withoutLabel(
  e: CallExpression,
  parametersOf: (name: string) => readonly string[] | undefined,
): CallExpression {
  const names = e.callee.kind === "name" ? parametersOf(e.callee.text) : undefined;
  const first = e.arguments.findIndex(({ name }) => name !== undefined);
  if (!names || first < 1) return e;
  const args = [...e.arguments];
  for (let n = first; n < args.length; n++) {
    const { name, value } = args[n]!;
    if (name?.text !== names[n] || value.kind !== "name" || value.text !== name.text) break;
    args[n] = { ...args[n]!, name: undefined };
  }
  return { ...e, arguments: args };
}

/** Gives calls their old path component with `as` where another call before them has vanished. */
export function withComponents(
  engine: Engine,
  body: readonly Statement[],
  path: PathContext = rootPath(createFrame(0, undefined)),
): readonly Statement[] {
  const settle = (x: Expression): Expression =>
    mapExpression(x, (e) => {
      if (e.kind === "call" && e.callee.kind === "name" && e.callee.text === "random") take(path, "random");
      const kept = e.kind === "call" ? keptCall(engine, e) : undefined;
      if (!kept || e.kind !== "call" || kept.component === "_") return e;
      const own = e.as?.text ?? (e.callee as { readonly text: string }).text;
      const before = new Map(path.taken);
      if (take(path, own) === kept.component) return e;
      path.taken.clear();
      for (const [name, count] of before) path.taken.set(name, count);
      take(path, kept.component);
      return { ...e, as: nameOf(kept.component) };
    });
  return body.map((s) => {
    if (s.kind === "use") take(path, s.name.text);
    if (s.kind === "repeat") {
      take(path, s.count.kind === "name" ? s.count.text : "repeat");
      return { ...s, body: withComponents(engine, s.body) };
    }
    return mapStatement(s, settle, (inner) => withComponents(engine, inner, path));
  });
}
