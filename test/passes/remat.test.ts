/**
 * What a backward turn computes again is what it would have read: gradients stay, bit for bit, and a layer of a training step keeps
 * its input and nothing else.
 */
import { describe, expect, test } from "vitest";
import { compareOnDevice } from "../../cli/verify/device.js";
import type { EntryCosts } from "../../compiler/codegen/costs.js";
import { costsOf } from "../../compiler/codegen/costs.js";
import type { Remat } from "../../compiler/index.js";
import { compile } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { evaluate, evaluateRounded } from "../../compiler/laws/evaluate.js";
import { smallLengths } from "../../compiler/laws/lengths.js";
import { drawEntry, drawModel } from "../../compiler/laws/passes.js";
import { prepare } from "../../compiler/laws/verify.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import { eliminate } from "../../compiler/passes/eliminate.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import type { Level } from "../../compiler/passes/pass.js";
import { runModelPasses, runPipeline } from "../../compiler/passes/pipeline.js";
import { createSession } from "../../runtime/session.js";
import { built } from "../build/support.js";
import { createTestHost, testContext } from "../cli/host.js";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";
import { createDraw } from "../support/numbers.js";
import { sharedDevice } from "../support/program-runs.js";

const sizes: Knobs = { vocab: 11, context: 7, d_model: 8, layers: 3, heads: 2, ffn: "mlp(hidden: 10)" };
const recipe = `  train {
    optimizer = adamw(lr: 1e-3)
    clip = 1.0
  }
`;
const of = (family: string, knobs: Knobs = {}): string => familyText(family, { ...sizes, ...knobs }, recipe);

const written = (layers: string): string => `model m {
  input tokens[t <= 7] : int(11)
  use wte = embedding(11, 8)
  x = wte(tokens)
${layers}
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
${recipe}}
`;

/** At -O0 every value that the gradients read here is stored by a kernel of its own, with and without: relu and 1 / 0.5 round nothing. */
const sameKernels = "x + dropout(linear(relu(linear(x, 10)), 8), 0.5)";

const models: Readonly<Record<string, string>> = {
  decoder: of("decoder"),
  "rotated positions, gates": of("decoder", { position: "rope", ffn: "swiglu(hidden: 5)", norm: "rms_norm" }),
  dropout: of("decoder", { dropout: 0.3 }),
  "shared layers": of("decoder", { share_layers: true, dropout: 0.2 }),
  "two equal layers and another": of("decoder", { layer_masks: "[causal, causal, sliding(2)]" }),
  "a bias that all layers read": of("decoder", { position: "t5(buckets: 8, distance: 6)" }),
  "an encoder and a decoder": of("encoder_decoder", { dropout: 0.2 }),
  "a repeat in a repeat": written(`  z = x * 0.5
  repeat 3 {
    x = x + tanh(linear(x, 8))
    repeat 2 { z = sin(z) * x + z }
  }
  x = x + z`),
};

describe.each(Object.entries(models))("%s", (_, text) => {
  const builder = createBuilder();
  const { built: told } = runModelPasses(built(text, { builder }), { builder, level: 2, verify: true });
  const trained = (remat: Remat): Graph =>
    runPipeline(deriveEntries(told, builder, remat).train!, {
      builder,
      level: 2,
      verify: true,
      passes: [eliminate],
    });
  const graphs = { none: trained("none"), layer: trained("layer") };

  test.each([
    ["f64", evaluate],
    ["f32", evaluateRounded],
  ])("a step gives the same, bit for bit, in %s", (_, run) => {
    const lengths = { ...smallLengths(told), B: 2 };
    const drawn = drawModel(told, { lengths, seed: 2 });
    const [stored, again] = [graphs.none, graphs.layer].map((graph) =>
      run(graph, drawEntry(graph, drawn, { lengths, seed: 2 }), lengths),
    );
    expect(differing(stored!, again!, ({ data }) => data)).toEqual([]);
  });

  test("a forward turn keeps what is carried into it and nothing else", () => {
    expect(stackedBy(graphs.none).filter((node) => !isCarry(node)).length).toBeGreaterThan(0);
    expect(stackedBy(graphs.layer).length).toBeGreaterThan(0);
    expect(stackedBy(graphs.layer).filter((node) => !isCarry(node))).toEqual([]);
  });
});

const isCarry = (node: Node): boolean => node.op === "input" && node.attributes.kind === "carry";

