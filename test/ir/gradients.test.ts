import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Axis, Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { ops } from "../../compiler/ir/ops/index.js";
import { evaluateSize, symbol } from "../../compiler/ir/shape.js";
import type { OpName } from "../../compiler/ir/vocabulary.js";
import { expectGradients, reverseGradient, weightedLoss } from "../support/gradients.js";
import { createDraw, randomTensor } from "../support/numbers.js";

const T: Axis = { name: "t", size: symbol("T") };
const D: Axis = { name: "d", size: 4 };
const LENGTHS = { T: 3, B: 2 };

interface Sample {
  readonly op: OpName;
  readonly label?: string;
  /** Only forward mode tells what is right: differences do not see `stop_gradient`. */
  readonly exact?: boolean;
  /** Range of the f32 leaves. */
  readonly range?: readonly [number, number];
  readonly make: (b: Builder, x: Node, y: Node) => readonly Node[];
}

const positive = [0.4, 1.9] as const;
const shaped = (...sizes: number[]): readonly Axis[] => sizes.map((size, n) => ({ name: `a${n}`, size }));
const ids = (b: Builder): Node => b.input("input", "ids", [{ name: "n", size: 5 }], "i32");
const mask = (b: Builder): Node => b.input("input", "mask", [T, D], "bool");
const scalarInput = (b: Builder, name: string, dtype: "f32" | "i32" = "i32"): Node =>
  b.input("fixed", name, [], dtype);
const formula = (node: Node): Graph => ({ name: "formula", outputs: [{ name: "y", node }] });

type MixWeight = NodeOf<"mix">["attributes"]["weight"];
function attend(b: Builder, x: Node, y: Node, weight: MixWeight, masked: boolean, behind = false): Node {
  const q = b.reshape(b.concat([x, y, b.mul(x, y), b.sub(x, y)], 1), [
    { name: "batch", size: 1 },
    { name: "h", size: 4 },
    T,
    { name: "c", size: 4 },
  ]);
  const k = b.reshape(b.concat([b.sin(x), y], 1), [
    { name: "batch", size: 1 },
    { name: "g", size: 2 },
    T,
    { name: "c", size: 4 },
  ]);
  const v = b.reshape(b.concat([y, b.cos(x)], 1), [
    { name: "batch", size: 1 },
    { name: "g", size: 2 },
    T,
    { name: "e", size: 4 },
  ]);
  const field = b.slice(b.reshape(x, [{ name: "n", size: [[4, "T"]] }]), 0, 0, 4);
  const [s, i, j] = [scalarInput(b, "s", "f32"), scalarInput(b, "i"), scalarInput(b, "j")];
  const distance = b.to_f32(b.sub(i, j));
  const score = b.sub(b.mul(s, b.const(0.7, "f32")), b.mul(scalarInput(b, "field0", "f32"), distance));
  const causal = b.le(j, i);
  const [a, l] = [scalarInput(b, "a", "f32"), scalarInput(b, "l", "f32")];
  return b.make("mix", [q, k, v, field], {
    post: behind ? formula(b.mul(b.sin(a), b.sigmoid(l))) : undefined,
    score: weight === "l1" ? formula(b.exp(score)) : formula(score),
    mask: masked ? formula(causal) : undefined,
    weight,
    fields: [[1]],
    offset: 0,
  });
}

interface Pairs {
  readonly over: "columns" | "rows" | "batch";
  readonly reduce?: "logsumexp";
  readonly valued?: boolean;
  readonly masked?: boolean;
  /** The axes of the field in [batch, h, i, j]. */
  readonly field?: readonly number[];
  /** Two heads of keys for four of queries. */
  readonly shared?: boolean;
  /** Two products. */
  readonly second?: boolean;
  readonly kept?: readonly number[];
  /** The formula is exp of what the field is taken from: what a logsumexp gets. */
  readonly plain?: boolean;
}

