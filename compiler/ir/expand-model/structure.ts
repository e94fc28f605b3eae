/**
 * A model in config form → the model that its settings make, written with blocks.
 *
 * ```
 * model m : decoder { layers = 12; norm = rms_norm }     model m(layers = 12, …) { … x = x + attention(rms_norm(x), heads) … }
 * ```
 */

import type {
  BlockDeclaration,
  Expression,
  ModelDeclaration,
  Parameter,
  Statement,
  TrainStatement,
} from "../../parser/model.js";
import type { Derivation } from "../build/derive.js";
import { configBody } from "../build/derive.js";
import { isLibraryFile } from "../build/library.js";
import { renamesOf } from "../build/renames.js";
import type { Scope } from "../build/scope.js";
import { lookup } from "../build/scope.js";
import { mentions } from "../build/settings.js";
import { partsOf, visitStatements } from "../build/walk.js";
import { createEngine } from "./create-engine.js";
import type { Engine, Frame, Policy } from "./engine.js";
import { createBody, placeIn } from "./engine.js";
import { know } from "./evaluate.js";
import { inline, isStructure, reduce } from "./inline.js";
import { withComponents, withoutDefaults, withoutLabels } from "./keep.js";
import type { Known } from "./known.js";
import { constant, nameOf, namesIn, nameText, nowhere, textOf } from "./known.js";
import { settleNames } from "./names.js";
import { outline } from "./outline.js";
import { mapExpression } from "./rewrite.js";
import { runStatements } from "./statements.js";

export interface Structure {
  readonly model: ModelDeclaration;
  /** Blocks of its own that the model needs. */
  readonly blocks: readonly BlockDeclaration[];
  readonly engine: Engine;
}

export function toStructure(derivation: Derivation, choices: ReadonlySet<string>): Structure {
  const blocks: BlockDeclaration[] = [];
  const engine = createEngine(choices, structurePolicy(blocks));
  const { root, entry } = derivation;
  const parameters = knowParameters(engine, derivation);
  const frame = createBody(engine, root.scope, {
    library: isLibraryFile(root.declaration.span.file),
    parameters: new Set(root.declaration.parameters.map(({ name }) => name.text)),
    names: new Map([...parameters].map(([name, { known }]) => [name, known])),
  });
  const { body, train } = split(root.declaration.body);
  runStatements(engine, frame, body);
  const settled = settleNames(
    frame.out,
    [],
    blocks.map(({ name }) => name.text),
  );
  const recipe = trainOf(engine, derivation, frame, train, parameters);
  const laws = configBody(entry.body).laws;
  const finished = withRenames(finish(engine, settled, derivation, blocks), derivation);
  return {
    engine,
    blocks: blocks.map((b) => ({ ...b, body: finish(engine, b.body, derivation, blocks) })),
    model: {
      kind: "model",
      name: entry.name,
      parameters: usedParameters(parameters, [...finished, ...recipe]),
      base: undefined,
      variant: false,
      body: [...finished, ...laws, ...recipe],
      doc: entry.doc,
      span: nowhere,
    },
  };
}

/** After the inputs: what callers call them. */
function withRenames(body: readonly Statement[], derivation: Derivation): readonly Statement[] {
  const at = body.map(({ kind }) => kind).lastIndexOf("input") + 1;
  return [...body.slice(0, at), ...renamesOf(derivation).statements.values(), ...body.slice(at)];
}

const structurePolicy = (blocks: BlockDeclaration[]): Policy => ({
  call: (engine, frame, f, given) => {
    const { declaration } = f;
    if (declaration.kind !== "block" || !isLibraryFile(declaration.span.file)) return undefined;
    const puts = isStructure(declaration);
    const inPlace = puts && f.as === "_" ? inline(engine, frame, f, given) : undefined;
    if (inPlace || f.as === "_") return inPlace;
    const less = reduce(engine, frame, f, given);
    if (less) return less;
    return puts && hasLoop(declaration, f.scope) ? outline(engine, frame, f, given, blocks) : undefined;
  },
  keep: withoutDefaults,
  escapes: () => undefined,
});

/** Whether a body repeats something, itself or in a block that it takes in `as _`. */
function hasLoop({ body }: BlockDeclaration, scope: Scope): boolean {
  let found = false;
  visitStatements(body, (s) => {
    if (s.kind === "repeat") found = true;
    for (const x of partsOf(s).expressions)
      mapExpression(x, (e) => {
        const callee =
          e.kind === "call" && e.as?.text === "_" && e.callee.kind === "name" ? e.callee.text : undefined;
        const value = callee === undefined ? undefined : lookup(scope, callee)?.value;
        if (value?.kind === "block" && hasLoop(value.declaration, value.scope)) found = true;
        return e;
      });
  });
  return found;
}

