/**
 * Statements of a body → the statements that are left of it, with what is known of its names.
 *
 * ```
 * match norm_at { pre { x = x + f(norm(x)) } … }     x = x + attention(layer_norm(x), heads)
 * ```
 */
import type {
  AssignStatement,
  Expression,
  IfStatement,
  MatchStatement,
  RepeatStatement,
  Statement,
  UseStatement,
} from "../../parser/model.js";
import { join, take } from "../build/paths.js";
import { assignedNames } from "../build/walk.js";
import { captureItems, instanceText } from "./calls.js";
import { runInput, runParam, runTable } from "./declare.js";
import type { Engine, Frame, Place } from "./engine.js";
import { assignment, placeIn, variable } from "./engine.js";
import { know } from "./evaluate.js";
import { foldBinary } from "./fold.js";
import type { Known } from "./known.js";
import { baseName, constant, isVariable, nameOf, nameText, nowhere, open, textOf, Whole } from "./known.js";

/** What the body returns, if it does; its statements go to `frame.out`. */
export function runStatements(engine: Engine, frame: Frame, body: readonly Statement[]): Known | undefined {
  for (const s of body) {
    const returned = runOne(engine, frame, s);
    if (returned) return returned;
  }
  return undefined;
}

function runOne(engine: Engine, frame: Frame, s: Statement): Known | undefined {
  const p = placeIn(engine, frame);
  const text = (x: Expression): Expression => textOf(know(p, x));
  const put = (statement: Statement): undefined => void frame.out.push(statement);
  switch (s.kind) {
    case "param":
      return runParam(p, s);
    case "state": {
      frame.names.set(s.name.text, open(nameText(s.name.text), true));
      return put({ ...s, ...(s.sizes && { sizes: s.sizes.map(text) }), value: text(s.value) });
    }
    case "table":
      return runTable(p, s);
    case "input":
      return runInput(p, s);
    case "assign":
      return runAssign(p, s);
    case "use":
      return runUse(p, s);
    case "repeat":
      return runRepeat(p, s);
    case "if":
      return runIf(p, s);
    case "match":
      return runMatch(p, s);
    case "output": {
      put({ ...s, value: text(s.value) });
      frame.names.set(s.name.text, open(nameText(s.name.text), true));
      return undefined;
    }
    case "probe":
    case "loss":
      return put({ ...s, value: text(s.value) });
    case "return":
      return runReturn(p, s.values, s);
    case "train":
    case "law":
    case "rename":
      return put(s);
    default:
      throw new Error(`internal: ${(s satisfies never as Statement).kind} is no statement`);
  }
}

function runReturn(p: Place, values: readonly Expression[], s: Statement): Known {
  const { frame } = p;
  const known = values.map((x) => know(p, x));
  if (frame.returns === "value") {
    if (frame.branches) throw new Whole("a return inside an open choice");
    return known.length === 1 ? known[0]! : { kind: "list", items: captureItems(p, known) };
  }
  frame.out.push({ kind: "return", values: known.map(textOf), span: s.span });
  return known[0]!;
}

/** Labels: the indices on the left; names in subscripts that mean nothing else are indices too. */
function runAssign({ engine, frame }: Place, s: AssignStatement): undefined {
  const name = s.target.text;
  const p = placeIn(
    engine,
    frame,
    s.indices?.map(({ text }) => text),
  );
  const before = frame.names.get(name);
  const bounds = s.bounds?.map((bound) => bound && textOf(know(placeIn(engine, frame), bound)));
  const known = know(p, s.value);
  if (!s.indices && !s.operator) {
    set(engine, frame, name, known);
    return undefined;
  }
  if (s.operator && !s.indices && before?.kind === "constant") {
    const binary = {
      kind: "binary",
      operator: s.operator,
      left: nameText(name),
      right: s.value,
      span: s.span,
    } as const;
    set(engine, frame, name, foldBinary(engine, binary, before, known));
    return undefined;
  }
  if (frame.returns === "value") throw new Whole("axes have names");
  const target = nameOf(variable(frame, name));
  frame.out.push({ ...s, target, ...(bounds ? { bounds } : {}), value: textOf(known) });
  frame.names.set(name, open(nameText(target.text), true));
  return undefined;
}

/** A name that is assigned: known where it can stay so, else a variable. */
function set(engine: Engine, frame: Frame, name: string, known: Known): void {
  const target = variable(frame, name);
  const forced = frame.forced.has(name);
  if (!forced && (known.kind === "function" || known.kind === "list" || known.kind === "instance")) {
    const items = known.kind === "list" ? captureItems(placeIn(engine, frame), known.items) : undefined;
    frame.names.set(name, items ? { kind: "list", items } : known);
    return;
  }
  const isSettled =
    known.kind === "constant" &&
    !forced &&
    (known.value.kind !== "number" ||
      known.text.kind === "number" ||
      (known.text.kind === "name" && !isVariable(known.text.text)));
  if (isSettled) {
    frame.names.set(name, known);
    return;
  }
  mustBePlain(frame, known);
  frame.out.push(assignment(target, textOf(known)));
  const text = nameText(target);
  frame.names.set(
    name,
    known.kind === "constant" && !forced
      ? constant(known.value, text)
      : open(text, known.kind === "open" && known.tensor),
  );
}

