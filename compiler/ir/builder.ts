/**
 * Builder: (op, operands, attributes) → the one node that computes that.
 *
 * ```
 * b.add(x, b.const(1, "f32"))      %1 = const 1 : f32 []
 *                                  %2 = broadcast(%1) from=[-1] : f32 [t=T]
 *                                  %3 = add(%0, %2) : f32 [t=T]
 * ```
 */
import { attributeText } from "./attributes.js";
import type { Graph, Node, NodeOf, ValueType } from "./graph.js";
import { hashText } from "./hash.js";
import { rowOf } from "./ops/index.js";
import type { DType, Shape, Size } from "./shape.js";
import { shapeText } from "./shape.js";
import type { BinaryMap, ContractLabels, InputKind, OpName, UnaryMap, Vocabulary } from "./vocabulary.js";

export interface Sugar {
  input(kind: InputKind, name: string, shape: Shape, dtype: DType): Node;
  const(value: number, dtype: DType): Node;
  /** The constant `value` everywhere in `shape`. */
  full(value: number, shape: Shape, dtype: DType): Node;
  iota(shape: Shape, axis: number, offset?: Size): Node;
  length(size: Size, dtype: DType): Node;
  select(condition: Node, then: Node, otherwise: Node): Node;
  /** Output axis n is axis `from[n]` of x, or new where that is -1 or missing. */
  broadcastTo(x: Node, shape: Shape, from: readonly number[]): Node;
  transpose(x: Node, order: readonly number[]): Node;
  reshape(x: Node, shape: Shape): Node;
  slice(x: Node, axis: number, start: Size, size: Size): Node;
  pad(x: Node, axis: number, before: Size, after: Size): Node;
  concat(inputs: readonly Node[], axis: number): Node;
  window(x: Node, attributes: Vocabulary["window"]): Node;
  unwindow(x: Node, attributes: Vocabulary["unwindow"]): Node;
  contract(x: Node, y: Node, labels: ContractLabels): Node;
  reduce(kind: Vocabulary["reduce"]["kind"], x: Node, axes: readonly number[]): Node;
  sum(x: Node, axes: readonly number[]): Node;
  gather(table: Node, ids: Node, axis: number): Node;
  scatterAdd(ids: Node, updates: Node, attributes: Vocabulary["scatter_add"]): Node;
  /** x with `rows` along `axis` from index `at` on, modulo its size where `ring`. */
  update(x: Node, rows: Node, at: Node, axis: number, ring?: boolean): Node;
  cumsum(x: Node, axis: number, reverse?: boolean): Node;
  rank(x: Node, axis: number): Node;
  softmax(x: Node, axis: number, mask?: Node): Node;
  logsumexp(x: Node, axis: number, mask?: Node): Node;
  repeat(inputs: readonly Node[], attributes: Vocabulary["repeat"]): Node;
  /** Result `index` of a region. */
  get(region: Node, index: number): Node;
}

/** One method a map op; an operand of shape [] is broadcast to the other one's shape. */
export type MapSugar = { readonly [K in UnaryMap]: (x: Node) => Node } & {
  readonly [K in BinaryMap]: (x: Node, y: Node) => Node;
};

export interface Builder extends Sugar, MapSugar {
  /** The node itself; its types follow from the op's row. Throws `internal:` where the row refuses the operands. */
  make<K extends OpName>(op: K, inputs: readonly Node[], attributes: Vocabulary[K]): NodeOf<K>;
  /** The same op over other operands. */
  remake(node: Node, inputs: readonly Node[]): Node;
}

/** The content address of a node: op, attributes, operands' keys, body outputs' keys. */
export const keyOf = (op: OpName, inputs: readonly Node[], attributes: Vocabulary[OpName]): string =>
  hashText(contentOf(op, inputs, attributes));

function contentOf(op: OpName, inputs: readonly Node[], attributes: Vocabulary[OpName]): string {
  let text: string = op;
  for (const input of inputs) text += `;${input.key}`;
  const row = rowOf(op);
  for (const name in row.attributes) {
    const value = (attributes as Readonly<Record<string, unknown>>)[name];
    text += `;${attributeText(row.attributes[name]!, value, bodyKey)}`;
  }
  return text;
}

const bodyKey = (body: Graph): string => body.outputs.map((output) => output.node.key).join(",");

export function createBuilder(): Builder {
  /** By what they are, so that the address is worked out once. */
  const contents = new Map<string, Node>();
  const nodes = new Map<string, Node>();

  function make<K extends OpName>(op: K, inputs: readonly Node[], attributes: Vocabulary[K]): NodeOf<K> {
    const content = contentOf(op, inputs, attributes);
    const known = contents.get(content);
    if (known) return known as NodeOf<K>;
    const key = hashText(content);
    const results = rowOf(op).type(inputs, attributes);
    const { shape, dtype } = ownType(op, results);
    const node = { op, inputs, attributes, shape, dtype, results, key } as NodeOf<K>;
    nodes.set(key, node as Node);
    contents.set(content, node as Node);
    return node;
  }

  const remake = (node: Node, inputs: readonly Node[]): Node =>
    inputs.every((input, n) => input === node.inputs[n]) && nodes.get(node.key) === node
      ? node
      : (make(node.op, inputs, node.attributes) as Node);

  return { make, remake, ...sugar(make as Make), ...mapSugar(make as Make) };
}

