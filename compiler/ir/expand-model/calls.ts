/**
 * Calls: what the function is, what becomes of its arguments, and whether the call stays one.
 *
 * ```
 * offer(mlp(act: relu), hidden: 64)(x)     mlp(x, act: relu, hidden: 64)
 * dropout(x, 0)                            x
 * ```
 */
import type { CallExpression, Expression, Parameter } from "../../parser/model.js";
import type { Argument } from "../build/arguments.js";
import { matchArguments } from "../build/arguments.js";
import { builtins } from "../build/builtins.js";
import { laterTensor } from "../build/formulas.js";
import { acceptsArgument, callInitializer } from "../build/initializers.js";
import { isLibraryFile } from "../build/library.js";
import { take } from "../build/paths.js";
import type { Value } from "../build/values.js";
import type { Frame, Kept, Place } from "./engine.js";
import { createBody, hoist, markCall, placeIn } from "./engine.js";
import { know, knowCallee } from "./evaluate.js";
import { truth, valueOfKnown } from "./fold.js";
import type { ArgumentText, FunctionKnown, Given, Known, Open } from "./known.js";
import {
  callText,
  constant,
  functionName,
  heldTexts,
  isVariable,
  namedText,
  namesIn,
  nameText,
  numberText,
  open,
  parametersOf,
  sameText,
  textOf,
} from "./known.js";

interface Passed extends Given {
  readonly name: string | undefined;
}

export function callKnown(p: Place, x: CallExpression): Known {
  const callee = knowCallee(p, x.callee);
  const args = pass(p, x);
  switch (callee.kind) {
    case "constant":
      return callConstant(p, callee.value, callee.text, args);
    case "function": {
      const named = x.as ? { ...callee, as: x.as.text } : callee;
      return callee.declaration.kind === "block" ? callBlock(p, named, args) : callFormula(p, named, args);
    }
    case "instance":
      if (callee.block && args.some((a) => !isTensor(a))) p.engine.policy.escapes(callee.block);
      return open(callText(callee.text, texts(args), x.as?.text), true);
    case "open":
    case "list":
      return open(callText(textOf(callee), texts(args), x.as?.text), true);
    default:
      throw new Error(`internal: ${(callee satisfies never as Known).kind} is called`);
  }
}

const pass = (p: Place, x: CallExpression): readonly Passed[] =>
  x.arguments.map(({ name, value }) => ({
    name: name?.text,
    known: know(p, value),
    explicit: !isLibraryFile(value.span.file),
  }));

const texts = (args: readonly Passed[]): readonly ArgumentText[] =>
  args.map(({ name, known }) => namedText(name, textOf(known)));

const isTensor = ({ known }: Given): boolean => known.kind === "open" && known.tensor;

function callConstant(p: Place, value: Value, text: Expression, args: readonly Passed[]): Known {
  const written = callText(text, texts(args), undefined);
  switch (value.kind) {
    case "none":
      return args[0] && !isIndex(p, args[0].known) ? args[0].known : truth(true);
    case "full":
      return truth(true);
    case "builtin":
      if (value.name === "offer") return offer(p, args, written);
      if (value.name === "random") take(p.frame.path, "random");
      return callBuiltin(p, value.name, written, args);
    case "initializer": {
      const given = args.map(({ name, known }): Argument | undefined => {
        const v = valueOfKnown(known);
        return v && { name, nameSpan: written.span, value: v, span: written.span };
      });
      if (given.some((v) => v === undefined)) return open(written, false);
      return constant(callInitializer(p.engine.env, value, given as Argument[], written.span), written);
    }
    default:
      return open(written, true);
  }
}

const isIndex = (p: Place, known: Known): boolean =>
  known.kind === "open" && known.text.kind === "name" && p.labels.has(known.text.text);

