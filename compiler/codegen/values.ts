/**
 * A node of a body and a position in it → the expression of that element (or of four along one axis).
 *
 * ```
 * add(fixed.0, broadcast(fixed.1)) at (i, j) → load 0 [i·n + j] + load 1 [j]
 * ```
 */
import type { Node, NodeOf } from "../ir/graph.js";
import type { DType } from "../ir/shape.js";
import type { Expr, ScalarType } from "./kernel.js";
import { binary, bool, convert, exprKey, extent, f32, i32, load, select, splat, vector } from "./kernel.js";
import { clamped, follow, isLayout, isMultipleOf4, source, within } from "./layout.js";
import { isMap, isVectorMap, mapRules } from "./maps.js";
import type { Position } from "./position.js";
import { flatten, offset, shifted, sizes, strides } from "./position.js";
import { randomAt } from "./random.js";
import type { Scope } from "./scope.js";
import { zero } from "./scope.js";

/** A node whose value a kernel computes itself (a reduction, an accumulator). */
export interface Bound {
  at(position: Position): Expr;
  at4(position: Position, axis: number): Expr;
}

/** Where `fixed.n` is. */
export interface Read {
  readonly binding: number;
  readonly stacked: boolean;
}

/** Elements of a binding, from `index` on, that are loaded or stored. */
export interface Access {
  readonly binding: number;
  readonly index: Expr;
  readonly width: 1 | 4;
}

export interface Values {
  at(node: Node, position: Position): Expr;
  /** Elements position … position + 3 along `axis`, whose size is a constant multiple of 4, as is the coordinate. */
  at4(node: Node, position: Position, axis: number): Expr;
  bind(node: Node, bound: Bound): void;
  readonly loads: readonly Access[];
}

export const storageType = (dtype: DType): "f32" | "i32" | "u32" => (dtype === "bool" ? "u32" : dtype);

export function createValues(scope: Scope, reads: readonly Read[]): Values {
  const bound = new Map<Node, Bound>();
  const numbers = new Map<Node, number>();
  const loads: Access[] = [];
  const numberOf = (node: Node): number => {
    const known = numbers.get(node) ?? numbers.size;
    numbers.set(node, known);
    return known;
  };
  const keyOf = (node: Node, position: Position, suffix: string): string => {
    let key = `${numberOf(node)}${suffix}`;
    for (const x of position) key += `,${x.tag === "var" ? x.name : exprKey(x)}`;
    return key;
  };

  const at = (node: Node, position: Position): Expr =>
    bound.get(node)?.at(position) ??
    scope.memo(keyOf(node, position, ""), () => scope.name(scalarAt(node, position)));

  const at4 = (node: Node, position: Position, axis: number): Expr =>
    bound.get(node)?.at4(position, axis) ??
    scope.memo(keyOf(node, position, `.${axis}`), () => scope.name(vectorAt(node, position, axis)));

  const each = (node: Node, position: Position, axis: number): Expr =>
    vector((n) => at(node, shifted(position, axis, n)));

  function loadAt(node: NodeOf<"input">, position: Position, width: 1 | 4): Expr {
    const read = reads[fixedNumber(node)];
    if (!read) throw new Error(`internal: nothing is bound to ${node.attributes.name}`);
    const index = offset(scope, position, strides(node.shape, read.stacked));
    loads.push({ binding: read.binding, index, width });
    const type = storageType(node.dtype);
    return convert4(load(read.binding, width === 4 ? "f32x4" : type, index), node.dtype);
  }

  function scalarAt(node: Node, position: Position): Expr {
    if (isMap(node.op))
      return mapRules[node.op](
        node.inputs.map((x) => at(x, position)),
        scope.name,
      );
    if (isLayout(node)) {
      const { position: from, inside } = source(scope, node, position);
      return select(inside, at(node.inputs[0]!, from), zeroOf(node.dtype));
    }
    switch (node.op) {
      case "input":
        return inputAt(node, (fixed) => loadAt(fixed, position, 1));
      case "const":
        return constantOf(node);
      case "iota":
        return scope.sum([position[node.attributes.axis]!, extent(node.attributes.offset)]);
      case "length":
        return convert(node.dtype, extent(node.attributes.size));
      case "random":
        return randomOf(node, position);
      case "concat":
        return concatAt(scope, node, position, (x, from) => at(x, from));
      case "gather":
        return gatherAt(node, position, (table, from) => at(table, from));
      default:
        throw new Error(`internal: ${node.op} has no value at an index`);
    }
  }

  function vectorAt(node: Node, position: Position, axis: number): Expr {
    if (!varies(node, axis))
      return node.dtype === "f32" ? splat(at(node, position)) : each(node, position, axis);
    if (node.dtype !== "f32") throw new Error("internal: only f32 comes in fours");
    if (isMap(node.op)) return mapAt4(node, position, axis);
    if (isLayout(node)) {
      const from = follow(node, axis);
      if (from === undefined) return each(node, position, axis);
      const { position: there, inside } = source(scope, node, position);
      return select(inside, at4(node.inputs[0]!, there, from), zero("f32x4"));
    }
    if (node.op === "input" && isContiguous(node, axis)) return loadAt(node, position, 4);
    if (
      node.op === "concat" &&
      (node.attributes.axis !== axis || node.inputs.every((x) => isMultipleOf4(x.shape[axis]!.size)))
    )
      return concatAt(scope, node, position, (x, from) => at4(x, from, axis));
    if (node.op === "gather") return gatherAt4(node, position, axis);
    return each(node, position, axis);
  }

  function mapAt4(node: Node, position: Position, axis: number): Expr {
    const [condition, then, otherwise] = node.inputs;
    if (node.op === "select" && !varies(condition!, axis))
      return select(at(condition!, position), at4(then!, position, axis), at4(otherwise!, position, axis));
    if (!isMap(node.op) || !isVectorMap(node.op) || node.inputs.some((x) => x.dtype !== "f32"))
      return each(node, position, axis);
    return mapRules[node.op](
      node.inputs.map((x) => at4(x, position, axis)),
      scope.name,
    );
  }

  function gatherAt4(node: NodeOf<"gather">, position: Position, axis: number): Expr {
    const [table, ids] = node.inputs;
    const from = axis < node.attributes.axis ? axis : axis - ids!.shape.length + 1;
    const isIdAxis = axis >= node.attributes.axis && axis < node.attributes.axis + ids!.shape.length;
    if (isIdAxis || !table) return each(node, position, axis);
    return gatherAt(node, position, (x, there) => at4(x, there, from));
  }

  function gatherAt(
    node: NodeOf<"gather">,
    position: Position,
    value: (x: Node, from: Position) => Expr,
  ): Expr {
    const [table, ids] = node.inputs as readonly [Node, Node];
    const { axis } = node.attributes;
    const end = axis + ids.shape.length;
    const id = at(ids, position.slice(axis, end));
    const size = table.shape[axis]!.size;
    const row = scope.name(clamped(id, size));
    const found = value(table, [...position.slice(0, axis), row, ...position.slice(end)]);
    const nothing = found.type === "f32x4" ? zero("f32x4") : zeroOf(node.dtype);
    return select(scope.name(within(id, size)), found, nothing);
  }

  function randomOf(node: NodeOf<"random">, position: Position): Expr {
    const [seed, step, turn] = node.inputs.map((x) => at(x, []));
    const element = flatten(scope, position, sizes(node.shape));
    return randomAt(
      { path: node.attributes.path, seed: seed!, step: step!, turn: turn! },
      element,
      scope.name,
    );
  }

  function isContiguous(node: NodeOf<"input">, axis: number): boolean {
    if (node.attributes.kind !== "fixed" || !isMultipleOf4(node.shape[axis]!.size)) return false;
    return strides(node.shape, reads[fixedNumber(node)]?.stacked ?? false)[axis] === 1;
  }

  return { at, at4, loads, bind: (node, value) => void bound.set(node, value) };
}

