import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Axis, Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { erf } from "../../compiler/ir/numbers/erf.js";
import { f64, tensor } from "../../compiler/ir/numbers/f64.js";
import { fnv1a32, mix, randomKey, uniform } from "../../compiler/ir/numbers/random.js";
import { ops } from "../../compiler/ir/ops/index.js";
import { typeText } from "../../compiler/ir/ops/row.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { MapOp, OpName, Vocabulary } from "../../compiler/ir/vocabulary.js";
import { reverseGradient } from "../support/gradients.js";
import { flat } from "../support/numbers.js";

const T: Axis = { name: "t", size: symbol("T") };
const D: Axis = { name: "d", size: 4 };
const E: Axis = { name: "e", size: 3 };

interface Leaves {
  readonly b: Builder;
  /** f32 [t, d] */
  readonly x: Node;
  /** f32 [d, e] */
  readonly w: Node;
  /** i32 [t] */
  readonly ids: Node;
  /** bool [t, d] */
  readonly mask: Node;
}
function leaves(): Leaves {
  const b = createBuilder();
  return {
    b,
    x: b.input("input", "x", [T, D], "f32"),
    w: b.input("parameter", "w", [D, E], "f32"),
    ids: b.input("input", "ids", [T], "i32"),
    mask: b.input("input", "mask", [T, D], "bool"),
  };
}
const formula = (node: Node): Graph => ({ name: "f", outputs: [{ name: "y", node }] });
const axis = (name: string, size: Axis["size"]): Axis => ({ name, size });
const steps = (stride: number, dilation: number) => ({ axis: 0, along: 1, stride, dilation });
const labels = (a: string, second: string, out: string) => ({ a: [...a], b: [...second], out: [...out] });
const heads = (b: Builder, x: Node, size: number): Node =>
  b.broadcastTo(x, [axis("h", size), T, D], [-1, 0, 1]);
const plainMix = (b: Builder) => ({
  score: formula(b.input("fixed", "s", [], "f32")),
  mask: undefined,
  weight: "softmax" as const,
  fields: [],
  offset: 0,
});
const body = (b: Builder, next: (x: Node) => Node): Graph =>
  formula(next(b.input("carry", "carry.0", [T, D], "f32")));
const turns = (graph: Graph, slices = 0) =>
  ({ body: graph, first: 0, count: 3, reverse: false, carries: 1, slices }) as const;

/** Op, what is made, and its type or (in a regular expression) why it is refused. */
/** A sum over pairs of four heads of queries and two of keys. */
const pairs = (b: Builder, x: Node, some: Partial<Vocabulary["pairwise"]>): Node =>
  b.make("pairwise", [heads(b, x, 4), heads(b, x, 2)], {
    space: [axis("h", 4), T, T],
    products: 1,
    formula: formula(b.exp(b.input("fixed", "s0", [], "f32"))),
    mask: undefined,
    reduce: "sum",
    over: "columns",
    valued: false,
    heads: 4,
    kept: [],
    fields: [],
    offset: 0,
    ...some,
  }) as Node;

