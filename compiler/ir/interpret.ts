/**
 * Graph → numbers, in any number system: what a graph means.
 *
 * `interpret(graph, f64, { inputs: { x: tensor([2], [1, 2]) }, lengths: { B: 2 } })` → `{ y: { sizes: [2], data: … } }`
 */
import { createBuilder } from "./builder.js";
import { expand } from "./expand.js";
import type { Graph, Lengths, Node, NodeOf } from "./graph.js";
import type { Numbers, Storage, Tensor } from "./numbers/scalar.js";
import { countOf, stridesOf } from "./numbers/tensor.js";
import { rowOf } from "./ops/index.js";
import { turnsAt } from "./ops/regions.js";
import type { Context, MapRow } from "./ops/row.js";
import { topological } from "./rewrite.js";
import type { Size } from "./shape.js";
import { evaluateSize } from "./shape.js";
import type { MapOp, OpName } from "./vocabulary.js";

export interface Environment<T> {
  /** Values of the leaves by name: inputs, parameters, states, scalars. */
  readonly inputs: Readonly<Record<string, Tensor<T>>>;
  /** Values of the length symbols; the position offset `P` is 0 where it is not given. */
  readonly lengths: Readonly<Record<keyof Lengths, number>>;
}

type Results<T> = readonly Tensor<T>[];

/** What a body sees of the region around it. */
interface Scope<T> {
  readonly bound: ReadonlyMap<string, Tensor<T>>;
  readonly turn: Tensor<T> | undefined;
}

interface Run<T> {
  readonly m: Numbers<T>;
  readonly environment: Environment<T>;
  readonly size: (size: Size) => number;
}

/** What was computed in this environment already, by content address. */
export type Known<T> = Map<string, readonly Tensor<T>[]>;

export function interpret<T>(
  graph: Graph,
  m: Numbers<T>,
  environment: Environment<T>,
  known?: Known<T>,
): Record<string, Tensor<T>> {
  const lengths = { P: 0, ...environment.lengths };
  const run: Run<T> = { m, environment, size: (size) => evaluateSize(size, lengths) };
  const expanded = expand(graph, createBuilder());
  const outputs = runner(run, expanded, known)({ bound: new Map(), turn: undefined });
  return Object.fromEntries(expanded.outputs.map(({ name }, n) => [name, outputs[n]!]));
}

/** The graph, ready to run in one scope after another. */
function runner<T>(run: Run<T>, graph: Graph, known?: Known<T>): (scope: Scope<T>) => Results<T> {
  const order = topological(graph);
  const bodies = new Map<Node, (scope: Scope<T>) => Results<T>>();
  for (const node of order)
    if (node.op === "repeat" || node.op === "fused") bodies.set(node, runner(run, node.attributes.body));
  return (scope) => {
    const values = new Map<Node, Results<T>>();
    for (const node of order) {
      const inputs = (): Results<T> => node.inputs.map((input) => values.get(input)![0]!);
      const results = known?.get(node.key) ?? evaluate(run, node, inputs, values, bodies, scope);
      known?.set(node.key, results);
      values.set(node, results);
    }
    return graph.outputs.map(({ node }) => values.get(node)![0]!);
  };
}

function evaluate<T>(
  run: Run<T>,
  node: Node,
  inputs: () => Results<T>,
  values: ReadonlyMap<Node, Results<T>>,
  bodies: ReadonlyMap<Node, (scope: Scope<T>) => Results<T>>,
  scope: Scope<T>,
): Results<T> {
  if (node.op === "get") return [values.get(node.inputs[0]!)![node.attributes.index]!];
  if (node.op === "repeat") return runRepeat(run, node, inputs(), bodies.get(node)!);
  if (node.op === "fused") return bodies.get(node)!({ bound: named("fixed", inputs()), turn: scope.turn });
  const row = rowOf(node.op);
  if (row.kind === "map") return [runMap(run.m, row, inputs())];
  if (row.kind === "primitive")
    return [row.reference(run.m, inputs(), node as NodeOf<OpName>, context(run, scope))];
  throw new Error(`internal: ${node.op} is not expanded`);
}

const named = <T>(kind: string, values: Results<T>): Map<string, Tensor<T>> =>
  new Map(values.map((value, n) => [`${kind}.${n}`, value]));

const context = <T>(run: Run<T>, scope: Scope<T>): Context<T> => ({
  size: run.size,
  input: (node) => inputValue(run, node, scope),
  formula: (formula) => scalarFunction(run, formula),
});

