/** What an instruction may do: one entry a kind of node. Each gives how many of the following instructions it used up. */
import type { Axis, Node } from "../../../compiler/ir/graph.js";
import type { Shape, Size } from "../../../compiler/ir/shape.js";
import { mulSizes, sameSizes, sizeEquals } from "../../../compiler/ir/shape.js";
import type { BinaryMap, UnaryMap } from "../../../compiler/ir/vocabulary.js";
import { attend, pairs, repeat } from "./composed.js";
import type { Instruction, Pool } from "./pool.js";
import { AXES } from "./pool.js";

export type Run = (pool: Pool, instructions: readonly Instruction[]) => void;
export type Step = (pool: Pool, choices: Instruction, following: readonly Instruction[], run: Run) => number;

const simple =
  (step: (pool: Pool, choices: Instruction) => void): Step =>
  (pool, choices) => {
    step(pool, choices);
    return 0;
  };

const shapeOf = (choice: number): Shape => {
  const axes = AXES.filter((_, n) => (choice >> n) % 2 === 1);
  return axes.slice(0, 3);
};

/** Keeps the argument of a map where the map is tame. */
const guarded = ({ b }: Pool, op: UnaryMap | BinaryMap, x: Node): Node => {
  const constant = (value: number): Node => b.full(value, x.shape, "f32");
  if (op === "exp") return b.min(x, constant(3));
  if (op === "log" || op === "rsqrt" || op === "sqrt" || op === "pow") return b.add(b.abs(x), constant(0.25));
  return x;
};

const BOUNDS: { readonly [K in UnaryMap]?: (bound: number) => number } = {
  exp: () => 21,
  log: (x) => Math.log(x + 1) + 2,
  rsqrt: () => 2,
  tanh: () => 1,
  erf: () => 1,
  sigmoid: () => 1,
  sin: () => 1,
  cos: () => 1,
  to_bool: () => 1,
  not: () => 1,
};

const unary = (op: UnaryMap, dtype: "f32" | "i32" | "bool"): Step =>
  simple((pool, { a }) => {
    const x = pool.pick(dtype, a);
    pool.add(pool.b[op](guarded(pool, op, x)), (BOUNDS[op] ?? ((bound) => bound + 1))(pool.bound(x)));
  });

const binary = (
  op: BinaryMap,
  dtype: "f32" | "i32" | "bool",
  bound: (x: number, y: number) => number,
): Step =>
  simple((pool, { a, b: second }) => {
    const x = pool.pick(dtype, a);
    const y = pool.pickLike(x, second);
    pool.add(pool.b[op](guarded(pool, op, x), divisor(pool, op, y)), bound(pool.bound(x), pool.bound(y)));
  });

/** Away from zero, and small as an exponent. */
function divisor({ b }: Pool, op: BinaryMap, y: Node): Node {
  if (op === "pow") return b.tanh(y);
  if (op !== "div" && op !== "mod" && op !== "floordiv") return y;
  return y.dtype === "f32"
    ? b.add(b.abs(y), b.full(0.5, y.shape, "f32"))
    : b.add(b.abs(y), b.full(1, y.shape, "i32"));
}

const sum = (x: number, y: number): number => x + y;
const most = (x: number, y: number): number => Math.max(x, y);
const one = (): number => 1;

const axisOf = (x: Node, choice: number): number => choice % x.shape.length;
/** A value with at least one axis. */
const picked = (pool: Pool, choice: number): Node => {
  const x = pool.pick("f32", choice);
  return x.shape.length > 0 ? x : pool.leaf([AXES[1]!, AXES[2]!], "f32", choice);
};
const fixedAxis = (x: Node): number =>
  x.shape.findIndex((axis) => typeof axis.size === "number" && axis.size > 1);
const resized = (x: Node, axis: number, ...by: Axis[]): Shape => [
  ...x.shape.slice(0, axis),
  ...by,
  ...x.shape.slice(axis + 1),
];

/** Windows of two elements, and with them sometimes what they give back. */
function windows(pool: Pool, { a, b, c }: Instruction): void {
  const x = picked(pool, a);
  const axis = fixedAxis(x);
  if (axis < 0 || x.shape.length > 3) return;
  const whole = x.shape[axis]!;
  const shape = resized(x, axis, whole, { name: "k", size: 2 });
  const from = shape.map((_, n) => (n <= axis ? n : n === axis + 1 ? -1 : n - 1));
  const stride = 1 + (b % 2);
  const count = 1 + Math.floor(((whole.size as number) - 2) / stride);
  const attributes = { axis, along: axis + 1, stride, dilation: 1 };
  const seen = pool.b.window(pool.b.broadcastTo(x, shape, from), { ...attributes, size: count });
  pool.add(seen, pool.bound(x));
  if (c % 2 === 0) pool.add(pool.b.unwindow(seen, { ...attributes, size: whole.size }), pool.bound(x));
}

