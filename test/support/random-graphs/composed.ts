/** Random attention and random regions. */
import type { Graph, Node } from "../../../compiler/ir/graph.js";
import { sameSizes } from "../../../compiler/ir/shape.js";
import type { Instruction, Pool } from "./pool.js";
import { AXES } from "./pool.js";
import type { Run } from "./steps.js";

const [BATCH, T, D, H] = AXES as [(typeof AXES)[0], (typeof AXES)[0], (typeof AXES)[0], (typeof AXES)[0]];
const S = { name: "s", size: [[1, "S"]] as const };

/** mix over leaves that a value of the pool shifts: two heads of k and v for four of q, or one for two. */
export function attend(pool: Pool, { a, b: second, c }: Instruction): void {
  const { b } = pool;
  const x = pool.pick("f32", a);
  const shift = b.tanh(
    b.sum(
      x,
      x.shape.map((_, n) => n),
    ),
  );
  const outer = second % 2 === 0 ? [BATCH] : [];
  const j = c % 2 === 0 ? T : S;
  const own = (name: string, shape: Graph["outputs"][0]["node"]["shape"]): Node => {
    const leaf = pool.inBody
      ? b.sin(b.to_f32(b.iota(shape, shape.length - 1)))
      : b.input("parameter", name, shape, "f32");
    return b.add(leaf, b.broadcastTo(shift, shape, []));
  };
  const kv = second % 3 === 0 ? H : { name: "g", size: 1 };
  const heads = second % 3 === 0 ? { name: "h", size: 4 } : H;
  const key = `${outer.length}${heads.size}${j.name}`;
  const q = own(`q${outer.length}${heads.size}`, [...outer, heads, T, D]);
  const k = own(`k${key}`, [...outer, kv, j, D]);
  const v = own(`v${key}`, [...outer, kv, j, { name: "e", size: 3 }]);
  const slope = b.sin(b.to_f32(b.iota([heads], 0)));
  const argument = (name: string, dtype: "f32" | "i32"): Node => b.input("fixed", name, [], dtype);
  const formula = (node: Node): Graph => ({ name: "formula", outputs: [{ name: "y", node }] });
  const [s, row, column] = [argument("s", "f32"), argument("i", "i32"), argument("j", "i32")];
  const biased = b.sub(
    b.mul(s, b.const(0.5, "f32")),
    b.mul(argument("field0", "f32"), b.to_f32(b.sub(row, column))),
  );
  const masks = [
    undefined,
    b.le(column, row),
    b.lt(b.abs(b.sub(row, column)), b.const(2, "i32")),
    b.lt(row, column),
  ];
  const mask = masks[c % 4];
  pool.add(
    b.make("mix", [q, k, v, slope], {
      score: formula(c % 3 === 0 ? b.tanh(biased) : biased),
      mask: mask && formula(mask),
      weight: c % 5 === 0 ? "identity" : "softmax",
      post: c % 11 === 0 ? formula(b.mul(argument("a", "f32"), b.sigmoid(argument("l", "f32")))) : undefined,
      fields: [[outer.length]],
      offset: c % 7 === 0 ? [[1, "P"]] : 0,
    }),
    c % 5 === 0 ? 1000 : 7,
  );
}

/**
 * pairwise over leaves that a value of the pool shifts: one or two products, keys that heads share, fields with all kinds of
 * axes, each way of summing.
 */
