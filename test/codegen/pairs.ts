/** Sums over pairs as bodies, for tests of their kernels: attention's two, with masks, and those of its gradients. */
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { f32 } from "../../compiler/ir/numbers/f32.js";
import type { Axis, DType, Shape, Size } from "../../compiler/ir/shape.js";
import { explained } from "../support/closeness.js";
import type { Case } from "./run.js";
import { reference } from "./run.js";

export const b = createBuilder();
export type Formula = (argument: (name: string, dtype?: DType) => Node) => Node;
export const number = (value: number, dtype: DType = "f32"): Node => b.const(value, dtype);
export const formula = (make: Formula): Graph => ({
  name: "formula",
  outputs: [
    {
      name: "y",
      node: make((name, dtype = name.length > 1 ? "f32" : "i32") => b.input("fixed", name, [], dtype)),
    },
  ],
});
export const axis = (name: string, size: Size): Axis => ({ name, size });

/** Attention of q [b, h, i, c], k and v [b, g, j, c]. */
export interface Sizes {
  readonly batch: readonly Size[];
  readonly heads: number;
  readonly groups: number;
  readonly i: Size;
  readonly j: Size;
  readonly channels: number;
  readonly values: number;
}
export const plain: Sizes = { batch: [2], heads: 2, groups: 2, i: 5, j: 7, channels: 8, values: 8 };

export interface Setup {
  readonly space: Shape;
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly dy: Node;
  readonly l: Node;
  readonly d: Node;
}

export function setup({ batch, heads, groups, i, j, channels, values }: Sizes): Setup {
  const lead = batch.map((size, n) => axis(`b${n}`, size));
  const of = (n: number, ...sizes: readonly Size[]): Node =>
    b.input("fixed", `fixed.${n}`, [...lead, ...sizes.map((size, m) => axis(`x${m}`, size))], "f32");
  return {
    space: [...lead, axis("h", heads), axis("i", i), axis("j", j)],
    q: of(0, heads, i, channels),
    k: of(1, groups, j, channels),
    v: of(2, groups, j, values),
    dy: of(3, heads, i, values),
    l: of(4, heads, i),
    d: of(5, heads, i),
  };
}

export type Attributes = NodeOf<"pairwise">["attributes"];
export const pairwise = (
  { space }: Setup,
  inputs: readonly Node[],
  given: Partial<Attributes> & Pick<Attributes, "formula">,
): Node =>
  b.make("pairwise", inputs, {
    ...{ space, products: 1, mask: undefined, reduce: "sum", over: "columns", valued: false },
    ...{ heads: space[space.length - 3]!.size, kept: [], fields: [], offset: 0, ...given },
  }) as Node;

export const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

export const kept = (space: Shape, ...names: readonly string[]): readonly number[] =>
  space.flatMap(({ name }, n) => (name.startsWith("b") || names.includes(name) ? [n] : []));

export const score: Formula = (x) => b.mul(x("s0"), number(0.35));
export const causal: Formula = (x) => b.make("le", [x("j"), x("i")], {}) as Node;

/** The logsumexp and the mix of attention; `own` is what the weight is multiplied by. */
export function attention(of: Setup, mask?: Formula, make: Formula = score): readonly [Node, Node] {
  const shared = { mask: mask && formula(mask) };
  const l = pairwise(of, [of.q, of.k], { ...shared, formula: formula(make), reduce: "logsumexp" });
  const y = pairwise(of, [of.q, of.k, of.v, l], {
    ...shared,
    valued: true,
    formula: formula((x) => b.exp(b.sub(make(x), x("field0")))),
    fields: [kept(of.space, "h", "i")],
  });
  return [l, y];
}

export const clipped: Formula = (x) =>
  b.mul(number(3), b.make("tanh", [b.mul(x("s0"), number(0.2))], {}) as Node);
export const op = (name: "and" | "lt" | "eq" | "mod" | "floordiv", x: Node, y: Node): Node =>
  b.make(name, [x, y], {}) as Node;
export const distance: Formula = (x) => b.sub(x("i"), x("j"));
export const masks: Readonly<Record<string, Formula>> = {
  causal,
  window: (x) => op("and", causal(x), op("lt", distance(x), number(3, "i32"))),
  strided: (x) => op("and", causal(x), op("eq", op("mod", distance(x), number(3, "i32")), number(0, "i32"))),
  blocks: (x) => op("eq", op("floordiv", x("i"), number(4, "i32")), op("floordiv", x("j"), number(4, "i32"))),
  heads: (x) => op("lt", op("mod", b.add(x("j"), x("h")), number(2, "i32")), number(1, "i32")),
  nothing: (x) => op("lt", x("j"), number(-1, "i32")),
  some: (x) => op("lt", number(2, "i32"), b.sub(x("i"), x("j"))),
};

/** The gradients of attention: of queries, of keys and values in one pass, of a field. */
export function gradients(of: Setup, groups: number, mask?: Formula) {
  const made = mask && formula(mask);
  const weight: Formula = (x) => b.exp(b.sub(score(x), x("field0")));
  const slope: Formula = (x) => b.mul(b.mul(weight(x), b.sub(x("s1"), x("field1"))), number(0.35));
  const rows = [kept(of.space, "h", "i"), kept(of.space, "h", "i")];
  const two = [of.q, of.k, of.dy, of.v];
  const given = { mask: made, products: 2, formula: formula(slope), fields: rows };
  const over = { over: "rows", heads: groups } as const;
  const sloped = { ...given, valued: true };
  const weighed = {
    ...{ mask: made, valued: true, formula: formula(weight), fields: [kept(of.space, "h", "i")] },
    ...over,
  };
  return {
    two,
    given,
    dq: pairwise(of, [...two, of.k, of.l, of.d], sloped),
    dk: pairwise(of, [...two, of.q, of.l, of.d], { ...sloped, ...over }),
    dv: pairwise(of, [of.q, of.k, of.dy, of.l], weighed),
    count: pairwise(of, [of.q, of.k], { mask: made, formula: formula(score), ...over }),
  };
}

/** Attention whose weights are dropped where they are read. */
export function dropped(of: Setup, mask: Formula): readonly [Node, Node] {
  const scalar = (name: string): Node => b.input("scalar", name, [], "i32");
  const bits = b.make("random", [scalar("seed"), scalar("step"), number(0, "i32")], {
    path: "drop",
    shape: of.space,
  }) as Node;
  const [l] = attention(of, mask);
  const y = pairwise(of, [of.q, of.k, of.v, l, bits], {
    ...{
      mask: formula(mask),
      valued: true,
      fields: [kept(of.space, "h", "i"), of.space.map((_, n) => n)],
    },
    formula: formula((x) => {
      const p = b.exp(b.sub(score(x), x("field0")));
      return b.select(op("lt", x("field1"), number(0.25)), number(0), b.mul(p, number(1 / 0.75)));
    }),
  });
  return [l, y];
}

export interface Meant {
  readonly expected: readonly (readonly number[])[];
  readonly bound: (output: number) => number;
}

/** What the expansion means, and what rounding each of its operations to f32 explains. */
export function meaning(given: Case): Meant {
  const meant = { ...given, body: expand(given.body, b) };
  const [expected, clean] = [reference(meant), reference(meant, f32)];
  const bounds = expected.map((values, n) => {
    const rounding = values.reduce((most, x, k) => Math.max(most, Math.abs(clean[n]![k]! - x)), 0);
    return explained(rounding, values);
  });
  return { expected, bound: (output) => bounds[output]! };
}