/** What the outer forward regions keep of each turn. */
const stackedBy = (graph: Graph): readonly Node[] =>
  topological(graph)
    .filter((node): node is Node & NodeOf<"repeat"> => node.op === "repeat")
    .filter(({ attributes }) => !attributes.body.name.includes(".backward"))
    .flatMap(({ attributes: { body, carries } }) => body.outputs.slice(carries).map(({ node }) => node));

/** The names under which two records hold other numbers. */
function differing<T>(
  x: Readonly<Record<string, T>>,
  y: Readonly<Record<string, T>>,
  dataOf: (x: T) => ArrayLike<number>,
): readonly string[] {
  expect(Object.keys(x)).toEqual(Object.keys(y));
  return Object.keys(x).filter((name) => {
    const [one, other] = [dataOf(x[name]!), dataOf(y[name]!)];
    return one.length !== other.length || Array.from(one).some((value, n) => !Object.is(value, other[n]));
  });
}

describe("on a device", () => {
  test.each(["repeat", "repeat shared"])("the same kernels give the same bits: %s", async (repeat) => {
    const text = written(`  ${repeat} 3 { x = ${sameKernels} }`);
    expect(differing(await stepOn(text, "none", 0), await stepOn(text, "layer", 0), (x) => x)).toEqual([]);
  });

  test.each([
    ["decoder", 0],
    ["dropout", 1],
    ["dropout", 2],
    ["an encoder and a decoder", 2],
  ] as const)("what is fused otherwise is within rounding: %s at -O%i", async (name, level) => {
    const { model } = readTfm(models[name]!, "m.tfm");
    const { prepared } = prepare({ model, resolve: () => undefined, entry: undefined, settings: {} });
    const { program } = compile(models[name]!, { remat: "layer", level });
    const context = testContext(createTestHost());
    const { entries, diagnostics } = await compareOnDevice(context, prepared[0]!, program!, 1);
    expect(diagnostics).toEqual([]);
    expect(entries).toContain("train");
  });
});

type Numbers = Readonly<Record<string, ArrayLike<number>>>;

/** What a step from random parameters leaves of parameters, states and loss. */
async function stepOn(text: string, remat: Remat, level: Level): Promise<Numbers> {
  const { built: model, program } = compile(text, { remat, level, only: ["train"] });
  const session = await createSession(program!, await sharedDevice("cpu"));
  const draw = createDraw(4);
  const drawParameter = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => draw() - 0.5);
  session.writeParameters(
    new Map(
      program!.parameters.map(({ name, shape }) => [name, drawParameter(shape.reduce((a, b) => a * b, 1))]),
    ),
  );
  const values = drawModel(model!, { lengths: { ...smallLengths(model!), B: 2 }, seed: 2 });
  const inputs = Object.fromEntries(
    program!.entries.train!.inputs.map((name) => [
      name,
      { data: Array.from(values[name]!.data), shape: values[name]!.sizes },
    ]),
  );
  const scalars = { lr: 0.01, seed: 3, step: 2 };
  const found = await session.run("train", inputs, scalars, { read: ["loss.sum", "grad_norm"] });
  const left = [...(await session.readParameters()), ...(await session.readStates())];
  session.dispose();
  return { ...found, ...Object.fromEntries(left) };
}

describe("memory", () => {
  const [B, T, d] = [64, 64, 16];
  const input = 4 * B * T * d;
  function memoryAt(layers: number, remat: Remat): EntryCosts["memory"] {
    const text = familyText(
      "decoder",
      { vocab: 32, context: T, d_model: d, layers, heads: 2 },
      `  train {\n    optimizer = sgd(lr: 1e-2)\n    batch = ${B}\n  }\n`,
    );
    const { schedule, program } = compile(text, { remat, only: ["train"] });
    return costsOf({ schedule: schedule!, program: program! }, "train", { B, T }).memory;
  }

  test("one more layer takes the bytes of its input, and of its gradients until the parameters are updated", () => {
    const [three, four] = [memoryAt(3, "layer"), memoryAt(4, "layer")];
    expect(four.temporary - three.temporary).toBe(input + (four.parameter - three.parameter));
  });

  test("where nothing is computed again, more than ten times that", () => {
    const [three, four] = [memoryAt(3, "none"), memoryAt(4, "none")];
    expect(four.temporary - three.temporary).toBeGreaterThan(10 * input);
  });
});
