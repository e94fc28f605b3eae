/**
 * The turns of a `repeat` as one region node: operands are found, the body is closed over `carry.n`, `slice.n`, `fixed.n`.
 *
 * ```
 * x = x + x * w (w per turn)    %4 = repeat(%x, %layers.*.w) count=2 carries=1 slices=1 { add(carry.0, mul(carry.0, slice.0)) }
 * ```
 */

import type { Builder } from "../builder.js";
import type { Node } from "../graph.js";
import type { OpName } from "../vocabulary.js";
import type { ParameterRecord } from "./paths.js";

/** One turn, made over temporary inputs that `names` lists. */
export interface Turn {
  readonly id: number;
  readonly carries: readonly Node[];
  readonly next: readonly Node[];
  readonly results: readonly Node[];
  readonly records: readonly ParameterRecord[];
}

export const carryInput = (b: Builder, id: number, name: string, like: Node): Node =>
  b.input("carry", `${id}:${name}`, like.shape, like.dtype);
export const turnInput = (b: Builder, id: number): Node => b.input("turn", `${id}:turn`, [], "i32");

/** Ops that are computed again in each turn rather than kept from outside. */
const CHEAP: ReadonlySet<OpName> = new Set<OpName>([
  "broadcast",
  "transpose",
  "reshape",
  "slice",
  "pad",
  "select",
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "to_f32",
  "to_i32",
  "to_bool",
  "eq",
  "ne",
  "lt",
  "le",
  "and",
  "or",
  "not",
  "floordiv",
  "mod",
]);

const isLocal = (node: Node, id: number): boolean =>
  node.op === "input" && node.attributes.name.startsWith(`${id}:`);

function memo<T>(f: (node: Node, self: (node: Node) => T) => T): (node: Node) => T {
  const known = new Map<Node, T>();
  const self = (node: Node): T => {
    if (known.has(node)) return known.get(node)!;
    const value = f(node, self);
    known.set(node, value);
    return value;
  };
  return self;
}

/** The values from outside that a turn uses, each to be an operand that is the same for every turn. */
function fixedOperands(turn: Turn, named: ReadonlySet<Node>): readonly Node[] {
  const local = memo<boolean>((node, self) => isLocal(node, turn.id) || node.inputs.some(self));
  // Positions and constants are made where they are used; scalars are visible everywhere.
  const free = memo<boolean>((node, self) =>
    node.op === "input" ? node.attributes.kind === "scalar" : node.inputs.every(self),
  );
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (free(node) || isLocal(node, turn.id)) return;
    if (!local(node) && (node.op === "input" || named.has(node) || !CHEAP.has(node.op))) found.add(node);
    else node.inputs.forEach(visit);
  };
  [...turn.next, ...turn.results].forEach(visit);
  return [...found];
}

/** Rebuilds what depends on replaced nodes. */
export function substitute(
  b: Builder,
  roots: readonly Node[],
  replaced: ReadonlyMap<Node, Node>,
): readonly Node[] {
  const rebuilt = memo<Node>(
    (node, self) =>
      replaced.get(node) ?? (node.inputs.length === 0 ? node : b.remake(node, node.inputs.map(self))),
  );
  return roots.map(rebuilt);
}

export interface RegionResult {
  readonly carries: readonly Node[];
  /** Leading axis: the turn. */
  readonly stacks: readonly Node[];
}

export interface Run {
  readonly first: number;
  readonly count: number;
  /** What each carried value is before the first turn, and the stacked operand of each used parameter. */
  readonly initial: readonly Node[];
  readonly leafOf: (record: ParameterRecord) => Node;
  readonly named: ReadonlySet<Node>;
}

export function closeRegion(b: Builder, turn: Turn, run: Run): RegionResult {
  const reached = reachable([...turn.next, ...turn.results]);
  const records = turn.records.filter(({ node }) => reached.has(node));
  const fixed = fixedOperands(turn, run.named);
  const replaced = new Map<Node, Node>([[turnInput(b, turn.id), b.input("turn", "turn.0", [], "i32")]]);
  turn.carries.forEach((node, n) =>
    replaced.set(node, b.input("carry", `carry.${n}`, node.shape, node.dtype)),
  );
  records.forEach(({ node }, n) =>
    replaced.set(node, b.input("slice", `slice.${n}`, node.shape, node.dtype)),
  );
  fixed.forEach((node, n) => replaced.set(node, b.input("fixed", `fixed.${n}`, node.shape, node.dtype)));
  const outputs = substitute(b, [...turn.next, ...turn.results], replaced).map((node, n) => ({
    name: n < turn.next.length ? `carry.${n}` : `result.${n - turn.next.length}`,
    node,
  }));
  const region = b.repeat([...run.initial, ...records.map(run.leafOf), ...fixed], {
    body: { name: "turn", outputs },
    first: run.first,
    count: run.count,
    reverse: false,
    carries: turn.carries.length,
    slices: records.length,
  });
  const all = outputs.map((_, n) => b.get(region, n));
  return { carries: all.slice(0, turn.carries.length), stacks: all.slice(turn.carries.length) };
}

export function reachable(roots: readonly Node[]): ReadonlySet<Node> {
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    node.inputs.forEach(visit);
  };
  roots.forEach(visit);
  return seen;
}