/** In another body's place a function or a choice cannot be a variable: what depends on it would stay open there. */
function mustBePlain({ returns }: Frame, known: Known): void {
  const isPlain = known.kind === "open" || (known.kind === "constant" && known.value.kind === "number");
  if (returns === "value" && !isPlain) throw new Whole("a function or a choice that a loop changes");
}

function runUse({ engine, frame }: Place, s: UseStatement): undefined {
  const { text, block } = instanceText(placeIn(engine, frame), s.value);
  frame.out.push({ ...s, value: text });
  take(frame.path, s.name.text);
  frame.names.set(s.name.text, { kind: "instance", text: nameText(s.name.text), block });
  return undefined;
}

function runRepeat({ engine, frame }: Place, s: RepeatStatement): undefined {
  const count = textOf(know(placeIn(engine, frame), s.count));
  const label = s.count.kind === "name" ? s.count.text : "repeat";
  const turns = labelled(frame, count, label);
  const carried = assignedNames(s.body).filter((name) => frame.names.has(name));
  for (const name of carried) makeVariable(frame, name);
  const path = {
    ...frame.path,
    path: join(frame.path.path, take(frame.path, label)),
    taken: new Map<string, number>(),
  };
  const inner: Frame = { ...frame, out: [], path, forced: new Set([...frame.forced, ...carried]) };
  if (s.index) frame.names.set(s.index.text, open(nameText(variable(frame, s.index.text)), false));
  if (runStatements(engine, inner, s.body)) throw new Error("internal: a repeat returns");
  const index = s.index && nameOf(variable(frame, s.index.text));
  frame.out.push({ ...s, count: turns, index, body: inner.out });
  return undefined;
}

/** The count of a loop under the name that its parameters' paths have. */
function labelled(frame: Frame, count: Expression, label: string): Expression {
  const own = frame.returns === "statement";
  const written =
    count.kind !== "name" ? "repeat" : own ? baseName(count.text) : isVariable(count.text) ? "" : count.text;
  if (written === label) return count;
  if (!own || label === "repeat") throw new Whole("a loop whose parameters would be named otherwise");
  const name = variable(frame, label);
  frame.out.push(assignment(name, count));
  return nameText(name);
}

function makeVariable(frame: Frame, name: string): void {
  const known = frame.names.get(name)!;
  const target = variable(frame, name);
  mustBePlain(frame, known);
  const text = nameText(target);
  const value = textOf(known);
  if (value.kind !== "name" || value.text !== target) frame.out.push(assignment(target, value));
  frame.names.set(name, open(text, known.kind === "open" && known.tensor));
}

function runIf(p: Place, s: IfStatement): Known | undefined {
  const { engine, frame } = p;
  const condition = know(p, s.condition);
  if (condition.kind === "constant" && condition.value.kind === "boolean")
    return runStatements(engine, frame, condition.value.value ? s.then : s.otherwise);
  const [then, otherwise] = branches(engine, frame, [s.then, s.otherwise]);
  frame.out.push({ ...s, condition: textOf(condition), then: then!, otherwise: otherwise! });
  return undefined;
}

function runMatch(p: Place, s: MatchStatement): Known | undefined {
  const { engine, frame } = p;
  const value = know(p, s.value);
  const verdicts = s.cases.map(
    ({ patterns }) => patterns?.map((pattern) => verdict(p, value, pattern)) ?? [true],
  );
  const first = verdicts.findIndex((v) => v.some((x) => x !== false));
  if (first !== -1 && verdicts[first]!.includes(true))
    return runStatements(engine, frame, s.cases[first]!.body);
  const left = s.cases.filter((_, n) => verdicts[n]!.some((x) => x !== false));
  const bodies = branches(
    engine,
    frame,
    left.map(({ body }) => body),
  );
  const cases = left.map((c, n) => ({ ...c, body: bodies[n]! }));
  frame.out.push({ ...s, value: textOf(value), cases });
  return undefined;
}

/** Whether the pattern is the value; undefined where that is open. */
function verdict(p: Place, value: Known, pattern: Expression): boolean | undefined {
  const binary = {
    kind: "binary",
    operator: "==",
    left: nameText(""),
    right: pattern,
    span: nowhere,
  } as const;
  const equal = foldBinary(p.engine, binary, value, know(p, pattern));
  return equal.kind === "constant" && equal.value.kind === "boolean" ? equal.value.value : undefined;
}

/** Each body on its own; what any of them assigns is a variable from here on. */
function branches(
  engine: Engine,
  frame: Frame,
  bodies: readonly (readonly Statement[])[],
): readonly (readonly Statement[])[] {
  const assigned = new Set(bodies.flatMap(assignedNames));
  const known = [...assigned].filter((name) => frame.names.has(name));
  for (const name of known) makeVariable(frame, name);
  const forced = new Set([...frame.forced, ...assigned]);
  const frames = bodies.map((body): Frame => {
    const inner: Frame = { ...frame, names: new Map(frame.names), out: [], forced, branches: true };
    runStatements(engine, inner, body);
    return inner;
  });
  for (const name of assigned) {
    const ends = frames.map(({ names }) => names.get(name));
    const tensor = ends.every((known) => known === undefined || (known.kind === "open" && known.tensor));
    frame.names.set(name, open(nameText(variable(frame, name)), tensor));
  }
  return frames.map(({ out }) => out);
}
