/** Streamed attention means what it meant, its gradients too, and no tensor of it has both queries' and keys' positions. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { formMix } from "../../compiler/passes/form_mix.js";
import { mergePairs } from "../../compiler/passes/merge_pairs.js";
import { stream } from "../../compiler/passes/stream.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { built } from "../build/support.js";
import type { Saying } from "../mix/said.js";
import { textOf } from "../mix/said.js";
import { scores } from "../mix/scores.js";
import { weights } from "../mix/weights.js";
import { difference, randomLeaves } from "./support/meaning.js";
import { createRandom } from "./support/random.js";

const context = () => ({ builder: createBuilder(), level: 1 }) as const;
const formed = (graph: Graph): Graph => formMix.run(graph, context());
const streamed = (graph: Graph): Graph => stream.run(formed(graph), context());
const pairwises = (graph: Graph): readonly NodeOf<"pairwise">[] =>
  topological(graph).filter((node): node is NodeOf<"pairwise"> => node.op === "pairwise");
const mixes = (graph: Graph): number => topological(graph).filter(({ op }) => op === "mix").length;

const nameOf = (leaf: Node): string => (leaf.op === "input" ? `d ${leaf.attributes.name}` : "");

/** The loss and its gradients by all real leaves. */
function withGradients(loss: Graph): Graph {
  const b = createBuilder();
  const wrt = topological(loss).filter((node) => node.op === "input" && node.dtype === "f32");
  const { graph, gradients } = differentiate(loss, { loss: "loss.sum", wrt }, b);
  return {
    ...graph,
    outputs: [...graph.outputs, ...gradients.map((node, n) => ({ name: nameOf(wrt[n]!), node }))],
  };
}

const sayings: readonly (readonly [string, Saying])[] = Object.entries({ ...scores, ...weights });

describe.each(sayings)("%s", (_, saying) => {
  const graph = built(textOf(saying)).forward;
  const after = streamed(graph);
  test("becomes sums over pairs", () => {
    expect(mixes(after)).toBe(0);
    expect(pairwises(after).length > 0).toBe(mixes(formed(graph)) > 0);
    expect(verify(after)).toEqual([]);
  });
  test("means the same", () => {
    expect(difference(graph, after, randomLeaves(graph, createRandom(3)))).toBeUndefined();
  });
  test("has the same gradients, also where they are merged", () => {
    const loss = withGradients(built(textOf(saying)).loss!);
    const own = withGradients(streamed(built(textOf(saying)).loss!));
    const leaves = randomLeaves(loss, createRandom(4));
    expect(verify(own)).toEqual([]);
    expect(difference(loss, own, leaves)).toBeUndefined();
    const merged = mergePairs.run(own, context());
    expect(verify(merged)).toEqual([]);
    expect(difference(loss, merged, leaves)).toBeUndefined();
    expect(graphKey(mergePairs.run(merged, context()))).toBe(graphKey(merged));
  });
  test("is read back from its text, and streamed once", () => {
    expect(printGraph(parseGraph(printGraph(after)))).toBe(printGraph(after));
    expect(graphKey(stream.run(after, context()))).toBe(graphKey(after));
  });
});
