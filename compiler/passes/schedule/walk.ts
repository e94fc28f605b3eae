/**
 * Graph of kernels → the straight line of steps, over buffers that have no slot yet.
 *
 * `repeat` is unrolled here: the same body for every turn, with the turn's slices. A value carried from turn to turn, and a
 * stack that only other regions slice, is a list of places: nothing is copied. Where the lengths say how many turns there are, the
 * body is written once, as a loop.
 */
import type { Graph, Node, NodeOf, ValueType } from "../../ir/graph.js";
import { constantTurns } from "../../ir/ops/regions.js";
import { topological } from "../../ir/rewrite.js";
import type { Size } from "../../ir/shape.js";
import { elementCount, sizeText } from "../../ir/shape.js";
import { isRead, sameView, turnsInPlace, updatedOperands, writesInPlace } from "./overwriting.js";

/** Storage with a lifetime; `count` slices of `elements`, each at a multiple of 64 elements. */
export interface Buffer {
  readonly role: "parameter" | "prepared" | "state" | "table" | "input" | "cache" | "temporary";
  /** Leaf name; empty for temporaries. */
  readonly name: string;
  readonly count: number;
  readonly elements: Size;
}

/** A region of a buffer: one slice (`turn`) or, `stacked`, all of them. */
export interface View {
  readonly buffer: Buffer;
  readonly turn: number;
  readonly stacked: boolean;
}

/** A value during the walk: in memory, or a stack kept as one value a turn. */
export type Held = View | { readonly turns: readonly Held[] };

export interface WalkStep {
  readonly body: Graph;
  readonly reads: readonly View[];
  readonly writes: readonly View[];
  readonly turn: number;
}

/** Steps `from` to `to` (exclusive) run ⌈size / tile⌉ times over, in turns 0, 1, … */
export interface WalkLoop {
  readonly from: number;
  readonly to: number;
  readonly size: Size;
  readonly tile: number;
}

export interface Walk {
  readonly steps: readonly WalkStep[];
  readonly loops: readonly WalkLoop[];
  readonly outputs: readonly (ValueType & { readonly name: string; readonly view: View })[];
}