function pairs(b: Builder, x: Node, y: Node, of: Pairs): Node {
  const { over, reduce = "sum", valued = false, field = [0, 1, 2], shared = false, second = false } = of;
  const batch = { name: "batch", size: 1 };
  const [h, g] = [
    { name: "h", size: 4 },
    { name: "g", size: shared ? 2 : 4 },
  ];
  const space = [batch, h, T, T];
  const all = b.reshape(b.concat([x, y, b.mul(x, y), b.sub(x, y)], 1), [batch, h, T, D]);
  const few = b.reshape(b.concat(shared ? [b.sin(x), y] : [b.sin(x), y, x, b.cos(y)], 1), [batch, g, T, D]);
  const kind = space.filter((_, axis) => field.includes(axis));
  const count = b.broadcastTo(b.sum(b.mul(x, y), [0, 1]), kind, []);
  const other = b.mul(count, b.sin(b.to_f32(b.iota(kind, kind.length - 1))));
  const [s, t, f] = ["s0", "s1", "field0"].map((name) => scalarInput(b, name, "f32")) as [Node, Node, Node];
  const [i, j] = [scalarInput(b, "i"), scalarInput(b, "j")];
  const score = b.add(b.mul(s, b.const(0.7, "f32")), b.mul(b.to_f32(b.sub(i, j)), b.const(0.1, "f32")));
  const power = b.exp(b.sub(score, f));
  const single = of.plain ? power : b.mul(power, b.sin(f));
  const products = [all, few, ...(second ? [b.cos(all), b.mul(few, few)] : [])];
  const values = over === "columns" ? b.mul(few, few) : b.mul(all, all);
  const made = b.make("pairwise", [...products, ...(valued ? [values] : []), other], {
    space,
    products: products.length / 2,
    formula: formula(second ? b.mul(single, b.tanh(t)) : single),
    mask: of.masked ? formula(b.le(j, i)) : undefined,
    reduce,
    over,
    valued,
    heads: over === "rows" ? g.size : h.size,
    kept: of.kept ?? [],
    fields: [field],
    offset: 0,
  });
  return made as Node;
}

const PAIRS: readonly (readonly [string, Pairs])[] = [
  ["logsumexp over columns", { over: "columns", reduce: "logsumexp", masked: true }],
  ["logsumexp, of shared heads", { over: "columns", reduce: "logsumexp", shared: true, field: [1] }],
  ["values over columns", { over: "columns", valued: true, masked: true, shared: true, plain: true }],
  ["values over columns by two products", { over: "columns", valued: true, second: true, field: [0, 3] }],
  ["sums over columns", { over: "columns", masked: true, plain: true, field: [2] }],
  ["values over rows", { over: "rows", valued: true, masked: true, shared: true }],
  ["values over rows by a field of pairs", { over: "rows", valued: true, field: [1, 2, 3] }],
  ["sums over rows", { over: "rows", shared: true, second: true, field: [1, 3] }],
  ["sums over the batch", { over: "batch", kept: [2, 3], masked: true, field: [2, 3] }],
  ["sums over nothing", { over: "batch", kept: [0, 1, 2, 3], shared: true, second: true }],
];