export const STEPS: readonly Step[] = [
  // leaves
  simple((pool, { a, b }) => void pool.leaf(shapeOf(a), "f32", b)),
  simple((pool, { a, b }) => void pool.leaf(shapeOf(a), b % 2 === 0 ? "i32" : "bool", b)),
  simple((pool, { a }) => void pool.add(pool.b.const([0, 1, -1, 0.5, -2.5, 3][a % 6]!, "f32"), 3)),
  simple((pool, { a, b, c }) => {
    const shape = [AXES[a % 6]!, AXES[b % 6]!];
    pool.add(pool.b.iota(shape, c % 2, c % 3 === 0 ? [[1, "P"]] : 0), 8);
  }),
  simple((pool, { a, b }) => void pool.add(pool.b.length(AXES[a % 6]!.size, b % 2 === 0 ? "f32" : "i32"), 4)),
  simple((pool, { a }) => {
    const { b } = pool;
    const scalar = (name: string): Node => b.input("scalar", name, [], "i32");
    const turn =
      pool.nodes.find((node) => node.op === "input" && node.attributes.kind === "turn") ?? b.const(0, "i32");
    pool.add(
      b.make("random", [scalar("seed"), scalar("step"), turn], { path: `drop${a % 2}`, shape: shapeOf(a) }),
      1,
    );
  }),
  simple((pool, { a }) => {
    const { b } = pool;
    const [i, j] = ["i0", "i1"].map((name) => b.to_f32(b.input("fixed", name, [], "i32")));
    const node = b.sin(b.mul(b.add(i!, b.const(1, "f32")), b.div(j!, b.const(2 + (a % 2), "f32"))));
    pool.add(
      b.make("table", [], {
        name: `table${a % 2}`,
        shape: [AXES[4]!, AXES[2]!],
        formula: { name: "f", outputs: [{ name: "y", node }] },
      }),
      1,
    );
  }),
  // maps
  ...(
    [
      "neg",
      "exp",
      "log",
      "sqrt",
      "rsqrt",
      "tanh",
      "erf",
      "sigmoid",
      "sin",
      "cos",
      "abs",
      "floor",
      "round",
      "stop_gradient",
    ] as const
  ).map((op) => unary(op, "f32")),
  unary("to_i32", "f32"),
  unary("to_f32", "i32"),
  unary("to_f32", "bool"),
  unary("to_bool", "i32"),
  unary("not", "bool"),
  unary("neg", "i32"),
  ...(["add", "sub"] as const).flatMap((op) => [
    binary(op, "f32", sum),
    binary(op, "f32", sum),
    binary(op, "i32", sum),
  ]),
  binary("mul", "f32", (x, y) => x * y),
  binary("mul", "f32", (x, y) => x * y),
  binary("mul", "i32", (x, y) => x * y),
  binary("div", "f32", (x) => 2 * x),
  binary("pow", "f32", (x) => x + 4),
  ...(["min", "max"] as const).flatMap((op) => [binary(op, "f32", most), binary(op, "i32", most)]),
  binary("mod", "f32", (_, y) => y + 1),
  binary("floordiv", "f32", (x) => 2 * x + 1),
  binary("mod", "i32", (_, y) => y + 1),
  binary("floordiv", "i32", (x) => x + 1),
  ...(["lt", "le", "eq", "ne"] as const).flatMap((op) => [binary(op, "f32", one), binary(op, "i32", one)]),
  // Bits are large: the pool keeps their remainder.
  binary("hash", "i32", () => 2 ** 31),
  binary("straight_through", "f32", (x) => x),
  binary("and", "bool", one),
  binary("or", "bool", one),
  simple((pool, { a, b, c }) => {
    const x = pool.pick("f32", a);
    const y = pool.pickLike(x, b);
    const condition = pool.nodes.filter((node) => node.dtype === "bool" && sameSizes(node.shape, x.shape));
    const chosen = condition.length > 0 ? condition[c % condition.length]! : pool.b.le(y, pool.b.sin(x));
    pool.add(pool.b.select(chosen, x, y), most(pool.bound(x), pool.bound(y)));
  }),
  // layout
  simple((pool, { a, b, c }) => {
    const x = pool.pick(c % 4 === 0 ? "i32" : "f32", a);
    if (x.shape.length > 3) return;
    const at = b % (x.shape.length + 1);
    const shape = [...x.shape.slice(0, at), AXES[c % 6]!, ...x.shape.slice(at)];
    pool.add(
      pool.b.broadcastTo(
        x,
        shape,
        shape.map((_, n) => (n === at ? -1 : n < at ? n : n - 1)),
      ),
      pool.bound(x),
    );
  }),
  simple((pool, { a, b }) => {
    const x = picked(pool, a);
    const order = x.shape.map((_, n) => (n + b) % x.shape.length);
    pool.add(pool.b.transpose(x, order), pool.bound(x));
  }),
  simple((pool, { a, b }) => {
    const x = picked(pool, a);
    const at = axisOf(x, b);
    const next = x.shape[at + 1];
    const axis = x.shape[at]!;
    const merged = next
      ? [
          ...x.shape.slice(0, at),
          { name: "merged", size: mulSizes(axis.size, next.size) },
          ...x.shape.slice(at + 2),
        ]
      : undefined;
    const split = sizeEquals(axis.size, 4)
      ? resized(x, at, { name: "p", size: 2 }, { name: "q", size: 2 })
      : resized(x, at, axis, { name: "one", size: 1 });
    pool.add(pool.b.reshape(x, merged ?? split), pool.bound(x));
  }),
  simple((pool, { a, b, c }) => {
    const x = picked(pool, a);
    const axis = fixedAxis(x);
    if (axis < 0) return;
    const size = x.shape[axis]!.size as number;
    const start = b % size;
    pool.add(pool.b.slice(x, axis, start, 1 + (c % (size - start))), pool.bound(x));
  }),
  simple((pool, { a, b, c }) => {
    const x = picked(pool, a);
    const amounts: readonly Size[] = [0, 1, 2, [[1, "T"]]];
    pool.add(pool.b.pad(x, axisOf(x, b), amounts[b % 4]!, amounts[c % 3]!), pool.bound(x));
  }),
  simple((pool, { a, b, c }) => {
    const x = picked(pool, a);
    const y = pool.pickLike(x, b);
    pool.add(
      pool.b.concat([x, y, ...(c % 2 === 0 ? [pool.b.neg(x)] : [])], axisOf(x, c)),
      most(pool.bound(x), pool.bound(y)),
    );
  }),
  // arithmetic over axes
  ...[0, 1, 2].map((form) =>
    simple((pool, { a, b, c }) => {
      const x = picked(pool, a);
      const at = axisOf(x, b);
      const label = (n: number): string => (n === at ? "k" : `x${n}`);
      const labels = x.shape.map((_, n) => label(n));
      const kept = labels.filter((l) => l !== "k");
      const shared = form === 1 ? kept.slice(0, 1) : [];
      const own = AXES[c % 6]!;
      const y =
        form === 2
          ? pool.pickLike(x, c)
          : pool.leaf(
              [x.shape[at]!, ...(shared.length > 0 ? [x.shape[labels.indexOf(shared[0]!)]!] : []), own],
              "f32",
              c,
            );
      const out = form === 2 ? kept : c % 2 === 0 ? [...kept, "own"] : ["own", ...kept];
      pool.add(
        pool.b.contract(x, y, { a: labels, b: form === 2 ? labels : ["k", ...shared, "own"], out }),
        12 * pool.bound(x) * pool.bound(y),
      );
    }),
  ),
  ...(["sum", "max", "min", "argmax"] as const).map((kind) =>
    simple((pool, { a, b, c }) => {
      const x = picked(pool, a);
      const axes = kind === "argmax" || c % 2 === 0 ? [axisOf(x, b)] : x.shape.map((_, n) => n);
      pool.add(
        pool.b.reduce(kind, x, axes),
        kind === "sum" ? 12 * pool.bound(x) : kind === "argmax" ? 12 : pool.bound(x),
      );
    }),
  ),
  simple((pool, { a, b, c }) => {
    const table = picked(pool, a);
    const ids = pool.pick("i32", b);
    if (ids.shape.length + table.shape.length < 6)
      pool.add(pool.b.gather(table, ids, axisOf(table, c)), pool.bound(table));
  }),
  simple((pool, { a, b, c }) => {
    const ids = pool.pick("i32", a);
    const updates = pool.leaf([...ids.shape, AXES[b % 6]!], "f32", b);
    pool.add(
      pool.b.scatterAdd(ids, updates, { axis: 0, size: 3 + (c % 3), name: "n" }),
      30 * pool.bound(updates),
    );
  }),
  simple((pool, { a, b, c }) => {
    const x = picked(pool, a);
    const axis = axisOf(x, b);
    const shape = x.shape.map((own, n) => (n === axis ? { ...own, size: 1 + (c % 3) } : own));
    const rows = pool.leaf(shape, "f32", c);
    pool.add(
      pool.b.update(x, rows, pool.b.const((c % 5) - 1, "i32"), axis, b % 2 === 0),
      most(pool.bound(x), pool.bound(rows)),
    );
  }),
  simple((pool, { a, b, c }) => {
    const x = picked(pool, a);
    const axis = axisOf(x, b);
    if (c % 2 === 0) pool.add(pool.b.cumsum(x, axis, c % 4 === 0), 12 * pool.bound(x));
    else pool.add(pool.b.rank(x, axis), 12);
  }),
  simple(windows),
  // composites and regions
  ...([true, false] as const).map((whole) =>
    simple((pool, { a, b, c }) => {
      const x = picked(pool, a);
      const mask =
        c % 3 === 0
          ? undefined
          : c % 3 === 1
            ? pool.b.lt(pool.pickLike(x, c), pool.b.full(0.2, x.shape, "f32"))
            : pool.b.le(x, pool.b.full(-3, x.shape, "f32"));
      const axis = axisOf(x, b);
      pool.add(
        whole ? pool.b.softmax(x, axis, mask) : pool.b.logsumexp(x, axis, mask),
        whole ? 1 : pool.bound(x) + 4,
      );
    }),
  ),
  simple(attend),
  simple(pairs),
  repeat,
  repeat,
];
