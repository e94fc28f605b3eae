import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Axis, Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64, tensor } from "../../compiler/ir/numbers/f64.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { symbol } from "../../compiler/ir/shape.js";
import { unroll } from "../../compiler/passes/decoding/unroll.js";
import type { Point } from "../support/gradients.js";
import { expectGradients, reverseGradient, weightedLoss } from "../support/gradients.js";
import { createDraw, flat, normOf, randomTensor } from "../support/numbers.js";

const T: Axis = { name: "t", size: symbol("T") };
const D: Axis = { name: "d", size: 3 };
const E: Axis = { name: "e", size: 3 };
const layer = (size: number): Axis => ({ name: "layer", size });
const TURNS = 3;

interface Leaves {
  readonly x: Node;
  readonly w: Node;
  readonly f: Node;
  readonly ids: Node;
}
type Body = (b: Builder, x: Node, w: Node, f: Node, turn: Node) => { next: Node; results: readonly Node[] };

const product = (b: Builder, x: Node, w: Node): Node =>
  b.contract(x, w, { a: ["t", "d"], b: ["d", "e"], out: ["t", "e"] });
const scalar = (b: Builder, name: string): Node => b.input("scalar", name, [], "i32");

/** A region with one carry, one stack and one fixed operand. */
function region(
  b: Builder,
  { x, w, f }: Leaves,
  body: Body,
  options: { reverse?: boolean; first?: number } = {},
): readonly Node[] {
  const inner = body(
    b,
    b.input("carry", "carry.0", [T, D], "f32"),
    b.input("slice", "slice.0", [D, E], "f32"),
    b.input("fixed", "fixed.0", [T, D], "f32"),
    b.input("turn", "turn.0", [], "i32"),
  );
  const outputs = [inner.next, ...inner.results].map((node, n) => ({ name: String(n), node }));
  const made = b.repeat([x, w, f], {
    body: { name: "body", outputs },
    first: options.first ?? 0,
    count: TURNS,
    reverse: options.reverse ?? false,
    carries: 1,
    slices: 1,
  });
  return outputs.map((_, n) => b.get(made, n));
}

const residual: Body = (b, x, w, f) => ({ next: b.add(x, b.tanh(product(b, b.mul(x, f), w))), results: [] });
const linear: Body = (b, x, w) => ({ next: product(b, x, w), results: [] });
const normed: Body = (b, x, w, f) => {
  const spread = (y: Node): Node => b.broadcastTo(y, x.shape, [0, -1]);
  const centered = b.sub(x, spread(b.div(b.sum(x, [1]), b.const(3, "f32"))));
  const scale = b.rsqrt(
    b.add(b.div(b.sum(b.mul(centered, centered), [1]), b.const(3, "f32")), b.const(0.7, "f32")),
  );
  const h = product(b, b.mul(centered, spread(scale)), w);
  return { next: b.add(x, b.mul(h, b.sigmoid(h))), results: [b.softmax(b.mul(h, f), 1)] };
};
const dropped: Body = (b, x, w, f, turn) => {
  const random = b.make("random", [scalar(b, "seed"), scalar(b, "step"), turn], {
    path: "drop",
    shape: x.shape,
  });
  const kept = b.select(b.lt(random, b.const(0.6, "f32")), product(b, x, w), b.full(0, x.shape, "f32"));
  return {
    next: b.add(b.mul(x, b.cos(b.to_f32(b.broadcastTo(turn, x.shape, [])))), b.add(kept, f)),
    results: [kept, x],
  };
};
const independent: Body = (b, x, w, f) => ({ next: b.mul(f, f), results: [b.sum(product(b, x, w), [0])] });
const passing: Body = (b, x, w) => ({
  next: x,
  results: [b.mul(product(b, x, w), b.length(symbol("T"), "f32")), w],
});