const isRegion = (op: OpName): boolean => op === "repeat" || op === "fused";

/** A region is not a value: its own shape is []. */
export const ownType = (op: OpName, results: readonly ValueType[]): ValueType =>
  isRegion(op) ? { shape: [], dtype: results[0]?.dtype ?? "f32" } : results[0]!;

type Make = <K extends OpName>(op: K, inputs: readonly Node[], attributes: Vocabulary[K]) => Node;

function sugar(make: Make): Sugar {
  const scalar = (value: number, dtype: DType): Node => make("const", [], { value, dtype });
  const broadcastTo = (x: Node, shape: Shape, from: readonly number[]): Node => {
    const full = shape.map((_, n) => from[n] ?? -1);
    return isIdentity(full, x) && shapeText(shape) === shapeText(x.shape)
      ? x
      : make("broadcast", [x], { shape, from: full });
  };
  const reduce: Sugar["reduce"] = (kind, x, axes) =>
    axes.length === 0 ? x : make("reduce", [x], { kind, axes: [...axes].sort((p, q) => p - q) });
  return {
    input: (kind, name, shape, dtype) => make("input", [], { kind, name, shape, dtype }),
    const: scalar,
    full: (value, shape, dtype) =>
      broadcastTo(
        scalar(value, dtype),
        shape,
        shape.map(() => -1),
      ),
    iota: (shape, axis, offset = 0) => make("iota", [], { shape, axis, offset }),
    length: (size, dtype) => make("length", [], { size, dtype }),
    select: (condition, then, otherwise) =>
      make("select", sameShapes([condition, then, otherwise], make), {}),
    broadcastTo,
    transpose: (x, order) => (isIdentity(order, x) ? x : make("transpose", [x], { order })),
    reshape: (x, shape) => (shapeText(shape) === shapeText(x.shape) ? x : make("reshape", [x], { shape })),
    slice: (x, axis, start, size) => make("slice", [x], { axis, start, size }),
    pad: (x, axis, before, after) =>
      before === 0 && after === 0 ? x : make("pad", [x], { axis, before, after }),
    concat: (inputs, axis) => (inputs.length === 1 ? inputs[0]! : make("concat", inputs, { axis })),
    window: (x, attributes) => make("window", [x], attributes),
    unwindow: (x, attributes) => make("unwindow", [x], attributes),
    contract: (x, y, labels) => make("contract", [x, y], labels),
    reduce,
    sum: (x, axes) => reduce("sum", x, axes),
    gather: (table, ids, axis) => make("gather", [table, ids], { axis }),
    scatterAdd: (ids, updates, attributes) => make("scatter_add", [ids, updates], attributes),
    update: (x, rows, at, axis, ring = false) => make("update", [x, rows, at], { axis, ring }),
    cumsum: (x, axis, reverse = false) => make("cumsum", [x], { axis, reverse }),
    rank: (x, axis) => make("rank", [x], { axis }),
    softmax: (x, axis, mask) => make("softmax", mask ? [x, mask] : [x], { axis }),
    logsumexp: (x, axis, mask) => make("logsumexp", mask ? [x, mask] : [x], { axis }),
    repeat: (inputs, attributes) => make("repeat", inputs, attributes),
    get: (region, index) => make("get", [region], { index }),
  };
}

const isIdentity = (order: readonly number[], x: Node): boolean =>
  order.length === x.shape.length && order.every((axis, n) => axis === n);

/** Operands of shape [] spread over the shape of the others. */
function sameShapes(inputs: readonly Node[], make: Make): readonly Node[] {
  const wide = inputs.find((input) => input.shape.length > 0);
  if (!wide) return inputs;
  const from = wide.shape.map(() => -1);
  return inputs.map((x) => (x.shape.length > 0 ? x : make("broadcast", [x], { shape: wide.shape, from })));
}

const UNARY: { readonly [K in UnaryMap]: K } = {
  neg: "neg",
  exp: "exp",
  log: "log",
  sqrt: "sqrt",
  rsqrt: "rsqrt",
  tanh: "tanh",
  erf: "erf",
  sigmoid: "sigmoid",
  sin: "sin",
  cos: "cos",
  abs: "abs",
  floor: "floor",
  round: "round",
  not: "not",
  to_f32: "to_f32",
  to_i32: "to_i32",
  to_bool: "to_bool",
  stop_gradient: "stop_gradient",
};
const BINARY: { readonly [K in BinaryMap]: K } = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  pow: "pow",
  min: "min",
  max: "max",
  floordiv: "floordiv",
  mod: "mod",
  eq: "eq",
  ne: "ne",
  lt: "lt",
  le: "le",
  and: "and",
  or: "or",
  hash: "hash",
  straight_through: "straight_through",
};

function mapSugar(make: Make): MapSugar {
  const unary = Object.values(UNARY).map((op) => [op, (x: Node) => make(op, [x], {})]);
  const binary = Object.values(BINARY).map((op) => [
    op,
    (x: Node, y: Node) => make(op, sameShapes([x, y], make), {}),
  ]);
  return Object.fromEntries([...unary, ...binary]) as MapSugar;
}
