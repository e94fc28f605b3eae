/**
 * Random graphs, valid by construction: every op, regions included, with symbols and constants as sizes.
 *
 * Each value knows bounds of its elements, so that exp stays small, quotients stay away from 0, and what jumps (floor,
 * comparisons, argmax) reads leaves, where rounding cannot decide it.
 */
import type { Builder } from "../../../compiler/ir/builder.js";
import type { Graph, Node } from "../../../compiler/ir/graph.js";
import type { Axis, DType, Shape, Size } from "../../../compiler/ir/shape.js";
import { mulSizes, sameSizes, sizeEquals, symbol } from "../../../compiler/ir/shape.js";
import type { Random } from "./random.js";
import { pick, randomNumber, shuffled } from "./random.js";

interface Value {
  readonly node: Node;
  /** |x| ≤ most, and x ≥ least. */
  readonly most: number;
  readonly least: number;
  /** Computed without rounding: leaves, indices, and layout of them. */
  readonly exact: boolean;
}

export interface RandomGraphOptions {
  readonly nodes: number;
  /** Only what gradients flow through smoothly. */
  readonly smooth?: boolean;
}

const AXES: readonly Axis[] = [
  { name: "b", size: symbol("B") },
  { name: "t", size: symbol("T") },
  { name: "d", size: 4 },
  { name: "e", size: 3 },
  { name: "u", size: 1 },
];
const CONSTANTS = [0, 1, -1, 2, 0.5, 3, -2] as const;
const MOST = 64;
const RANK = 4;

type Step = (g: Growth) => Value | undefined;

interface Growth {
  readonly b: Builder;
  readonly random: Random;
  readonly pool: Value[];
  readonly smooth: boolean;
  depth: number;
  names: number;
}

const sizeOf = (shape: Shape): number =>
  shape.reduce((count, { size }) => count * (typeof size === "number" ? size : 5 ** size.length), 1);

const value = (node: Node, most: number, least = -most, exact = false): Value => ({
  node,
  most,
  least,
  exact,
});
const any = (
  g: Growth,
  dtype: DType = "f32",
  test: (v: Value) => boolean = () => true,
): Value | undefined => {
  const found = g.pool.filter((v) => v.node.dtype === dtype && test(v));
  // The newest values first, so that graphs grow deep.
  return found.length === 0
    ? undefined
    : g.random() < 0.6
      ? pick(g.random, found.slice(-4))
      : pick(g.random, found);
};

const randomShape = (g: Growth, rank = randomNumber(g.random, 0, 3)): Shape =>
  shuffled(g.random, AXES).slice(0, rank);

function newLeaf(g: Growth, shape: Shape, dtype: DType = "f32"): Value {
  // A body reads nothing but its own operands.
  if (g.depth > 0) return value(g.b.full(1, shape, dtype), 1, 1, true);
  const positive = dtype === "f32" && g.random() < 0.3;
  const node = g.b.input(
    g.random() < 0.5 ? "parameter" : "input",
    `${positive ? "positive" : "leaf"}.${g.names++}`,
    shape,
    dtype,
  );
  return value(node, 3, positive ? 0.3 : dtype === "f32" ? -3 : 0, true);
}

/** A value of exactly this shape: one there is, a broadcast of one, a constant, or a new leaf. */
function ofShape(g: Growth, shape: Shape, dtype: DType = "f32"): Value {
  const same = g.pool.filter((v) => v.node.dtype === dtype && sameSizes(v.node.shape, shape));
  const chance = g.random();
  if (same.length > 0 && chance < 0.5) return pick(g.random, same);
  if (dtype === "f32" && chance < 0.65) {
    const constant = pick(g.random, CONSTANTS);
    return value(g.b.full(constant, shape, "f32"), Math.abs(constant), constant, true);
  }
  const within = g.pool.filter(
    (v) => v.node.dtype === dtype && v.node.shape.length < shape.length && placed(v.node.shape, shape),
  );
  if (within.length > 0 && chance < 0.9) {
    const v = pick(g.random, within);
    return { ...v, node: g.b.broadcastTo(v.node, shape, placed(v.node.shape, shape)!) };
  }
  return newLeaf(g, shape, dtype);
}

/** Where each axis of `wide` finds its size in `narrow`; undefined where one of `narrow` is left over. */
function placed(narrow: Shape, wide: Shape): readonly number[] | undefined {
  const left = narrow.map((_, n) => n);
  const from = wide.map(({ size }) => {
    const at = left.findIndex((n) => sizeEquals(narrow[n]!.size, size));
    return at < 0 ? -1 : left.splice(at, 1)[0]!;
  });
  return left.length === 0 ? from : undefined;
}

