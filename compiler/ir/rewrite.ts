/**
 * Graph → Graph, bottom-up.
 *
 * ```
 * rewrite(graph, b, (node, [x, y]) => (node.op === "sub" ? b.add(x!, b.neg(y!)) : undefined))
 *   %2 = sub(%0, %1)   →   %2 = neg(%1)
 *                          %3 = add(%0, %2)
 * ```
 */
import type { Builder } from "./builder.js";
import type { Graph, Node } from "./graph.js";
import type { Vocabulary } from "./vocabulary.js";

/** Every node that the outputs reach, operands before users, in an order that depends on the graph alone. */
export function topological({ outputs }: Graph): readonly Node[] {
  const known = orders.get(outputs);
  if (known) return known;
  const order = topologicalFrom(outputs.map((output) => output.node));
  orders.set(outputs, order);
  return order;
}

/** Graphs never change, and each pass asks again for the order of one. */
const orders = new WeakMap<Graph["outputs"], readonly Node[]>();

export function topologicalFrom(roots: readonly Node[]): readonly Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const nodes: Node[] = [];
  const next: number[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    nodes.push(root);
    next.push(0);
    while (nodes.length > 0) {
      const node = nodes[nodes.length - 1]!;
      const at = next[next.length - 1]!++;
      const input = node.inputs[at];
      if (input === undefined) {
        order.push(node);
        nodes.pop();
        next.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        nodes.push(input);
        next.push(0);
      }
    }
  }
  return order;
}

/** A replacement of `node`, whose operands are already `inputs`; undefined keeps the op over them. */
export type Rewriter = (node: Node, inputs: readonly Node[]) => Node | undefined;

export interface RewriteOptions {
  /** Rewrite the bodies of regions too (innermost first); the formulas of `mix` and `table` stay. */
  readonly bodies: boolean;
}

export function rewrite(
  graph: Graph,
  b: Builder,
  rewriter: Rewriter,
  options: RewriteOptions = { bodies: false },
): Graph {
  const made = new Map<Node, Node>();
  for (const node of topological(graph)) {
    const inputs = node.inputs.map((input) => made.get(input)!);
    const current = options.bodies ? withBody(node, inputs, b, rewriter) : node;
    made.set(node, rewriter(current, inputs) ?? b.remake(current, inputs));
  }
  return { ...graph, outputs: graph.outputs.map(({ name, node }) => ({ name, node: made.get(node)! })) };
}

/** `node` with its body rewritten; its own operands come later. */
function withBody(node: Node, inputs: readonly Node[], b: Builder, rewriter: Rewriter): Node {
  if (node.op !== "repeat" && node.op !== "fused") return node;
  const body = rewrite(node.attributes.body, b, rewriter, { bodies: true });
  return node.op === "repeat"
    ? b.make("repeat", inputs, { ...node.attributes, body })
    : b.make("fused", inputs, { body });
}

/** The graph with nodes put in the place of others; what stands above them is made again. */
export function substitute(graph: Graph, b: Builder, replacements: ReadonlyMap<Node, Node>): Graph {
  return rewrite(graph, b, (node) => replacements.get(node));
}

/** The region bodies and formulas that an attribute holds. */
export function bodiesOf(node: Node): readonly Graph[] {
  return Object.values(node.attributes as Vocabulary[keyof Vocabulary]).filter(isGraph);
}

const isGraph = (value: unknown): value is Graph =>
  typeof value === "object" && value !== null && "outputs" in value;
