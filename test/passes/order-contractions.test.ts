/** Products of several tensors: the order that needs fewest operations, the same meaning, and what stays as it is written. */
import { describe, expect, it, test } from "vitest";
import { compile } from "../../compiler/index.js";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Axis, Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import { verify } from "../../compiler/ir/verify.js";
import { smallLengths } from "../../compiler/laws/lengths.js";
import { checkPasses } from "../../compiler/laws/passes.js";
import { flopsOf } from "../../compiler/passes/flops.js";
import { chainOf } from "../../compiler/passes/order/chain.js";
import { weigh } from "../../compiler/passes/order/orders.js";
import { orderContractions } from "../../compiler/passes/order_contractions.js";
import { isOp } from "../../compiler/passes/rule.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { built } from "../build/support.js";
import { difference, randomLeaves } from "./support/meaning.js";
import type { Random } from "./support/random.js";
import { createRandom, randomNumber, shuffled } from "./support/random.js";

/** Operations are counted at these; numbers are computed at the few of test/passes/support/meaning.ts. */
const usual = { B: 4, T: 100, S: 80, P: 0 };

const sizes: Readonly<Record<string, Size>> = {
  ...{ b: symbol("B"), i: symbol("T"), j: symbol("S"), k: symbol("S") },
  ...{ h: 2, g: 3, c: 4, e: 5, r: 2, m: 6, n: 7, v: 40, u: 1 },
};

/** A leaf with the axes that the letters name. */
const leaf = (b: Builder, name: string, axes: string): Node =>
  b.input(
    "input",
    name,
    [...axes].map((letter): Axis => ({ name: letter, size: sizes[letter]! })),
    "f32",
  );

/** `"ij,jk->ik"` */
function product(b: Builder, labels: string, x: Node, y: Node): Node {
  const [left, right, out] = labels.split(/,|->/).map((part) => [...part]);
  return b.contract(x, y, { a: left!, b: right!, out: out! });
}

const matrix = (b: Builder, name: string, p: number, q: number): Node =>
  b.input(
    "input",
    name,
    [p, q].map((size, n) => ({ name: "pq"[n]!, size })),
    "f32",
  );

const graphOf = (...nodes: readonly Node[]): Graph => ({
  name: "test",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});

const contractions = (graph: Graph): readonly Node[] =>
  topological(graph).flatMap((node) =>
    node.op === "contract" ? [node] : node.op === "repeat" ? contractions(node.attributes.body) : [],
  );
const operations = (graph: Graph, lengths = usual): number =>
  contractions(graph).reduce((sum, node) => sum + flopsOf(node, lengths), 0);

function ordered(b: Builder, graph: Graph, lengths = usual) {
  const told: string[] = [];
  const context = { builder: b, level: 2 as const, lengths };
  const after = orderContractions.run(graph, { ...context, explain: (_, why) => told.push(why) });
  expect(verify(after)).toEqual([]);
  expect(graphKey(orderContractions.run(graph, context))).toBe(graphKey(after));
  expect(graphKey(orderContractions.run(after, context)), "idempotent").toBe(graphKey(after));
  for (let seed = 0; seed < 3; seed++)
    expect(difference(graph, after, randomLeaves(graph, createRandom(seed)))).toBeUndefined();
  return { after, told };
}

interface Case {
  readonly make: (b: Builder) => Node | readonly Node[];
  /** Operations afterwards, by hand; undefined where nothing is to be gained. */
  readonly after: number | undefined;
  readonly told?: string;
}

const { B, T, S } = usual;
const scores = (b: Builder): Node =>
  product(b, "bhic,bhjc->bhij", leaf(b, "q", "bhic"), leaf(b, "k", "bhjc"));
const values = (b: Builder): Node => leaf(b, "v", "bhje");