function split(body: readonly Statement[]) {
  return {
    body: body.filter((s) => s.kind !== "train" && s.kind !== "law" && s.kind !== "rename"),
    train: body.filter((s): s is TrainStatement => s.kind === "train").slice(-1),
  };
}

function finish(
  engine: Engine,
  body: readonly Statement[],
  { root }: Derivation,
  blocks: readonly BlockDeclaration[],
): readonly Statement[] {
  const parametersOf = (name: string): readonly string[] | undefined => {
    const own = blocks.find((b) => b.name.text === name);
    const value = lookup(root.scope, name)?.value;
    const declaration = own ?? (value?.kind === "block" ? value.declaration : undefined);
    return declaration?.parameters.map((p) => p.name.text);
  };
  return withoutLabels(withComponents(engine, body), parametersOf);
}

// ----------------------------------------------------------- parameters

interface KnownParameter {
  /** As the body knows it. */
  readonly known: Known;
  /** What the printed model gives it; undefined where it is written out in place. */
  readonly value: Expression | undefined;
}

/** Numbers stay parameters where a setting or a plain default gives them; what else there is takes its place in the body. */
function knowParameters(engine: Engine, { root, settings }: Derivation): ReadonlyMap<string, KnownParameter> {
  const found = new Map<string, KnownParameter>();
  const names = namingIn(root.declaration.body);
  const all = root.declaration.parameters;
  const settle = (p: Parameter): void => {
    const name = p.name.text;
    if (found.has(name)) return;
    const setting = settings.get(name);
    const x = setting?.value ?? p.defaultValue!;
    const scope = setting?.scope ?? root.scope;
    const visible = setting ? all : all.slice(0, all.indexOf(p));
    const { needed } = mentions(x, name, scope);
    const needs = new Map<string, Known>();
    for (const other of visible) {
      if (!needed.has(other.name.text)) continue;
      settle(other);
      needs.set(other.name.text, found.get(other.name.text)!.known);
    }
    const known = know(placeIn(engine, createBody(engine, scope, { names: needs })), x);
    const stays =
      known.kind === "constant" &&
      known.value.kind === "number" &&
      (setting || known.text.kind === "number" || names.has(name));
    found.set(
      name,
      stays
        ? { known: constant(known.value, nameText(name)), value: known.text }
        : { known, value: undefined },
    );
  };
  for (const p of all) settle(p);
  return found;
}

/** Names that other names are made of: the counts of loops name paths, sizes name axes. */
function namingIn(body: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (x: Expression): void => void (x.kind === "name" && names.add(x.text));
  visitStatements(body, (s) => {
    if (s.kind === "repeat") add(s.count);
    if (s.kind === "param") for (const { sizes } of s.entries) sizes.forEach(add);
    if (s.kind === "table") s.sizes.forEach(add);
    if (s.kind === "input") s.axes.forEach(add);
  });
  return names;
}

function usedParameters(
  parameters: ReadonlyMap<string, KnownParameter>,
  body: readonly Statement[],
): readonly Parameter[] {
  const used = new Set<string>();
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions) for (const name of namesIn(x)) used.add(name);
  });
  const list: Parameter[] = [];
  const put = (name: string): void => {
    const value = parameters.get(name)?.value;
    if (!value || list.some((p) => p.name.text === name)) return;
    for (const other of namesIn(value)) put(other);
    list.push({ name: nameOf(name), axes: undefined, defaultValue: value, span: nowhere });
  };
  for (const name of parameters.keys()) if (used.has(name)) put(name);
  return list;
}

// --------------------------------------------------------------- recipe

function trainOf(
  engine: Engine,
  { layers }: Derivation,
  frame: Frame,
  base: readonly TrainStatement[],
  parameters: ReadonlyMap<string, KnownParameter>,
): readonly Statement[] {
  const names = new Map([...parameters].map(([name, { known }]): [string, Known] => [name, known]));
  const settings = new Map<string, TrainStatement["settings"][number]>();
  const put = (from: Frame, statement: TrainStatement): void => {
    const text = (x: Expression): Expression => recipeText(engine, from, x);
    for (const s of statement.settings) settings.set(s.name.text, { ...s, value: text(s.value) });
  };
  for (const statement of base) put({ ...frame, names }, statement);
  for (const { declaration, scope } of layers)
    for (const statement of configBody(declaration.body).train)
      put(createBody(engine, scope, { names }), statement);
  return settings.size === 0 ? [] : [{ kind: "train", settings: [...settings.values()], span: nowhere }];
}

/** Schedules are no functions of the language: only what stands in the parentheses is known. */
function recipeText(engine: Engine, frame: Frame, x: Expression): Expression {
  const text = (e: Expression): Expression => textOf(know(placeIn(engine, frame), e));
  if (x.kind !== "call") return x.kind === "name" ? x : text(x);
  return { ...x, arguments: x.arguments.map((a) => ({ ...a, value: text(a.value) })) };
}