const RULES: readonly (readonly [OpName, (leaves: Leaves) => Node, string | RegExp])[] = [
  ["input", ({ x }) => x, "f32 [t=T, d=4]"],
  ["input", ({ b }) => b.input("scalar", "lr", [T], "f32"), /a scalar has shape \[\]/],
  ["const", ({ b }) => b.const(2, "i32"), "i32 []"],
  ["iota", ({ b }) => b.iota([T, D], 1), "i32 [t=T, d=4]"],
  ["iota", ({ b }) => b.iota([T], 1), /no axis 1/],
  ["length", ({ b }) => b.length(symbol("T"), "f32"), "f32 []"],
  [
    "random",
    ({ b }) =>
      b.make("random", [b.const(1, "i32"), b.const(2, "i32"), b.const(0, "i32")], { path: "p", shape: [T] }),
    "f32 [t=T]",
  ],
  [
    "random",
    ({ b }) => b.make("random", [b.const(1, "f32")], { path: "p", shape: [T] }),
    /1 operands instead of 3/,
  ],
  [
    "table",
    ({ b }) =>
      b.make("table", [], { name: "n", shape: [D], formula: formula(b.input("fixed", "i0", [], "i32")) }),
    "i32 [d=4]",
  ],
  [
    "table",
    ({ b }) => b.make("table", [], { name: "n", shape: [T], formula: formula(b.const(0, "f32")) }),
    /constant/,
  ],
  ["add", ({ b, x }) => b.add(x, x), "f32 [t=T, d=4]"],
  ["add", ({ b, x }) => b.add(x, b.const(1, "f32")), "f32 [t=T, d=4]"],
  ["add", ({ b, x, w }) => b.add(x, w), /add\(f32 \[t=T, d=4\], f32 \[d=4, e=3\]\): sizes differ/],
  ["add", ({ b, x }) => b.add(x, b.const(1, "i32")), /element types differ/],
  ["add", ({ b, mask }) => b.add(mask, mask), /wants f32 or i32/],
  ["exp", ({ b, ids }) => b.exp(ids), /wants f32/],
  ["lt", ({ b, ids }) => b.lt(ids, ids), "bool [t=T]"],
  ["to_f32", ({ b, mask }) => b.to_f32(mask), "f32 [t=T, d=4]"],
  ["select", ({ b, x, mask }) => b.select(mask, x, x), "f32 [t=T, d=4]"],
  ["select", ({ b, x }) => b.select(x, x, x), /the condition is no bool/],
  ["broadcast", ({ b, ids }) => b.broadcastTo(ids, [E, T], [-1, 0]), "i32 [e=3, t=T]"],
  ["broadcast", ({ b, w }) => b.broadcastTo(w, [E, D], [0, 1]), /sizes differ/],
  ["broadcast", ({ b, w }) => b.broadcastTo(w, [D, E, D], [0, 1, 0]), /every axis once/],
  ["transpose", ({ b, x }) => b.transpose(x, [1, 0]), "f32 [d=4, t=T]"],
  ["transpose", ({ b, x }) => b.transpose(x, [0, 0]), /no order/],
  ["reshape", ({ b, x }) => b.reshape(x, [axis("n", [[4, "T"]])]), "f32 [n=4*T]"],
  ["reshape", ({ b, x }) => b.reshape(x, [D]), /element counts differ/],
  ["slice", ({ b, x }) => b.slice(x, 1, 1, 3), "f32 [t=T, d=3]"],
  ["slice", ({ b, x }) => b.slice(x, 1, 2, 3), /outside/],
  ["pad", ({ b, x }) => b.pad(x, 0, 1, symbol("T")), "f32 [t=2*T + 1, d=4]"],
  ["pad", ({ b, x }) => b.pad(x, 0, -1, 1), /negative/],
  ["concat", ({ b, x, ids }) => b.concat([ids, b.to_i32(b.sum(x, [1]))], 0), "i32 [t=2*T]"],
  ["concat", ({ b, x, w }) => b.concat([x, w], 1), /do not fit/],
  ["window", ({ b, w }) => b.window(w, { ...steps(1, 1), size: 2 }), "f32 [d=2, e=3]"],
  ["window", ({ b, w }) => b.window(w, { ...steps(1, 1), size: 3 }), /outside/],
  ["window", ({ b, w }) => b.window(w, { ...steps(0, 1), size: 2 }), /no step/],
  ["window", ({ b, w }) => b.window(w, { ...steps(1, 1), along: 0, size: 2 }), /two axes/],
  ["unwindow", ({ b, w }) => b.unwindow(w, { ...steps(2, 1), size: 9 }), "f32 [d=9, e=3]"],
  ["unwindow", ({ b, w }) => b.unwindow(w, { ...steps(2, 1), size: 8 }), /outside/],
  ["contract", ({ b, x, w }) => b.contract(x, w, labels("td", "de", "te")), "f32 [t=T, e=3]"],
  ["contract", ({ b, x, w }) => b.contract(x, w, labels("tk", "de", "te")), /k is in one operand only/],
  ["contract", ({ b, x, w }) => b.contract(x, w, labels("td", "ed", "te")), /sizes of d differ/],
  ["contract", ({ b, x, w }) => b.contract(x, w, labels("tt", "de", "e")), /stands twice/],
  ["contract", ({ b, x, w }) => b.contract(x, w, labels("td", "de", "tez")), /z is in no operand/],
  ["reduce", ({ b, x }) => b.sum(x, [0]), "f32 [d=4]"],
  ["reduce", ({ b, x }) => b.reduce("argmax", x, [1]), "i32 [t=T]"],
  ["reduce", ({ b, x }) => b.reduce("argmax", x, [0, 1]), /one axis/],
  ["reduce", ({ b, x }) => b.sum(x, [2]), /no axis 2/],
  ["gather", ({ b, w, ids }) => b.gather(w, ids, 0), "f32 [t=T, e=3]"],
  ["gather", ({ b, w, x }) => b.gather(w, x, 0), /ids are i32/],
  ["scatter_add", ({ b, x, ids }) => b.scatterAdd(ids, x, { axis: 0, size: 7, name: "v" }), "f32 [v=7, d=4]"],
  ["scatter_add", ({ b, w, ids }) => b.scatterAdd(ids, w, { axis: 0, size: 7, name: "v" }), /do not carry/],
  ["update", ({ b, x }) => b.update(x, b.slice(x, 1, 0, 2), b.const(1, "i32"), 1), "f32 [t=T, d=4]"],
  ["update", ({ b, x }) => b.update(x, x, b.const(1, "f32"), 1), /one i32/],
  ["update", ({ b, x, w }) => b.update(x, w, b.const(1, "i32"), 1), /do not fit/],
  ["update", ({ b, x }) => b.update(x, x, b.const(1, "i32"), 2), /no axis 2/],
  ["cumsum", ({ b, x }) => b.cumsum(x, 1), "f32 [t=T, d=4]"],
  ["cumsum", ({ b, ids }) => b.cumsum(ids, 0), /wants f32/],
  ["rank", ({ b, x }) => b.rank(x, 0), "i32 [t=T, d=4]"],
  ["rank", ({ b, mask }) => b.rank(mask, 0), /wants numbers/],
  ["softmax", ({ b, x, mask }) => b.softmax(x, 1, mask), "f32 [t=T, d=4]"],
  ["softmax", ({ b, x }) => b.softmax(x, 1, x), /the mask is a bool/],
  ["logsumexp", ({ b, x }) => b.logsumexp(x, 1), "f32 [t=T]"],
  [
    "mix",
    ({ b, x }) => b.make("mix", [heads(b, x, 4), heads(b, x, 2), heads(b, x, 2)], plainMix(b)),
    "f32 [h=4, t=T, d=4]",
  ],
  [
    "mix",
    ({ b, x }) => b.make("mix", [heads(b, x, 4), heads(b, x, 3), heads(b, x, 3)], plainMix(b)),
    /do not divide/,
  ],
  [
    "mix",
    ({ b, x }) =>
      b.make("mix", [heads(b, x, 4), heads(b, x, 4), heads(b, x, 4), x], { ...plainMix(b), fields: [[0]] }),
    /field 0/,
  ],
  ["pairwise", ({ b, x }) => pairs(b, x, {}), "f32 [h=4, t=T]"],
  ["pairwise", ({ b, x }) => pairs(b, x, { over: "rows", heads: 2 }), "f32 [h=2, t=T]"],
  ["pairwise", ({ b, x }) => pairs(b, x, { over: "batch", kept: [1, 2] }), "f32 [t=T, t=T]"],
  ["pairwise", ({ b, x }) => pairs(b, x, { over: "batch", kept: [0, 2] }), /i and j are kept/],
  ["pairwise", ({ b, x }) => pairs(b, x, { heads: 2 }), /every head has its own/],
  ["pairwise", ({ b, x }) => pairs(b, x, { over: "rows", reduce: "logsumexp" }), /over columns/],
  ["pairwise", ({ b, x }) => pairs(b, x, { fields: [[0]] }), /operands/],
  ["get", ({ b, x }) => b.get(b.repeat([x], turns(body(b, b.exp))), 0), "f32 [t=T, d=4]"],
  ["repeat", ({ b, x }) => b.repeat([x], turns(body(b, (y) => b.sum(y, [0])))), /carry.0 becomes/],
  ["repeat", ({ b, ids }) => b.repeat([ids], turns(body(b, b.exp))), /carry.0/],
  ["repeat", ({ b, x }) => b.repeat([x, x], turns(body(b, b.exp), 1)), /slice.0 is not a stack of 3/],
  [
    "repeat",
    ({ b, x }) => b.repeat([x], turns(body(b, (y) => b.add(y, b.input("fixed", "fixed.0", [T, D], "f32"))))),
    /nothing is bound to fixed fixed.0/,
  ],
  [
    "fused",
    ({ b, x }) =>
      b.get(b.make("fused", [x], { body: formula(b.exp(b.input("fixed", "fixed.0", [T, D], "f32"))) }), 0),
    "f32 [t=T, d=4]",
  ],
  [
    "fused",
    ({ b, ids }) =>
      b.make("fused", [ids], { body: formula(b.exp(b.input("fixed", "fixed.0", [T, D], "f32"))) }),
    /fixed.0 is f32/,
  ],
  ["get", ({ b, x }) => b.get(x, 0), /has no result/],
];

