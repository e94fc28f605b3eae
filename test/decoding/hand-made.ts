/**
 * A small encoder–decoder written twice by hand: as one forward graph, and as the graphs that decode it step by step.
 *
 * Of three kinds of layers: causal ones in a `repeat` (stacked caches over all positions) that also look at the source, one causal
 * layer outside of it, and one that sees a window (a ring). Everything is single-headed, so that the graphs stay readable.
 */
import type { Builder } from "../../compiler/ir/builder.js";
import type { Axis, Built, Graph, InputInfo, Node, ParameterInfo, Shape } from "../../compiler/ir/graph.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { CacheInfo, DecodingGraphs } from "../../compiler/passes/decoding/graphs.js";
import { capacity, position } from "../../compiler/passes/decoding/graphs.js";

export interface HandMade {
  readonly turns: number;
  readonly width: number;
  readonly vocab: number;
  readonly context: number;
  readonly window: number;
  readonly chunk: number;
}

export const handMadeSizes: HandMade = { turns: 2, width: 6, vocab: 7, context: 24, window: 3, chunk: 4 };

const batch: Axis = { name: "batch", size: symbol("B") };
const time: Axis = { name: "t", size: symbol("T") };
const from: Axis = { name: "s", size: symbol("S") };
const held: Axis = { name: "c", size: symbol(capacity) };

/** Keys and values to look at, the position of each, and the position of each query: i32 [keys], [queries]. */
interface Seen {
  readonly k: Node;
  readonly v: Node;
  readonly allows: (i: Node, j: Node) => Node;
  readonly keys: Node;
  readonly queries: Node;
}

/** softmax(q · k where allowed) · v: [b, t, d]. */
function attend(b: Builder, q: Node, { k, v, allows, keys, queries }: Seen): Node {
  const scores = b.contract(q, k, { a: ["b", "t", "d"], b: ["b", "j", "d"], out: ["b", "t", "j"] }); // [b, t, j]
  const plane = scores.shape.slice(1);
  const allowed = allows(b.broadcastTo(queries, plane, [0, -1]), b.broadcastTo(keys, plane, [-1, 0])); // [t, j]
  const p = b.softmax(scores, 2, b.broadcastTo(allowed, scores.shape, [-1, 0, 1])); // [b, t, j]
  return b.contract(p, v, { a: ["b", "t", "j"], b: ["b", "j", "d"], out: ["b", "t", "d"] }); // [b, t, d]
}

const project = (b: Builder, x: Node, w: Node): Node =>
  b.contract(x, w, { a: ["b", "t", "d"], b: ["d", "e"], out: ["b", "t", "e"] }); // [b, t, e]

const spread = (b: Builder, x: Node, axis: Axis): Node => b.broadcastTo(x, [axis], [-1]);

