/** Names of parameters, loops, instances, recipes, settings: what the structure form makes. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { reachable } from "../../compiler/ir/build/region.js";
import type { Built, Node } from "../../compiler/ir/graph.js";
import { constantTurns } from "../../compiler/ir/ops/regions.js";
import { verify } from "../../compiler/ir/verify.js";
import { flat } from "../support/numbers.js";
import { built, diagnose, evaluateGraph, leavesOf, tensorOf } from "./support.js";

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8");
const count = (model: Built): number =>
  model.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((n, { size }) => n * (size as number), 1),
    0,
  );
const names = (model: Built): readonly string[] => model.parameters.map(({ name }) => name);
const nodesOf = (model: Built): readonly Node[] => [
  ...reachable(model.forward.outputs.map(({ node }) => node)),
];
const regions = (model: Built) =>
  nodesOf(model)
    .flatMap((node) =>
      node.op === "repeat" ? [[node.attributes.first, constantTurns(node.attributes.count)]] : [],
    )
    .sort((a, b) => a[0]! - b[0]!);

/** The value of the output `y`, every parameter filled from its own name and place. */
function value(text: string, settings = {}): readonly number[] {
  const model = built(text, { settings });
  const weights = leavesOf(model, (name, sizes) =>
    Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, (_, n) =>
      Math.sin(n + [...name].reduce((h, c) => (h * 31 + c.codePointAt(0)!) % 1009, 7)),
    ),
  );
  const x = tensorOf(
    [2, 3, 4],
    Array.from({ length: 24 }, (_, n) => Math.cos(n)),
  );
  expect(verify(model.forward)).toEqual([]);
  return flat(evaluateGraph(model.forward, { ...weights, x }, { B: 2, T: 3 })["y"]!);
}
const model = (body: string, parameters = "n = 4"): string =>
  `model m(${/\bn\b|kind/.test(body) ? parameters : ""}) {\n  input x[t, 4] : real\n${body}\n}\n`;

describe("examples", () => {
  test.each([
    ["nano", 124_672],
    ["post-ln", 124_544],
    ["gpt2", 124_439_808],
    ["llama", 791_680],
    ["quickstart", 28_544],
  ])("%s has %d parameters", (name, parameters) => {
    const result = built(example(name));
    expect(count(result)).toBe(parameters);
    expect(verify(result.forward)).toEqual([]);
    expect(verify(result.loss!)).toEqual([]);
  });

  test("gpt2 draws dropout in training only", () => {
    const result = built(example("gpt2"));
    const has = (graph: Built["forward"]): boolean => JSON.stringify(graph).includes('"op":"random"');
    expect([has(result.forward), has(result.loss!), has(result.evaluation!)]).toEqual([false, true, false]);
    expect(built(example("nano")).evaluation).toBeUndefined();
  });

  test("the recipe", () => {
    const { recipe, optimizer } = built(example("nano"), {
      settings: { lr: 0.5, "train.batch": 3, "train.warmup": 7 },
    });
    expect(recipe).toEqual({
      learningRate: 0.5,
      schedule: { kind: "cosine", warmup: 7, steps: 2000, floor: 0 },
      clip: 1,
      batch: 3,
      steps: 2000,
      accumulate: 1,
    });
    expect(optimizer!.states).toEqual([
      { name: "m", initial: 0 },
      { name: "v", initial: 0 },
    ]);
  });
});