/** `leaf` gives the persistent buffer of an input or table; `targets` says where an output is to be written. */
export function walk(graph: Graph, leaf: (node: Node) => View, targets: ReadonlyMap<string, View>): Walk {
  const steps: WalkStep[] = [];
  const loops: WalkLoop[] = [];
  const carried = new Set<Buffer>();
  const usesIn = onceEach(operandUses);
  const fresh = (type: ValueType, stacked: boolean): View => ({
    buffer: {
      role: "temporary",
      name: "",
      count: stacked ? (type.shape[0]!.size as number) : 1,
      elements: elementCount(stacked ? type.shape.slice(1) : type.shape),
    },
    turn: 0,
    stacked,
  });
  const copy = (type: ValueType, from: View, to: View): void =>
    void steps.push({ body: copyBody(type), reads: [from], writes: [to], turn: 0 });

  function walkGraph(
    body: Graph,
    bound: ReadonlyMap<string, Held>,
    turn: number,
    wanted: ReadonlyMap<Node, View>,
  ): Map<Node, readonly Held[]> {
    const held = new Map<Node, readonly Held[]>();
    const uses = usesIn(body);
    const inputAt = (node: NodeOf<"input">): Held | undefined =>
      isSupplied(node as Node) ? undefined : (bound.get(node.attributes.name) ?? leaf(node as Node));
    const order = topological(body);
    let at = 0;
    const inner: Body = {
      ...{ held, uses, wanted, turn },
      isFree: (view) => !isRead(order.slice(at + 1), view, inputAt),
    };
    for (; at < order.length; at++) {
      const node = order[at]!;
      if (node.op === "input") {
        const value = inputAt(node);
        held.set(node, value ? [value] : []);
      } else if (node.op === "table") held.set(node, [leaf(node)]);
      else if (node.op === "get") held.set(node, [held.get(node.inputs[0]!)![node.attributes.index]!]);
      else if (node.op === "fused") held.set(node, kernel(node, inner));
      else if (node.op === "repeat")
        held.set(node, typeof node.attributes.count === "number" ? unroll(node, inner) : loop(node, inner));
      else if (!isSupplied(node)) throw new Error(`internal: ${node.op} is in no kernel`);
    }
    return held;
  }

  function kernel(node: NodeOf<"fused">, { held, uses, wanted, turn, isFree }: Body): readonly Held[] {
    const { body } = node.attributes;
    const reads = node.inputs.map((input) => inMemory(held.get(input)![0]!));
    const results = uses.results.get(node) ?? [];
    const isFitting = (target: View, index: number): boolean =>
      (!isOld(target) && !carried.has(target.buffer)) ||
      (isFree(target) && writesInPlace(body, reads, index, target));
    const writes = node.results.map((type, index) => {
      const result = results[index];
      const target = result && wanted.get(result);
      return target && isFitting(target, index) ? target : fresh(type, !!result && uses.sliced.has(result));
    });
    for (const [write, read] of updatedOperands(body)) {
      if (!sameView(reads[read]!, writes[write]!)) copy(node.results[write]!, reads[read]!, writes[write]!);
      reads[read] = writes[write]!;
    }
    steps.push({ body, reads, writes, turn });
    return writes.map((write, index) => {
      const target = results[index] && wanted.get(results[index]);
      if (!target || sameView(write, target) || !isFree(target)) return write;
      copy(node.results[index]!, write, target);
      return target;
    });
  }

  function unroll(node: NodeOf<"repeat">, { held, uses, wanted: outer, isFree }: Body): readonly Held[] {
    const { body, first, reverse, carries, slices } = node.attributes;
    const count = constantTurns(node.attributes.count);
    const operands = node.inputs.map((input) => held.get(input)![0]!);
    const results = uses.results.get(node) ?? [];
    const stacks = node.results.slice(carries).map((type, n) => {
      const result = results[carries + n];
      const target = result && outer.get(result);
      const isOver = target?.buffer.role === "cache" && isFree(target);
      if (isOver && turnsInPlace(node, operands, carries + n, target)) return target;
      return result && uses.whole.has(result) ? fresh(type, true) : undefined;
    });
    const turns: Held[][] = stacks.map(() => []);
    let carried = operands.slice(0, carries);
    for (let k = 0; k < count; k++) {
      const t = reverse ? count - 1 - k : k;
      const bound = new Map<string, Held>([
        ...carried.map((value, n) => [`carry.${n}`, value] as const),
        ...operands
          .slice(carries, carries + slices)
          .map((value, n) => [`slice.${n}`, sliceOf(value, t)] as const),
        ...operands.slice(carries + slices).map((value, n) => [`fixed.${n}`, value] as const),
      ]);
      const outputs = body.outputs.slice(carries);
      const wanted = new Map<Node, View>();
      outputs.forEach(({ node: output }, n) => {
        const stack = stacks[n];
        if (stack && !wanted.has(output)) wanted.set(output, { ...stack, turn: t, stacked: false });
      });
      const inner = walkGraph(body, bound, first + t, wanted);
      const resultOf = (output: Node): Held => inner.get(output)![0]!;
      outputs.forEach(({ node: output }, n) => {
        const stack = stacks[n];
        const value = resultOf(output);
        if (!stack) turns[n]![t] = value;
        else {
          const own: View = { ...stack, turn: t, stacked: false };
          if (!sameView(inMemory(value), own)) copy(output, inMemory(value), own);
        }
      });
      carried = body.outputs.slice(0, carries).map(({ node: output }) => resultOf(output));
    }
    return [...carried, ...stacks.map((stack, n) => stack ?? { turns: turns[n]! })];
  }

  /** Written down once: what is carried stays in one place, which every turn writes over. */
  function loop(node: NodeOf<"repeat">, { held, uses }: Body): readonly Held[] {
    const { body, count, carries } = node.attributes;
    if (typeof count === "number") throw new Error("internal: a number of turns is no loop");
    const operands = node.inputs.map((input) => held.get(input)![0]!);
    const homes = node.inputs.slice(0, carries).map((input, n) => {
      const initial = inMemory(operands[n]!);
      if (uses.own.has(input) && initial.buffer.role === "temporary" && !initial.stacked) return initial;
      const home = fresh(input, false);
      copy(input, initial, home);
      return home;
    });
    for (const { buffer } of homes) carried.add(buffer);
    const from = steps.length;
    const bound = new Map<string, Held>([
      ...homes.map((home, n) => [`carry.${n}`, home] as const),
      ...operands.slice(carries).map((value, n) => [`fixed.${n}`, value] as const),
    ]);
    const outputs = body.outputs.map(({ node: output }) => output);
    const inner = walkGraph(body, bound, 0, new Map(outputs.map((output, n) => [output, homes[n]!])));
    const next = outputs.map((output, n) => {
      const view = inMemory(inner.get(output)![0]!);
      // A value that another carry writes over is set aside first.
      if (sameView(view, homes[n]!) || !carried.has(view.buffer)) return view;
      const aside = fresh(output, false);
      copy(output, view, aside);
      return aside;
    });
    next.forEach((view, n) => {
      if (!sameView(view, homes[n]!)) copy(outputs[n]!, view, homes[n]!);
    });
    if (loops.some((inside) => inside.from >= from)) throw new Error("internal: a loop in a loop");
    loops.push({ from, to: steps.length, ...count });
    return homes;
  }

  const wanted = new Map(
    graph.outputs.flatMap(({ name, node }) =>
      targets.has(name) ? [[node, targets.get(name)!] as const] : [],
    ),
  );
  const kept = keepOverwritten();
  const held = walkGraph(cachesLast(graph, targets), new Map(), 0, wanted);
  const outputs = graph.outputs.map(({ name, node }) => {
    const view = kept.get(node) ?? inMemory(held.get(node)![0]!);
    const target = targets.get(name);
    if (target && !sameView(target, view)) copy(node, view, target);
    return { name, shape: node.shape, dtype: node.dtype, view: target ?? view };
  });
  return { steps, loops, outputs };

  /** Leaves that go out as they were and hold something new afterwards: copied before anything is written. */
  function keepOverwritten(): ReadonlyMap<Node, View> {
    const overwritten = new Set([...targets.values()].map((view) => view.buffer));
    const kept = new Map<Node, View>();
    for (const { name, node } of graph.outputs) {
      if (node.op !== "input" || kept.has(node) || !overwritten.has(leaf(node).buffer)) continue;
      if (targets.get(name)?.buffer === leaf(node).buffer) continue;
      kept.set(node, fresh(node, leaf(node).stacked));
      copy(node, leaf(node), kept.get(node)!);
    }
    return kept;
  }
}

