/** The library's spelling of a kind of attention and the one by hand reach the same `mix`, and forming keeps the meaning. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { formMix } from "../../compiler/passes/form_mix.js";
import { built } from "../build/support.js";
import { difference, randomLeaves } from "../passes/support/meaning.js";
import { createRandom } from "../passes/support/random.js";
import type { Saying } from "./said.js";
import { textOf } from "./said.js";
import { scores } from "./scores.js";
import { weights } from "./weights.js";

const formed = (graph: Graph): Graph => formMix.run(graph, { builder: createBuilder(), level: 1 });
const mixesOf = (graph: Graph): readonly NodeOf<"mix">[] =>
  topological(graph).filter((node): node is NodeOf<"mix"> => node.op === "mix");

/** Each kind with the number of operators that it becomes; what is none stays for the reason that is given. */
const counts: Readonly<Record<string, number>> = {
  location: 2,
  RETRO: 1, // the null key's value asks for what the softmax leaves, outside of the weights
  Shaw: 0, // a value for every pair of positions
  "linear attention with a sink": 0, // likewise
  "hard attention": 0, // the ranks ask for all scores of a row: what reads them twice keeps them
  "the two best keys": 0,
  DCMHA: 0, // heads are blended behind the weights
  "talking heads": 0,
};

const sayings: readonly (readonly [string, Saying])[] = Object.entries({ ...scores, ...weights });

describe.each(sayings)("%s", (name, saying) => {
  const graph = built(textOf(saying)).forward;
  const after = formed(graph);
  test(`becomes ${counts[name] ?? 1}`, () => {
    expect(mixesOf(after).length).toBe(counts[name] ?? 1);
  });
  test("means the same, formed and expanded", () => {
    expect(verify(after)).toEqual([]);
    const leaves = randomLeaves(graph, createRandom(3));
    expect(difference(graph, after, leaves)).toBeUndefined();
    expect(difference(graph, expand(after, createBuilder()), leaves)).toBeUndefined();
  });
  test("is read back from its text", () => {
    expect(printGraph(parseGraph(printGraph(after)))).toBe(printGraph(after));
  });
});

/** What a line of the library says, by hand. */
const byHand: Readonly<Record<string, readonly [library: string, hand: string]>> = {
  softmax: [
    "y = mix(q, k, v, mask: causal)",
    `r[h, i, j] = q[h, i, c] * k[h, j, c] / sqrt(3)
  p[h, i, j] = softmax[j](r[h, i, j] where j <= i)
  y[h, i, c] = p[h, i, j] * v[h, j, c]`,
  ],
  "sigmoid attention": [
    "y = mix(q, k, v, weight: sigmoid)",
    `r[h, i, j] = q[h, i, c] * k[h, j, c] / sqrt(3)
  p = sigmoid(r)
  y[h, i, c] = p[h, i, j] * v[h, j, c]`,
  ],
  "linear attention": [
    "y = mix(q, k, v, mask: causal, weight: l1, temperature: 1)",
    `r[h, i, j] = q[h, i, c] * k[h, j, c]
  w[h, i] = sum[j](r[h, i, j] where j <= i)
  w = if w == 0 then 1 else w
  p[h, i, j] = if j <= i then r[h, i, j] / w[h, i] else 0
  y[h, i, c] = p[h, i, j] * v[h, j, c]`,
  ],
  softmax1: [
    "y = mix(q, k, v, mask: causal, weight: softmax1)",
    `r[h, i, j] = q[h, i, c] * k[h, j, c] / sqrt(3)
  l[h, i] = logsumexp[j](r[h, i, j] where j <= i)
  p[h, i, j] = softmax[j](r[h, i, j] where j <= i)
  p[h, i, j] = p[h, i, j] * sigmoid(l[h, i])
  y[h, i, c] = p[h, i, j] * v[h, j, c]`,
  ],
};

test.each(Object.entries(byHand))("%s by the library and by hand are one operator", (_, [library, hand]) => {
  const of = (lines: string): string => {
    const text = textOf({ lines, formula: () => ({ score: () => 0 }) });
    const [mix] = mixesOf(formed(built(text).forward));
    // The arguments' axes are called otherwise; the formulas are the same.
    const { score, mask, post, weight, fields, offset } = mix!.attributes;
    const formulas = [score, mask, post].map((one) => (one ? printGraph(one) : "none"));
    return [...formulas, weight, JSON.stringify(fields), JSON.stringify(offset)].join("\n");
  };
  expect(of(hand)).toBe(of(library));
});