export function handMade(b: Builder, sizes: HandMade = handMadeSizes) {
  const { turns, width, vocab, context, window, chunk } = sizes;
  const layer: Axis = { name: "layer", size: turns };
  const d: Axis = { name: "d", size: width };
  const words: Axis = { name: "vocab", size: vocab };
  const ring: Axis = { name: "r", size: window + chunk - 1 };
  const names = ["wq", "wk", "wv", "xq", "xk", "xv"];
  const tokens = b.input("input", "tokens", [batch, time], "i32");
  const source = b.input("input", "source", [batch, from], "i32");
  const parameter = (name: string, shape: Shape): Node => b.input("parameter", name, shape, "f32");
  const wte = parameter("wte", [words, d]);
  const wpe = parameter("wpe", [{ name: "p", size: context }, d]);
  const stacks = names.map((name) => parameter(`layers.*.${name}`, [layer, d, d]));
  const [xk, xv] = [stacks[4]!, stacks[5]!];
  const [oq, ok, ov] = ["q", "k", "v"].map((name) => parameter(`one.${name}`, [d, d])) as [Node, Node, Node];
  const [rq, rk, rv] = ["q", "k", "v"].map((name) => parameter(`ring.${name}`, [d, d])) as [Node, Node, Node];
  const at = b.input("scalar", position, [], "i32");
  const memory = b.gather(wte, source, 0); // [b, s, d]
  const everything = (i: Node): Node => b.le(i, i);
  const causal = (i: Node, j: Node): Node => b.le(j, i);
  const near = (i: Node, j: Node): Node =>
    b.and(causal(i, j), b.and(b.lt(b.sub(i, j), b.const(window, "i32")), b.le(b.const(0, "i32"), j)));
  const positions = (first: Node): Node => b.add(b.iota([time], 0), spread(b, first, time)); // [t]

  /** x + what it sees of itself + what it sees of the source, for each turn. */
  function body(stepping: boolean): Graph {
    const x = b.input("carry", "carry.0", [batch, time, d], "f32");
    const slice = (n: number, shape: Shape): Node => b.input("slice", `slice.${n}`, shape, "f32");
    const [wq, wk, wv, cq] = names.slice(0, 4).map((_, n) => slice(n, [d, d])) as [Node, Node, Node, Node];
    const first = stepping ? at : b.const(0, "i32");
    const queries = positions(first);
    const [k, v] = [project(b, x, wk), project(b, x, wv)];
    const whole = (n: number, rows: Node): Node =>
      stepping ? b.update(slice(n, [batch, held, d]), rows, at, 1) : rows;
    const [keys, values] = [whole(4, k), whole(5, v)];
    const own = { k: keys, v: values, allows: causal, keys: b.iota([stepping ? held : time], 0), queries };
    const seen = b.add(x, attend(b, project(b, x, wq), own));
    // The weights of the source's keys and values, or those keys and values themselves.
    const [sk, sv] = stepping
      ? [slice(6, [batch, from, d]), slice(7, [batch, from, d])]
      : [4, 5].map((n) => project(b, b.input("fixed", "fixed.0", [batch, from, d], "f32"), slice(n, [d, d])));
    const others = { k: sk!, v: sv!, allows: everything, keys: b.iota([from], 0), queries };
    const next = b.add(seen, attend(b, project(b, seen, cq), others));
    const results = stepping ? [keys, values] : [];
    const outputs = [next, ...results].map((node, n) => ({
      name: n === 0 ? "carry.0" : `result.${n - 1}`,
      node,
    }));
    return { name: "turn", outputs };
  }

  const embed = (first: Node): Node =>
    b.add(
      b.gather(wte, tokens, 0),
      b.broadcastTo(b.gather(wpe, positions(first), 0), [batch, time, d], [-1, 0, 1]),
    );
  const unembed = (x: Node): Node =>
    b.contract(x, wte, { a: ["b", "t", "d"], b: ["v", "d"], out: ["b", "t", "v"] });
  const region = { first: 0, count: turns, reverse: false, carries: 1 };

  function forward(): Graph {
    const zero = b.const(0, "i32");
    const queries = positions(zero);
    const x = b.get(
      b.repeat([embed(zero), ...stacks, memory], { ...region, body: body(false), slices: 6 }),
      0,
    );
    const one = {
      k: project(b, x, ok),
      v: project(b, x, ov),
      allows: causal,
      keys: b.iota([time], 0),
      queries,
    };
    const y = b.add(x, attend(b, project(b, x, oq), one));
    const two = {
      k: project(b, y, rk),
      v: project(b, y, rv),
      allows: near,
      keys: b.iota([time], 0),
      queries,
    };
    const z = b.add(y, attend(b, project(b, y, rq), two));
    return { name: "forward", outputs: [{ name: "logits", node: unembed(z) }] };
  }

  const cache = (
    name: string,
    kind: CacheInfo["kind"],
    shape: Shape,
    count: number | undefined,
  ): CacheInfo => ({
    ...{ name, kind, shape, dtype: "f32", turns: count },
  });
  const caches: readonly CacheInfo[] = [
    ...["k", "v"].map((n) => cache(`layers.*.${n}`, "positions", [layer, batch, held, d], turns)),
    ...["sk", "sv"].map((n) => cache(`layers.*.${n}`, "source", [layer, batch, from, d], turns)),
    ...["k", "v"].map((n) => cache(`one.cache.${n}`, "positions", [batch, held, d], undefined)),
    ...["k", "v"].map((n) => cache(`ring.cache.${n}`, "ring", [batch, ring, d], undefined)),
  ];
  const leaf = ({ name, shape, dtype }: CacheInfo): Node => b.input("cache", name, shape, dtype);
  const output = ({ name }: CacheInfo, node: Node) => ({ name: `cache.${name}`, node });

  function step(): Graph {
    const [k, v, sk, sv, onek, onev, ringk, ringv] = caches.map(leaf) as [
      Node,
      Node,
      Node,
      Node,
      Node,
      Node,
      Node,
      Node,
    ];
    const queries = positions(at);
    const layers = b.repeat([embed(at), ...stacks.slice(0, 4), k, v, sk, sv], {
      ...region,
      body: body(true),
      slices: 8,
    });
    const x = b.get(layers, 0);
    const [k1, v1] = [b.update(onek, project(b, x, ok), at, 1), b.update(onev, project(b, x, ov), at, 1)];
    const y = b.add(
      x,
      attend(b, project(b, x, oq), { k: k1, v: v1, allows: causal, keys: b.iota([held], 0), queries }),
    );
    const [k2, v2] = [
      b.update(ringk, project(b, y, rk), at, 1, true),
      b.update(ringv, project(b, y, rv), at, 1, true),
    ];
    // Slot s of the ring holds the last position that is s modulo its size.
    const last = b.sub(b.add(at, b.length(time.size, "i32")), b.const(1, "i32")); // []
    const lasts = spread(b, last, ring); // [r]
    const keys = b.sub(
      lasts,
      b.mod(b.sub(lasts, b.iota([ring], 0)), b.full(ring.size as number, [ring], "i32")),
    ); // [r]
    const z = b.add(y, attend(b, project(b, y, rq), { k: k2, v: v2, allows: near, keys, queries }));
    const results = [b.get(layers, 1), b.get(layers, 2), k1, v1, k2, v2];
    const written = caches.filter(({ kind }) => kind !== "source");
    return {
      name: "step",
      outputs: [{ name: "logits", node: unembed(z) }, ...written.map((one, n) => output(one, results[n]!))],
    };
  }

  /** The source's keys and values of every turn. */
  function encode(): Graph {
    const project2 = (w: Node): Node =>
      b.contract(memory, w, { a: ["b", "s", "d"], b: ["l", "d", "e"], out: ["l", "b", "s", "e"] });
    return {
      name: "encode",
      outputs: [output(caches[2]!, project2(xk)), output(caches[3]!, project2(xv))],
    };
  }

  function reorder(): Graph {
    const parent = b.input("input", "parent", [batch], "i32");
    const outputs = caches.map((one) =>
      output(one, b.gather(leaf(one), parent, one.turns === undefined ? 0 : 1)),
    );
    return { name: "reorder", outputs };
  }

  const decoding: DecodingGraphs = {
    ...{ encode: encode(), step: step(), reorder: reorder(), caches },
    ...{ grown: "tokens", symbol: "T", chunk },
  };
  return { built: builtOf(sizes, forward(), [wte, wpe, oq, ok, ov, rq, rk, rv], stacks), decoding };
}

