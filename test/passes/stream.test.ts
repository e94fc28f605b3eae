/** Streamed attention means what it meant, its gradients too, and no tensor of it has both queries' and keys' positions. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { formMix } from "../../compiler/passes/form_mix.js";
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
  test("is read back from its text, and streamed once", () => {
    expect(printGraph(parseGraph(printGraph(after)))).toBe(printGraph(after));
    expect(graphKey(stream.run(after, context()))).toBe(graphKey(after));
  });
});
