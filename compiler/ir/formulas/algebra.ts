/**
 * Scalar formulas, made simplified: what a formula over pairs says is computed for every pair, so nothing idle stays in it.
 *
 * ```
 * mul(x, 1) → x    add(x, 0) → x    mul(select(c, x, 0), y) → select(c, mul(x, y), 0)    exp(0) → 1
 * ```
 * `0 · x` is 0: what a formula multiplies is taken to be finite.
 */
import type { Builder } from "../builder.js";
import type { Graph, Node } from "../graph.js";
import type { Scalar } from "../numbers/scalar.js";
import { topologicalFrom } from "../rewrite.js";
import type { DType } from "../shape.js";
import type { MapOp } from "../vocabulary.js";
import { foldMap } from "./constants.js";

export interface Algebra extends Scalar<Node> {
  /** The map of scalars, or what it simplifies to. */
  apply(op: MapOp, inputs: readonly Node[]): Node;
}

export const constantOf = (x: Node | undefined): number | undefined =>
  x?.op === "const" ? x.attributes.value : undefined;

export function createAlgebra(b: Builder): Algebra {
  const constant = (value: number, like: Pick<Node, "dtype">): Node => b.const(value, like.dtype);
  const plain = (op: MapOp, inputs: readonly Node[]): Node => b.make(op, inputs, {}) as Node;
  const apply = (op: MapOp, inputs: readonly Node[]): Node =>
    folded(b, op, inputs) ?? simpler(of, op, inputs) ?? plain(op, inputs);
  const unary = (op: MapOp) => (x: Node) => apply(op, [x]);
  const binary = (op: MapOp) => (x: Node, y: Node) => apply(op, [x, y]);
  const of: Algebra = {
    apply,
    constant,
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    pow: binary("pow"),
    min: binary("min"),
    max: binary("max"),
    neg: unary("neg"),
    abs: unary("abs"),
    exp: unary("exp"),
    log: unary("log"),
    sqrt: unary("sqrt"),
    sin: unary("sin"),
    cos: unary("cos"),
    tanh: unary("tanh"),
    erf: unary("erf"),
    floor: unary("floor"),
    round: unary("round"),
    eq: binary("eq"),
    lt: binary("lt"),
    le: binary("le"),
    not: unary("not"),
    and: binary("and"),
    or: binary("or"),
    select: (condition, then, otherwise) => apply("select", [condition, then, otherwise]),
    convert: (x, to) => (x.dtype === to ? x : apply(conversion[to], [x])),
    detach: unary("stop_gradient"),
    hash: binary("hash"),
    straightThrough: binary("straight_through"),
  };
  return of;
}

const conversion: { readonly [D in DType]: MapOp } = { f32: "to_f32", i32: "to_i32", bool: "to_bool" };

function folded(b: Builder, op: MapOp, inputs: readonly Node[]): Node | undefined {
  const values = inputs.map((x) => ({ value: constantOf(x) ?? Number.NaN, dtype: x.dtype }));
  if (values.some(({ value }) => Number.isNaN(value))) return undefined;
  const result = foldMap(op, values);
  return result && b.const(result.value, result.dtype);
}

/** What select(c, x, 0) keeps, and where. */
export function keptWhere(x: Node): { readonly condition: Node; readonly kept: Node } | undefined {
  if (x.op !== "select" || x.dtype !== "f32" || constantOf(x.inputs[2]) !== 0) return undefined;
  return { condition: x.inputs[0]!, kept: x.inputs[1]! };
}

/** `change` of what select(c, x, 0) keeps, where it gives 0 for 0. */
function through(m: Algebra, x: Node, change: (kept: Node) => Node): Node | undefined {
  const where = keptWhere(x);
  return where && m.select(where.condition, change(where.kept), m.constant(0, x));
}

