/** Packed projections: what is packed, that every entry means what it meant, gradients under their own names, and what stays apart. */
import { describe, expect, test } from "vitest";
import { build } from "../../compiler/ir/build.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph, OptimizerRule } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { evaluate } from "../../compiler/laws/evaluate.js";
import { smallLengths } from "../../compiler/laws/lengths.js";
import { unstacked } from "../../compiler/laws/unstack.js";
import type { Values } from "../../compiler/laws/values.js";
import { drawInputs, drawOthers, drawParameters, leavesOf } from "../../compiler/laws/values.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { mergeProjections } from "../../compiler/passes/merge_projections.js";
import { upTo } from "../../compiler/passes/nodes.js";
import { runModelPasses } from "../../compiler/passes/pipeline.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { familyText } from "../support/families.js";

const builder = createBuilder();

function builtOf(source: string): Built {
  const { model } = readTfm(source, "model.tfm");
  const { built, diagnostics } = build(model, { resolve: () => undefined, builder });
  if (!built) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return built;
}

/** The model over packed parameters, no other pass run. */
function packedOf(built: Built, told: string[] = []): Built {
  const explain = (_: unknown, why: string): void => void told.push(why);
  const { pass, packed } = mergeProjections(built, { builder, level: 1, explain });
  const run = (graph: Graph): Graph => pass.run(graph, { builder, level: 1 });
  return packed({
    ...built,
    forward: run(built.forward),
    loss: built.loss && run(built.loss),
    ...(built.evaluation && { evaluation: run(built.evaluation) }),
  });
}

/** Values by the names of parameters, states too: what every entry gives from the same parameters, inputs and states. */
function entriesBy(built: Built, written: Built): Readonly<Record<string, Values>> {
  const lengths = smallLengths(written);
  const found: Record<string, Values> = {};
  for (const [name, graph] of Object.entries(deriveEntries(built, builder)) as [
    string,
    Graph | undefined,
  ][]) {
    if (!graph) continue;
    const states = Object.fromEntries(
      Object.entries(drawOthers(graph, lengths, 1)).map(([leaf, { sizes, data }]) => [
        leaf,
        { sizes, data: sizes.length > 0 ? Float64Array.from(data, () => 0.125) : data },
      ]),
    );
    const values = {
      ...states,
      ...leavesOf(built, drawParameters(written, 1)),
      ...drawInputs(written.inputs, lengths, 1),
    };
    found[name] = unstacked(evaluate(graph, values, lengths), built);
  }
  return found;
}

function expectSame(source: string): Built {
  const written = builtOf(source);
  const packed = packedOf(written);
  const [before, after] = [entriesBy(written, written), entriesBy(packed, written)];
  for (const [entry, values] of Object.entries(before))
    for (const [name, { sizes, data }] of Object.entries(values)) {
      const now = after[entry]![name];
      expect(now?.sizes, `${entry} ${name}`).toEqual(sizes);
      const scale = Math.max(1e-3, ...Array.from(data, Math.abs));
      const worst = Math.max(0, ...Array.from(data, (value, n) => Math.abs(value - now!.data[n]!)));
      expect(worst, `${entry} ${name}`).toBeLessThan(1e-10 * scale);
    }
  return packed;
}

const packs = (built: Built): readonly string[] => [
  ...new Set(
    built.parameters.flatMap(({ leaf, part }) =>
      part
        ? [
            leaf
              .split("+")
              .map((name) => name.replace(/^.*\./, ""))
              .join("+"),
          ]
        : [],
    ),
  ),
];

const sizes = { vocab: 7, context: 5, d_model: 4, layers: 2, heads: 2 };
const decoder = (body: string, train = ""): string => `model m(layers = 2) {
  input tokens[t <= 5] : int(7)
  use wte = embedding(7, 4)
  x = wte(tokens)
  repeat layers { ${body} }
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
  ${train}
}`;

