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
  Statement,
} from "../../parser/model.js";
import { isLibraryFile } from "../build/declarations.js";
import type { Placed } from "../build/derive.js";
import { lookup } from "../build/scope.js";
import { childrenOf, partsOf, visitStatements } from "../build/walk.js";
import type { BlockFacts } from "./blocks.js";
import { learnCall } from "./blocks.js";
import type { Declared } from "./declared.js";
import { closure, expressionsIn, functionsSeen, placeOf } from "./declared.js";
import type { Engine, Frame, Kept, Policy } from "./engine.js";
import { createBody, createEngine, keptCall, variable } from "./engine.js";
import { know, placeIn } from "./evaluate.js";
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
  const facts = learn(entry, choices);
  let gone: Gone = new Map([...facts].map(([place, fact]) => [place, settledParameters(fact)]));
  for (;;) {
    const written = write(entry, choices, facts, gone);
    const more = unused(written, gone, facts);
    if (!more) return [...written.declarations, ...formulas(entry, written.declarations, facts)];
    gone = more;
  }
}

// -------------------------------------------------------------- learning

/** Runs the model and every block that is reached until nothing more is learnt of any of them. */
function learn(entry: Placed, choices: ReadonlySet<string>): Facts {
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
  const seen = functionsSeen(entry.scope);
  const reach = (statements: readonly Statement[]): void => {
    for (const d of escaping(engine, statements, seen)) see(engine, d, undefined);
  };
  reach(runModel(engine, entry).out);
  for (const place of pending) {
    pending.delete(place);
    reach(runBlock(engine, facts.get(place)!).out);
  }
  return facts;
}

const reducePolicy: Policy["call"] = (engine, frame, f, given) =>
  isLibraryFile(f.declaration.span.file) && f.as !== "_" ? reduce(engine, frame, f, given) : undefined;

/** Blocks that are written as values: nobody sees all their calls. */
function escaping(
  engine: Engine,
  body: readonly Statement[],
  seen: ReadonlyMap<string, Declared>,
): readonly FunctionKnown[] {
  const found: FunctionKnown[] = [];
  const look = (x: Expression): void => {
    const called = x.kind === "call" && keptCall(engine, x) ? x.callee : undefined;
    const d = x.kind === "name" ? seen.get(placeOf(x.span)) : undefined;
    if (d?.declaration.kind === "block")
      found.push({
        kind: "function",
        declaration: d.declaration,
        scope: d.scope,
        held: new Map(),
        as: undefined,
      });
    if (x.kind === "call") for (const { value } of x.arguments) look(value);
    if (x.kind === "call" && !called) look(x.callee);
    else if (x.kind !== "call") childrenOf(x).forEach(look);
  };
  visitStatements(body, (s) => {
    if (s.kind === "use") {
      for (const { value } of s.value.arguments) look(value);
      if (!keptCall(engine, s.value)) look(s.value.callee);
    } else for (const x of partsOf(s).expressions) look(x);
  });
  return found;
}

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

interface Written {
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
  const model: ModelDeclaration = { ...declaration, body };
  const blocks = new Map(
    [...facts].map(([place, fact]) => [place, writeBlock(engine, fact, gone.get(place) ?? new Set())]),
  );
  return { declarations: [model, ...blocks.values()], blocks };
}

function writeBlock(engine: Engine, fact: BlockFacts, gone: ReadonlySet<string>): BlockDeclaration {
  const { declaration } = fact;
  const frame = runBlock(engine, fact);
  const tensors = declaration.parameters.filter((p) => p.axes !== undefined);
  const variables = tensors.map(({ name }) => variable(frame, name.text));
  const p = placeIn(engine, defaultsFrame(engine, fact));
  const parameters = declaration.parameters
    .filter(({ name }) => !gone.has(name.text))
    .map((parameter) => ({
      ...parameter,
      defaultValue: parameter.defaultValue && textOf(know(p, parameter.defaultValue)),
    }));
  return { ...declaration, parameters, body: withComponents(engine, plainNamesOf(frame.out, variables)) };
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
    const more = block.parameters.filter((p) => p.axes === undefined && !names.has(p.name.text));
    if (more.length === 0) continue;
    changed = true;
    next.set(place, new Set([...(gone.get(place) ?? []), ...more.map(({ name }) => name.text)]));
  }
  return changed ? next : undefined;
}

// ------------------------------------------------------------- the others

/** Masks and scores, optimizers, and what these use: as they are declared. */
function formulas(entry: Placed, written: readonly Declaration[], facts: Facts): readonly Declaration[] {
  const seen = functionsSeen(entry.scope);
  const optimizers: Expression[] = entry.declaration.body.flatMap((s) =>
    s.kind === "train" ? s.settings.flatMap(({ value }) => optimizerNames(entry, value)) : [],
  );
  const roots = [...written.flatMap(expressionsIn), ...optimizers];
  const others = closure(roots, seen, (d) => !facts.has(placeOf(d.declaration.name.span)));
  return others.map(({ declaration }) => declaration);
}

const optimizerNames = ({ scope }: Placed, x: Expression): readonly Expression[] => {
  const name = x.kind === "call" ? x.callee : x;
  const value = name.kind === "name" ? lookup(scope, name.text)?.value : undefined;
  return value?.kind === "block" ? [{ ...name, span: value.declaration.name.span }] : [];
};