function inputValue<T>(run: Run<T>, node: NodeOf<"input">, scope: Scope<T>): Tensor<T> {
  const { kind, name } = node.attributes;
  const local = kind === "carry" || kind === "slice" || kind === "fixed";
  const value = kind === "turn" ? scope.turn : local ? scope.bound.get(name) : run.environment.inputs[name];
  if (!value) throw new Error(`internal: ${kind} ${name} has no value`);
  const sizes = node.shape.map((axis) => run.size(axis.size));
  if (sizes.length !== value.sizes.length || sizes.some((size, n) => size !== value.sizes[n]))
    throw new Error(`internal: ${kind} ${name} is [${value.sizes}] instead of [${sizes}]`);
  return value;
}

function runMap<T>(
  m: Numbers<T>,
  { formula }: Pick<MapRow<MapOp>, "formula">,
  inputs: Results<T>,
): Tensor<T> {
  const [x, y, z] = inputs as readonly [Tensor<T>, Tensor<T>?, Tensor<T>?];
  const count = x.data.length;
  const data = m.allocate(count);
  const a = x.data;
  if (z) for (let n = 0; n < count; n++) data[n] = formula(m, a[n]!, y!.data[n]!, z.data[n]!);
  else if (y) for (let n = 0; n < count; n++) data[n] = formula(m, a[n]!, y.data[n]!);
  else for (let n = 0; n < count; n++) data[n] = formula(m, a[n]!);
  return { sizes: x.sizes, data };
}

function runRepeat<T>(
  run: Run<T>,
  node: NodeOf<"repeat">,
  inputs: Results<T>,
  body: (scope: Scope<T>) => Results<T>,
): Results<T> {
  const { first, reverse, carries, slices } = node.attributes;
  const count = turnsAt(node.attributes.count, run.size);
  const fixed = named("fixed", inputs.slice(carries + slices));
  const stacks = node.results.slice(carries).map(({ shape }) => {
    const sizes = shape.map((axis) => run.size(axis.size));
    return { sizes, data: run.m.allocate(countOf(sizes)) };
  });
  let carried = inputs.slice(0, carries);
  for (let n = 0; n < count; n++) {
    const at = reverse ? count - 1 - n : n;
    const sliced = inputs.slice(carries, carries + slices).map((stack) => turnOf(run.m, stack, at));
    const bound = new Map([...named("carry", carried), ...named("slice", sliced), ...fixed]);
    const turn: Tensor<T> = { sizes: [], data: copyOf(run.m, [run.m.of(first + at)]) };
    const outputs = body({ bound, turn });
    carried = outputs.slice(0, carries);
    outputs.slice(carries).forEach((result, k) => {
      const from = at * result.data.length;
      for (let e = 0; e < result.data.length; e++) stacks[k]!.data[from + e] = result.data[e]!;
    });
  }
  return [...carried, ...stacks];
}

/** One slice of a stack. */
function turnOf<T>(m: Numbers<T>, stack: Tensor<T>, turn: number): Tensor<T> {
  const stride = stridesOf(stack.sizes)[0]!;
  const data = m.allocate(stride);
  for (let n = 0; n < stride; n++) data[n] = stack.data[turn * stride + n]!;
  return { sizes: stack.sizes.slice(1), data };
}

function copyOf<T>(m: Numbers<T>, values: readonly T[]): Storage<T> {
  const data = m.allocate(values.length);
  values.forEach((value, n) => {
    data[n] = value;
  });
  return data;
}

/** A formula as a function of its arguments. */
function scalarFunction<T>({ m, size }: Run<T>, formula: Graph): (argument: (name: string) => T) => T {
  const order = topological(formula);
  const at = new Map(order.map((node, n) => [node, n]));
  const operands = order.map((node) => node.inputs.map((input) => at.get(input)!));
  const values: T[] = [];
  return (argument) => {
    order.forEach((node, n) => {
      const [x, y, z] = operands[n]!.map((k) => values[k]!) as [T, T, T];
      values[n] = scalarValue(m, size, node, argument, x, y, z);
    });
    return values[order.length - 1]!;
  };
}

function scalarValue<T>(
  m: Numbers<T>,
  size: (size: Size) => number,
  node: Node,
  argument: (name: string) => T,
  x: T,
  y: T,
  z: T,
): T {
  if (node.op === "input") return argument(node.attributes.name);
  if (node.op === "const") return m.of(node.attributes.value);
  if (node.op === "length") return m.of(size(node.attributes.size));
  const row = rowOf(node.op);
  if (row.kind !== "map") throw new Error(`internal: ${node.op} in a formula`);
  return row.formula(m, x, y, z);
}