describe("shape rules", () => {
  for (const [op, make, expected] of RULES)
    it(`${op}: ${expected}`, () => {
      if (typeof expected === "string") expect(typeText(make(leaves()))).toBe(expected);
      else expect(() => make(leaves())).toThrow(expected);
    });
  it("stand for every op that is no map", () => {
    const covered = new Set<string>(RULES.map(([op]) => op));
    expect(
      Object.entries(ops).flatMap(([op, row]) => (row.kind === "map" || covered.has(op) ? [] : [op])),
    ).toEqual([]);
  });
  it("every row says what it computes", () => {
    for (const row of Object.values(ops)) expect(row.doc.length).toBeGreaterThan(4);
  });
});

const run = (make: (b: Builder) => Node): number[] => {
  const graph = { name: "g", outputs: [{ name: "y", node: make(createBuilder()) }] };
  return flat(interpret(graph, f64, { inputs: {}, lengths: { T: 0, P: 5 } })["y"]!);
};
const list = (b: Builder, ...values: number[]): Node =>
  b.concat(
    values.map((value) => b.full(value, [axis("n", 1)], "f32")),
    0,
  );

describe("what the reference computes", () => {
  const VALUES: readonly (readonly [MapOp, readonly number[], number])[] = [
    ["floordiv", [-7, 2], -4],
    ["mod", [-7, 2], 1],
    ["mod", [7, -2], -1],
    ["pow", [2, 10], 1024],
    ["min", [2, -1], -1],
    ["rsqrt", [4], 0.5],
    ["sigmoid", [0], 0.5],
    ["abs", [-3], 3],
    ["floor", [-0.5], -1],
    ["round", [2.5], 2],
    ["round", [-3.5], -4],
    ["round", [0.5000000000000001], 1],
    ["straight_through", [0.1, 7], 0.1],
    ["max", [2, 2], 2],
  ];
  for (const [op, operands, expected] of VALUES)
    it(`${op}(${operands}) = ${expected}`, () => {
      expect(
        run(
          (b) =>
            b.make(
              op,
              operands.map((x) => b.const(x, "f32")),
              {},
            ) as Node,
        ),
      ).toEqual([expected]);
    });
  it("hash is what numerics.md says", () => {
    const of = (x: number, y: number): number =>
      run((b) => b.hash(b.const(x, "i32"), b.const(y, "i32")))[0]! >>> 0;
    expect([of(0, 0), of(1, 0), of(0, 1), of(-5, 2147483647)]).toEqual(
      [
        [0, 0],
        [1, 0],
        [0, 1],
        [-5, 2147483647],
      ].map(([x, y]) => mix(mix((x! + 0x9e3779b9) | 0) ^ y!)),
    );
    expect(new Set([of(0, 0), of(1, 0), of(0, 1), 0]).size).toBe(4);
  });
  it("conversions truncate, and a bool is 0 or 1", () => {
    expect(run((b) => b.to_i32(list(b, -1.7, 1.7)))).toEqual([-1, 1]);
    expect(run((b) => b.to_f32(b.lt(list(b, 1, 3), list(b, 2, 2))))).toEqual([1, 0]);
  });
  it("reductions of nothing are 0, argmax takes the first of equals", () => {
    for (const kind of ["sum", "max", "min", "argmax"] as const)
      expect(run((b) => b.reduce(kind, b.full(3, [axis("n", 2), T], "f32"), [1]))).toEqual([0, 0]);
    expect(run((b) => b.reduce("argmax", list(b, 1, 5, 2, 5), [0]))).toEqual([1]);
  });
  it("an id outside the table reads 0 and adds nothing", () => {
    const ids = (b: Builder): Node => b.to_i32(list(b, 1, -1, 3, 0));
    expect(run((b) => b.gather(list(b, 7, 8, 9), ids(b), 0))).toEqual([8, 0, 0, 7]);
    expect(run((b) => b.scatterAdd(ids(b), list(b, 1, 2, 4, 8), { axis: 0, size: 3, name: "n" }))).toEqual([
      8, 1, 0,
    ]);
  });
  it("an update replaces rows, leaves out what is outside, and goes round in a ring", () => {
    const updated = (at: number, ring: boolean, ...rows: number[]): number[] =>
      run((b) => b.update(list(b, 7, 8, 9), list(b, ...rows), b.const(at, "i32"), 0, ring));
    expect(updated(1, false, 1)).toEqual([7, 1, 9]);
    expect(updated(2, false, 1, 2)).toEqual([7, 8, 1]);
    expect(updated(-1, false, 1, 2)).toEqual([2, 8, 9]);
    expect(updated(5, true, 1, 2)).toEqual([2, 8, 1]);
    expect(updated(1, true, 1, 2, 3, 4)).toEqual([3, 4, 2]);
    const inner = (b: Builder): Node => {
      const x = b.iota([axis("r", 2), axis("c", 3)], 1);
      return b.update(x, b.full(9, [axis("r", 2), axis("c", 1)], "i32"), b.const(1, "i32"), 1);
    };
    expect(run(inner)).toEqual([0, 9, 2, 0, 9, 2]);
  });
  it("iota adds its offset; a length is a number", () => {
    expect(run((b) => b.iota([axis("n", 3)], 0, [[1, "P"]]))).toEqual([5, 6, 7]);
    expect(run((b) => b.length([[2, "P"], [1]], "i32"))).toEqual([11]);
  });
  it("a table evaluates its formula at the element's indices", () => {
    const index = (b: Builder, n: number): Node => b.to_f32(b.input("fixed", `i${n}`, [], "i32"));
    const node = (b: Builder): Node => b.add(b.mul(index(b, 0), b.const(10, "f32")), index(b, 1));
    expect(
      run((b) =>
        b.make("table", [], { name: "n", shape: [axis("r", 2), axis("c", 3)], formula: formula(node(b)) }),
      ),
    ).toEqual([0, 1, 2, 10, 11, 12]);
  });
});

