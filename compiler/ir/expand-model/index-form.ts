/**
 * A model in structure form → the same model, and after it what it uses of the library, each block as far as its calls differ.
 *
 * ```
 * x = x + mlp(layer_norm(x), 64)     block mlp(x[t, d], hidden) { … a = gelu(h) … }
 * ```
 */

import type {
  BlockDeclaration,
  Declaration,
  Expression,
  ModelDeclaration,
  Parameter,
} from "../../parser/model.js";
import type { Placed } from "../build/derive.js";
import { isLibraryFile } from "../build/library.js";
import { lookup } from "../build/scope.js";
import { bodyOf, childrenOf, partsOf, visitStatements } from "../build/walk.js";
import type { BlockFacts } from "./blocks.js";
import { learnCall } from "./blocks.js";
import { createEngine } from "./create-engine.js";
import type { Declared } from "./declared.js";
import { closure, expressionsIn, functionsOf, functionsSeen, placeOf } from "./declared.js";
import { withDistinctNames } from "./distinct.js";
import type { Engine, Frame, Kept, Policy } from "./engine.js";
import { createBody, keptCall, placeIn, variable } from "./engine.js";
import { know } from "./evaluate.js";
import { reduce } from "./inline.js";
import { withComponents } from "./keep.js";
import type { FunctionKnown, Given, Known } from "./known.js";
import { namesIn, nameText, open, textOf } from "./known.js";
import { plainNamesOf } from "./names.js";
import { runStatements } from "./statements.js";

type Facts = Map<string, BlockFacts>;
/** By block: parameters that are gone. */
type Gone = ReadonlyMap<string, ReadonlySet<string>>;

export function toIndexForm(entry: Placed, choices: ReadonlySet<string>): readonly Declaration[] {
  const escaped = new Map<string, FunctionKnown>();
  for (;;) {
    const facts = learn(entry, choices, escaped);
    const written = writeUsed(entry, choices, facts);
    const more = escaping(entry, written).filter((f) => !escaped.has(placeOf(f.declaration.name.span)));
    if (more.length === 0) return withOthers(entry, written.declarations, facts);
    for (const f of more) escaped.set(placeOf(f.declaration.name.span), f);
  }
}

// -------------------------------------------------------------- learning

/** Runs the model and every block that is reached until nothing more is learnt of any of them. */
function learn(
  entry: Placed,
  choices: ReadonlySet<string>,
  escaped: ReadonlyMap<string, FunctionKnown>,
): Facts {
  const facts: Facts = new Map();
  const pending = new Set<string>();
  const see = (engine: Engine, f: FunctionKnown, given: ReadonlyMap<string, Given> | undefined): void => {
    if (f.declaration.kind !== "block") return;
    const all = isLibraryFile(f.declaration.span.file) ? given : undefined;
    if (learnCall(engine, facts, f, all)) pending.add(placeOf(f.declaration.name.span));
  };
  const engine: Engine = createEngine(choices, {
    call: reducePolicy,
    keep: (at, f, given): Kept => {
      see(at, f, given);
      return { given, doubtful: [] };
    },
    escapes: (f) => see(engine, f, undefined),
  });
  for (const f of escaped.values()) see(engine, f, undefined);
  runModel(engine, entry);
  for (const place of pending) {
    pending.delete(place);
    runBlock(engine, facts.get(place)!);
  }
  return facts;
}

const reducePolicy: Policy["call"] = (engine, frame, f, given) =>
  isLibraryFile(f.declaration.span.file) && f.as !== "_" ? reduce(engine, frame, f, given) : undefined;

