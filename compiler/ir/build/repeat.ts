/**
 * `repeat n as l { … }`: one body for all turns where it can be, runs of equal bodies where it wants the turn's number.
 *
 * ```
 * repeat 12 { x = f(x) }                        one region, count=12, parameters stacked in `repeat.*.f.w`
 * repeat 4 as l { if l < 2 { … } else { … } }   two regions: first=0 count=2, first=2 count=2
 * ```
 */
import type { RepeatStatement } from "../../parser/model.js";
import type { Node } from "../graph.js";
import { wholeNumber } from "./lengths.js";
import { evaluate } from "./meaning.js";
import { normEmissions } from "./norms.js";
import type { Emission, ParameterRecord, RegionFrame } from "./paths.js";
import { childPath, join, take } from "./paths.js";
import { closeRegion, substitute, turnInput } from "./region.js";
import { assignable, bind } from "./scope.js";
import type { Env } from "./session.js";
import { fail, TurnNeeded } from "./session.js";
import { stackEmissions } from "./stack.js";
import type { Loop, Made } from "./turns.js";
import {
  carriesBefore,
  drawNumber,
  held,
  makeTurn,
  namedNodes,
  placeOf,
  runTurn,
  turnPath,
  widened,
} from "./turns.js";
import type { TensorValue, Value } from "./values.js";
import { number } from "./values.js";
import { assignedNames } from "./walk.js";

export const MAX_TURNS = 4096;
/** Turns that are elaborated one by one cost time each. */
const MAX_WRITTEN_OUT = 1024;

export function runRepeat(env: Env, s: RepeatStatement): void {
  const count = wholeNumber(env, evaluate(env, s.count), s.count.span, "The number of turns");
  if (count < 0)
    fail(env, "TFM3005", s.count.span, `The number of turns must not be negative, and this is ${count}.`);
  if (count > MAX_TURNS)
    fail(env, "TFM4001", s.count.span, `A \`repeat\` may have ${MAX_TURNS} turns, and here are ${count}.`);
  if (count === 0) return;
  const label = s.count.kind === "name" ? s.count.text : "repeat";
  const carried = assignedNames(s.body).filter((name) => assignable(env.scope, name));
  const loop: Loop = {
    s,
    count,
    carried,
    base: s.shared ? childPath(env.path, label, true) : join(env.path.path, take(env.path, label)),
  };
  const entering = carried.map((name): readonly [string, Value] => [name, held(env, name)]);
  env.region.emissions.push(...normEmissions(env, placeOf(loop), entering, "before"));
  if (count === 1) {
    runWrittenOut(env, loop);
    return;
  }
  const before = env.session.diagnostics.length;
  try {
    runAbstract(env, loop);
  } catch (error) {
    if (!(error instanceof TurnNeeded)) throw error;
    env.session.diagnostics.length = before;
    if (count > MAX_WRITTEN_OUT)
      fail(
        env,
        "TFM4001",
        s.count.span,
        `A \`repeat\` whose body asks for the turn's number may have ${MAX_WRITTEN_OUT} turns, and here are ${count}.`,
      );
    if (env.region.outer) runWrittenOut(env, loop);
    else runInRuns(env, loop);
  }
}

function runAbstract(env: Env, loop: Loop, spread: ReadonlySet<string> = new Set()): void {
  const b = env.session.builder;
  const id = env.session.counters.regions++ + 1;
  const made = makeTurn(env, loop, id, carriesBefore(env, loop, spread), {
    kind: "turn",
    node: turnInput(b, id),
  });
  const wider = widened(env, loop, made);
  if (wider.length > 0) {
    runAbstract(env, loop, new Set([...spread, ...wider]));
    return;
  }
  const still = unchanged(made);
  if (still.length > 0) {
    runAbstract(env, { ...loop, carried: loop.carried.filter((name) => !still.includes(name)) }, spread);
    return;
  }
  for (const name of loop.carried)
    if (!made.tensors.includes(name) && made.scope.names.get(name)!.value !== made.before.get(name))
      throw new TurnNeeded("carried");
  if (env.region.outer && made.frame.parameters.size > 0) throw new TurnNeeded("nested parameters");
  finish(
    env,
    loop,
    made,
    0,
    loop.count,
    made.tensors.map((name) => made.initial.get(name)!),
  );
}