const SAMPLES: readonly Sample[] = [
  ...(["neg", "exp", "tanh", "erf", "sigmoid", "sin", "cos", "abs", "floor", "round"] as const).map(
    (op): Sample => ({ op, make: (b, x) => [b[op](x), b.mul(x, x)] }),
  ),
  ...(["log", "sqrt", "rsqrt"] as const).map(
    (op): Sample => ({ op, range: positive, make: (b, x) => [b[op](x)] }),
  ),
  ...(["add", "sub", "mul", "min", "max"] as const).map(
    (op): Sample => ({ op, make: (b, x, y) => [b[op](x, y)] }),
  ),
  ...(["div", "pow", "mod", "floordiv"] as const).map(
    (op): Sample => ({ op, range: positive, make: (b, x, y) => [b[op](x, y), x] }),
  ),
  ...(["eq", "ne", "lt", "le"] as const).map(
    (op): Sample => ({ op, make: (b, x, y) => [b.mul(b.to_f32(b[op](x, y)), x)] }),
  ),
  { op: "select", make: (b, x, y) => [b.select(b.lt(x, y), b.mul(x, y), b.exp(y))] },
  { op: "stop_gradient", exact: true, make: (b, x) => [b.mul(b.stop_gradient(x), b.exp(x))] },
  {
    op: "straight_through",
    exact: true,
    make: (b, x, y) => [b.mul(b.straight_through(b.round(b.mul(x, y)), b.mul(x, y)), b.exp(x))],
  },
  { op: "not", make: (b, x, y) => [b.select(b.not(b.or(b.lt(x, y), b.and(b.lt(x, y), b.le(y, x)))), x, y)] },
  { op: "to_f32", make: (b, x, y) => [b.to_f32(b.mul(x, y)), b.mul(x, b.to_f32(b.to_i32(y)))] },
  { op: "to_bool", make: (b, x) => [b.mul(x, b.to_f32(b.to_bool(x)))] },
  { op: "broadcast", make: (b, x) => [b.broadcastTo(x, [D, { name: "r", size: 2 }, T], [1, -1, 0])] },
  { op: "transpose", make: (b, x) => [b.transpose(x, [1, 0])] },
  {
    op: "reshape",
    make: (b, x) => [
      b.reshape(x, [
        { name: "e", size: 2 },
        { name: "u", size: [[2, "T"]] },
      ]),
    ],
  },
  { op: "slice", make: (b, x) => [b.slice(x, 1, 1, 2), b.slice(x, 0, 1, 2)] },
  { op: "pad", make: (b, x) => [b.pad(x, 0, 1, symbol("B"))] },
  { op: "concat", make: (b, x, y) => [b.concat([x, b.mul(x, y), y], 1), b.concat([x, y], 0)] },
  {
    op: "window",
    make: (b, x) => [
      b.window(b.concat([x, x, x], 0), { axis: 0, along: 1, stride: 2, dilation: 1, size: 3 }),
      b.window(b.transpose(b.concat([x, x], 0), [1, 0]), {
        axis: 1,
        along: 0,
        stride: 1,
        dilation: 1,
        size: T.size,
      }),
    ],
  },
  {
    op: "unwindow",
    make: (b, x) => [
      b.unwindow(b.mul(x, x), { axis: 0, along: 1, stride: 2, dilation: 3, size: 15 }),
      b.unwindow(x, { axis: 1, along: 0, stride: 1, dilation: 1, size: 7 }),
    ],
  },
  {
    op: "contract",
    make: (b, x, y) => [b.contract(x, y, { a: ["t", "d"], b: ["s", "d"], out: ["s", "t"] })],
  },
  {
    op: "contract",
    label: "batched",
    make: (b, x, y) => [b.contract(x, y, { a: ["t", "d"], b: ["t", "d"], out: ["d"] })],
  },
  {
    op: "contract",
    label: "outer",
    make: (b, x, y) => [b.contract(x, y, { a: ["t", "d"], b: ["s", "e"], out: ["e", "t", "d", "s"] })],
  },
  {
    op: "contract",
    label: "square",
    make: (b, x) => [b.contract(x, x, { a: ["t", "d"], b: ["t", "d"], out: [] })],
  },
  ...(["sum", "max", "min"] as const).flatMap((kind): Sample[] => [
    {
      op: "reduce",
      label: kind,
      make: (b, x, y) => [b.reduce(kind, b.mul(x, y), [1]), b.reduce(kind, x, [0, 1])],
    },
  ]),
  { op: "reduce", label: "argmax", make: (b, x) => [b.sum(x, [1]), b.to_f32(b.reduce("argmax", x, [1]))] },
  { op: "gather", make: (b, x) => [b.gather(x, ids(b), 0), b.gather(x, ids(b), 1)] },
  {
    op: "scatter_add",
    make: (b, x) => [b.scatterAdd(ids(b), b.gather(b.mul(x, x), ids(b), 1), { axis: 1, size: 4, name: "d" })],
  },
  ...([false, true] as const).map(
    (ring): Sample => ({
      op: "update",
      label: ring ? "ring" : "",
      make: (b, x, y) => [
        b.update(x, b.slice(b.mul(x, y), 1, 0, 3), b.const(2, "i32"), 1, ring),
        b.update(b.slice(x, 1, 0, 2), y, b.const(-1, "i32"), 1, ring),
        b.update(x, y, b.const(1, "i32"), 0, ring),
      ],
    }),
  ),
  { op: "cumsum", make: (b, x, y) => [b.cumsum(b.mul(x, y), 1), b.cumsum(x, 0, true)] },
  { op: "rank", make: (b, x, y) => [b.mul(y, b.to_f32(b.rank(x, 1))), b.mul(x, b.to_f32(b.rank(y, 0)))] },
  { op: "softmax", make: (b, x) => [b.softmax(x, 1), b.softmax(x, 0)] },
  { op: "softmax", label: "masked", make: (b, x) => [b.softmax(x, 1, mask(b))] },
  { op: "logsumexp", make: (b, x) => [b.logsumexp(x, 1), b.logsumexp(x, 0)] },
  { op: "logsumexp", label: "masked", make: (b, x) => [b.logsumexp(x, 1, mask(b))] },
  { op: "mix", make: (b, x, y) => [attend(b, x, y, "softmax", true)] },
  { op: "mix", label: "unmasked", make: (b, x, y) => [attend(b, x, y, "softmax", false)] },
  { op: "mix", label: "identity", make: (b, x, y) => [attend(b, x, y, "identity", true)] },
  { op: "mix", label: "l1", make: (b, x, y) => [attend(b, x, y, "l1", true)] },
  { op: "mix", label: "with a formula behind", make: (b, x, y) => [attend(b, x, y, "softmax", true, true)] },
  ...PAIRS.map(([label, of]): Sample => ({ op: "pairwise", label, make: (b, x, y) => [pairs(b, x, y, of)] })),
];