/** Blocks that are written as values, or called by what is printed as it is declared: nobody sees all their calls. */
function escaping(entry: Placed, { engine, declarations }: Written): readonly FunctionKnown[] {
  const seen = functionsSeen(entry.scope);
  const found = new Map<Declared["declaration"], FunctionKnown>();
  const add = (d: Declared): void => {
    if (found.has(d.declaration)) return;
    found.set(d.declaration, { kind: "function", ...d, held: new Map(), as: undefined });
    if (d.declaration.kind !== "block" || isOptimizer(d.declaration))
      for (const next of functionsOf(d)) add(next);
  };
  const look = (x: Expression): void => {
    const d = x.kind === "name" ? seen.get(placeOf(x.span)) : undefined;
    if (d) add(d);
    // A call that is known in full has been seen.
    const skips = x.kind === "call" && keptCall(engine, x) ? x.callee : undefined;
    for (const child of childrenOf(x)) if (child !== skips) look(child);
  };
  optimizersOf(entry).forEach(look);
  for (const d of declarations) {
    if (d.kind === "model" || d.kind === "block")
      for (const { defaultValue } of d.parameters) if (defaultValue) look(defaultValue);
    visitStatements(bodyOf(d), (s) => {
      if (s.kind === "use") look(s.value);
      else for (const x of partsOf(s).expressions) look(x);
    });
  }
  return [...found.values()].filter(({ declaration: d }) => d.kind === "block" && !isOptimizer(d));
}

/** What keeps a state is printed as it is declared. */
const isOptimizer = (d: Declared["declaration"]): boolean =>
  d.kind === "block" && d.parameters.filter((p) => p.axes === "any").length === 2;

// --------------------------------------------------------------- running

/** The model's own parameters stay what they are: settings. */
function runModel(engine: Engine, { declaration, scope }: Placed): Frame {
  const names = new Map<string, Known>(
    declaration.parameters.map(({ name }) => [name.text, open(nameText(name.text), false)]),
  );
  const frame = createBody(engine, scope, { names });
  runStatements(engine, frame, declaration.body);
  return frame;
}

function runBlock(engine: Engine, { declaration, scope, agreed }: BlockFacts): Frame {
  const frame = createBody(engine, scope, { library: isLibraryFile(declaration.span.file) });
  for (const { name, axes } of declaration.parameters) {
    const own = axes === undefined ? agreed.get(name.text) : undefined;
    const text = nameText(axes === undefined ? name.text : variable(frame, name.text));
    frame.names.set(name.text, own ?? open(text, axes !== undefined));
    if (Array.isArray(axes))
      for (const axis of axes as Parameter["axes"] & readonly { text: string }[])
        if (!frame.names.has(axis.text)) frame.names.set(axis.text, open(nameText(axis.text), false));
  }
  runStatements(engine, frame, declaration.body);
  return frame;
}

// --------------------------------------------------------------- writing

/** Parameters whose value is written out in the body. */
const settledParameters = ({ agreed, declaration }: BlockFacts): ReadonlySet<string> =>
  new Set(
    declaration.parameters.flatMap(({ name }) => {
      const known = agreed.get(name.text);
      const isNumber = known?.kind === "constant" && known.value.kind === "number";
      return known && !isNumber ? [name.text] : [];
    }),
  );

/** Without the parameters that are left without a use. */
function writeUsed(entry: Placed, choices: ReadonlySet<string>, facts: Facts): Written {
  let gone: Gone = new Map([...facts].map(([place, fact]) => [place, settledParameters(fact)]));
  for (;;) {
    const written = write(entry, choices, facts, gone);
    const more = unused(written, gone, facts);
    if (!more) return written;
    gone = more;
  }
}

interface Written {
  readonly engine: Engine;
  readonly declarations: readonly Declaration[];
  readonly blocks: ReadonlyMap<string, BlockDeclaration>;
}

function write(entry: Placed, choices: ReadonlySet<string>, facts: Facts, gone: Gone): Written {
  const engine = createEngine(choices, {
    call: reducePolicy,
    keep: (_, f, given): Kept => {
      const removed = gone.get(placeOf(f.declaration.name.span));
      return { given: new Map([...given].filter(([name]) => !removed?.has(name))), doubtful: [] };
    },
    escapes: () => undefined,
  });
  const { declaration } = entry;
  const body = withComponents(engine, plainNamesOf(runModel(engine, entry).out));
  const frame = createBody(engine, entry.scope);
  const parameters = declaration.parameters.map((p) => ({
    ...p,
    defaultValue: p.defaultValue && markedDefault(engine, frame, declaration, p.defaultValue),
  }));
  const model: ModelDeclaration = { ...declaration, parameters, body };
  const blocks = new Map(
    [...facts].map(([place, fact]) => [place, writeBlock(engine, fact, gone.get(place) ?? new Set())]),
  );
  return { engine, declarations: [model, ...blocks.values()], blocks };
}