/** A region inside the region: three more turns of a smaller body over the same stack slice. */
const nested: Body = (b, x, w, f) => {
  const [y, c] = [b.input("carry", "carry.0", [T, D], "f32"), b.input("fixed", "fixed.0", [D, E], "f32")];
  const scale = b.input("slice", "slice.0", [], "f32");
  const next = b.add(y, b.mul(b.tanh(product(b, y, c)), scale));
  const scales = b.mul(b.sum(b.sin(b.slice(f, 0, 0, 2)), [1]), b.const(0.1, "f32")); // [2]
  const inner = b.repeat([x, b.reshape(scales, [layer(2)]), w], {
    body: {
      name: "inner",
      outputs: [
        { name: "0", node: next },
        { name: "1", node: b.sum(next, [0]) },
      ],
    },
    first: 0,
    count: 2,
    reverse: false,
    carries: 1,
    slices: 1,
  });
  return { next: b.mul(b.get(inner, 0), b.const(0.5, "f32")), results: [b.exp(b.get(inner, 1))] };
};
const attending: Body = (b, x, w) => {
  const heads = (y: Node): Node => b.reshape(y, [{ name: "h", size: 1 }, T, { name: "c", size: 3 }]);
  const [s, i, j] = [
    b.input("fixed", "s", [], "f32"),
    b.input("fixed", "i", [], "i32"),
    b.input("fixed", "j", [], "i32"),
  ];
  const formula = (node: Node): Graph => ({ name: "f", outputs: [{ name: "y", node }] });
  const y = b.make("mix", [heads(product(b, x, w)), heads(x), heads(b.sin(x))], {
    score: formula(b.mul(s, b.const(0.5, "f32"))),
    mask: formula(b.le(j, i)),
    weight: "softmax",
    fields: [],
    offset: 0,
  });
  return { next: b.add(x, b.reshape(y, x.shape)), results: [] };
};

const BODIES: Readonly<Record<string, Body>> = {
  residual,
  linear,
  normed,
  dropped,
  independent,
  passing,
  nested,
  attending,
};

function point(): Point {
  const draw = createDraw(9);
  return {
    lengths: { T: 4 },
    inputs: {
      x: randomTensor(draw, [4, 3]),
      w: randomTensor(draw, [TURNS, 3, 3]),
      f: randomTensor(draw, [4, 3], 0.3, 1.2),
      seed: tensor([], [11]),
      step: tensor([], [5]),
    },
  };
}

function leaves(b: Builder): Leaves {
  return {
    x: b.input("input", "x", [T, D], "f32"),
    w: b.input("parameter", "w", [layer(TURNS), D, E], "f32"),
    f: b.input("parameter", "f", [T, D], "f32"),
    ids: b.input("input", "ids", [T], "i32"),
  };
}

describe("repeat", () => {
  for (const [name, body] of Object.entries(BODIES))
    for (const options of [{}, { reverse: true, first: 4 }]) {
      it(`${name}${options.reverse ? " in reverse" : ""}: equals its turns written out, gradients too`, () => {
        const b = createBuilder();
        const { x, w, f } = leaves(b);
        const graph = weightedLoss(b, region(b, { x, w, f, ids: x }, body, options));
        const written = unroll(graph, b);
        expect(topological(written).some((node) => node.op === "repeat")).toBe(false);
        const [one, other] = [graph, written].map((g) => reverseGradient(g, [x, w, f], point(), b)) as [
          ReturnType<typeof reverseGradient>,
          ReturnType<typeof reverseGradient>,
        ];
        expect(one.loss).toBeCloseTo(other.loss, 13);
        const error = normOf(one.gradient.map((g, n) => g - other.gradient[n]!));
        expect(error / normOf(other.gradient)).toBeLessThan(1e-14);
        expectGradients(graph, [x, w, f], point(), b);
      });
    }

  it("gives the values of a loop", () => {
    const b = createBuilder();
    const x = b.input("carry", "carry.0", [], "f32");
    const turn = b.input("turn", "turn.0", [], "i32");
    const next = b.add(b.mul(x, b.const(2, "f32")), b.to_f32(turn));
    const body = {
      name: "b",
      outputs: [
        { name: "x", node: next },
        { name: "was", node: x },
      ],
    };
    const run = (reverse: boolean): number[][] => {
      const made = b.repeat([b.const(1, "f32")], {
        body,
        first: 3,
        count: 3,
        reverse,
        carries: 1,
        slices: 0,
      });
      const outputs = [0, 1].map((n) => ({ name: String(n), node: b.get(made, n) }));
      return Object.values(interpret({ name: "g", outputs }, f64, { inputs: {}, lengths: {} })).map(flat);
    };
    expect(run(false)).toEqual([[((1 * 2 + 3) * 2 + 4) * 2 + 5], [1, 5, 14]]);
    expect(run(true)).toEqual([[((1 * 2 + 5) * 2 + 4) * 2 + 3], [18, 7, 1]]);
  });

  it("stores no slice and no fixed operand again, and computes cheap maps again", () => {
    const b = createBuilder();
    const { x, w, f } = leaves(b);
    const graph = weightedLoss(b, region(b, { x, w, f, ids: x }, dropped));
    const { graph: forward } = differentiate(graph, { loss: "loss", wrt: [x, w, f] }, b);
    const extended = topological(forward).find((node) => node.op === "repeat")!;
    // The carry is a result already; the random bits and cos(turn) are drawn again.
    expect(extended.results.length).toBe(3);
  });
});