describe("packed and the same, in every entry and every gradient", () => {
  test.each<[string, string, readonly string[]]>([
    ["biases", decoder("x = x + attention(x, 2)"), ["wq+wk+wv", "bq+bk+bv"]],
    ["no biases", decoder("x = x + attention(x, 2, bias: false)"), ["wq+wk+wv"]],
    ["a bias less", decoder("x = x + attention(x, 2, key_bias: false)"), ["wq+wk+wv"]],
    ["shared keys", decoder("x = x + attention(x, 4, kv_heads: 2)"), ["wq+wk+wv", "bq+bk+bv"]],
    ["one key head", decoder("x = x + attention(x, 4, kv_heads: 1)"), ["wq+wk+wv", "bq+bk+bv"]],
    ["gates", decoder("x = x + swiglu(x, hidden: 6)"), ["wg+wu"]],
    ["gates with biases", decoder("x = x + gated_mlp(x, hidden: 6, with_bias: true)"), ["wg+wu", "bg+bu"]],
    [
      "normed after",
      decoder("x = layer_norm(x + attention(x, 2, mask: causal))\nx = layer_norm(x + mlp(x, hidden: 6))"),
      ["wq+wk+wv", "bq+bk+bv"],
    ],
    [
      "one by one",
      decoder("x = x + attention(x, 2)").replace("layers = 2", "layers = 1"),
      ["wq+wk+wv", "bq+bk+bv"],
    ],
    ["no layers", decoder("x = x + attention(x, 2)").replace("layers = 2", "layers = 0"), []],
  ])("%s", (_, source, expected) => {
    expect(packs(expectSame(source))).toEqual(expected);
  });

  test.each([
    ["decoder", { norm_at: "post", position: "rope", ffn: "swiglu(hidden: 5)", kv_heads: 1 }],
    ["decoder", { share_layers: true, position: "learned" }],
    ["decoder", { norm_at: "parallel", position: "alibi" }],
    ["encoder", { qk_norm: "rms_norm", position: "shaw(clip: 1)" }],
    ["encoder_decoder", { norm_at: "pre", position: "sinusoidal", bias: false }],
    ["encoder_decoder", { norm_at: "post", ffn: "geglu(hidden: 5)", share_layers: true }],
  ])("%s %o", (family, knobs) => {
    const found = packs(expectSame(familyText(family, { ...sizes, ...knobs })));
    expect(found).toContain("norm_at" in knobs && knobs.norm_at === "parallel" ? "wq+wk+wv+w1" : "wq+wk+wv");
    if (family === "encoder_decoder") expect(found).toContain("wk+wv");
  });
});

describe("an optimizer", () => {
  test.each(["sgd(lr: 0.1)", "sgd(lr: 0.1, momentum: 0.9)", "adamw(lr: 0.1, weight_decay: 0.1)"])(
    "%s takes the step that it took",
    (optimizer) => {
      const source = decoder("x = x + attention(x, 2)", `train { optimizer = ${optimizer}\nclip = 0.5 }`);
      expect(packs(expectSame(source))).toEqual(["wq+wk+wv", "bq+bk+bv"]);
    },
  );

  test("that looks at a parameter as a whole keeps them apart", () => {
    const written = builtOf(decoder("x = x + attention(x, 2)"));
    const optimizer: OptimizerRule = {
      name: "lars",
      states: [],
      apply: (p, gradient) => ({
        parameter: builder.mul(gradient, builder.sum(p, upTo(p.shape.length))),
        states: [],
      }),
    };
    const told: string[] = [];
    expect(packs(packedOf({ ...written, optimizer }, told))).toEqual([]);
    expect(told[0]).toContain("lars looks at more than one element of a parameter at a time");
  });
});

/** Two matrices over one x, declared as they are given. */
const pair = (a: string, b: string, more = ""): string => `model m {
  input x[t <= 5, 4] : real
  ${a}
  ${b}
  input wanted[t] : int(3)
  y[i, f] = x[i, m] * u[m, f]
  z[i, f] = x[i, m] * w[m, f]
  o[i, f] = y[i, f] * sigmoid(z[i, f])${more}
  output o = o
  loss cross_entropy(o, wanted)
}`;

describe("apart", () => {
  test.each([
    ["one that decays and one that does not", pair("param u[4, 3]", "nodecay param w[4, 3]")],
    ["a frozen one", pair("param u[4, 3]", "frozen param w[4, 3]")],
    [
      "one that is read elsewhere",
      pair("param u[4, 3]", "param w[4, 3]", "\n  p[f] = w[m, f] * w[m, f]\n  probe p = p"),
    ],
  ])("%s", (_, source) => {
    const told: string[] = [];
    expect(packs(packedOf(builtOf(source), told))).toEqual([]);
    expect(told.length).toBeGreaterThan(0);
  });

  test("nothing where both are treated alike", () => {
    expect(packs(expectSame(pair("param u[4, 3]", "param w[4, 3]")))).toEqual(["u+w"]);
    expect(
      packs(expectSame(pair("frozen param u[4, 3]", "frozen param w[4, 3]\n  param s[3]", " + s[f]"))),
    ).toEqual(["u+w"]);
  });
});

test("what is packed is not packed again", () => {
  const once = packedOf(builtOf(decoder("x = x + attention(x, 2)\nx = x + swiglu(x, hidden: 6)")));
  const twice = packedOf(once);
  expect(twice.parameters).toEqual(once.parameters);
  expect(graphKey(twice.forward)).toBe(graphKey(once.forward));
  expect(graphKey(twice.loss!)).toBe(graphKey(once.loss!));
});

test("a body has one projection of what it had three of", () => {
  const { forward } = packedOf(builtOf(decoder("x = x + attention(x, 2)")));
  const body = topological(forward).flatMap((node) =>
    node.op === "repeat" ? [node.attributes.body] : [],
  )[0]!;
  const projections = topological(body).filter(
    (node) => node.op === "contract" && node.inputs.some((input) => input.op === "input"),
  );
  expect(projections.length).toBe(2); // q, k and v; the output
});

test("the gradient of a packed leaf is one contraction of what lies side by side", () => {
  const model = runModelPasses(builtOf(decoder("x = x + attention(x, 2)")), { builder, level: 2 }).built;
  const { grad } = deriveEntries(model, builder);
  expect(grad!.outputs.map(({ name }) => name)).toContain("grad.layers.*.attention.wk");
});