const unary: Step = (g) => {
  const x = any(g);
  if (!x) return undefined;
  const { b, random } = g;
  const { node, most, least } = x;
  const steps: (() => Value)[] = [
    () => value(b.neg(node), most, -most, x.exact),
    () => value(b.tanh(node), 1),
    () => value(b.sigmoid(node), 1, 0),
    () => value(b.erf(node), 1),
    () => value(b.sin(node), 1),
    () => value(b.cos(node), 1),
    () => value(b.stop_gradient(node), most, least, x.exact),
  ];
  if (most <= 3) steps.push(() => value(b.exp(node), 21, 0.04));
  if (least >= 0.04) {
    steps.push(() => value(b.log(node), Math.max(4, Math.log(most))));
    steps.push(() => value(b.sqrt(node), Math.sqrt(most), Math.sqrt(least)));
    steps.push(() => value(b.rsqrt(node), 1 / Math.sqrt(least), 1 / Math.sqrt(most)));
    steps.push(() =>
      value(
        b.pow(node, b.full(pick(random, [0, 1, 2, -1, 0.5]), node.shape, "f32")),
        Math.max(1, most ** 2, 1 / least),
        0,
      ),
    );
  }
  if (!g.smooth) steps.push(() => value(b.abs(node), most, 0, x.exact));
  if (!g.smooth && x.exact) steps.push(() => value(b.floor(node), most + 1, -most - 1, true));
  return pick(random, steps)();
};

const binary: Step = (g) => {
  const x = any(g);
  if (!x) return undefined;
  const { b, random } = g;
  const y = ofShape(g, x.node.shape);
  const [p, q] = random() < 0.5 ? [x, y] : [y, x];
  const steps: (() => Value)[] = [
    () => value(b.add(p.node, q.node), p.most + q.most, p.least + q.least),
    () => value(b.sub(p.node, q.node), p.most + q.most),
    () =>
      value(
        b.mul(p.node, q.node),
        p.most * q.most,
        p.least >= 0 && q.least >= 0 ? p.least * q.least : -p.most * q.most,
      ),
  ];
  if (q.least >= 0.1) steps.push(() => value(b.div(p.node, q.node), p.most / q.least));
  if (!g.smooth) {
    steps.push(() => value(b.max(p.node, q.node), Math.max(p.most, q.most), Math.max(p.least, q.least)));
    steps.push(() => value(b.min(p.node, q.node), Math.max(p.most, q.most), Math.min(p.least, q.least)));
  }
  return pick(random, steps)();
};

const compare: Step = (g) => {
  const x = any(g, g.random() < 0.5 ? "f32" : "i32", (v) => v.exact);
  if (!x) return undefined;
  const { dtype } = x.node;
  const y = g.pool.filter((v) => v.exact && v.node.dtype === dtype && sameSizes(v.node.shape, x.node.shape));
  const other = y.length > 0 ? pick(g.random, y).node : g.b.full(1, x.node.shape, dtype);
  const op = pick(g.random, ["eq", "ne", "lt", "le"] as const);
  return value(g.b[op](x.node, other), 1, 0, true);
};

const logic: Step = (g) => {
  const x = any(g, "bool");
  if (!x) return undefined;
  const y = ofShape(g, x.node.shape, "bool");
  const op = pick(g.random, ["and", "or", "not"] as const);
  return value(op === "not" ? g.b.not(x.node) : g.b[op](x.node, y.node), 1, 0, true);
};

const select: Step = (g) => {
  const c = any(g, "bool");
  if (!c) return undefined;
  const [x, y] = [ofShape(g, c.node.shape), ofShape(g, c.node.shape)];
  return value(
    g.b.select(c.node, x.node, y.node),
    Math.max(x.most, y.most),
    Math.min(x.least, y.least),
    x.exact && y.exact,
  );
};

const index: Step = (g) => {
  const shape = randomShape(g, randomNumber(g.random, 1, 3));
  const iota = g.b.iota(
    shape,
    randomNumber(g.random, 0, shape.length - 1),
    pick<Size>(g.random, [0, 0, symbol("P")]),
  );
  return g.random() < 0.5 ? value(iota, 6, 0, true) : value(g.b.to_f32(iota), 6, 0, true);
};

const length: Step = (g) =>
  value(g.b.length(pick<Size>(g.random, [symbol("T"), 4, mulSizes(2, symbol("B"))]), "f32"), 8, 1, true);

