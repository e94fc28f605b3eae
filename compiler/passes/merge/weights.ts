/**
 * Graph → where it reads parameters: each body with what its inputs stand for, and every use of a leaf.
 *
 * ```
 * repeat(%x, "layers.*.wq") { contract(carry.0, slice.0) }   →   layers.*.wq: operand 1 of the contraction in the turn's body
 * ```
 */
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { topological } from "../../ir/rewrite.js";
import { isOp } from "../rule.js";

/** A leaf as a body sees it: the whole of it, or this turn's slice. */
export interface Weight {
  readonly leaf: string;
  readonly stacked: boolean;
}

/** One body, and which of its nodes are weights. */
export interface Scope {
  readonly path: string;
  readonly body: Graph;
  readonly order: readonly Node[];
  weight(node: Node): Weight | undefined;
  /** Reads of each node by others of this body. */
  readers(node: Node): readonly Node[];
}

export interface Use {
  readonly scope: Scope;
  readonly weight: Weight;
  /** Undefined where the weight leaves the body as one of its outputs. */
  readonly by: Node | undefined;
  readonly at: number;
}

/** `stacks`: leaves with a leading axis of turns. */
export function usesOf(graph: Graph, stacks: ReadonlySet<string>): readonly Use[] {
  const scopes = scopesOf(graph, stacks);
  const uses = scopes.flatMap((scope) => [...readsOf(scope), ...leavings(scope)]);
  return [...uses, ...scopes.slice(0, 1).flatMap((scope) => wholeStacks(scope, stacks))];
}

/** Stacks that are read other than turn by turn. */
const wholeStacks = (scope: Scope, stacks: ReadonlySet<string>): readonly Use[] =>
  scope.order.flatMap((node) => {
    const leaf = stackName(node);
    if (leaf === undefined || !stacks.has(leaf)) return [];
    const isSliced = (by: Node): boolean =>
      isOp(by, "repeat") &&
      by.inputs.every(
        (input, n) =>
          input !== node || (n >= by.attributes.carries && n < by.attributes.carries + by.attributes.slices),
      );
    const others = [...scope.readers(node).filter((by) => !isSliced(by))];
    const leaves = scope.body.outputs.some((output) => output.node === node);
    return [...others, ...(leaves ? [undefined] : [])].map(
      (by): Use => ({ scope, weight: { leaf, stacked: true }, by, at: 0 }),
    );
  });

export function scopesOf(graph: Graph, stacks: ReadonlySet<string>): readonly Scope[] {
  const top = scopeOf(graph.name, graph, (node) => leafWeight(node, stacks));
  return [top, ...innerScopes(top, stacks)];
}

function innerScopes(outer: Scope, stacks: ReadonlySet<string>): readonly Scope[] {
  return outer.order.flatMap((node, n) => {
    if (!isOp(node, "repeat")) return [];
    const scope = scopeOf(`${outer.path}/${n}`, node.attributes.body, (inner) =>
      operandWeight(node, inner, outer, stacks),
    );
    return [scope, ...innerScopes(scope, stacks)];
  });
}

function scopeOf(path: string, body: Graph, find: (node: Node) => Weight | undefined): Scope {
  const order = topological(body);
  const weights = new Map<Node, Weight>();
  const readers = new Map<Node, Node[]>();
  for (const node of order) {
    const found = find(node);
    if (found) weights.set(node, found);
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  return {
    ...{ path, body, order },
    weight: (node) => weights.get(node),
    readers: (node) => readers.get(node) ?? [],
  };
}

function leafWeight(node: Node, stacks: ReadonlySet<string>): Weight | undefined {
  if (!isOp(node, "input") || node.attributes.kind !== "parameter") return undefined;
  const { name } = node.attributes;
  return stacks.has(name) ? undefined : { leaf: name, stacked: false };
}

/** What an input of a body stands for outside. */
export function operandOf(region: NodeOf<"repeat">, input: NodeOf<"input">): Node | undefined {
  const { carries, slices } = region.attributes;
  const { kind, name } = input.attributes;
  const n = Number(name.slice(name.lastIndexOf(".") + 1));
  if (kind === "slice") return region.inputs[carries + n];
  return kind === "fixed" ? region.inputs[carries + slices + n] : undefined;
}

function operandWeight(
  region: NodeOf<"repeat">,
  inner: Node,
  outer: Scope,
  stacks: ReadonlySet<string>,
): Weight | undefined {
  if (!isOp(inner, "input")) return undefined;
  const operand = operandOf(region, inner);
  if (!operand) return undefined;
  if (inner.attributes.kind === "fixed") return outer.weight(operand);
  const stack = stackName(operand);
  return stack !== undefined && stacks.has(stack) ? { leaf: stack, stacked: true } : undefined;
}

/** The parameter that `node` is. */
export const stackName = (node: Node): string | undefined =>
  isOp(node, "input") && node.attributes.kind === "parameter" ? node.attributes.name : undefined;

/** A region passes its operands on; what reads them is in its body. */
function readsOf(scope: Scope): readonly Use[] {
  return scope.order.flatMap((by) =>
    isOp(by, "repeat")
      ? []
      : by.inputs.flatMap((input, at) => {
          const weight = scope.weight(input);
          return weight ? [{ scope, weight, by, at }] : [];
        }),
  );
}

function leavings(scope: Scope): readonly Use[] {
  return scope.body.outputs.flatMap(({ node }, at) => {
    const weight = scope.weight(node);
    return weight ? [{ scope, weight, by: undefined, at }] : [];
  });
}