function point(range: readonly [number, number]) {
  const draw = createDraw(5);
  const of = (...values: number[]): Tensor<number>["data"] => Float64Array.from(values);
  return {
    lengths: LENGTHS,
    inputs: {
      x: randomTensor(draw, [3, 4], ...range),
      y: randomTensor(draw, [3, 4], ...range),
      ids: { sizes: [5], data: of(2, 0, -1, 2, 7) },
      mask: { sizes: [3, 4], data: of(1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0) },
    },
  };
}

describe("the gradient of every op", () => {
  for (const { op, label, range, exact, make } of SAMPLES)
    it(`${op} ${label ?? ""}`, () => {
      const b = createBuilder();
      const x = b.input("parameter", "x", [T, D], "f32");
      const y = b.input("parameter", "y", [T, D], "f32");
      const graph = weightedLoss(b, make(b, x, y));
      expectGradients(graph, [x, y], point(range ?? [-1, 1]), b, !exact);
      if (ops[op].kind === "composite") expectGradients(expand(graph, b), [x, y], point(range ?? [-1, 1]), b);
    });

  it("is checked for each op that may carry one", () => {
    const without: readonly OpName[] = [
      "input",
      "const",
      "iota",
      "length",
      "random",
      "table",
      "to_i32",
      "and",
      "or",
      "hash",
      "repeat",
      "fused",
      "get",
    ];
    const covered = new Set([...SAMPLES.map((sample) => sample.op), ...without]);
    expect(Object.keys(ops).filter((op) => !covered.has(op as OpName))).toEqual([]);
  });
});

describe("gradients at the edges", () => {
  const at = (make: (b: Builder, x: Node) => Node, values: readonly number[]): number[] => {
    const b = createBuilder();
    const shape = shaped(values.length);
    const x = b.input("parameter", "x", shape, "f32");
    const graph: Graph = { name: "g", outputs: [{ name: "loss", node: b.sum(make(b, x), [0]) }] };
    return [...reverse(graph, x, values, b)];
  };
  it("√ and pow have slope 0 where theirs is infinite", () => {
    expect(at((b, x) => b.sqrt(x), [0, 4])).toEqual([0, 0.25]);
    expect(at((b, x) => b.pow(x, b.const(0.5, "f32")), [0, 4])).toEqual([0, 0.25]);
    expect(at((b, x) => b.pow(x, b.const(2, "f32")), [0, -3])).toEqual([0, -6]);
    expect(at((b, x) => b.pow(x, b.const(1, "f32")), [0, 2])).toEqual([1, 1]);
    expect(at((b, x) => b.pow(b.const(2, "f32"), x), [0])[0]).toBeCloseTo(Math.log(2), 15);
    expect(at((b, x) => b.pow(b.const(0, "f32"), x), [2])).toEqual([0]);
  });
  it("|x| has slope 0 at 0; max gives ties to its first operand, a reduction splits them", () => {
    expect(at((b, x) => b.abs(x), [-2, 0, 3])).toEqual([-1, 0, 1]);
    expect(at((b, x) => b.max(x, b.const(1, "f32")), [0, 1, 2])).toEqual([0, 1, 1]);
    expect(at((b, x) => b.reshape(b.reduce("max", x, [0]), shaped(1)), [2, 1, 2])).toEqual([0.5, 0, 0.5]);
  });
});

function reverse(graph: Graph, x: Node, values: readonly number[], b: Builder): readonly number[] {
  const sizes = x.shape.map((axis) => evaluateSize(axis.size, {}));
  return reverseGradient(
    graph,
    [x],
    { inputs: { x: { sizes, data: Float64Array.from(values) } }, lengths: {} },
    b,
  ).gradient;
}