function callBuiltin(p: Place, name: string, text: Expression, args: readonly Passed[]): Known {
  const [first] = args;
  if (name === "count" && first?.known.kind === "list") {
    const items = first.known.items.length;
    return constant({ kind: "number", value: items, origin: undefined }, numberText(items));
  }
  const values = args.map(({ known }) => valueOfKnown(known));
  const numbers = values.every((v) => v?.kind === "number");
  if (!numbers || values.length === 0) return open(text, args.some(isTensor));
  const value = builtins[name]!(p.engine.env, {
    name,
    values: values as Value[],
    spans: values.map(() => text.span),
    named: new Map(),
    span: text.span,
  });
  return value.kind === "number" ? constant(value, text) : open(text, false);
}

function offer(p: Place, [first, ...rest]: readonly Passed[], text: Expression): Known {
  const f = first!.known;
  if (f.kind === "constant" && f.value.kind === "initializer") {
    const { value } = f;
    const taken = rest.filter(({ name }) => acceptsArgument(value, name!) && !value.given.has(name!));
    return taken.length === 0 ? f : open(text, false);
  }
  if (f.kind !== "function") return f.kind === "open" ? open(text, f.tensor) : f;
  const parameters = parametersOf(f.declaration).map(({ name }) => name.text);
  const held = new Map(f.held);
  for (const argument of rest)
    if (parameters.includes(argument.name!) && !held.has(argument.name!))
      held.set(argument.name!, capture(p, argument, argument.name!));
  return { ...f, held };
}

/** An argument that is kept: what later statements change, or would evaluate again, gets a name of its own. */
function capture({ engine, frame, labels }: Place, given: Given, base: string): Given {
  const { known } = given;
  if (known.kind === "list")
    return { ...given, known: { kind: "list", items: known.items.map((item) => captured(item)) } };
  return { ...given, known: captured(known) };
  function captured(k: Known): Known {
    const settled = k.kind !== "open" || labels.size > 0 || !k.tensor || isStable(k);
    return settled ? k : hoist(engine, frame, base, k as Open);
  }
}

/** Names of inputs and of parameters, and what the host derives from inputs. */
function isStable({ text }: Open): boolean {
  if ([...namesIn(text)].some(isVariable)) return false;
  return (
    text.kind === "name" ||
    (text.kind === "call" && text.callee.kind === "name" && DERIVED.has(text.callee.text))
  );
}
const DERIVED: ReadonlySet<string> = new Set(["next", "valid", "original", "marks"]);

export const captureItems = (p: Place, items: readonly Known[]): readonly Known[] =>
  items.map((known) => capture(p, { known, explicit: false }, "part").known);

/** Which parameter each argument is for, by the builder's own rule. */
function matched(p: Place, f: FunctionKnown, parameters: readonly Parameter[], args: readonly Passed[]) {
  const { span } = f.declaration;
  const given = args.map(
    (a): Argument => ({ name: a.name, nameSpan: span, value: isTensor(a) ? TENSOR : { kind: "none" }, span }),
  );
  const held = new Map([...f.held.keys()].map((name): [string, Value] => [name, { kind: "none" }]));
  const result = matchArguments(p.engine.env, f.declaration.name.text, parameters, held, given, span);
  const byParameter = new Map<string, Given>(
    [...result.arguments].map(([name, argument]) => [name, args[given.indexOf(argument)]!]),
  );
  return { given: byParameter, open: result.open };
}

/** Stands for any tensor: its kind is all that is asked. */
const TENSOR = { kind: "tensor" } as Value;

function callBlock(p: Place, f: FunctionKnown, args: readonly Passed[]): Known {
  const { declaration } = f;
  if (declaration.kind !== "block") throw new Error("internal: a formula is called as a block");
  const { given, open: isOpen } = matched(p, f, declaration.parameters, args);
  if (isOpen) {
    const kept = [...given].map(([name, g]): [string, Given] => [name, capture(p, g, name)]);
    return { ...f, held: new Map([...f.held, ...kept]) };
  }
  const all = new Map([...f.held, ...given]);
  const instead = p.labels.size > 0 ? undefined : p.engine.policy.call(p.engine, p.frame, f, all);
  if (instead) return instead;
  return keepCall(p, f, args, given);
}