const integers: Step = (g) => {
  const x = any(g, "i32");
  if (!x) return undefined;
  const amount = g.b.full(randomNumber(g.random, 1, 3), x.node.shape, "i32");
  const op = pick(g.random, ["floordiv", "mod", "add", "mul"] as const);
  const most = op === "add" ? x.most + 3 : op === "mul" ? x.most * 3 : x.most + 3;
  return value(g.b[op](x.node, amount), most, Math.min(0, x.least * 3), true);
};

const layout: Step = (g) => {
  const x = any(g, pick(g.random, ["f32", "f32", "f32", "i32", "bool"] as const));
  if (!x) return undefined;
  const node = moved(g, x.node);
  return node && { ...x, node };
};

function moved({ b, random }: Growth, x: Node): Node | undefined {
  const { shape } = x;
  const rank = shape.length;
  const axis = randomNumber(random, 0, Math.max(0, rank - 1));
  const fresh = pick(random, AXES);
  const kind = pick(random, [
    "broadcast",
    "broadcast",
    "transpose",
    "transpose",
    "merge",
    "split",
    "unit",
    "slice",
    "pad",
    "concat",
  ] as const);
  switch (kind) {
    case "broadcast": {
      if (rank >= RANK) return undefined;
      const from = shuffled(random, [-1, ...shape.map((_, n) => n)]);
      return b.broadcastTo(
        x,
        from.map((n) => (n < 0 ? fresh : shape[n]!)),
        from,
      );
    }
    case "transpose":
      return b.transpose(
        x,
        shuffled(
          random,
          shape.map((_, n) => n),
        ),
      );
    case "merge": {
      const [p, q] = [shape[axis], shape[axis + 1]];
      if (!p || !q) return undefined;
      return b.reshape(x, [
        ...shape.slice(0, axis),
        { name: `${p.name}${q.name}`, size: mulSizes(p.size, q.size) },
        ...shape.slice(axis + 2),
      ]);
    }
    case "split": {
      if (shape[axis]?.size !== 4) return undefined;
      return b.reshape(x, [
        ...shape.slice(0, axis),
        { name: "p", size: 2 },
        { name: "q", size: 2 },
        ...shape.slice(axis + 1),
      ]);
    }
    case "unit":
      return b.reshape(x, [...shape.slice(0, axis), { name: "u", size: 1 }, ...shape.slice(axis)]);
    case "slice": {
      const size = shape[axis]?.size;
      if (typeof size !== "number" || size < 2) return undefined;
      const start = randomNumber(random, 0, 1);
      return b.slice(x, axis, start, randomNumber(random, 1, size - start));
    }
    case "pad":
      return rank === 0 || x.dtype !== "f32"
        ? undefined
        : b.pad(x, axis, randomNumber(random, 0, 2), randomNumber(random, 0, 1));
    case "concat":
      return rank === 0 ? undefined : b.concat([x, x], axis);
    default:
      return kind satisfies never;
  }
}

const reduce: Step = (g) => {
  const x = any(g, "f32", (v) => v.node.shape.length > 0);
  if (!x) return undefined;
  const axes = x.node.shape.map((_, n) => n).filter(() => g.random() < 0.6);
  if (axes.length === 0) return undefined;
  const kind = g.smooth ? "sum" : pick(g.random, ["sum", "sum", "max", "min"] as const);
  const most = kind === "sum" ? x.most * sizeOf(axes.map((n) => x.node.shape[n]!)) : x.most;
  return value(g.b.reduce(kind, x.node, axes), most, kind === "sum" ? -most : x.least);
};

const argmax: Step = (g) => {
  const x = any(g, "f32", (v) => v.exact && v.node.shape.length > 0);
  if (!x || g.smooth) return undefined;
  return value(
    g.b.reduce("argmax", x.node, [randomNumber(g.random, 0, x.node.shape.length - 1)]),
    8,
    0,
    true,
  );
};

const contract: Step = (g) => {
  const [x, y] = [any(g), any(g)];
  if (!x || !y) return undefined;
  const a = x.node.shape.map((_, n) => `x${n}`);
  const left = new Set(a);
  const b = y.node.shape.map(({ size }, n) => {
    const match = a.find((label, k) => left.has(label) && sizeEquals(x.node.shape[k]!.size, size));
    if (match === undefined || g.random() < 0.2) return `y${n}`;
    left.delete(match);
    return match;
  });
  const shared = b.filter((label) => a.includes(label));
  const summed = new Set(shared.filter(() => g.random() < 0.7));
  const out = shuffled(
    g.random,
    [...new Set([...a, ...b])].filter((label) => !summed.has(label)),
  );
  if (out.length > RANK) return undefined;
  const depth = sizeOf([...summed].map((label) => x.node.shape[a.indexOf(label)]!));
  return value(g.b.contract(x.node, y.node, { a, b, out }), x.most * y.most * depth);
};