/** Names that the body assigns and leaves as they are need not be carried: they are what they were outside. */
const unchanged = (made: Made): readonly string[] =>
  made.tensors.filter((_, n) => made.turn.next[n] === made.turn.carries[n]);

/** Closes a run of equal turns, lets its results out and gives the carried names their last values. */
function finish(
  env: Env,
  loop: Loop,
  made: Made,
  first: number,
  count: number,
  initial: readonly Node[],
): readonly Emission[] {
  const b = env.session.builder;
  const whole = count === loop.count;
  const base = typeof loop.base === "string" ? loop.base : "";
  const leaf = ({ path }: ParameterRecord): string =>
    whole ? path : path.replace(`${base}.*`, `${base}.*@${first}`);
  const leafOf = (record: ParameterRecord): Node =>
    b.input("parameter", leaf(record), [{ name: "layer", size: count }, ...record.shape], "f32");
  for (const record of made.turn.records)
    env.session.stacks.push({ record, base, first, count, leaf: leaf(record), node: leafOf(record) });
  const result = closeRegion(b, made.turn, { first, count, initial, leafOf, named: namedNodes(env) });
  made.tensors.forEach((name, n) => {
    const value = made.scope.names.get(name)!.value as TensorValue;
    rebind(env, name, { ...value, node: result.carries[n]! });
  });
  const emissions = stackEmissions(made.frame.emissions, result.stacks);
  if (whole) env.region.emissions.push(...emissions.map((e) => totalled(env, e)));
  return emissions;
}

function rebind(env: Env, name: string, value: Value): void {
  const at = assignable(env.scope, name)!;
  bind(at, name, value, at.names.get(name)!.span, at.names.get(name)!.role);
}

/** Losses of all turns are one loss: their sums add, the count is that of one turn. */
function totalled(env: Env, e: Emission): Emission {
  if (e.kind !== "loss") return e;
  const b = env.session.builder;
  const [sums, counts] = e.nodes as readonly [Node, Node];
  return { ...e, nodes: [b.sum(sums, [0]), b.reshape(b.slice(counts, 0, 0, 1), [])] };
}

function runInRuns(env: Env, loop: Loop): void {
  const id = env.session.counters.regions++ + 1;
  const still = unchangedInAll(env, loop, id);
  if (still.length > 0) {
    runInRuns(env, { ...loop, carried: loop.carried.filter((name) => !still.includes(name)) });
    return;
  }
  const collected: Emission[] = [];
  let run: { made: Made; first: number; key: string; count: number } | undefined;
  const close = (): void => {
    if (!run) return;
    const initial = run.made.tensors.map((name) => (current(name) as TensorValue).node);
    collected.push(
      ...(run.count === 1
        ? inlineTurn(env, loop, run.made, run.first, initial)
        : finish(env, loop, run.made, run.first, run.count, initial)),
    );
    for (const name of loop.carried)
      if (!run.made.tensors.includes(name)) rebind(env, name, run.made.scope.names.get(name)!.value);
    run = undefined;
  };
  const current = (name: string): Value => held(env, name);
  let spread: ReadonlySet<string> = new Set();
  for (let l = 0; l < loop.count; l++) {
    // A turn continues the run where it is the same function of what is carried.
    const origin = carriesBefore(env, loop, spread);
    const values = run ? carriedOn(run.made) : origin;
    let made = makeTurn(env, loop, id, values, number(l));
    const wider = run ? [] : widened(env, loop, made);
    if (wider.length > 0) {
      spread = new Set([...spread, ...wider]);
      for (const [name, value] of carriesBefore(env, loop, spread)) rebind(env, name, value);
      made = makeTurn(env, loop, id, carriesBefore(env, loop, spread), number(l));
    }
    const key = turnKey(made);
    if (run && run.key === key && !changed(loop, made)) run.count++;
    else {
      close();
      run = { made, first: l, key, count: 1 };
      if (changed(loop, made)) close();
    }
  }
  close();
  env.region.emissions.push(...mergeEmissions(env, collected));
}

/** What no turn changes. */
function unchangedInAll(env: Env, loop: Loop, id: number): readonly string[] {
  let made: Made | undefined;
  let still: readonly string[] = loop.carried;
  for (let l = 0; l < loop.count && still.length > 0; l++) {
    const values: ReadonlyMap<string, Value> = made ? carriedOn(made) : carriesBefore(env, loop, new Set());
    made = makeTurn(env, loop, id, values, number(l));
    const same = unchanged(made);
    still = still.filter((name) => same.includes(name));
  }
  return still;
}