describe("names of parameters", () => {
  test("repeated callees, `as`, instances and turns", () => {
    const text = model(
      "use a = linear(4)\n x2 = a(a(x))\n repeat n { x2 = linear(linear(x2, 4), 4) + linear(x2, 4) as side }\n output y = x2 + linear(x, 4)",
      "n = 2",
    );
    const weights = names(built(text)).filter((name) => name.endsWith(".w"));
    expect(weights).toEqual([
      "a.w",
      "n.0.linear.w",
      "n.0.linear_2.w",
      "n.0.side.w",
      "n.1.linear.w",
      "n.1.linear_2.w",
      "n.1.side.w",
      "linear.w",
    ]);
  });
  test("a parameter whose condition is false is not there", () => {
    expect(names(built(model("output y = linear(x, 4, bias: false)")))).toEqual(["linear.w"]);
  });
  test("what decays, what is frozen", () => {
    const text = model(
      "frozen param a[4, 4] ~ normal(1)\n param b[4, 4] ~ ones\n nodecay param c[4, 4] ~ normal(1)\n param d[4] ~ normal(1)\n param e[4, 4] ~ normal(1)\n y[i, k] = x[i, j] * a[j, l] * b[l, m] * c[m, o] * e[o, k] + d[k]\n output y = y",
    );
    expect(built(text).parameters.map(({ name, frozen, decay }) => [name, frozen, decay])).toEqual([
      ["a", true, true],
      ["b", false, false],
      ["c", false, false],
      ["d", false, false],
      ["e", false, true],
    ]);
  });
  test("any Unicode identifier is a name", () => {
    const text =
      "model attribute(θ = 4) { input x[t, θ] : real\n param größe[θ] ~ ones\n y[i, λ] = x[i, λ] * größe[λ]\n output y = y }";
    const result = built(text);
    expect([result.name, names(result)]).toEqual(["attribute", ["größe"]]);
  });
});

describe("repeat", () => {
  const body = "x2 = x\n repeat n as l { x2 = x2 + linear(x2, 4) * 0.1 }\n output y = x2";
  test("one region for all turns", () => expect(regions(built(model(body)))).toEqual([[0, 4]]));
  test("no turns, one turn", () => {
    expect(regions(built(model(body.replace("linear(x2, 4)", "x2"), "n = 0")))).toEqual([]);
    expect(names(built(model(body, "n = 1")))).toEqual(["n.0.linear.w", "n.0.linear.b"]);
  });
  test("turn by turn gives the same numbers under the same names", () => {
    const each = body.replace("x2 = x2 + linear(x2, 4) * 0.1", "if l >= 0 { x2 = x2 + linear(x2, 4) * 0.1 }");
    expect(value(model(each))).toEqual(value(model(body)));
    expect(regions(built(model(each)))).toEqual([[0, 4]]);
  });
  test("an `if` on the turn makes runs of equal bodies", () => {
    const runs = body.replace(
      "x2 = x2 + linear(x2, 4) * 0.1",
      "if l < 3 { x2 = x2 + linear(x2, 4) * 0.1 } else { x2 = x2 + linear(x2, 4, bias: false) }",
    );
    const result = built(model(runs, "n = 6"));
    expect(regions(result)).toEqual([
      [0, 3],
      [3, 3],
    ]);
    expect(names(result).slice(-2)).toEqual(["n.4.linear.w", "n.5.linear.w"]);
    const alternating = body.replace(
      "x2 = x2 + linear(x2, 4) * 0.1",
      "if l % 2 == 0 { x2 = x2 + linear(x2, 4) } else { x2 = x2 * 0.5 }",
    );
    expect(names(built(model(alternating)))).toEqual([
      "n.0.linear.w",
      "n.0.linear.b",
      "n.2.linear.w",
      "n.2.linear.b",
    ]);
  });
  test("the turn's number in a formula keeps the region", () => {
    const scaled = "x2 = x\n repeat n as l { x2 = x2 + x / (l + 1) }\n output y = x2";
    expect(regions(built(model(scaled)))).toEqual([[0, 4]]);
    const expected = Array.from({ length: 24 }, (_, n) => Math.cos(n) * (1 + 1 + 1 / 2 + 1 / 3 + 1 / 4));
    value(model(scaled)).forEach((v, n) => expect(v).toBeCloseTo(expected[n]!, 12));
  });
  test("shared turns have one set of parameters", () => {
    const shared = body.replace("repeat n", "repeat shared n");
    expect(names(built(model(shared)))).toEqual(["n.linear.w", "n.linear.b"]);
    const written = "use a = linear(4)\n x2 = x\n repeat n { x2 = x2 + a(x2) * 0.1 }\n output y = x2";
    expect(names(built(model(written)))).toEqual(["a.w", "a.b"]);
  });
  test("nested loops", () => {
    const nested =
      "x2 = x\n repeat n { x2 = linear(x2, 4)\n repeat 2 { x2 = x2 + linear(x2, 4) * 0.1 } }\n output y = x2";
    const result = built(model(nested, "n = 2"));
    expect(names(result).filter((name) => name.endsWith("w"))).toEqual([
      "n.0.linear.w",
      "n.0.repeat.0.linear.w",
      "n.0.repeat.1.linear.w",
      "n.1.linear.w",
      "n.1.repeat.0.linear.w",
      "n.1.repeat.1.linear.w",
    ]);
    value(model(nested, "n = 2"));
    const bare = "x2 = x\n repeat 2 { repeat 3 { x2 = x2 + x } }\n output y = x2";
    value(model(bare)).forEach((v, n) => expect(v).toBeCloseTo(7 * Math.cos(n), 12));
  });
  test("a carried value spreads over the batch, numbers are carried too", () => {
    const text =
      "acc = positions(x) * 0.5\n k = 1\n repeat 3 as l { k = k * 2\n acc[i] = acc[i] + k * x[i, 0] }\n output y = acc";
    const y = value(model(text));
    y.forEach((v, n) => expect(v).toBeCloseTo((n % 3) * 0.5 + 14 * Math.cos(4 * n), 12));
  });
  test("probes stack over the turns", () => {
    const result = built(model(body.replace("* 0.1 }", "* 0.1\n probe inner = x2 }")));
    expect(result.probes).toEqual(["inner"]);
    const probe = result.forward.outputs.find(({ name }) => name === "inner")!;
    expect(probe.node.shape.map(({ size }) => size)).toEqual([4, [[1, "B"]], [[1, "T"]], 4]);
  });
});