const lookUp: Step = (g) => {
  const table = any(g, "f32", (v) => v.node.shape.length > 0);
  const ids = any(g, "i32", (v) => v.node.shape.length <= 2);
  if (!table || !ids || table.node.shape.length + ids.node.shape.length - 1 > RANK) return undefined;
  const axis = randomNumber(g.random, 0, table.node.shape.length - 1);
  return { ...value(g.b.gather(table.node, ids.node, axis), table.most), exact: table.exact };
};

const scatter: Step = (g) => {
  const ids = any(g, "i32", (v) => v.node.shape.length === 1);
  if (!ids) return undefined;
  const updates = ofShape(g, [...ids.node.shape, ...randomShape(g, 1)]);
  return value(g.b.scatterAdd(ids.node, updates.node, { axis: 0, size: 4, name: "n" }), updates.most * 8);
};

const update: Step = (g) => {
  const x = any(g, "f32", (v) => v.node.shape.length > 0);
  if (!x) return undefined;
  const axis = randomNumber(g.random, 0, x.node.shape.length - 1);
  const size = pick(g.random, [1, 2, symbol("S")]);
  const rows = ofShape(
    g,
    x.node.shape.map((own, n) => (n === axis ? { ...own, size } : own)),
  );
  const at = g.b.const(randomNumber(g.random, -1, 3), "i32");
  const most = Math.max(x.most, rows.most);
  return value(
    g.b.update(x.node, rows.node, at, axis, g.random() < 0.5),
    most,
    Math.min(x.least, rows.least),
  );
};

const normalise: Step = (g) => {
  const x = any(g, "f32", (v) => v.node.shape.length > 0);
  if (!x) return undefined;
  const axis = randomNumber(g.random, 0, x.node.shape.length - 1);
  const mask = g.random() < 0.5 ? ofShape(g, x.node.shape, "bool").node : undefined;
  return g.random() < 0.6
    ? value(g.b.softmax(x.node, axis, mask), 1, 0)
    : value(g.b.logsumexp(x.node, axis, mask), x.most + 5);
};

/** Sums over pairs of positions: attention as one operator, a sum of its own, or two over the same pairs that are added. */
const pairs: Step = (g) => {
  const { b, random } = g;
  const [batch, rows, heads, channels] = AXES as readonly [Axis, Axis, Axis, Axis];
  const groups: Axis = { name: "g", size: pick(random, [4, 2, 1]) };
  const columns = pick(random, [rows, channels]);
  const space = [batch, heads, rows, columns];
  const tame = (v: Value): Node => (v.most <= 3 ? v.node : b.tanh(v.node));
  const q = tame(ofShape(g, [batch, heads, rows, channels]));
  const k = tame(ofShape(g, [batch, groups, columns, channels]));
  const field = pick(random, [[1], [0, 3], [0, 1, 2], [2, 3]]);
  const bias = tame(
    ofShape(
      g,
      field.map((axis) => space[axis]!),
    ),
  );
  const scalar = (name: string, dtype: DType): Node => b.input("fixed", name, [], dtype);
  const formula = (node: Node): Graph => ({ name: "formula", outputs: [{ name: "formula", node }] });
  const [i, j] = [scalar("i", "i32"), scalar("j", "i32")];
  const score = (s: string): Node =>
    b.add(b.tanh(b.mul(scalar(s, "f32"), b.const(0.25, "f32"))), scalar("field0", "f32"));
  const mask = pick(random, [undefined, formula(b.le(j, i)), formula(b.lt(i, j))]);
  const offset = pick<Size>(random, [0, symbol("P")]);
  if (random() < 0.4) {
    const v = ofShape(g, [batch, groups, columns, channels]);
    const attributes = { score: formula(score("s")), mask, fields: [field], offset };
    const post = pick(random, [undefined, b.mul(scalar("a", "f32"), b.sigmoid(scalar("l", "f32")))]);
    const weight = pick(random, ["softmax", "softmax", "identity"] as const);
    const made = b.make("mix", [q, k, v.node, bias], {
      ...attributes,
      weight,
      post: post && formula(post),
    }) as Node;
    return value(made, weight === "softmax" ? v.most : 24 * v.most);
  }
  const over = pick(random, ["columns", "rows", "batch"] as const);
  const valued = over !== "batch" && random() < 0.6;
  const x = ofShape(
    g,
    over === "columns" ? [batch, groups, columns, channels] : [batch, heads, rows, channels],
  );
  const sum = (weight: Node): Node =>
    b.make("pairwise", [q, k, ...(valued ? [x.node] : []), bias], {
      space,
      products: 1,
      formula: formula(weight),
      mask,
      reduce: "sum",
      over,
      valued,
      heads: over === "rows" ? groups.size : heads.size,
      kept: over === "batch" ? [2, 3] : [],
      fields: [field],
      offset,
    }) as Node;
  const one = sum(b.tanh(score("s0")));
  const both = random() < 0.6 ? b.add(one, sum(b.mul(b.tanh(score("s0")), b.sin(score("s0"))))) : one;
  return value(both, valued ? Math.min(MOST, 40 * x.most) : 40);
};

