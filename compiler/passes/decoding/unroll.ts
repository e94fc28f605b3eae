/**
 * Regions inside the bodies of regions, every turn written out: what is kept has one stack axis.
 *
 *   repeat { repeat 2 { x = f(x) } }   →   repeat { x = f(f(x)) }
 */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { constantTurns } from "../../ir/ops/regions.js";
import { topological } from "../../ir/rewrite.js";
import { mapRegions } from "../walk.js";
import { inputIndex } from "./frame.js";

/** The graph itself where no region is inside another one. */
export function unrollInner(graph: Graph, b: Builder): Graph {
  const hasInner = topological(graph).some(
    (node) => node.op === "repeat" && topological(node.attributes.body).some(({ op }) => op === "repeat"),
  );
  return hasInner ? mapRegions(graph, b, (body) => unroll(body, b)) : graph;
}

/** The graph without `repeat`: every turn written out. */
export function unroll(graph: Graph, b: Builder): Graph {
  const values = valuesOf(graph, b, () => undefined);
  return { ...graph, outputs: graph.outputs.map(({ name }, n) => ({ name, node: values[n]! })) };
}

function valuesOf(
  body: Graph,
  b: Builder,
  bound: (input: NodeOf<"input">) => Node | undefined,
): readonly Node[] {
  const values = new Map<Node, readonly Node[]>();
  for (const node of topological(body)) {
    const inputs = node.inputs.map((input) => values.get(input)![0]!);
    if (node.op === "input") values.set(node, [bound(node) ?? node]);
    else if (node.op === "get") values.set(node, [values.get(node.inputs[0]!)![node.attributes.index]!]);
    else if (node.op === "repeat") values.set(node, turns(node, inputs, b));
    else values.set(node, [b.remake(node, inputs)]);
  }
  return body.outputs.map(({ node }) => values.get(node)![0]!);
}

function turns(node: NodeOf<"repeat">, inputs: readonly Node[], b: Builder): readonly Node[] {
  const { first, reverse, carries, slices, body } = node.attributes;
  const count = constantTurns(node.attributes.count);
  const results: Node[][] = node.results.slice(carries).map(() => []);
  let carried = inputs.slice(0, carries);
  for (let n = 0; n < count; n++) {
    const at = reverse ? count - 1 - n : n;
    const outputs = valuesOf(body, b, (input) => {
      const { kind } = input.attributes;
      const index = inputIndex(input);
      if (kind === "carry") return carried[index]!;
      if (kind === "turn") return b.const(first + at, "i32");
      if (kind === "fixed") return inputs[carries + slices + index]!;
      if (kind !== "slice") return undefined;
      const stack = inputs[carries + index]!;
      return b.reshape(b.slice(stack, 0, at, 1), stack.shape.slice(1));
    });
    carried = outputs.slice(0, carries);
    outputs.slice(carries).forEach((result, k) => {
      results[k]![at] = b.reshape(result, [{ name: "layer", size: 1 }, ...result.shape]);
    });
  }
  return [...carried, ...results.map((stack) => b.concat(stack, 0))];
}
