/**
 * Graph → the graph over prepared leaves.
 *
 * ```
 * repeat(%x, "gain", "w") { contract(mul(…, broadcast(slice.0)), slice.1) }   →   repeat(%x, …, "w'") { contract(…, slice.2) }
 * ```
 */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { topological } from "../../ir/rewrite.js";
import type { Scope } from "../merge/weights.js";
import { scopesOf, stackName, usesOf } from "../merge/weights.js";
import type { PassContext } from "../pass.js";
import { isOp } from "../rule.js";
import type { Lift } from "./lift.js";
import { lifting } from "./lift.js";
import type { Fold } from "./plan.js";
import { planFolds } from "./plan.js";
import { shifted, weighted } from "./weight.js";

/** A leaf of kind `prepared` and what it is of the parameters. */
export interface PreparedLeaf {
  readonly name: string;
  readonly definition: Node;
  /** Whether its leading axis is the turns of a `repeat`, as of the parameters that it is made of. */
  readonly stacked: boolean;
  /** The parameter that nobody has to read any more once this is prepared, of the same shape. */
  readonly of: string | undefined;
}

/** The leaf of that definition, under a name like the wish. */
export type Register = (leaf: Omit<PreparedLeaf, "name">, wish: string) => PreparedLeaf;

export function foldIn(
  graph: Graph,
  stacks: ReadonlySet<string>,
  register: Register,
  { builder: b, explain }: PassContext,
): Graph {
  const scopes = scopesOf(graph, stacks);
  const leaves = new Map(
    topological(graph).flatMap((node) => {
      const name = stackName(node);
      return name === undefined ? [] : [[name, node] as const];
    }),
  );
  const reads = new Map<string, number>();
  for (const { weight } of usesOf(graph, stacks)) reads.set(weight.leaf, (reads.get(weight.leaf) ?? 0) + 1);
  const context: Context = { b, explain, scopes, leaves, reads, register };
  const outputs = foldScope(scopes[0]!, (leaf) => leaf, context);
  return { ...graph, outputs: graph.outputs.map(({ name }, n) => ({ name, node: outputs[n]! })) };
}

interface Context {
  readonly b: Builder;
  readonly explain: PassContext["explain"];
  readonly scopes: readonly Scope[];
  readonly leaves: ReadonlyMap<string, Node>;
  /** How often each parameter is read in the whole graph. */
  readonly reads: ReadonlyMap<string, number>;
  readonly register: Register;
}

/** A leaf of the whole graph as a body sees it: an operand that the region gets for it. */
type Bring = (leaf: Node, stacked: boolean) => Node;

function foldScope(scope: Scope, bring: Bring, context: Context): readonly Node[] {
  const { b, leaves, reads, explain } = context;
  const lift = lifting(scope, leaves, b);
  const folds = planFolds(scope, { lift, reads, explain });
  const values = new Map<Node, Node>();
  const value = (node: Node): Node => values.get(node)!;
  scope.order.forEach((node, n) => {
    const fold = folds.get(node);
    if (fold) values.set(node, folded(fold, value, scope, lift, bring, context));
    else if (isOp(node, "repeat")) values.set(node, foldRegion(scope, node, n, value, bring, context));
    else values.set(node, b.remake(node, node.inputs.map(value)));
  });
  return scope.body.outputs.map(({ node }) => value(node));
}

function folded(
  fold: Fold,
  value: (node: Node) => Node,
  scope: Scope,
  lift: Lift,
  bring: Bring,
  { b, reads, register }: Context,
): Node {
  const { node, base, weights, x } = fold;
  const leafOf = (one: Node): string | undefined => scope.weight(one)?.leaf;
  /** Takes the place of the parameter where it has its shape and nothing else reads it. */
  const prepared = (made: Node, near: Node, isIts: boolean): Node => {
    const { node: definition, turns } = lift(made)!;
    const name = leafOf(near)!;
    const of = isIts && reads.get(name) === 1 ? name : undefined;
    const leaf = register({ definition, stacked: turns !== undefined, of }, isIts ? name : `${name}.bias`);
    return bring(b.input("prepared", leaf.name, definition.shape, "f32"), leaf.stacked);
  };
  const w = fold.layers.some(({ op }) => op === "mul" || op === "div")
    ? prepared(weighted(fold, b), fold.weight, true)
    : value(fold.weight);
  const own = b.contract(value(base), w, { a: x, b: weights, out: node.attributes.out });
  const row = fold.row;
  const product = row
    ? (b.make(row.op as "mul", [own, b.broadcastTo(value(row.value), own.shape, row.from)], {}) as Node)
    : own;
  const shift = shifted(fold, b);
  if (fold.sum === undefined) {
    if (!shift) return product;
    const c = prepared(shift.value, fold.weight, false);
    return b.add(product, b.broadcastTo(c, product.shape, shift.from));
  }
  const { bias, from } = fold.sum;
  const whole = shift
    ? prepared(b.add(bias, shift.value), bias, scope.weight(bias) !== undefined)
    : value(bias);
  return b.add(product, b.broadcastTo(whole, product.shape, from));
}

/** The region over its operands and those that its body asks for. */
function foldRegion(
  outer: Scope,
  region: NodeOf<"repeat">,
  place: number,
  value: (node: Node) => Node,
  bring: Bring,
  context: Context,
): Node {
  const { b, scopes } = context;
  const { body, carries, slices } = region.attributes;
  const scope = scopes.find(({ path }) => path === `${outer.path}/${place}`)!;
  const operands = region.inputs.map(value);
  const sliced = operands.slice(carries, carries + slices);
  const fixed = operands.slice(carries + slices);
  const inside: Bring = (leaf, stacked) => {
    const isOwn = stacked && outer === scopes[0];
    const operand = isOwn ? leaf : bring(leaf, stacked);
    const list = isOwn ? sliced : fixed;
    const known = list.indexOf(operand);
    const at = known >= 0 ? known : list.push(operand) - 1;
    const kind = isOwn ? "slice" : "fixed";
    return b.input(kind, `${kind}.${at}`, isOwn ? leaf.shape.slice(1) : operand.shape, "f32");
  };
  const outputs = foldScope(scope, inside, context);
  return b.make("repeat", [...operands.slice(0, carries), ...sliced, ...fixed], {
    ...region.attributes,
    slices: sliced.length,
    body: { ...body, outputs: body.outputs.map(({ name }, n) => ({ name, node: outputs[n]! })) },
  }) as Node;
}