/** What a node of a graph is walked with. */
interface Body {
  readonly held: ReadonlyMap<Node, readonly Held[]>;
  readonly uses: OperandUses;
  /** Where results are to be written. */
  readonly wanted: ReadonlyMap<Node, View>;
  readonly turn: number;
  /** Whether nothing that is still to come reads what lies there now. */
  readonly isFree: (view: View) => boolean;
}

/** Which node reads each result of a region, which values are sliced by a region, and which are read as a whole. */
interface OperandUses {
  readonly results: ReadonlyMap<Node, readonly Node[]>;
  readonly sliced: ReadonlySet<Node>;
  readonly whole: ReadonlySet<Node>;
  /** Results of kernels that are read once. */
  readonly own: ReadonlySet<Node>;
}

function operandUses(graph: Graph): OperandUses {
  const results = new Map<Node, Node[]>();
  const sliced = new Set<Node>();
  const whole = new Set<Node>(graph.outputs.map((output) => output.node));
  const reads = new Map<Node, number>(graph.outputs.map((output) => [output.node, 2]));
  for (const node of topological(graph)) {
    if (node.op === "get") {
      const of = results.get(node.inputs[0]!) ?? [];
      of[node.attributes.index] = node;
      results.set(node.inputs[0]!, of);
      continue;
    }
    for (const input of node.inputs) reads.set(input, (reads.get(input) ?? 0) + 1);
    const { carries, slices } = node.op === "repeat" ? node.attributes : { carries: 0, slices: 0 };
    node.inputs.forEach((input, n) => (n >= carries && n < carries + slices ? sliced : whole).add(input));
  }
  const own = [...reads].filter(([node, count]) => count === 1 && isKernelResult(node));
  return { results, sliced, whole, own: new Set(own.map(([node]) => node)) };
}

/** Every turn of a region has the same body. */
function onceEach<T>(make: (body: Graph) => T): (body: Graph) => T {
  const known = new Map<Graph, T>();
  return (body) => {
    const found = known.get(body) ?? make(body);
    known.set(body, found);
    return found;
  };
}

/** Whether something may still have to be read where it is written. */
const isOld = ({ buffer: { role } }: View): boolean => role === "cache" || role === "prepared";

const isKernelResult = (node: Node): boolean => node.op === "get" && node.inputs[0]!.op === "fused";

const isSupplied = (node: Node): boolean =>
  (node.op === "input" && (node.attributes.kind === "scalar" || node.attributes.kind === "turn")) ||
  node.op === "const" ||
  node.op === "iota" ||
  node.op === "length" ||
  node.op === "random";

function sliceOf(value: Held, turn: number): Held {
  if ("turns" in value) return value.turns[turn]!;
  if (!value.stacked) throw new Error("internal: a region slices a value that is not laid out as a stack");
  return { ...value, turn, stacked: false };
}

function inMemory(value: Held): View {
  if ("turns" in value) throw new Error("internal: a stack kept by turns is read as a whole");
  return value;
}

/** What reads a cache as it was comes before what is written over it, wherever the graph leaves that open. */
function cachesLast(graph: Graph, targets: ReadonlyMap<string, View>): Graph {
  const isCache = ({ name }: Graph["outputs"][number]): boolean => targets.get(name)?.buffer.role === "cache";
  return {
    ...graph,
    outputs: [...graph.outputs.filter((output) => !isCache(output)), ...graph.outputs.filter(isCache)],
  };
}

function copyBody({ shape, dtype }: ValueType): Graph {
  const node: Node = {
    op: "input",
    inputs: [],
    attributes: { kind: "fixed", name: "fixed.0", shape, dtype },
    shape,
    dtype,
    results: [{ shape, dtype }],
    key: `copy ${dtype} ${shape.map(({ size }) => sizeText(size)).join(" ")}`,
  };
  return { name: "kernel", outputs: [{ name: "out.0", node }] };
}