describe("softmax of rows that the mask empties", () => {
  it("is 0 there, with gradient 0, and so is logsumexp", () => {
    const b = createBuilder();
    const x = b.input("parameter", "x", [axis("r", 2), axis("c", 3)], "f32");
    const mask = b.input("input", "mask", x.shape, "bool");
    const point = {
      inputs: { x: tensor([2, 3], [900, 1, -5, 1, 2, 3]), mask: tensor([2, 3], [0, 1, 1, 0, 0, 0]) },
      lengths: {},
    };
    const [p, l] = [b.softmax(x, 1, mask), b.logsumexp(x, 1, mask)];
    const values = interpret(
      {
        name: "g",
        outputs: [
          { name: "p", node: p },
          { name: "l", node: l },
        ],
      },
      f64,
      point,
    );
    const e = Math.exp(-6);
    expect(flat(values["p"]!)).toEqual([0, 1 / (1 + e), e / (1 + e), 0, 0, 0]);
    expect(flat(values["l"]!)).toEqual([1 + Math.log(1 + e), 0]);
    for (const y of [b.sum(b.mul(p, p), [0, 1]), b.sum(l, [0])]) {
      const { gradient } = reverseGradient(
        { name: "g", outputs: [{ name: "loss", node: y }] },
        [x],
        point,
        b,
      );
      expect(gradient.every(Number.isFinite)).toBe(true);
      expect([gradient[0], ...gradient.slice(3)].map(Math.abs)).toEqual([0, 0, 0, 0]);
    }
  });
});

