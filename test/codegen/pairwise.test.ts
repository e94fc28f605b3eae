/** Kernels of sums over pairs: what they compute is what their expansions mean, on both devices. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import type { Axis, DType, Shape, Size } from "../../compiler/ir/shape.js";

import type { Case } from "./run.js";
import { difference, reference, runJavascript, runWgsl } from "./run.js";

const b = createBuilder();
type Formula = (argument: (name: string, dtype?: DType) => Node) => Node;
const number = (value: number, dtype: DType = "f32"): Node => b.const(value, dtype);
const formula = (make: Formula): Graph => ({
  name: "formula",
  outputs: [
    {
      name: "y",
      node: make((name, dtype = name.length > 1 ? "f32" : "i32") => b.input("fixed", name, [], dtype)),
    },
  ],
});
const axis = (name: string, size: Size): Axis => ({ name, size });

/** Attention of q [b, h, i, c], k and v [b, g, j, c]. */
interface Sizes {
  readonly batch: readonly Size[];
  readonly heads: number;
  readonly groups: number;
  readonly i: Size;
  readonly j: Size;
  readonly channels: number;
  readonly values: number;
}
const plain: Sizes = { batch: [2], heads: 2, groups: 2, i: 5, j: 7, channels: 8, values: 8 };

interface Setup {
  readonly space: Shape;
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly dy: Node;
  readonly l: Node;
  readonly d: Node;
}

function setup({ batch, heads, groups, i, j, channels, values }: Sizes): Setup {
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

type Attributes = NodeOf<"pairwise">["attributes"];
const pairwise = (
  { space }: Setup,
  inputs: readonly Node[],
  given: Partial<Attributes> & Pick<Attributes, "formula">,
): Node =>
  b.make("pairwise", inputs, {
    ...{ space, products: 1, mask: undefined, reduce: "sum", over: "columns", valued: false },
    ...{ heads: space[space.length - 3]!.size, kept: [], fields: [], offset: 0, ...given },
  }) as Node;

const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

/** Against the expansion: what every rounding of products and sums can cost, and of exponents as large as the scores are. */
async function agree(given: Case, slack = 2e-6): Promise<void> {
  const meant = { ...given, body: expand(given.body, b) };
  const expected = reference(meant);
  const scale = expected.map((values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 1));
  const bound = (output: number): number => slack * scale[output]!;
  const found = runJavascript(given);
  expect(difference(found, expected, bound), "JavaScript").toBeUndefined();
  expect(difference(await runWgsl(given), expected, bound), "WGSL").toBeUndefined();
}

const kept = (space: Shape, ...names: readonly string[]): readonly number[] =>
  space.flatMap(({ name }, n) => (name.startsWith("b") || names.includes(name) ? [n] : []));

const score: Formula = (x) => b.mul(x("s0"), number(0.35));
const causal: Formula = (x) => b.make("le", [x("j"), x("i")], {}) as Node;

/** The logsumexp and the mix of attention; `own` is what the weight is multiplied by. */
function attention(of: Setup, mask?: Formula, make: Formula = score): readonly [Node, Node] {
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

describe("attention in one pass", () => {
  test("without a mask", async () => {
    const of = setup(plain);
    const [l, y] = attention(of);
    await agree({ body: body(y, l) });
  });
  test("causal", async () => {
    const of = setup({ ...plain, i: 9, j: 9 });
    const [l, y] = attention(of, causal);
    await agree({ body: body(y, l) });
  });
});