/** As it stands, its functions told by their declarations. */
function markedDefault(
  engine: Engine,
  frame: Frame,
  { parameters }: ModelDeclaration,
  x: Expression,
): Expression {
  const names = new Map<string, Known>(
    parameters.map(({ name }) => [name.text, open(nameText(name.text), false)]),
  );
  return textOf(know(placeIn(engine, { ...frame, names }), x));
}

function writeBlock(engine: Engine, fact: BlockFacts, gone: ReadonlySet<string>): BlockDeclaration {
  const { declaration } = fact;
  const frame = runBlock(engine, fact);
  const tensors = declaration.parameters.filter((p) => p.axes !== undefined);
  const variables = tensors.map(({ name }) => variable(frame, name.text));
  const parameters = writtenParameters(engine, fact, gone);
  return { ...declaration, parameters, body: withComponents(engine, plainNamesOf(frame.out, variables)) };
}

function writtenParameters(
  engine: Engine,
  fact: BlockFacts,
  gone: ReadonlySet<string>,
): readonly Parameter[] {
  const p = placeIn(engine, defaultsFrame(engine, fact));
  return fact.declaration.parameters
    .filter(({ name }) => !gone.has(name.text))
    .map((parameter) => {
      const { defaultValue: x } = parameter;
      return { ...parameter, defaultValue: x && textOf(know(p, x)) };
    });
}

/** Defaults are written with the parameters' own names. */
function defaultsFrame(engine: Engine, { declaration, scope, agreed }: BlockFacts): Frame {
  const names = new Map<string, Known>(
    declaration.parameters.map(({ name, axes }) => [
      name.text,
      (axes === undefined ? agreed.get(name.text) : undefined) ??
        open(nameText(name.text), axes !== undefined),
    ]),
  );
  return createBody(engine, scope, { names, library: true });
}

/** With the parameters that no line names any more; undefined where there are none. */
function unused({ blocks }: Written, gone: Gone, facts: Facts): Gone | undefined {
  let changed = false;
  const next = new Map(gone);
  for (const [place, block] of blocks) {
    if (!isLibraryFile(facts.get(place)!.declaration.span.file)) continue;
    const names = new Set(expressionsIn(block).flatMap((x) => [...namesIn(x)]));
    const axes = (p: Parameter): readonly string[] =>
      Array.isArray(p.axes) ? p.axes.map((a: { text: string }) => a.text) : [];
    const more = block.parameters.filter((p) => ![p.name.text, ...axes(p)].some((name) => names.has(name)));
    if (more.length === 0) continue;
    changed = true;
    next.set(place, new Set([...(gone.get(place) ?? []), ...more.map(({ name }) => name.text)]));
  }
  return changed ? next : undefined;
}

// ------------------------------------------------------------- the others

/** Masks and scores, optimizers, and what these use: as they are declared. */
function withOthers(entry: Placed, written: readonly Declaration[], facts: Facts): readonly Declaration[] {
  const seen = functionsSeen(entry.scope);
  const roots = [...written.flatMap(expressionsIn), ...optimizersOf(entry)];
  const others = closure(roots, seen, (d) => !facts.has(placeOf(d.declaration.name.span)));
  return withDistinctNames([...written, ...others.map(({ declaration }) => declaration)], seen, others);
}

/** The functions that the recipe names, with the places of their declarations. */
const optimizersOf = ({ declaration, scope }: Placed): readonly Expression[] =>
  declaration.body
    .flatMap((s) => (s.kind === "train" ? s.settings.map(({ value }) => value) : []))
    .flatMap((x) => {
      const name = x.kind === "call" ? x.callee : x;
      const value = name.kind === "name" ? lookup(scope, name.text)?.value : undefined;
      return value?.kind === "block" ? [{ ...name, span: value.declaration.name.span }] : [];
    });