describe("imports", () => {
  test("declarations of another file, and its own below the library's", () => {
    const files = {
      "b.tfm": "block twice(x[t, d]) { return helper(x) }\nblock helper(x[t, d]) { return 2 * x }\n",
    };
    const result = diagnose(`import "b.tfm"\nmodel m { input x[t, 4] : real\n output y = twice(x) }`, {
      files,
    });
    expect(result.rendered).toEqual([]);
  });
});

test("settings may be choices and expressions of the language", () => {
  const text = model(
    "if kind == wide { y = linear(x, 8) } else { y = act(x) }\n output y = y",
    "kind = narrow, act = relu",
  );
  expect(names(built(text, { settings: { kind: "wide" } }))).toEqual(["linear.w", "linear.b"]);
  expect(names(built(text, { settings: { act: "gelu" } }))).toEqual([]);
});

test("several losses add by their means, with weights", () => {
  const text =
    "model m { input x[t, 4] : real\n a = sum[i, c](x[i, c])\n loss a\n loss 0.5 * cross_entropy(x, next(ids))\n input ids[t] : int(4) }"
      .replace("\n a =", "\n input ids[t] : int(4)\n a =")
      .replace("\n input ids[t] : int(4) }", " }");
  const result = built(text);
  const x = tensorOf([1, 2, 4], [1, 2, 3, 4, 0, 0, 0, 0]);
  const values = evaluateGraph(
    result.loss!,
    { x, ids: tensorOf([1, 2], [0, 1]), "ids.next": tensorOf([1, 2], [1, -1]) },
    { B: 1, T: 2 },
  );
  const ce = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3) + Math.exp(4)) - 2;
  expect(values["loss.sum"]!.data[0]! / values["loss.count"]!.data[0]!).toBeCloseTo(10 + 0.5 * ce, 10);
});
