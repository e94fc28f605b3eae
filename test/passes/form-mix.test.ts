/** Attention becomes `mix` however it is said, and forming keeps the meaning; what is no attention does not. */
import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Axis, Shape } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { verify } from "../../compiler/ir/verify.js";
import { formMix } from "../../compiler/passes/form_mix.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { difference, randomLeaves } from "./support/meaning.js";
import { createRandom } from "./support/random.js";

const B: Axis = { name: "batch", size: symbol("B") };
const T: Axis = { name: "t", size: symbol("T") };
const S: Axis = { name: "s", size: symbol("S") };
const H: Axis = { name: "h", size: 4 };
const G: Axis = { name: "g", size: 2 };
const R: Axis = { name: "r", size: 2 };
const C: Axis = { name: "c", size: 3 };
const E: Axis = { name: "e", size: 2 };

const leaf = (b: Builder, name: string, shape: Shape): Node => b.input("input", name, shape, "f32");
const graphOf = (...nodes: readonly Node[]): Graph => ({
  name: "test",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

/** j ≤ i over a shape whose last two axes are i and j. */
function causal(b: Builder, shape: Shape, offset: "P" | undefined = undefined): Node {
  const rank = shape.length;
  return b.le(b.iota(shape, rank - 1), b.iota(shape, rank - 2, offset ? symbol(offset) : 0));
}

const scaled = (b: Builder, x: Node): Node => b.mul(x, b.const(0.5, "f32"));

function plain(b: Builder, weights: (scores: Node) => Node): Node {
  const q = leaf(b, "q", [B, H, T, C]);
  const k = leaf(b, "k", [B, H, S, C]);
  const v = leaf(b, "v", [B, H, S, E]);
  const scores = b.contract(q, k, { a: [..."bhic"], b: [..."bhjc"], out: [..."bhij"] }); // [b, h, i, j]
  return b.contract(weights(scores), v, { a: [..."bhij"], b: [..."bhje"], out: [..."bhie"] });
}

/** s / Σ s over what the mask allows, by 1 where that is 0. */
function overSum(b: Builder, s: Node, mask: Node | undefined): Node {
  const zeros = (shape: Shape): Node => b.full(0, shape, "f32");
  const kept = (x: Node): Node => (mask ? b.select(mask, x, zeros(x.shape)) : x);
  const sum = b.sum(kept(s), [3]);
  const whole = b.select(b.eq(sum, zeros(sum.shape)), b.full(1, sum.shape, "f32"), sum);
  return kept(b.div(s, b.broadcastTo(whole, s.shape, [0, 1, 2, -1])));
}

interface Case {
  readonly y: (b: Builder) => Node;
  readonly heads?: readonly [number, number];
  readonly fields?: readonly (readonly number[])[];
  readonly weight?: "identity" | "l1";
  /** Contractions and softmaxes that stay. */
  readonly left?: readonly string[];
  /** The arguments of the formula behind the weights. */
  readonly post?: readonly string[];
  readonly masked?: boolean;
}

const formed: Readonly<Record<string, Case>> = {
  "full attention": { y: (b) => plain(b, (s) => b.softmax(scaled(b, s), 3)), heads: [4, 4] },
  "a causal mask with an offset": {
    y: (b) => plain(b, (s) => b.softmax(s, 3, causal(b, s.shape, "P"))),
    masked: true,
  },
  "positions that both count from an offset": {
    y: (b) =>
      plain(b, (s) => {
        const [row, column] = [2, 3].map((axis) => b.iota(s.shape, axis, symbol("P"))) as [Node, Node];
        const even = b.eq(b.mod(column, b.const(2, "i32")), b.const(0, "i32"));
        return b.softmax(s, 3, b.and(even, b.le(column, row)));
      }),
    masked: true,
  },
  "a mask said by a large negative score": {
    y: (b) => plain(b, (s) => b.softmax(b.select(causal(b, s.shape), s, b.full(-1e9, s.shape, "f32")), 3)),
  },
  "a bias by heads and positions and a padding mask": {
    y: (b) =>
      plain(b, (s) => {
        const bias = b.broadcastTo(leaf(b, "bias", [H, T, S]), s.shape, [-1, 0, 1, 2]);
        const kept = b.lt(b.const(0, "f32"), leaf(b, "padding", [B, S]));
        return b.softmax(b.add(s, bias), 3, b.broadcastTo(kept, s.shape, [0, -1, -1, 1]));
      }),
    fields: [
      [1, 2, 3],
      [0, 3],
    ],
    masked: true,
  },
  "slopes by heads": {
    y: (b) =>
      plain(b, (s) => {
        const distance = b.to_f32(b.sub(b.iota(s.shape, 3), b.iota(s.shape, 2)));
        const slope = b.exp(b.neg(b.to_f32(b.iota(s.shape, 1))));
        return b.softmax(b.add(s, b.mul(distance, slope)), 3, causal(b, s.shape));
      }),
    fields: [],
    masked: true,
  },
  retention: {
    y: (b) =>
      plain(b, (s) => {
        const distance = b.to_f32(b.sub(b.iota(s.shape, 2), b.iota(s.shape, 3)));
        const decayed = b.mul(s, b.pow(b.full(0.9, s.shape, "f32"), distance));
        return b.select(causal(b, s.shape), decayed, b.full(0, s.shape, "f32"));
      }),
    weight: "identity",
    masked: true,
  },
  "sigmoids of all pairs": {
    y: (b) => plain(b, (s) => b.sigmoid(scaled(b, s))),
    weight: "identity",
  },
  "weights over their sum": {
    y: (b) => plain(b, (s) => overSum(b, b.exp(s), causal(b, s.shape))),
    weight: "l1",
    masked: true,
  },
  "weights of all pairs over their sum": {
    y: (b) => plain(b, (s) => overSum(b, s, undefined)),
    weight: "l1",
  },
  "a window behind the softmax": {
    y: (b) =>
      plain(b, (s) => {
        const mask = causal(b, s.shape);
        const distance = b.to_f32(b.sub(b.iota(s.shape, 3), b.iota(s.shape, 2)));
        const near = b.exp(b.neg(b.mul(distance, distance)));
        return b.select(mask, b.mul(b.softmax(s, 3, mask), near), b.full(0, s.shape, "f32"));
      }),
    masked: true,
    post: ["a", "i", "j"],
  },
  "a softmax beside a null key": {
    y: (b) =>
      plain(b, (s) => {
        const total = b.logsumexp(s, 3, causal(b, s.shape)); // [b, h, i]
        const share = b.sigmoid(b.sub(total, b.broadcastTo(leaf(b, "sink", [H]), total.shape, [-1, 0, -1])));
        return b.mul(b.softmax(s, 3, causal(b, s.shape)), b.broadcastTo(share, s.shape, [0, 1, 2, -1]));
      }),
    masked: true,
    fields: [[1]],
    post: ["a", "field0", "l"],
  },
  "dropout on the weights": {
    y: (b) => plain(b, (s) => b.mul(b.softmax(s, 3), leaf(b, "kept", s.shape))),
    fields: [[0, 1, 2, 3]],
    post: ["a", "field0"],
  },
  "scores without a product": {
    y: (b) => {
      const given = leaf(b, "scores", [B, H, T, S]);
      return b.contract(b.softmax(given, 3, causal(b, given.shape)), leaf(b, "v", [B, H, S, E]), {
        a: [..."bhij"],
        b: [..."bhje"],
        out: [..."bhie"],
      });
    },
    masked: true,
    heads: [4, 4],
    fields: [[0, 1, 2, 3]],
  },
  "heads that are blended before the mask": {
    y: (b) =>
      plain(b, (s) => {
        const labels = { a: [..."bhij"], b: [..."hn"], out: [..."bnij"] };
        return b.softmax(b.contract(s, leaf(b, "w", [H, H]), labels), 3, causal(b, s.shape));
      }),
    masked: true,
    fields: [[0, 1, 2, 3]],
    left: ["contract", "contract"],
  },
  "a softmax per channel, without a product": {
    y: (b) => {
      const k = leaf(b, "k", [B, S, C]);
      const shape: Shape = [B, C, T, S];
      const distance = b.to_f32(b.sub(b.iota(shape, 2), b.iota(shape, 3)));
      const decay = b.exp(b.broadcastTo(leaf(b, "w", [C]), shape, [-1, 0, -1, -1]));
      const scores = b.sub(b.broadcastTo(k, shape, [0, 2, -1, 1]), b.mul(distance, decay));
      return b.contract(b.softmax(scores, 3, causal(b, shape)), leaf(b, "v", [B, S, C]), {
        a: [..."bcij"],
        b: [..."bjc"],
        out: [..."bic"],
      });
    },
    masked: true,
    heads: [3, 3],
  },
  "rows before heads": {
    y: (b) => {
      const q = leaf(b, "q", [B, T, H, C]);
      const k = leaf(b, "k", [B, S, H, C]);
      const v = leaf(b, "v", [B, S, H, E]);
      const scores = b.contract(k, q, { a: [..."bjhc"], b: [..."bihc"], out: [..."bihj"] });
      const weights = b.transpose(b.softmax(scaled(b, scores), 3), [0, 2, 1, 3]);
      return b.contract(v, weights, { a: [..."bjhe"], b: [..."bhij"], out: [..."bihe"] });
    },
    heads: [4, 4],
  },
  "one head of keys for all, as labels": {
    y: (b) => {
      const scores = b.contract(leaf(b, "q", [B, H, T, C]), leaf(b, "k", [B, S, C]), {
        a: [..."bhic"],
        b: [..."bjc"],
        out: [..."bhij"],
      });
      const weights = b.softmax(scores, 3, causal(b, scores.shape));
      return b.contract(weights, leaf(b, "v", [B, S, E]), {
        a: [..."bhij"],
        b: [..."bje"],
        out: [..."bihe"],
      });
    },
    heads: [4, 1],
    masked: true,
  },
  "shared heads of keys, as labels": {
    y: (b) => {
      const scores = b.contract(leaf(b, "q", [B, G, R, T, C]), leaf(b, "k", [B, G, S, C]), {
        a: [..."bgric"],
        b: [..."bgjc"],
        out: [..."bgrij"],
      });
      const byHead = b.broadcastTo(leaf(b, "slope", [R]), scores.shape, [-1, -1, 0, -1, -1]);
      const index = b.to_f32(b.iota(scores.shape, 1));
      const weights = b.softmax(b.add(b.mul(scores, byHead), index), 4);
      return b.contract(weights, leaf(b, "v", [B, G, S, E]), {
        a: [..."bgrij"],
        b: [..."bgje"],
        out: [..."bigre"],
      });
    },
    heads: [4, 2],
    fields: [[1]],
  },
  "shared heads of keys, as repeated tensors": {
    y: (b) => {
      const repeated = (x: Node): Node => {
        const [batch, group, column, channel] = x.shape as readonly [Axis, Axis, Axis, Axis];
        const wide = b.broadcastTo(x, [batch, group, R, column, channel], [0, 1, -1, 2, 3]);
        return b.reshape(wide, [batch, H, column, channel]);
      };
      const k = repeated(leaf(b, "k", [B, G, S, C]));
      const v = repeated(leaf(b, "v", [B, G, S, E]));
      const scores = b.contract(leaf(b, "q", [B, H, T, C]), k, {
        a: [..."bhic"],
        b: [..."bhjc"],
        out: [..."bhij"],
      });
      return b.contract(b.softmax(scores, 3), v, { a: [..."bhij"], b: [..."bhje"], out: [..."bhie"] });
    },
    heads: [4, 2],
  },
  "no heads": {
    y: (b) => {
      const scores = b.contract(leaf(b, "q", [B, T, C]), leaf(b, "k", [B, S, C]), {
        a: [..."bic"],
        b: [..."bjc"],
        out: [..."bij"],
      });
      const weights = b.softmax(scores, 2, causal(b, scores.shape));
      return b.contract(weights, leaf(b, "v", [B, S, E]), { a: [..."bij"], b: [..."bje"], out: [..."bie"] });
    },
    heads: [1, 1],
    masked: true,
  },
};

const mixesOf = (graph: Graph): readonly NodeOf<"mix">[] =>
  topological(graph).filter((node): node is NodeOf<"mix"> => node.op === "mix");

describe("form_mix forms", () => {
  for (const [name, one] of Object.entries(formed))
    it(name, () => {
      const builder = createBuilder();
      const graph = graphOf(one.y(builder));
      const after = formMix.run(graph, { builder, level: 1 });
      const [mix, ...others] = mixesOf(after);
      expect(others).toEqual([]);
      expect(mix, "is formed").toBeDefined();
      const left = topological(after).filter(({ op }) => op === "contract" || op === "softmax");
      expect(left.map(({ op }) => op)).toEqual(one.left ?? []);
      expect(verify(after)).toEqual([]);
      expect(graphKey(formMix.run(after, { builder, level: 1 }))).toBe(graphKey(after));
      const leaves = randomLeaves(graph, createRandom(3));
      expect(difference(graph, after, leaves)).toBeUndefined();
      expect(difference(graph, expand(after, builder), leaves)).toBeUndefined();
      const { weight, mask, fields, post } = mix!.attributes;
      const names = post && topological(post).flatMap((x) => (x.op === "input" ? [x.attributes.name] : []));
      expect(names?.sort()).toEqual(one.post);
      expect(weight).toBe(one.weight ?? "softmax");
      expect(mask !== undefined).toBe(one.masked ?? false);
      if (one.fields) expect(fields).toEqual(one.fields);
      if (one.heads)
        expect([0, 1].map((n) => mix!.inputs[n]!.shape[mix!.inputs[n]!.shape.length - 3]!.size)).toEqual(
          one.heads,
        );
    });
});

describe("form_mix leaves", () => {
  /** Why, where it is near. */
  const reasons: Readonly<Record<string, string>> = {
    "weights that are an output": "the scores or weights have another reader",
    "scores with another reader": "the scores or weights have another reader",
    "heads that are blended behind the softmax":
      "the weights are no function of one pair: heads are blended behind a softmax",
  };
  const unformed: Readonly<Record<string, (b: Builder) => readonly Node[]>> = {
    "weights that are an output": (b) => {
      let weights: Node | undefined;
      const y = plain(b, (s) => {
        weights = b.softmax(s, 3);
        return weights;
      });
      return [y, weights!];
    },
    "scores with another reader": (b) => {
      let scores: Node | undefined;
      const y = plain(b, (s) => {
        scores = s;
        return b.softmax(s, 3);
      });
      return [y, b.sum(scores!, [3])];
    },
    "heads that are blended behind the softmax": (b) => [
      plain(b, (s) => {
        const labels = { a: [..."bhij"], b: [..."hn"], out: [..."bnij"] };
        return b.contract(b.softmax(s, 3, causal(b, s.shape)), leaf(b, "w", [H, H]), labels);
      }),
    ],
    "products of products": (b) => [plain(b, (s) => scaled(b, s))],
    "a layer of perceptrons": (b) => {
      const x = leaf(b, "x", [B, T, C]);
      const h = b.contract(x, leaf(b, "w1", [S, C]), { a: [..."bic"], b: [..."jc"], out: [..."bij"] });
      return [b.contract(b.tanh(h), leaf(b, "w2", [S, E]), { a: [..."bij"], b: [..."je"], out: [..."bie"] })];
    },
    "features of a projection before a product": (b) => {
      const [w, y] = [leaf(b, "w", [C, E]), leaf(b, "y", [B, H, S, E])];
      const h = b.contract(leaf(b, "x", [B, H, T, C]), w, { a: [..."bhic"], b: [..."ce"], out: [..."bhie"] });
      return [b.contract(b.exp(h), y, { a: [..."bhie"], b: [..."bhje"], out: [..."bhij"] })];
    },
    "a formula of scores behind the softmax": (b) => [
      plain(b, (s) => b.mul(b.softmax(s, 3, causal(b, s.shape)), s)),
    ],
    "a sum that is not of the weights": (b) => [
      plain(b, (s) => b.div(s, b.broadcastTo(b.sum(b.exp(s), [3]), s.shape, [0, 1, 2, -1]))),
    ],
    "a softmax over rows": (b) => [plain(b, (s) => b.softmax(s, 2))],
    "a field made of the scores": (b) => [
      plain(b, (s) => b.softmax(b.sub(s, b.broadcastTo(b.sum(s, [3]), s.shape, [0, 1, 2, -1])), 3)),
    ],
  };
  for (const [name, make] of Object.entries(unformed))
    it(name, () => {
      const builder = createBuilder();
      const graph = graphOf(...make(builder));
      const told: string[] = [];
      const context = { builder, level: 1, explain: (_: Node, why: string) => void told.push(why) } as const;
      expect(mixesOf(formMix.run(graph, context))).toEqual([]);
      if (reasons[name]) expect(told).toEqual([reasons[name]]);
    });
});
