/**
 * Graph → the same graph and the gradients of one of its outputs: reverse mode over the op table.
 *
 * ```
 * %2 = mul(%0, %1)            d%0 = mul(d%2, %1)
 * loss = reduce(%2) sum   →   d%1 = mul(d%2, %0)      d%2 = broadcast(1)
 * ```
 * A `repeat` becomes two regions: the forward one gives what the backward one needs as further results, which is why the
 * graph comes back changed. Composites without a vjp of their own are expanded first. Contributions to one node are
 * added in the order in which its users are met from the loss.
 */
import type { Builder } from "./builder.js";
import { pullback } from "./differentiate/pullback.js";
import { repeatPullback } from "./differentiate/repeat.js";
import type { Remat } from "./differentiate/residuals.js";
import { expand } from "./expand.js";
import type { Graph, Node } from "./graph.js";
import { rowOf } from "./ops/index.js";
import { topological } from "./rewrite.js";

export interface Differentiated {
  /** The outputs of the argument. */
  readonly graph: Graph;
  /** One for each node of `wrt`, in its shape. */
  readonly gradients: readonly Node[];
}

export function differentiate(
  graph: Graph,
  of: { readonly loss: string; readonly wrt: readonly Node[]; readonly remat?: Remat | undefined },
  b: Builder,
): Differentiated {
  const wanted = of.wrt.map((node, n) => ({ name: `wrt.${n}`, node }));
  const expanded = expand({ name: graph.name, outputs: [...graph.outputs, ...wanted] }, b, lacksVjp);
  const outputs = expanded.outputs.slice(0, graph.outputs.length);
  const wrt = expanded.outputs.slice(graph.outputs.length).map(({ node }) => node);
  const loss = outputs.find(({ name }) => name === of.loss)?.node;
  if (!loss) throw new Error(`internal: graph ${graph.name} has no output ${of.loss}`);
  const seed = b.full(1, loss.shape, "f32");
  const { cotangents, extend } = pullback(
    b,
    topological(expanded),
    [[loss, seed]],
    new Set(wrt),
    repeatPullback(of.remat ?? "none"),
  );
  const gradients = wrt.map((node) => cotangents.get(node) ?? b.full(0, node.shape, "f32"));
  const [nodes, extended] = [outputs.length, extend([...outputs.map(({ node }) => node), ...gradients])];
  return {
    graph: { name: graph.name, outputs: outputs.map(({ name }, n) => ({ name, node: extended[n]! })) },
    gradients: extended.slice(nodes),
  };
}

function lacksVjp(node: Node): boolean {
  const row = rowOf(node.op);
  return row.kind === "composite" && !row.vjp;
}
