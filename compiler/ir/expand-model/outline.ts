/**
 * A call that stands for a whole part of a model → a block of its own in the file, for this call.
 *
 * ```
 * transformer(x, encoder_layers, attention(heads: heads), …) as encoder     encoder(x, encoder_layers, heads)
 * ```
 */
import type { BlockDeclaration, Expression, Parameter, Statement } from "../../parser/model.js";
import { take } from "../build/paths.js";
import { partsOf, visitStatements } from "../build/walk.js";
import type { Engine, Frame } from "./engine.js";
import { createBody, markCall, placeIn, variable } from "./engine.js";
import { know } from "./evaluate.js";
import type { ArgumentText, FunctionKnown, Given, Known } from "./known.js";
import {
  baseName,
  callText,
  constant,
  isVariable,
  namedText,
  nameOf,
  namesIn,
  nameText,
  nowhere,
  open,
  sameText,
} from "./known.js";
import { settleNames } from "./names.js";
import { mapExpression } from "./rewrite.js";
import { runStatements } from "./statements.js";

/** A parameter of the new block and what its call gives it; a tensor is a variable of the body. */
interface Lifted {
  readonly parameter: Parameter;
  readonly argument: Expression;
  readonly variable: string | undefined;
}

/** The new block while its parameters are found. */
interface Outline {
  readonly body: Frame;
  readonly lifted: Map<string, Lifted>;
  /** Names of the old block's parameters, which no other may take. */
  readonly own: ReadonlySet<string>;
  /** Compile-time values around the call. */
  readonly around: ReadonlySet<string>;
}

export function outline(
  engine: Engine,
  frame: Frame,
  f: FunctionKnown,
  given: ReadonlyMap<string, Given>,
  blocks: BlockDeclaration[],
): Known {
  const source = f.declaration as BlockDeclaration;
  const component = take(frame.path, f.as ?? source.name.text);
  const own = new Set(source.parameters.map(({ name }) => name.text));
  const body = createBody(engine, f.scope, {
    library: true,
    parameters: new Set([...frame.parameters, ...own]),
  });
  const o: Outline = { body, lifted: new Map(), own, around: frame.parameters };
  enter(engine, o, source, given);
  runStatements(engine, body, source.body);
  const variables = [...o.lifted.values()].flatMap(({ variable: v }) => (v === undefined ? [] : [v]));
  const statements = settleNames(body.out, variables);
  const lifted = usedIn(statements, [...o.lifted.values()]);
  const name = nameOf(component);
  const parameters = lifted.map((l) => l.parameter);
  blocks.push({ kind: "block", name, parameters, body: statements, doc: "", span: nowhere });
  const args = lifted.map(
    ({ parameter: p, argument }): ArgumentText =>
      namedText(p.axes === undefined ? p.name.text : undefined, argument),
  );
  const call = callText(nameText(component), args, undefined);
  return open(markCall(engine, call, { component, doubtful: [] }), true);
}

/** The parameters that a line names, tensors first. */
function usedIn(body: readonly Statement[], lifted: readonly Lifted[]): readonly Lifted[] {
  const names = new Set<string>();
  visitStatements(body, (s) => {
    for (const x of partsOf(s).expressions) for (const name of namesIn(x)) names.add(name);
  });
  const used = lifted.filter(({ parameter: p }) => names.has(p.name.text));
  return [...used.filter((l) => l.parameter.axes), ...used.filter((l) => !l.parameter.axes)];
}

function enter(
  engine: Engine,
  o: Outline,
  source: BlockDeclaration,
  given: ReadonlyMap<string, Given>,
): void {
  const { names } = o.body;
  const knowns = source.parameters.map(({ name, axes, defaultValue }) => {
    const known = given.get(name.text)?.known ?? know(placeIn(engine, o.body), defaultValue!);
    names.set(name.text, known);
    return { name: name.text, axes, known };
  });
  for (const { name, axes, known } of knowns) names.set(name, entering(o, name, axes, known));
  // What functions hold is said with the block's other parameters where it can be.
  for (const { name, known } of knowns)
    if (known.kind === "function" || known.kind === "list") names.set(name, inside(o, known, name));
}

/** A parameter of the old block as the body knows it; functions follow when all others are there. */
function entering(o: Outline, name: string, axes: Parameter["axes"], known: Known): Known {
  if (known.kind === "open" && known.tensor) {
    const target = variable(o.body, name);
    o.lifted.set(name, { parameter: parameter(name, axes), argument: known.text, variable: target });
    return open(nameText(target), true);
  }
  if (known.kind === "function" || known.kind === "list") return known;
  const isSize = known.kind === "constant" && known.value.kind === "number" && known.text.kind !== "number";
  if (!isSize) return inside(o, known, name);
  o.lifted.set(name, { parameter: parameter(name, undefined), argument: known.text, variable: undefined });
  return constant(known.value, nameText(name));
}

/** What is held or passed, said with the block's parameters. */
function inside(o: Outline, known: Known, base: string): Known {
  switch (known.kind) {
    case "open":
      return open(nameText(lift(o, baseName(base), known.text, known.tensor)), known.tensor);
    case "constant":
      return constant(known.value, withParameters(o, known.text));
    case "list":
      return { kind: "list", items: known.items.map((item) => inside(o, item, base)) };
    case "function": {
      const held = [...known.held].map(([key, g]): [string, Given] => [
        key,
        { ...g, known: inside(o, g.known, key) },
      ]);
      return { ...known, held: new Map(held) };
    }
    case "instance":
      return known;
    default:
      throw new Error(`internal: ${(known satisfies never as Known).kind} enters no block`);
  }
}

const withParameters = (o: Outline, text: Expression): Expression =>
  mapExpression(text, (e) =>
    e.kind === "name" && (isVariable(e.text) || o.around.has(e.text))
      ? nameText(lift(o, baseName(e.text), e, false))
      : e,
  );

/** The parameter that has this argument, a new one where there is none. */
function lift({ lifted, own }: Outline, base: string, argument: Expression, tensor: boolean): string {
  const known = [...lifted].find(([, l]) => sameText(l.argument, argument));
  if (known) return known[0];
  let name = base;
  for (let n = 2; own.has(name) || lifted.has(name); n++) name = `${base}_${n}`;
  const axes = tensor ? "any" : undefined;
  lifted.set(name, { parameter: parameter(name, axes), argument, variable: undefined });
  return name;
}

const parameter = (name: string, axes: Parameter["axes"]): Parameter => ({
  name: nameOf(name),
  axes,
  defaultValue: undefined,
  span: nowhere,
});