/** The carried values after a turn, as the next turn of the run sees them. */
const carriedOn = (made: Made): ReadonlyMap<string, Value> =>
  new Map([...made.before.keys()].map((name) => [name, made.scope.names.get(name)!.value]));

const changed = (loop: Loop, made: Made): boolean =>
  loop.carried.some(
    (name) => !made.tensors.includes(name) && made.scope.names.get(name)!.value !== made.before.get(name),
  );

const turnKey = ({ turn, frame }: Made): string =>
  JSON.stringify([
    turn.carries.map(({ key }) => key),
    turn.next.map(({ key }) => key),
    frame.emissions.map(({ kind, name, nodes }) => [kind, name, nodes.map(({ key }) => key)]),
    turn.records.map(({ path, shape, init, frozen, decay }) => [path, shape, init, frozen, decay]),
  ]);

/** A run of one turn needs no region: its inputs are replaced by what they stand for. */
function inlineTurn(
  env: Env,
  loop: Loop,
  made: Made,
  l: number,
  initial: readonly Node[],
): readonly Emission[] {
  const b = env.session.builder;
  const base = typeof loop.base === "string" ? loop.base : "";
  const replaced = new Map<Node, Node>([[turnInput(b, made.turn.id), b.const(l, "i32")]]);
  made.turn.carries.forEach((node, n) => replaced.set(node, initial[n]!));
  for (const record of made.turn.records) {
    const path = record.path.replace(`${base}.*`, `${base}.${l}`);
    const node = b.input("parameter", path, record.shape, "f32");
    replaced.set(record.node, node);
    env.region.parameters.set(path, { ...record, path, node });
  }
  const nodes = substitute(b, [...made.turn.next, ...made.turn.results], replaced);
  made.tensors.forEach((name, n) =>
    rebind(env, name, { ...(made.scope.names.get(name)!.value as TensorValue), node: nodes[n]! }),
  );
  let at = made.turn.next.length;
  return made.frame.emissions.map((e) => {
    const own = nodes.slice(at, at + e.nodes.length);
    at += e.nodes.length;
    return { ...e, nodes: own.map((node) => b.reshape(node, [{ name: "layer", size: 1 }, ...node.shape])) };
  });
}

/** Emissions of one name from several runs become one stack. */
function mergeEmissions(env: Env, emissions: readonly Emission[]): readonly Emission[] {
  const b = env.session.builder;
  const byName = new Map<string, Emission[]>();
  for (const e of emissions)
    byName.set(`${e.kind} ${e.name}`, [...(byName.get(`${e.kind} ${e.name}`) ?? []), e]);
  return [...byName.values()].map((group) =>
    totalled(env, {
      ...group[0]!,
      nodes: group[0]!.nodes.map((_, n) =>
        b.concat(
          group.map((e) => e.nodes[n]!),
          0,
        ),
      ),
    }),
  );
}

/** Every turn in its place, with no region: inside another `repeat`, or where there is but one. */
function runWrittenOut(env: Env, loop: Loop): void {
  const b = env.session.builder;
  env.session.counters.written += loop.count;
  if (env.session.counters.written > 8 * MAX_WRITTEN_OUT)
    fail(
      env,
      "TFM4001",
      loop.s.count.span,
      `Nested loops would be written out over more than ${8 * MAX_WRITTEN_OUT} turns.`,
    );
  const collected: Emission[] = [];
  for (let l = 0; l < loop.count; l++) {
    const region: RegionFrame = { ...env.region, emissions: [] };
    const draw = drawNumber(env, loop.count, b.const(l, "i32"));
    const scope = runTurn(
      env,
      loop,
      turnPath(loop, String(l), env.region),
      region,
      number(l),
      draw,
      new Map(loop.carried.map((name) => [name, held(env, name)])),
    );
    const after = loop.carried.map((name) => [name, scope.names.get(name)!.value] as const);
    for (const [name, value] of after) rebind(env, name, value);
    region.emissions.push(...normEmissions(env, placeOf(loop), after, "after"));
    collected.push(
      ...region.emissions.map((e) => ({
        ...e,
        nodes: e.nodes.map((node) => b.reshape(node, [{ name: "layer", size: 1 }, ...node.shape])),
      })),
    );
  }
  env.region.emissions.push(...mergeEmissions(env, collected));
}