const cases: Readonly<Record<string, Case>> = {
  "linear attention": {
    make: (b) => product(b, "bhij,bhje->bhie", scores(b), values(b)),
    after: 2 * B * 2 * (S * 4 * 5 + T * 4 * 5),
  },
  "the product on the right, labels in another order": {
    make: (b) => product(b, "jehb,hjib->eibh", leaf(b, "v", "jehb"), b.transpose(scores(b), [1, 3, 2, 0])),
    after: 2 * B * 2 * (S * 4 * 5 + T * 4 * 5),
  },
  "a scalar between": {
    make: (b) =>
      product(b, "bhij,bhje->bhie", b.mul(scores(b), b.full(0.25, scores(b).shape, "f32")), values(b)),
    after: 2 * B * 2 * (S * 4 * 5 + T * 4 * 5),
  },
  "axes moved between": {
    make: (b) => product(b, "hbji,bhje->ibhe", b.transpose(scores(b), [1, 0, 3, 2]), values(b)),
    after: 2 * B * 2 * (S * 4 * 5 + T * 4 * 5),
  },
  "grouped queries: keys and values of a group, no head of their own": {
    make: (b) =>
      product(
        b,
        "bghij,bgje->bighe",
        product(b, "bghic,bgjc->bghij", leaf(b, "q", "bghic"), leaf(b, "k", "bgjc")),
        leaf(b, "v", "bgje"),
      ),
    after: 2 * B * 3 * (S * 4 * 5 + 2 * T * 4 * 5),
  },
  "heads split off between, the way to decode from a compressed cache": {
    make: (b) => {
      const keys = product(
        b,
        "bjr,rp->bjp",
        leaf(b, "latent", "bjr"),
        b.reshape(leaf(b, "up", "rhc"), [
          { name: "r", size: 2 },
          { name: "p", size: 8 },
        ]),
      );
      const heads = b.reshape(keys, [
        ...keys.shape.slice(0, 2),
        { name: "h", size: 2 },
        { name: "c", size: 4 },
      ]);
      return product(b, "bhc,bjhc->bhj", leaf(b, "q", "bhc"), heads);
    },
    after: 2 * B * 2 * (2 * 4 + S * 2),
  },
  "a product of low rank, multiplied out": {
    make: (b) =>
      product(
        b,
        "bim,mn->bin",
        leaf(b, "x", "bim"),
        product(b, "mr,rn->mn", leaf(b, "p", "mr"), leaf(b, "q", "rn")),
      ),
    // 2 · (m r n + B T m n) as written.
    after: 2 * B * T * (6 * 2 + 2 * 7),
  },
  "a product of low rank, as it should be": {
    make: (b) =>
      product(
        b,
        "bir,rn->bin",
        product(b, "bim,mr->bir", leaf(b, "x", "bim"), leaf(b, "p", "mr")),
        leaf(b, "q", "rn"),
      ),
    after: undefined,
  },
  "four factors, the last a vector": {
    make: (b) => {
      const first = product(b, "im,mn->in", leaf(b, "w", "im"), leaf(b, "x", "mn"));
      return product(b, "ij,j->i", product(b, "in,nj->ij", first, leaf(b, "y", "nj")), leaf(b, "z", "j"));
    },
    after: 2 * (7 * S + 6 * 7 + T * 6),
  },
  "two pairs, multiplied": {
    make: (b) =>
      product(
        b,
        "ij,jn->in",
        product(b, "im,jm->ij", leaf(b, "w", "im"), leaf(b, "x", "jm")),
        product(b, "jk,kn->jn", leaf(b, "y", "jk"), leaf(b, "z", "kn")),
      ),
    after: 2 * (6 * S * S + 6 * S * 7 + T * 6 * 7),
  },
  "several labels summed at once": {
    make: (b) =>
      product(
        b,
        "bijh,bjhe->bie",
        product(b, "bimc,mcjh->bijh", leaf(b, "x", "bimc"), leaf(b, "w", "mcjh")),
        leaf(b, "v", "bjhe"),
      ),
    after: 2 * B * (6 * 4 * S * 2 * 5 + T * 6 * 4 * 5),
  },
  "a label of three factors": {
    make: (b) =>
      product(
        b,
        "hij,hje->hie",
        product(b, "hi,hj->hij", leaf(b, "x", "hi"), leaf(b, "y", "hj")),
        leaf(b, "v", "hje"),
      ),
    // A product that sums nothing is none.
    after: undefined,
  },
  "an intermediate that is an output too": {
    make: (b) => [scores(b), product(b, "bhij,bhje->bhie", scores(b), values(b))],
    after: undefined,
    told: "is read elsewhere",
  },
  "an intermediate that two products read": {
    make: (b) => [
      product(b, "bhij,bhje->bhie", scores(b), values(b)),
      product(b, "bhij,bhie->bhje", scores(b), leaf(b, "w", "bhie")),
    ],
    after: undefined,
    told: "is read elsewhere",
  },
  "hardly fewer operations": {
    make: (b) => {
      const first = product(b, "ij,jk->ik", matrix(b, "x", 20, 19), matrix(b, "y", 19, 20));
      return product(b, "ij,jk->ik", first, matrix(b, "z", 20, 19));
    },
    after: undefined,
    told: "hardly fewer",
  },
};