export function pairs(pool: Pool, { a, b: second, c }: Instruction): void {
  const { b } = pool;
  const x = pool.pick("f32", a);
  const shift = b.tanh(
    b.sum(
      x,
      x.shape.map((_, n) => n),
    ),
  );
  const j = c % 2 === 0 ? T : S;
  const groups = second % 2 === 0 ? H : { name: "g", size: 1 };
  const value = { name: "e", size: 3 };
  const space = [BATCH, H, T, j];
  const own = (name: string, shape: Graph["outputs"][0]["node"]["shape"]): Node => {
    const leaf = pool.inBody
      ? b.sin(b.to_f32(b.iota(shape, shape.length - 1)))
      : b.input("parameter", `${name}${shape.map((axis) => axis.name).join("")}`, shape, "f32");
    return b.add(leaf, b.broadcastTo(shift, shape, []));
  };
  const over = (["columns", "rows", "batch"] as const)[c % 3]!;
  const reduce = over === "columns" && second % 3 === 0 ? "logsumexp" : "sum";
  const valued = over !== "batch" && reduce === "sum" && second % 5 < 3;
  const products = second % 7 === 0 ? 0 : 1 + (c % 2);
  const fields = [[1], [0, 1, 2], [0, 3], [2, 3]][c % 4]!;
  const values = over === "columns" ? [BATCH, groups, j, value] : [BATCH, H, T, value];
  const argument = (name: string, dtype: "f32" | "i32"): Node => b.input("fixed", name, [], dtype);
  const formula = (node: Node): Graph => ({ name: "formula", outputs: [{ name: "y", node }] });
  const [row, column] = [argument("i", "i32"), argument("j", "i32")];
  const distance = b.to_f32(b.sub(row, column));
  const [s, t, field] = ["s0", "s1", "field0"].map((name) => argument(name, "f32")) as [Node, Node, Node];
  const score = products > 0 ? b.mul(s, b.const(0.5, "f32")) : b.mul(distance, b.const(0.25, "f32"));
  const weight = b.exp(b.tanh(b.sub(score, field)));
  const terms = [weight, b.select(b.lt(field, score), weight, b.const(0, "f32")), b.sin(b.add(field, score))];
  const term = products === 2 ? b.mul(terms[second % 3]!, b.tanh(t)) : terms[second % 3]!;
  const masks = [undefined, b.le(column, row), b.lt(field, b.const(0.5, "f32")), b.lt(row, column)];
  const mask = masks[(c >> 2) % 4];
  pool.add(
    b.make(
      "pairwise",
      [
        ...Array.from({ length: products }, (_, n) => [
          own(`l${n}`, [BATCH, H, T, D]),
          own(`r${n}`, [BATCH, n === 0 ? groups : H, j, D]),
        ]).flat(),
        ...(valued ? [own("x", values)] : []),
        own(
          "f",
          fields.map((axis) => space[axis]!),
        ),
      ],
      {
        space,
        products,
        formula: formula(term),
        mask: mask && formula(mask),
        reduce,
        over,
        valued,
        heads: over === "rows" ? groups.size : H.size,
        kept:
          over === "batch"
            ? [
                [2, 3],
                [1, 2, 3],
                [0, 1, 2, 3],
              ][second % 3]!
            : [],
        fields: [fields],
        offset: c % 7 === 0 ? [[1, "P"]] : 0,
      },
    ) as Node,
    1000,
  );
}

/** A region over a carry, a stack and a fixed operand; the instructions that follow make its body. */
export function repeat(
  pool: Pool,
  { a, b: second, c }: Instruction,
  following: readonly Instruction[],
  run: Run,
): number {
  if (pool.inBody && c % 3 !== 0) return 0;
  const { b } = pool;
  const count = 1 + (c % 3);
  const [carry, fixed] = [pool.pick("f32", a), pool.pick("f32", second)];
  const stack = stackOf(pool, count, c);
  const inner = pool.inner();
  const local = [
    b.input("carry", "carry.0", carry.shape, "f32"),
    b.input("slice", "slice.0", stack.shape.slice(1), "f32"),
    b.input("fixed", "fixed.0", fixed.shape, "f32"),
    b.input("turn", "turn.0", [], "i32"),
  ] as const;
  const bounds = [pool.bound(carry) + 2, 6, pool.bound(fixed), 4];
  local.forEach((node, n) => void inner.add(node, bounds[n]!));
  const length = Math.min(1 + (second % 6), following.length);
  run(inner, following.slice(0, length));
  const made = inner.nodes.filter((node) => node.dtype === "f32" && sameSizes(node.shape, carry.shape));
  const next = b.add(b.mul(b.tanh(made[made.length - 1]!), b.const(0.75, "f32")), b.sin(local[0]));
  const results = inner.nodes.filter((node) => node.dtype === "f32" && node.op !== "input").slice(-1);
  const outputs = [next, ...results].map((node, n) => ({ name: String(n), node }));
  const region = b.repeat([carry, stack, fixed], {
    body: { name: "body", outputs },
    first: c % 2,
    count,
    reverse: second % 3 === 0,
    carries: 1,
    slices: 1,
  });
  pool.add(b.get(region, 0), 2);
  results.forEach((node, n) => void pool.add(b.get(region, 1 + n), inner.bound(node)));
  return length;
}

function stackOf(pool: Pool, count: number, choice: number): Node {
  const { b } = pool;
  const shape = [{ name: "layer", size: count }, ...(choice % 2 === 0 ? [D] : [])];
  if (pool.inBody) return b.cos(b.to_f32(b.iota(shape, 0)));
  return b.input("parameter", `stack${count}_${shape.length}`, shape, "f32");
}