describe("erf", () => {
  // Digits of erf from DLMF-grade tables.
  const TABLE = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [2.4, 0.9993114861033549],
    [2.6, 0.9997639655834707],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
    [5, 0.9999999999984626],
    [7, 1],
  ] as const;
  for (const [x, y] of TABLE)
    it(`erf ±${x}`, () => {
      expect(Math.abs(erf(x) - y)).toBeLessThanOrEqual(4e-16);
      expect(erf(-x)).toBe(-erf(x) + 0);
    });
});

describe("random bits", () => {
  it("hash as documented", () => {
    expect(fnv1a32("")).toBe(0x811c9dc5);
    expect(fnv1a32("a")).toBe(0xe40c292c);
    expect(fnv1a32("foobar")).toBe(0xbf9cf968);
  });
  it("are uniform, and change with every part of their address", () => {
    const draw = (seed: number, step: number, path: string, turn: number): number[] =>
      Array.from({ length: 4000 }, (_, n) => uniform(randomKey(seed, step, path, turn), n));
    const base = draw(1, 2, "a", 3);
    const mean = base.reduce((sum, x) => sum + x, 0) / base.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect(base.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24))).toBe(true);
    for (const other of [draw(2, 2, "a", 3), draw(1, 3, "a", 3), draw(1, 2, "b", 3), draw(1, 2, "a", 4)]) {
      const correlation = base.reduce((sum, x, n) => sum + (x - 0.5) * (other[n]! - 0.5), 0) / base.length;
      expect(Math.abs(correlation)).toBeLessThan(0.01);
    }
  });
});