describe.each(Object.entries(cases))("%s", (_, { make, after, told }) => {
  it("is ordered by the number of operations", () => {
    const b = createBuilder();
    const nodes = make(b);
    const graph = graphOf(...("op" in nodes ? [nodes] : nodes));
    const found = ordered(b, graph);
    if (after === undefined) expect(graphKey(found.after)).toBe(graphKey(graph));
    else {
      expect(operations(found.after)).toBe(after);
      expect(after).toBeLessThan(operations(graph));
    }
    expect(found.told.join("\n")).toContain(told ?? "");
  });
});

describe("the lengths decide", () => {
  const graph = (b: Builder): Graph => graphOf(product(b, "bhij,bhje->bhie", scores(b), values(b)));
  test.each([
    [{ ...usual, T: 1, S: 1 }, false],
    [{ ...usual, T: 1, S: 1000 }, false],
    [{ ...usual, T: 1000, S: 1000 }, true],
  ])("%o", (lengths, changes) => {
    const b = createBuilder();
    const before = graph(b);
    expect(graphKey(ordered(b, before, lengths).after) !== graphKey(before)).toBe(changes);
  });
});

test("no order with a larger intermediate than there is room for", () => {
  const b = createBuilder();
  const first = product(b, "ij,jk->ik", matrix(b, "x", 30, 10), matrix(b, "y", 10, 30));
  const whole = product(b, "ij,jk->ik", first, matrix(b, "z", 30, 10));
  const chain = isOp(whole, "contract") ? chainOf(whole, b, () => true) : undefined;
  // x · (y · z) makes 10 × 10, as written 30 × 30.
  expect(weigh(chain!, {}, 1).best?.operations).toBe(2 * (10 * 30 * 10 + 30 * 10 * 10));
  expect(weigh(chain!, {}, 0.1).best).toBeUndefined();
});

/** Factors with random labels, multiplied in a random order, with moved axes and scalars between. */
function randomChain(b: Builder, random: Random): Node {
  const letters = [..."bijhgcer"];
  const factors = Array.from({ length: randomNumber(random, 3, 5) }, (_, n) => {
    const axes = shuffled(random, letters).slice(0, randomNumber(random, 1, 3));
    return { x: leaf(b, `x${n}`, axes.join("")), axes };
  });
  const isWanted = (letter: string, among: typeof factors): boolean =>
    among.some(({ axes }) => axes.includes(letter));
  // A label of one factor is not summed.
  const out = letters.filter(
    (letter) => factors.filter(({ axes }) => axes.includes(letter)).length === 1 || random() < 0.2,
  );
  let rest = shuffled(random, factors);
  while (rest.length > 1) {
    const [left, right, ...others] = rest as [(typeof factors)[0], (typeof factors)[0], ...typeof factors];
    const all = [...new Set([...left.axes, ...right.axes])];
    const axes = shuffled(
      random,
      all.filter((letter) => out.includes(letter) || isWanted(letter, others)),
    );
    const x = b.contract(left.x, right.x, { a: left.axes, b: right.axes, out: axes });
    const scaled = random() < 0.3 ? b.mul(x, b.full(0.5, x.shape, "f32")) : x;
    rest = shuffled(random, [...others, { x: scaled, axes: [...axes] }]);
  }
  return rest[0]!.x;
}