function builtOf(
  { turns, vocab, context }: HandMade,
  forward: Graph,
  plain: readonly Node[],
  stacks: readonly Node[],
) {
  const info = (leaf: Node, turn: number | undefined): ParameterInfo => {
    const name = leaf.op === "input" ? leaf.attributes.name : "";
    return {
      ...{ name: turn === undefined ? name : name.replace("*", String(turn)), leaf: name, turn },
      shape: turn === undefined ? leaf.shape : leaf.shape.slice(1),
      init: { kind: "normal", deviation: 0.6, mean: 0 },
      ...{ frozen: false, decay: true },
    };
  };
  const input = (name: string, axis: Axis): InputInfo => ({
    ...{ name, shape: [batch, axis], dtype: "i32", bound: vocab, derived: undefined },
  });
  const built: Built = {
    ...{ name: "hand", forward, loss: undefined, optimizer: undefined, probes: [] },
    inputs: [input("tokens", time), input("source", from)],
    parameters: [
      ...plain.map((leaf) => info(leaf, undefined)),
      ...stacks.flatMap((leaf) => Array.from({ length: turns }, (_, n) => info(leaf, n))),
    ],
    lengths: {
      B: { axis: "batch", maximum: 64 },
      T: { axis: "t", maximum: context },
      S: { axis: "s", maximum: context },
      P: { axis: "p", maximum: context },
    },
    recipe: {
      ...{ learningRate: 0.1, clip: undefined, batch: 2, steps: 1, accumulate: 1 },
      schedule: { kind: "constant", warmup: 0 },
    },
  };
  return built;
}
