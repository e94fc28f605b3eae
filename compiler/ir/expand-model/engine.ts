/**
 * What one expansion works with: the rules of the language for compile-time values, and where its statements go.
 */
import type { CallExpression, Expression, Statement } from "../../parser/model.js";
import type { PathContext } from "../build/paths.js";
import { createFrame, rootPath } from "../build/paths.js";
import type { Scope } from "../build/scope.js";
import type { Env } from "../build/session.js";
import type { FunctionKnown, Given, Known, Open } from "./known.js";
import { nameText, open } from "./known.js";

export interface Kept {
  readonly given: ReadonlyMap<string, Given>;
  /** Those that may be what the default would be, which only a trial can tell. */
  readonly doubtful: readonly string[];
}

/** What becomes of a call of a block with all its tensors. */
export interface Policy {
  /** Takes the body's place: undefined where the call stays a call. */
  readonly call: (
    engine: Engine,
    frame: Frame,
    block: FunctionKnown,
    given: ReadonlyMap<string, Given>,
  ) => Known | undefined;
  /** Sees functions that are called with more than is known here. */
  readonly escapes: (f: FunctionKnown) => void;
  /** Sees the calls that stay, and says which arguments they still need. */
  readonly keep: (engine: Engine, block: FunctionKnown, given: ReadonlyMap<string, Given>) => Kept;
}

export interface KeptCall {
  readonly component: string;
  readonly doubtful: readonly string[];
}

/** A call that stays carries its number in its span, which every rewriting leaves alone. */
export function markCall(engine: Engine, call: CallExpression, kept: KeptCall): CallExpression {
  engine.calls.push(kept);
  return { ...call, span: { file: MARK, start: engine.calls.length - 1, end: 0 } };
}
const MARK = "@call";
export const keptCall = (engine: Engine, call: CallExpression): KeptCall | undefined =>
  call.span.file === MARK ? engine.calls[call.span.start] : undefined;

export interface Engine {
  /** calls.ts, which needs the evaluation of expressions as this needs it. */
  readonly call: (p: Place, x: CallExpression) => Known;
  /** For `operate` and its like, which say what an operator means on compile-time values. */
  readonly env: Env;
  readonly choices: ReadonlySet<string>;
  readonly policy: Policy;
  readonly counter: { frames: number; hoisted: number };
  /** Of calls that stay: the path component before anything around them vanished, and arguments that may be the default's. */
  readonly calls: KeptCall[];
}

/** One body that is being taken apart: a model, a block, or a block whose body stands in its caller's. */
export interface Frame {
  readonly id: number;
  readonly names: Map<string, Known>;
  /** The names of the file. */
  readonly scope: Scope;
  readonly out: Statement[];
  readonly path: PathContext;
  /** Names that must be variables: a loop or an open choice assigns them. */
  readonly forced: ReadonlySet<string>;
  /** `value`: the body stands in its caller's. `statement`: it keeps its `return`. */
  readonly returns: "value" | "statement";
  /** Inside a choice that is open. */
  readonly branches: boolean;
  readonly library: boolean;
  /** Compile-time values that come from outside, under their names. */
  readonly parameters: ReadonlySet<string>;
}

export const createBody = (engine: Engine, scope: Scope, more: Partial<Frame> = {}): Frame => ({
  id: engine.counter.frames++,
  names: new Map(),
  scope,
  out: [],
  path: rootPath(createFrame(0, undefined)),
  forced: new Set(),
  returns: "statement",
  branches: false,
  library: false,
  parameters: new Set(),
  ...more,
});

/** The variable that a name of a body is. */
export const variable = (frame: Frame, name: string): string => `${name}@${frame.id}`;

/** Evaluates a text here and now, under a name of its own. */
export function hoist(engine: Engine, frame: Frame, base: string, from: Open): Open {
  const name = `${base}@h${engine.counter.hoisted++}`;
  frame.out.push(assignment(name, from.text));
  return open(nameText(name), from.tensor);
}

export const assignment = (name: string, value: Expression): Statement => ({
  kind: "assign",
  target: { text: name, span: value.span },
  indices: undefined,
  operator: undefined,
  value,
  span: value.span,
});

/** Where an expression stands. */
export interface Place {
  readonly engine: Engine;
  readonly frame: Frame;
  /** Names that are indices here. */
  readonly labels: ReadonlySet<string>;
  readonly inSubscript: boolean;
}

export const placeIn = (engine: Engine, frame: Frame, labels: Iterable<string> = []): Place => ({
  engine,
  frame,
  labels: new Set(labels),
  inSubscript: false,
});
