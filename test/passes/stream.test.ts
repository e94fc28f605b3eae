/** Streamed attention means what it meant, its gradients too, and no tensor of it has both queries' and keys' positions. */
import { describe, expect, test } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { DType, Shape } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
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

interface Post {
  readonly post: (b: Builder, scalar: (name: string, dtype?: DType) => Node) => Node;
  /** The maps of the summed formula besides exp(s − l) of the weights. */
  readonly inside: readonly string[];
  readonly masked: boolean;
}

const posts: Readonly<Record<string, Post>> = {
  "a share of the row stands behind the sum": {
    post: (b, scalar) => b.mul(scalar("a"), b.sigmoid(scalar("l"))),
    inside: [],
    masked: true,
  },
  "a field of the heads stands behind the sum, under a sign": {
    post: (b, scalar) => b.neg(b.div(scalar("a"), scalar("field0"))),
    inside: ["neg"],
    masked: true,
  },
  "what falls out joins the sum, what that is divided by does not": {
    post: (b, scalar) => {
      const kept = b.lt(b.sin(scalar("field1")), b.const(0.4, "f32"));
      return b.select(kept, b.div(scalar("a"), b.const(0.7, "f32")), b.const(0, "f32"));
    },
    inside: ["lt", "select", "sin"],
    masked: true,
  },
  "any other function joins the sum": {
    post: (b, scalar) => b.mul(b.sin(scalar("a")), b.add(scalar("l"), b.to_f32(scalar("j", "i32")))),
    inside: ["add", "mul", "sin", "to_f32"],
    masked: true,
  },
  "where 0 becomes something else, forbidden pairs count": {
    post: (b, scalar) => b.cos(scalar("a")),
    inside: ["cos", "le", "select", "select"],
    masked: false,
  },
};

describe("behind a softmax", () => {
  const B = { name: "batch", size: symbol("B") };
  const [H, T, S] = [
    { name: "h", size: 2 },
    { name: "t", size: symbol("T") },
    { name: "s", size: symbol("S") },
  ];
  test.each(Object.entries(posts))("%s", (_, { post, inside, masked }) => {
    const b = createBuilder();
    const leaf = (name: string, shape: Shape): Node => b.input("parameter", name, shape, "f32");
    const scalar = (name: string, dtype: DType = "f32"): Node => b.input("fixed", name, [], dtype);
    const formula = (node: Node): Graph => ({ name: "f", outputs: [{ name: "f", node }] });
    const [c, e] = [
      { name: "c", size: 3 },
      { name: "e", size: 2 },
    ];
    const operands = [leaf("q", [B, H, T, c]), leaf("k", [B, H, S, c]), leaf("v", [B, H, S, e])];
    const fields = [leaf("positive", [H]), leaf("f", [T, S])];
    const mix = b.make("mix", [...operands, ...fields], {
      score: formula(scalar("s")),
      mask: formula(b.le(scalar("j", "i32"), scalar("i", "i32"))),
      weight: "softmax",
      post: formula(post(b, scalar)),
      fields: [[1], [2, 3]],
      offset: 0,
    }) as Node;
    const square = b.sum(b.mul(mix, mix), [0, 1, 2, 3]);
    // Fields that no formula reads are read here.
    const loss = fields.reduce((total, x) => b.add(total, b.sum(x, [...x.shape.keys()])), square);
    const graph: Graph = { name: "loss", outputs: [{ name: "loss.sum", node: loss }] };
    const after = stream.run(graph, { builder: b, level: 1 });
    const sum = pairwises(after).find(({ attributes }) => attributes.valued)!;
    const maps = topological(sum.attributes.formula).flatMap(({ op, shape, inputs }) =>
      shape.length === 0 && inputs.length > 0 && op !== "exp" && op !== "sub" ? [op] : [],
    );
    expect(maps.sort()).toEqual(inside);
    expect(sum.attributes.mask !== undefined).toBe(masked);
    expect(verify(after)).toEqual([]);
    const [own, written] = [withGradients(after), withGradients(graph)];
    const leaves = randomLeaves(graph, createRandom(5));
    expect(difference(written, own, leaves)).toBeUndefined();
    const merged = mergePairs.run(own, { builder: b, level: 1 });
    expect(difference(written, merged, leaves)).toBeUndefined();
  });
});

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