/** Some turns of a small body that keeps the shape of what it carries. */
const turns: Step = (g) => {
  const x = any(g, "f32", (v) => v.most <= 8);
  if (!x || g.depth > 0) return undefined;
  const { b, random } = g;
  const count = randomNumber(random, 1, 3);
  const { shape } = x.node;
  const stack = ofShape(g, [{ name: "layer", size: count }, ...shape]);
  const fixed = ofShape(g, shape);
  const spare = ofShape(g, shape);
  const carry = b.input("carry", "carry.0", shape, "f32");
  const inner: Growth = {
    ...g,
    depth: 1,
    pool: [
      value(carry, 1, -1),
      value(b.input("slice", "slice.0", shape, "f32"), stack.most, stack.least),
      value(b.input("fixed", "fixed.0", shape, "f32"), fixed.most, fixed.least),
      value(b.to_f32(b.input("turn", "turn.0", [], "i32")), 4, 0, true),
    ],
  };
  grow(inner, randomNumber(random, 1, 5));
  g.names = inner.names;
  const next = b.tanh(b.add(carry, ofShape(inner, shape).node));
  const result = inner.pool[inner.pool.length - 1]!;
  const second = b.input("carry", "carry.1", shape, "f32");
  const other = random() < 0.5 ? second : b.mul(second, b.full(0.5, shape, "f32"));
  const outputs = [next, other, result.node.dtype === "f32" ? result.node : carry].map((node, n) => ({
    name: `out.${n}`,
    node,
  }));
  const region = b.repeat([b.tanh(x.node), b.tanh(spare.node), stack.node, fixed.node, spare.node], {
    body: { name: "body", outputs },
    first: randomNumber(random, 0, 2),
    count,
    reverse: random() < 0.3,
    carries: 2,
    slices: 1,
  });
  const index = randomNumber(random, 0, 2);
  return value(b.get(region, index), index === 2 ? Math.max(result.most, 1) : 1);
};

const steps: readonly (readonly [Step, number])[] = [
  [unary, 4],
  [binary, 8],
  [compare, 2],
  [logic, 1],
  [select, 2],
  [index, 1],
  [length, 1],
  [integers, 1],
  [layout, 8],
  [reduce, 4],
  [argmax, 1],
  [contract, 4],
  [lookUp, 1],
  [scatter, 1],
  [update, 1],
  [normalise, 2],
  [pairs, 2],
  [turns, 1],
];
const weighted: readonly Step[] = steps.flatMap(([step, weight]) =>
  Array.from({ length: weight }, () => step),
);

function grow(g: Growth, nodes: number): void {
  for (let tries = 0, made = 0; made < nodes && tries < 8 * nodes; tries++) {
    const next = pick(g.random, weighted)(g);
    if (!next || next.most > MOST || next.node.shape.length > RANK || sizeOf(next.node.shape) > 400) continue;
    g.pool.push(next);
    made++;
  }
}

export function randomGraph(
  b: Builder,
  random: Random,
  { nodes, smooth = false }: RandomGraphOptions,
): Graph {
  const g: Growth = { b, random, pool: [], smooth, depth: 0, names: 0 };
  for (let n = 0; n < 3; n++) g.pool.push(newLeaf(g, randomShape(g)));
  g.pool.push(newLeaf(g, randomShape(g, 1), "i32"), newLeaf(g, randomShape(g), "bool"));
  grow(g, nodes);
  const values = g.pool.slice(5);
  const last = values[values.length - 1] ?? g.pool[0]!;
  const chosen = new Set([last, ...(values.length > 0 ? [pick(random, values), pick(random, values)] : [])]);
  return { name: "random", outputs: [...chosen].map(({ node }, n) => ({ name: `y${n}`, node })) };
}