/** The call as it stands, its function and its arguments being what they are known to be. */
function keepCall(
  { engine, frame }: Place,
  f: FunctionKnown,
  args: readonly Passed[],
  given: ReadonlyMap<string, Given>,
): Known {
  const kept = engine.policy.keep(engine, f, new Map([...f.held, ...given]));
  const text = keptText(f, args, given, kept);
  const component = f.as === "_" ? "_" : take(frame.path, f.as ?? f.declaration.name.text);
  return open(markCall(engine, text, { component, doubtful: kept.doubtful }), true);
}

function keptText(
  f: FunctionKnown,
  args: readonly Passed[],
  given: ReadonlyMap<string, Given>,
  { given: kept }: Kept,
): CallExpression {
  const parameterOf = (a: Given): string => [...given].find(([, g]) => g === a)![0];
  // A position stands for a parameter only while all before it stay.
  let plain = true;
  const own = args.flatMap((a): ArgumentText[] => {
    const name = parameterOf(a);
    if (kept.has(name))
      return [namedText(a.name === undefined && plain ? undefined : name, textOf(kept.get(name)!.known))];
    if (a.name === undefined) plain = false;
    return [];
  });
  const held = heldTexts({ ...f, held: new Map([...f.held].filter(([name]) => kept.has(name))) });
  return callText(functionName(f), [...own, ...held], f.as);
}

/** `use wte = embedding(…)`: a call whose tensors come later. */
export function instanceText(p: Place, x: CallExpression): Instance {
  const callee = knowCallee(p, x.callee);
  const args = pass(p, x);
  if (callee.kind !== "function" || callee.declaration.kind !== "block")
    return { text: callText(textOf(callee), texts(args), x.as?.text), block: undefined };
  const f = { ...callee, as: x.as?.text };
  const { given } = matched(p, f, callee.declaration.parameters, args);
  const kept = p.engine.policy.keep(p.engine, f, new Map([...f.held, ...given]));
  const text = markCall(p.engine, keptText(f, args, given, kept), { component: "_", doubtful: [] });
  return { text, block: f };
}

interface Instance {
  readonly text: CallExpression;
  readonly block: FunctionKnown | undefined;
}

function callFormula(p: Place, f: FunctionKnown, args: readonly Passed[]): Known {
  const { declaration } = f;
  if (declaration.kind === "block") throw new Error("internal: a block is called as a formula");
  const isBound =
    declaration.captures.length === 0 ||
    declaration.captures.every(({ name, defaultValue }) => f.held.has(name.text) || defaultValue);
  if (isBound && (f.held.size > 0 || declaration.captures.length === 0))
    return open(callText(textOf(f), texts(args), undefined), true);
  const { given } = matched(p, f, declaration.captures.map(laterTensor), args);
  const kept = [...given].map(([name, g]): [string, Given] => [name, capture(p, g, name)]);
  return reduced(p, { ...f, held: new Map([...f.held, ...kept]) });
}

/** A formula that only passes its indices on is the function that it passes them to: `after(none, alibi(slope))`. */
function reduced({ engine }: Place, f: FunctionKnown): Known {
  const { declaration } = f;
  if (declaration.kind === "block" || declaration.captures.some(({ name }) => !f.held.has(name.text)))
    return f;
  const frame: Frame = createBody(engine, f.scope, { library: true });
  for (const [name, { known }] of f.held) frame.names.set(name, known);
  const names = declaration.arguments.map(({ text }) => text);
  // The first argument of a score is a number, the others are indices.
  const indices = declaration.kind === "score" ? names.slice(1) : names;
  for (const name of names) if (!indices.includes(name)) frame.names.set(name, open(nameText(name), true));
  const x = declaration.value;
  if (x.kind !== "call" || x.arguments.length !== names.length) return f;
  const inner = placeIn(engine, frame, indices);
  const callee = knowCallee(inner, x.callee);
  const passes = x.arguments.every(({ value }, n) =>
    sameText(textOf(know(inner, value)), nameText(names[n]!)),
  );
  return passes && callee.kind === "function" && f.held.size > 0 ? callee : f;
}
