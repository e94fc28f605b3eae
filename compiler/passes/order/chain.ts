/**
 * A contraction → the product of all that it multiplies, with one set of labels.
 *
 * ```
 * %s = contract(%q, %k) "ic,jc->ij"; %p = mul(%s, 0.125); %y = contract(%p, %v) "ij,je->ie"   →   0.125 · Σ q[i,c] · k[j,c] · v[j,e]
 * ```
 * What stands between two contractions may move axes, split them, or multiply by a scalar. Splitting goes on to the operands.
 */
import type { Builder } from "../../ir/builder.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Axis, Shape, Size } from "../../ir/shape.js";
import { mulSizes, sizeEquals } from "../../ir/shape.js";
import { summedLabels } from "../contraction_rules.js";
import { isUnit, reshaped, scalarUnder } from "../nodes.js";
import { isOp } from "../rule.js";

/** More factors than this stay in the groups in which they are written: all orders of the rest are tried. */
const MOST_FACTORS = 6;

export interface Factor {
  readonly x: Node;
  readonly labels: readonly string[];
}

/** The sum over all labels but `out` of the product of the factors, times the scalars. */
export interface Chain {
  readonly factors: readonly Factor[];
  readonly scalars: readonly Node[];
  readonly axes: ReadonlyMap<string, Axis>;
  readonly out: readonly string[];
  /** Labels of each contraction as written: those it runs over, and those of its result. */
  readonly written: readonly { readonly points: readonly string[]; readonly result: readonly string[] }[];
}

type Contract = NodeOf<"contract"> & Node;

/** Labels for each axis: one, or those of its parts. */
type Groups<T = string> = readonly (readonly T[])[];

const isProduct = (node: Node): node is Contract =>
  isOp(node, "contract") && summedLabels(node.attributes).length > 0;

/** Whether a factor of the product is one, and read by nothing else as `isAlone` says. */
export const isChain = (root: Contract, isAlone: (node: Node) => boolean): boolean =>
  isProduct(root) && root.inputs.some((input) => productUnder(input, isAlone) !== undefined);

/** The contraction `root` and those below it that `isAlone` says are read by it only; undefined where it is one alone. */
export function chainOf(root: Contract, b: Builder, isAlone: (node: Node) => boolean): Chain | undefined {
  if (!isChain(root, isAlone)) return undefined;
  const axes = new Map<string, Axis>();
  const fresh = (axis: Axis): readonly string[] => {
    const label = `l${axes.size}`;
    axes.set(label, axis);
    return [label];
  };
  const factors: Factor[] = [];
  const scalars: Node[] = [];
  const written: { points: readonly string[]; result: readonly string[] }[] = [];

  const visit = (node: Node, groups: Groups): void => {
    const inner = written.length < MOST_FACTORS - 1 ? productUnder(node, isAlone) : undefined;
    if (!inner) factors.push(factorOf(b, node, groups, axes));
    else if (inner === node) visitProduct(inner, groups);
    else if (isOp(node, "transpose")) {
      const { order } = node.attributes;
      visit(
        node.inputs[0]!,
        order.map((_, axis) => groups[order.indexOf(axis)]!),
      );
    } else if (isOp(node, "reshape")) {
      visit(
        node.inputs[0]!,
        splitAxes(node)!.map((parts) => parts.flatMap((axis) => groups[axis]!)),
      );
    } else {
      const { scalar, rest } = scaled(node)!;
      scalars.push(scalar);
      visit(rest, groups);
    }
  };
  const visitProduct = ({ inputs, attributes: { a, b: right, out } }: Contract, groups: Groups): void => {
    const known = new Map(out.map((label, n) => [label, groups[n]!]));
    a.forEach((label, n) => {
      if (!known.has(label)) known.set(label, fresh(inputs[0]!.shape[n]!));
    });
    written.push({ points: [...known.values()].flat(), result: groups.flat() });
    [a, right].forEach((labels, n) => {
      visit(
        inputs[n]!,
        labels.map((label) => known.get(label)!),
      );
    });
  };

  const outer = root.shape.map(fresh);
  visitProduct(root, outer);
  return { factors, scalars, axes, out: outer.flat(), written };
}

/** The contraction that `node` is, or that it moves, splits or scales, where nothing else reads what lies between. */
function productUnder(node: Node, isAlone: (node: Node) => boolean): Contract | undefined {
  if (!isAlone(node)) return undefined;
  if (isProduct(node)) return node;
  if (isOp(node, "transpose") || (isOp(node, "reshape") && splitAxes(node)))
    return productUnder(node.inputs[0]!, isAlone);
  const product = scaled(node);
  return product && productUnder(product.rest, isAlone);
}

function scaled(node: Node): { readonly scalar: Node; readonly rest: Node } | undefined {
  if (!isOp(node, "mul") || node.shape.length === 0) return undefined;
  const [x, y] = node.inputs as readonly [Node, Node];
  const [left, right] = [scalarUnder(x), scalarUnder(y)];
  if (right) return { scalar: right, rest: x };
  return left && { scalar: left, rest: y };
}

/** For each axis of the operand the axes of the result that are its parts; undefined where one has parts of two. */
function splitAxes(node: NodeOf<"reshape">): Groups<number> | undefined {
  const parts = node.attributes.shape;
  let at = 0;
  const groups: number[][] = [];
  for (const { size } of node.inputs[0]!.shape) {
    const group: number[] = [];
    let all: Size = 1;
    while (!sizeEquals(all, size)) {
      if (at === parts.length) return undefined;
      all = mulSizes(all, parts[at]!.size);
      group.push(at++);
    }
    groups.push(group);
  }
  for (; at < parts.length; at++) {
    if (!isUnit(parts[at]!.size) || groups.length === 0) return undefined;
    groups[groups.length - 1]!.push(at);
  }
  return groups;
}

function factorOf(b: Builder, x: Node, groups: Groups, axes: ReadonlyMap<string, Axis>): Factor {
  const labels = groups.flat();
  if (groups.every((group) => group.length === 1)) return { x, labels };
  const shape: Shape = labels.map((label) => axes.get(label)!);
  return { x: reshaped(b, x, shape), labels };
}