function simpler(m: Algebra, op: MapOp, inputs: readonly Node[]): Node | undefined {
  const [x, y, z] = inputs as readonly [Node, Node, Node];
  const [p, q] = [constantOf(x), constantOf(y)];
  switch (op) {
    case "add":
      if (p === 0) return y;
      if (q === 0) return x;
      return y.op === "neg" ? m.sub(x, y.inputs[0]!) : undefined;
    case "sub":
      if (q === 0) return x;
      if (p === 0) return m.neg(y);
      return y.op === "neg" ? m.add(x, y.inputs[0]!) : undefined;
    case "mul":
      return simplerProduct(m, x, y);
    case "div":
      if (q === 1 || p === 0) return x;
      if (x.op === "neg") return m.neg(m.div(x.inputs[0]!, y));
      return through(m, x, (kept) => m.div(kept, y));
    case "neg":
      if (x.op === "neg") return x.inputs[0];
      if (x.op === "sub") return m.sub(x.inputs[1]!, x.inputs[0]!);
      if (x.op === "mul" && constantOf(x.inputs[1]) !== undefined)
        return m.mul(x.inputs[0]!, m.neg(x.inputs[1]!));
      return through(m, x, m.neg);
    case "pow":
      return q === 1 ? x : q === 0 ? m.constant(1, x) : undefined;
    case "not":
      return x.op === "not" ? x.inputs[0] : undefined;
    case "and":
    case "or": {
      const neutral = op === "and" ? 1 : 0;
      if (x.key === y.key || p === neutral || q === 1 - neutral) return y;
      return q === neutral || p === 1 - neutral ? x : undefined;
    }
    case "select":
      if (p !== undefined) return p === 0 ? z : y;
      if (y.key === z.key) return y;
      return y.op === "select" && y.inputs[0]!.key === x.key ? m.select(x, y.inputs[1]!, z) : undefined;
    default:
      return undefined;
  }
}

function simplerProduct(m: Algebra, x: Node, y: Node): Node | undefined {
  const [p, q] = [constantOf(x), constantOf(y)];
  if (p !== undefined) return m.mul(y, x);
  if (q === 0) return y;
  if (q === 1) return x;
  if (q === -1 && x.dtype === "f32") return m.neg(x);
  if (x.dtype !== "f32") return undefined;
  const inner = x.op === "mul" ? x.inputs[1] : undefined;
  if (q !== undefined && constantOf(inner) !== undefined) return m.mul(x.inputs[0]!, m.mul(inner!, y));
  if (x.op === "neg") return m.neg(m.mul(x.inputs[0]!, y));
  if (y.op === "neg") return m.neg(m.mul(x, y.inputs[0]!));
  return through(m, x, (kept) => m.mul(kept, y)) ?? through(m, y, (kept) => m.mul(x, kept));
}

/** The formula with other scalars in the place of its arguments, simplified; undefined keeps an argument. */
export function substituted(
  b: Builder,
  root: Node,
  argument: (name: string, input: Node) => Node | undefined,
): Node {
  const m = createAlgebra(b);
  const made = new Map<Node, Node>();
  for (const node of topologicalFrom([root])) {
    const inputs = node.inputs.map((input) => made.get(input)!);
    if (node.op === "input") made.set(node, argument(node.attributes.name, node) ?? b.remake(node, []));
    else made.set(node, inputs.length === 0 ? b.remake(node, []) : m.apply(node.op as MapOp, inputs));
  }
  return made.get(root)!;
}

/** The arguments that formulas read. */
export function argumentsOf(...roots: readonly (Node | undefined)[]): ReadonlySet<string> {
  const nodes = topologicalFrom(roots.flatMap((root) => root ?? []));
  return new Set(nodes.flatMap((node) => (node.op === "input" ? [node.attributes.name] : [])));
}

/** The formula made, and simplified, by this builder. */
export const ownFormula = (b: Builder, formula: Graph): Node =>
  substituted(b, rootOf(formula), () => undefined);

export const rootOf = (formula: Graph): Node => formula.outputs[0]!.node;

export const formulaOf = (name: string, node: Node): Graph => ({ name, outputs: [{ name, node }] });
