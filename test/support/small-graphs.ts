/** Small graphs with everything a planner can trip over: a region, its gradient, row reductions, reuse, updates in place. */
import type { Builder } from "../../compiler/ir/builder.js";
import type { Built, Graph, Node } from "../../compiler/ir/graph.js";
import type { Axis } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";

const batch: Axis = { name: "batch", size: symbol("B") };
const time: Axis = { name: "t", size: symbol("T") };

export interface SmallModel {
  readonly width: number;
  readonly hidden: number;
  readonly turns: number;
}

/** x ← x + gelu-like(norm(x)·w1 + b1)·w2, `turns` times; loss = Σ (x − y)². Leaves: layers.*.w1, layers.*.b1, layers.*.w2, gain. */
export function residualNetwork(b: Builder, { width, hidden, turns }: SmallModel): { readonly built: Built } {
  const [d, f]: Axis[] = [
    { name: "d", size: width },
    { name: "f", size: hidden },
  ];
  const x = b.input("input", "x", [batch, time, d!], "f32");
  const y = b.input("input", "y", [batch, time, d!], "f32");
  const layer: Axis = { name: "layer", size: turns };
  const w1 = b.input("parameter", "layers.*.w1", [layer, d!, f!], "f32");
  const b1 = b.input("parameter", "layers.*.b1", [layer, f!], "f32");
  const w2 = b.input("parameter", "layers.*.w2", [layer, f!, d!], "f32");
  const gain = b.input("parameter", "gain", [d!], "f32");
  const body = turn(b, [batch, time, d!], d!, f!);
  const region = b.repeat([x, w1, b1, w2, gain], {
    body,
    first: 0,
    count: turns,
    reverse: false,
    carries: 1,
    slices: 3,
  });
  const out = b.get(region, 0);
  const difference = b.sub(out, y);
  const loss = b.sum(b.mul(difference, difference), [0, 1, 2]);
  const forward: Graph = { name: "forward", outputs: [{ name: "out", node: out }] };
  const lossGraph: Graph = {
    name: "loss",
    outputs: [
      { name: "loss.sum", node: loss },
      { name: "loss.count", node: b.length(width, "f32") },
    ],
  };
  const stacked = ["w1", "b1", "w2"].flatMap((name) =>
    Array.from({ length: turns }, (_, n) => info(`layers.${n}.${name}`, `layers.*.${name}`, n)),
  );
  return {
    built: {
      name: "small",
      forward,
      loss: lossGraph,
      optimizer: momentum(b),
      probes: [],
      inputs: [],
      parameters: [...stacked, info("gain", "gain", undefined)],
      lengths: { B: { axis: "batch", maximum: 8 }, T: { axis: "t", maximum: 16 } },
      recipe: {
        learningRate: 0.1,
        schedule: { kind: "constant", warmup: 0 },
        clip: 1,
        batch: 2,
        steps: 1,
        accumulate: 2,
      },
    } as unknown as Built,
  };
}

const info = (name: string, leaf: string, turn: number | undefined) => ({
  name,
  leaf,
  turn,
  shape: [],
  init: { kind: "zeros" as const },
  frozen: false,
  decay: true,
});

const momentum = (b: Builder): Built["optimizer"] => ({
  name: "sgd",
  states: [{ name: "sgd.m", initial: 0 }],
  apply(leaf: Node, gradient: Node, states: readonly Node[]) {
    const m = b.add(b.mul(states[0]!, b.const(0.9, "f32")), gradient);
    return { parameter: b.sub(leaf, b.mul(m, b.input("scalar", "lr", [], "f32"))), states: [m] };
  },
});

function turn(b: Builder, shape: readonly Axis[], d: Axis, f: Axis): Graph {
  const x = b.input("carry", "carry.0", shape, "f32");
  const w1 = b.input("slice", "slice.0", [d, f], "f32");
  const b1 = b.input("slice", "slice.1", [f], "f32");
  const w2 = b.input("slice", "slice.2", [f, d], "f32");
  const gain = b.input("fixed", "fixed.0", [d], "f32");
  const count = b.const(d.size as number, "f32");
  const rows = (v: Node): Node => b.broadcastTo(v, shape, [0, 1, -1]);
  const mean = b.div(b.sum(x, [2]), count); // [b, t]
  const centred = b.sub(x, rows(mean)); // [b, t, d]
  const deviation = b.rsqrt(b.add(b.div(b.sum(b.mul(centred, centred), [2]), count), b.const(1e-3, "f32"))); // [b, t]
  const normed = b.mul(b.mul(centred, rows(deviation)), b.broadcastTo(gain, shape, [-1, -1, 0])); // [b, t, d]
  const h = b.contract(normed, w1, { a: ["b", "t", "d"], b: ["d", "f"], out: ["b", "t", "f"] }); // [b, t, f]
  const pre = b.add(h, b.broadcastTo(b1, h.shape, [-1, -1, 0])); // [b, t, f]
  const act = b.mul(pre, b.sigmoid(pre)); // [b, t, f]
  const update = b.contract(act, w2, { a: ["b", "t", "f"], b: ["f", "d"], out: ["b", "t", "d"] }); // [b, t, d]
  return { name: "turn", outputs: [{ name: "carry.0", node: b.add(x, update) }] };
}