test("random products of three to five factors mean the same, and many of them are cheaper", () => {
  let cheaper = 0;
  for (let seed = 0; seed < 500; seed++) {
    const b = createBuilder();
    const graph = graphOf(randomChain(b, createRandom(seed)));
    const { after } = ordered(b, graph);
    expect(operations(after)).toBeLessThanOrEqual(operations(graph));
    if (operations(after) < operations(graph)) cheaper++;
  }
  expect(cheaper).toBeGreaterThan(30);
});

const model = `model linear(vocab = 32, context = 64, d = 16, heads = 2, head_dim = 8) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat 2 {
    param wq[d, heads, head_dim] ~ normal(0.5)
    param wk[d, heads, head_dim] ~ normal(0.5)
    param wv[d, heads, head_dim] ~ normal(0.5)
    param wo[heads, head_dim, d] ~ normal(0.5)
    q[h, i, c] = x[i, m] * wq[m, h, c]
    q[h, i, c] = tanh(q[h, i, c])
    k[h, j, c] = x[j, m] * wk[m, h, c]
    k[h, j, c] = tanh(k[h, j, c])
    v[h, j, e] = x[j, m] * wv[m, h, e]
    s[h, i, j] = q[h, i, c] * k[h, j, c] * 0.02
    y[h, i, e] = s[h, i, j] * v[h, j, e]
    y[h, i, e] = tanh(y[h, i, e])
    x[i, n] = x[i, n] + y[h, i, e] * wo[h, e, n]
  }
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
  train {
    optimizer = sgd(lr: 1e-3)
    batch = 2
  }
}`;

describe("linear attention, trained", () => {
  it("needs as many fewer operations in its gradients as twice those of the loss", () => {
    const lengths = { B: 2, T: 64, P: 0 };
    const counted = (level: 1 | 2): Readonly<Record<string, number>> => {
      const counts: Record<string, number> = {};
      const hook = (pass: string, _: Graph, after: Graph): void => {
        if (pass === "eliminate") counts[after.name] = operations(after, { ...usual, ...lengths });
      };
      const { diagnostics } = compile(model, { level, hook, only: ["forward", "loss", "train"] });
      expect(diagnostics).toEqual([]);
      return counts;
    };
    const [before, after] = [counted(1), counted(2)];
    // Of each of the 2 heads of 2 texts: T · T · (c + e) as written, 2 · T · c · e afterwards.
    const fewer = 2 * 2 * 2 * (64 * 64 * (8 + 8) - 2 * 64 * 8 * 8);
    expect(before.forward! - after.forward!).toBe(fewer);
    expect(before.loss! - after.loss!).toBe(fewer);
    expect(before.train! - after.train!).toBe(3 * fewer);
  });

  it("has the same loss, gradients and updates in f64", () => {
    const builder = createBuilder();
    const one = built(model, { builder });
    const span = { file: "model.tfm", start: 0, end: 0 };
    const { entries } = checkPasses(one, undefined, { builder, lengths: smallLengths(one), seed: 1, span });
    expect(entries.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
    const { passes } = entries.find(({ entry }) => entry === "train")!;
    expect(passes).toContain("order_contractions");
  });
});
