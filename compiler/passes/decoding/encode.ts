/**
 * What depends on the source alone → the graph that computes it once a source.
 *
 * ```
 * repeat(y, memory, wk, wq, …)  { k = contract(memory, wk); … k … }   in the forward graph
 * repeat(wk, memory)            { result.0 = contract(memory, wk) }   in `encode`: the keys of all layers, stacked
 * ```
 */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { eliminate } from "../eliminate.js";
import type { Kept } from "./frame.js";

/** Undefined where there is no source. */
export function encodeGraph(caches: readonly Kept[], b: Builder): Graph | undefined {
  const sources = caches.filter(({ info }) => info.kind === "source");
  if (sources.length === 0) return undefined;
  const asked = new Map<NodeOf<"repeat">, Node[]>();
  for (const { frame, node } of sources)
    if (frame.body) asked.set(frame.body.region, [...(asked.get(frame.body.region) ?? []), node]);
  const regions = new Map([...asked].map(([region, nodes]) => [region, withResults(b, region, nodes)]));
  const outputs = sources.map(({ info, frame, node }) => {
    const region = frame.body?.region;
    const value = region ? result(b, region, regions.get(region)!, asked.get(region)!.indexOf(node)) : node;
    return { name: `cache.${info.name}`, node: value };
  });
  return eliminate.run({ name: "encode", outputs }, { builder: b, level: 2 });
}

/** The region with the values of `nodes` of its body as further results; those that nothing reads are left to `eliminate`. */
function withResults(b: Builder, region: NodeOf<"repeat">, nodes: readonly Node[]): Node {
  const { body } = region.attributes;
  const results = nodes.map((node, n) => ({ name: `encoded.${n}`, node }));
  return b.repeat(region.inputs, {
    ...region.attributes,
    body: { ...body, outputs: [...body.outputs, ...results] },
  });
}

const result = (b: Builder, before: NodeOf<"repeat">, region: Node, index: number): Node =>
  b.get(region, before.attributes.body.outputs.length + index);
