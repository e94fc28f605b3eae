/**
 * One turn of a `repeat` → its body over temporary inputs: what is carried in and out, which parameters it declares.
 *
 * ```
 * x = x + f(x)      carries [1:x], next [add(1:x, …)], records [repeat.*.f.w]
 * ```
 */
import type { RepeatStatement } from "../../parser/model.js";
import type { Node } from "../graph.js";
import { sameSizes } from "../shape.js";
import { batchAxis } from "./labels.js";
import { shapeWords } from "./lengths.js";
import { runBody } from "./meaning.js";
import { normEmissions } from "./norms.js";
import type { PathContext, RegionFrame } from "./paths.js";
import { createFrame, join } from "./paths.js";
import type { Turn } from "./region.js";
import { carryInput, turnInput } from "./region.js";
import type { Scope } from "./scope.js";
import { assignable, bind, createScope } from "./scope.js";
import type { Env } from "./session.js";
import { fail, Stop } from "./session.js";
import type { TensorValue, Value } from "./values.js";
import { innerShape, poison } from "./values.js";

export interface Loop {
  readonly s: RepeatStatement;
  readonly count: number;
  /** Variables of the surroundings that the body assigns. */
  readonly carried: readonly string[];
  /** One context for all turns, or the path before the turn's number. */
  readonly base: PathContext | string;
}

export const held = (env: Env, name: string): Value => assignable(env.scope, name)!.names.get(name)!.value;

/** The path of the loop itself: `layers`. */
export const placeOf = ({ base }: Loop): string => (typeof base === "string" ? base : base.path);

/** The path of a turn's parameters: `layers.*` in a region of its own, `layers.3` without one. */
export const turnPath = ({ base }: Loop, turn: string, region: RegionFrame): PathContext =>
  typeof base === "string"
    ? { path: join(base, turn), region, reuses: false, taken: new Map() }
    : { ...base, taken: new Map() };

export function runTurn(
  env: Env,
  loop: Loop,
  path: PathContext,
  region: RegionFrame,
  turn: Value,
  draw: Node,
  carries: ReadonlyMap<string, Value>,
): Scope {
  const scope = createScope(env.scope, "inner");
  for (const [name, value] of carries) bind(scope, name, value);
  if (loop.s.index) bind(scope, loop.s.index.text, turn, loop.s.index.span);
  const returned = runBody({ ...env, scope, path, region, turn: draw }, loop.s.body);
  if (returned && returned.kind !== "poison")
    fail(env, "TFM2006", loop.s.span, "A `repeat` does not return; assign to a variable from outside.");
  return scope;
}

/** The turn's number for random draws: unique over nested loops. */
export function drawNumber(env: Env, count: number, own: Node): Node {
  const b = env.session.builder;
  return env.turn ? b.add(b.mul(env.turn, b.const(count, "i32")), own) : own;
}

export interface Made {
  readonly turn: Turn;
  readonly scope: Scope;
  readonly frame: RegionFrame;
  /** Names of the carried tensors; their values before, and the nodes that stood for them. */
  readonly tensors: readonly string[];
  readonly before: ReadonlyMap<string, Value>;
  readonly initial: ReadonlyMap<string, Node>;
}

/** Carried values as they stand, spread over the batch where the body makes them so. */
export function carriesBefore(env: Env, loop: Loop, spread: ReadonlySet<string>): ReadonlyMap<string, Value> {
  return new Map(
    loop.carried.map((name) => {
      const value = held(env, name);
      if (!spread.has(name) || value.kind !== "tensor" || value.batched) return [name, value];
      const shape = [batchAxis, ...value.node.shape];
      const node = env.session.builder.broadcastTo(
        value.node,
        shape,
        shape.map((_, n) => n - 1),
      );
      return [name, { ...value, node, batched: true }];
    }),
  );
}

export function makeTurn(
  env: Env,
  loop: Loop,
  id: number,
  values: ReadonlyMap<string, Value>,
  turn: Value,
): Made {
  const b = env.session.builder;
  const frame = createFrame(id, env.region);
  const before = new Map<string, Value>();
  const initial = new Map<string, Node>();
  for (const [name, value] of values) {
    if (value.kind === "tensor") {
      initial.set(name, value.node);
      before.set(name, { ...value, node: carryInput(b, id, name, value.node) });
    } else before.set(name, value);
  }
  const scope = runTurn(
    env,
    loop,
    turnPath(loop, "*", frame),
    frame,
    turn,
    drawNumber(env, loop.count, turnInput(b, id)),
    before,
  );
  const tensors = [...initial.keys()].filter((name) => scope.names.get(name)!.value.kind === "tensor");
  if (tensors.length < initial.size || [...values.values()].some((v) => v.kind === "poison"))
    poisoned(env, loop, scope);
  const after = tensors.map((name) => [name, scope.names.get(name)!.value] as const);
  frame.emissions.push(...normEmissions(env, placeOf(loop), after, "after"));
  const nodeOf = (name: string): Node => (scope.names.get(name)!.value as TensorValue).node;
  return {
    turn: {
      id,
      carries: tensors.map((name) => (before.get(name) as TensorValue).node),
      next: tensors.map(nodeOf),
      results: frame.emissions.flatMap(({ nodes }) => nodes),
      records: [...frame.parameters.values()],
    },
    scope,
    frame,
    tensors,
    before,
    initial,
  };
}

/** A carried value that failed, or became no tensor, spoils the loop's results. */
export function poisoned(env: Env, loop: Loop, scope: Scope): never {
  for (const name of loop.carried) {
    if (scope.names.get(name)!.value.kind === "poison") bind(assignable(env.scope, name)!, name, poison);
  }
  const odd = loop.carried.find(
    (name) =>
      held(env, name).kind === "tensor" &&
      scope.names.get(name)!.value.kind !== "tensor" &&
      scope.names.get(name)!.value.kind !== "poison",
  );
  if (odd) fail(env, "TFM2006", loop.s.span, `\`${odd}\` is a tensor before the turn and none after it.`);
  throw new Stop("poison");
}

/** The carried names that the body spreads over the batch; other changes of shape are mistakes. */
export function widened(env: Env, loop: Loop, made: Made): readonly string[] {
  return made.tensors.filter((name) => {
    const before = made.before.get(name) as TensorValue;
    const after = made.scope.names.get(name)!.value as TensorValue;
    if (
      !sameSizes(innerShape(before), innerShape(after)) ||
      before.node.dtype !== after.node.dtype ||
      (before.batched && !after.batched)
    )
      fail(
        env,
        "TFM3002",
        made.scope.names.get(name)!.span ?? loop.s.span,
        `\`${name}\` is ${shapeWords(env, before)} before a turn and ${shapeWords(env, after)} after it.`,
        {
          related: [{ message: "this `repeat` carries it", span: loop.s.count.span }],
          hint: "What is carried from turn to turn keeps its shape and type.",
        },
      );
    return after.batched && !before.batched;
  });
}

/** Tensors that have a name here, or that a function with a name holds: a loop takes them as they are and computes none again. */
export function namedNodes(env: Env): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const add = (value: Value): void => {
    if (value.kind === "tensor") nodes.add(value.node);
    if (value.kind === "list") value.items.forEach(add);
    if (value.kind === "block") for (const held of value.bound.values()) add(held);
    if (value.kind === "formula") for (const held of value.held.values()) add(held.value);
    if (value.kind === "formula" && value.bound && value.scope.kind === "block")
      for (const held of value.scope.names.values()) add(held.value);
  };
  for (let at: Scope | undefined = env.scope; at; at = at.outer)
    for (const { value } of at.names.values()) add(value);
  return nodes;
}