export function fixedNumber(node: NodeOf<"input">): number {
  const [kind, number] = node.attributes.name.split(".");
  if (node.attributes.kind !== "fixed" || kind !== "fixed")
    throw new Error(`internal: ${node.attributes.name} is not bound`);
  return Number(number);
}

function inputAt(node: NodeOf<"input">, fixed: (node: NodeOf<"input">) => Expr): Expr {
  const { kind, name } = node.attributes;
  if (kind === "turn") return { tag: "turn", type: "i32" };
  if (kind === "scalar") return { tag: "scalar", type: node.dtype === "f32" ? "f32" : "i32", name };
  return fixed(node);
}

const convert4 = (x: Expr, dtype: DType): Expr => (dtype === "bool" ? convert("bool", x) : x);

export const zeroOf = (dtype: DType): Expr => zero(dtype satisfies ScalarType);

/** Infinities do not compile on devices: the largest finite value stands for them. */
function constantOf(node: NodeOf<"const">): Expr {
  const { value, dtype } = node.attributes;
  if (dtype === "bool") return bool(value !== 0);
  if (dtype === "i32") return i32(value);
  if (Number.isNaN(value)) throw new Error("internal: a constant that is no number");
  return f32(Math.max(-largest, Math.min(largest, value)));
}
export const largest = 3.4028234663852886e38;

function concatAt(
  scope: Scope,
  node: NodeOf<"concat">,
  position: Position,
  value: (x: Node, from: Position) => Expr,
): Expr {
  const { axis } = node.attributes;
  let result: Expr | undefined;
  let start: Expr = i32(0);
  // From the first part on: each later part takes over where it begins.
  for (const x of node.inputs) {
    const size = x.shape[axis]!.size;
    const at = scope.name(clamped(binary("sub", position[axis]!, start), size));
    const part = value(
      x,
      position.map((coordinate, n) => (n === axis ? at : coordinate)),
    );
    result = result
      ? scope.name(select(scope.name(binary("lt", position[axis]!, start)), result, part))
      : part;
    start = scope.sum([start, extent(size)]);
  }
  if (!result) throw new Error("internal: concat of nothing");
  return result;
}

/** Whether the elements along an axis can differ. */
export function varies(node: Node, axis: number): boolean {
  if (node.shape.length === 0) return false;
  if (isMap(node.op)) return node.inputs.some((x) => varies(x, axis));
  if (node.op === "transpose") return varies(node.inputs[0]!, node.attributes.order[axis]!);
  if (node.op === "iota") return node.attributes.axis === axis;
  if (node.op === "slice" && node.attributes.axis !== axis) return varies(node.inputs[0]!, axis);
  if (node.op !== "broadcast") return true;
  const from = node.attributes.from[axis]!;
  return from >= 0 && node.inputs[0]!.shape[from]!.size !== 1 && varies(node.inputs[0]!, from);
}

/** Whether four elements along an axis come in one load, or are one value. */
export function isWide(node: Node, axis: number, stacked: (node: NodeOf<"input">) => boolean): boolean {
  if (!varies(node, axis)) return true;
  if (node.dtype !== "f32" || !isMultipleOf4(node.shape[axis]!.size)) return false;
  if (isMap(node.op)) return node.inputs.every((x) => x.dtype === "f32" && isWide(x, axis, stacked));
  if (isLayout(node)) {
    const from = follow(node, axis);
    return from !== undefined && isWide(node.inputs[0]!, from, stacked);
  }
  return node.op === "input" && strides(node.shape, stacked(node))[axis] === 1;
}
