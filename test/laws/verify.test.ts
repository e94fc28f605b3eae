/** `verify`: what holds is said to hold; a wrong pass, a wrong device and a different model are noticed, with the first place. */
import { beforeEach, describe, expect, test } from "vitest";
import { createContext } from "../../cli/context.js";
import { compareOnDevice } from "../../cli/verify/device.js";
import { expand, verify } from "../../compiler/index.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { rewrite } from "../../compiler/ir/rewrite.js";
import { prepare } from "../../compiler/laws/verify.js";
import type { Pass } from "../../compiler/passes/pass.js";
import { allPasses, modelPasses, pipeline } from "../../compiler/passes/pipeline.js";
import { read } from "../build/support.js";
import { createTestHost } from "../cli/host.js";
import { compileModel } from "../support/program-runs.js";

// The runner is to be heard from in between: what is computed here blocks.
beforeEach(() => new Promise((resolve) => setImmediate(resolve)));

const text = `model tiny : decoder {
  vocab = 11; context = 12; d_model = 8; layers = 2; heads = 2
  train { optimizer = adamw(lr: 1e-3) }
  law steps: step == full
}
law tiny: prefix_invariant(logits)
`;

test("a model holds: its laws, and every entry through every pass", () => {
  const { diagnostics, laws, models } = verify(text);
  expect(diagnostics).toEqual([]);
  expect(laws.map(({ name, model, status }) => `${name} of ${model} ${status}`)).toEqual([
    "steps of tiny holds",
    "tiny of tiny holds",
  ]);
  expect(models.map(({ sizes }) => sizes)).toEqual([{ batch: 2, t: 5 }]);
  expect(models[0]!.entries.map(({ entry }) => entry)).toEqual([
    "forward",
    "loss",
    "grad",
    "train",
    "step",
    "reorder",
  ]);
  for (const { passes } of models[0]!.entries) expect(passes).toContain("fuse");
  const rewrites = new Map(models[0]!.passes.map(({ pass, rewrites: count }) => [pass, count]));
  expect([...rewrites.keys()].sort()).toEqual(["remat", ...allPasses.map(({ name }) => name)].sort());
  const idle = [...rewrites].flatMap(([pass, count]) => (count === 0 ? [pass] : []));
  expect(idle).toEqual(["order_contractions", "fold"]);
  // Three sizes of chunks where gradients and losses are, one in a step, and one with more computed again.
  expect(rewrites.get("chunk_rows")).toBeGreaterThanOrEqual(7);
});

test("a model is its expansion, and not its neighbour", () => {
  const { expanded } = expand(text);
  expect(verify(text, expanded!.text)).toMatchObject({
    diagnostics: [],
    pair: [{ entry: "forward" }, { entry: "loss" }, { entry: "grad" }],
  });
  const message = (other: string): string =>
    verify(text, other)
      .diagnostics.map((d) => `${d.code} ${d.message}`)
      .join();
  expect(message(text.replace("layers = 2", "layers = 2; norm_at = post"))).toMatch(
    /^TFM7004 The models have different parameters: only the first has `.*norm.*`/,
  );
  expect(message(text.replace("d_model = 8", "d_model = 16"))).toMatch(
    /^TFM7004 The parameter `.*` is \[.*, 8\] in the first/,
  );
  expect(message(text.replace("layers = 2", "layers = 2; mask = sliding(3)"))).toMatch(
    /^TFM7006 The two are not equal: `logits\[\d, [34], \d+\]` is .* in the first and .* in the second/,
  );
});

test("what is too large is refused before it is computed", () => {
  const { diagnostics } = verify(text.replace("d_model = 8", "d_model = 1024"));
  expect(diagnostics.map(({ code }) => code)).toContain("TFM7005");
});

/** The compiler's passes, one of which then damages some op. */
const damaged = (
  of: readonly Pass[],
  name: string,
  change: (node: Node, inputs: readonly Node[], b: Parameters<Pass["run"]>[1]["builder"]) => Node | undefined,
): readonly Pass[] =>
  of.map((pass) =>
    pass.name !== name
      ? pass
      : {
          ...pass,
          run: (graph: Graph, context) =>
            rewrite(
              pass.run(graph, context),
              context.builder,
              (node, inputs) => change(node, inputs, context.builder),
              { bodies: true },
            ),
        },
  );

describe("a pass that changes the meaning is named, with the entry", () => {
  test.each<[string, string, readonly Pass[]]>([
    [
      "simplify",
      "a sign of tanh",
      damaged(pipeline, "simplify", (node, [x], b) => (node.op === "erf" ? b.neg(b.erf(x!)) : undefined)),
    ],
    [
      "expand",
      "a constant a little off",
      damaged(pipeline, "expand", (node, _, b) =>
        node.op === "const" && node.attributes.value === 1e-5 ? b.const(1.01e-5, "f32") : undefined,
      ),
    ],
    [
      "eliminate",
      "a mask by one",
      damaged(pipeline, "eliminate", (node, [x, y], b) => (node.op === "le" ? b.lt(x!, y!) : undefined)),
    ],
    [
      "factor_reductions",
      "a maximum for a sum",
      damaged(pipeline, "factor_reductions", (node, inputs, b) =>
        node.op === "reduce" && node.attributes.kind === "sum"
          ? b.make("reduce", inputs, { ...node.attributes, kind: "max" })
          : undefined,
      ),
    ],
    [
      "fold",
      "a product for a quotient",
      damaged(pipeline, "fold", (node, [x, y], b) =>
        node.op === "div" && node.shape.length > 2 ? b.mul(x!, y!) : undefined,
      ),
    ],
  ])("%s: %s", (pass, _, passes) => {
    const { diagnostics } = verify(text, undefined, { passes });
    expect(diagnostics[0]).toMatchObject({ code: "TFM7007", severity: "error" });
    expect(diagnostics[0]!.message).toContain(`The pass ${pass} changes what \``);
  });
});

test.each<[string, string, readonly Pass[]]>([
  [
    "form_mix",
    "a score by another factor",
    damaged(modelPasses, "form_mix", (node, inputs, b) =>
      node.op === "mix" ? b.make("mix", inputs, { ...node.attributes, weight: "identity" }) : undefined,
    ),
  ],
  [
    "stream",
    "a sum over all pairs",
    damaged(modelPasses, "stream", (node, inputs, b) =>
      node.op === "pairwise"
        ? b.make("pairwise", inputs, { ...node.attributes, mask: undefined })
        : undefined,
    ),
  ],
])("a pass on the model is named, with the entry: %s, %s", (pass, _, changed) => {
  const { diagnostics, models } = verify(text, undefined, { modelPasses: changed });
  expect(diagnostics[0]!.message).toContain(`The pass ${pass} changes what \``);
  const wrong = models[0]!.entries.filter((entry) => entry.diagnostics.length > 0);
  expect(wrong.map(({ entry }) => entry)).toEqual(["forward", "loss", "grad", "train", "step"]);
});

test("the program on a device is what the graphs say; another program is not", async () => {
  const { prepared } = prepare({ model: read(text), resolve: () => undefined });
  const options = { device: "cpu", seed: 0, json: false, quiet: true, verbose: false } as const;
  const context = createContext(
    createTestHost(),
    { ...options, color: false, progress: false, stdinFilepath: "" },
    new Map(),
  );
  const run = (source: string) => compareOnDevice(context, prepared[0]!, compileModel(source, {}).program, 0);
  expect(await run(text)).toMatchObject({ entries: ["forward", "loss", "grad", "train"], diagnostics: [] });
  const wrong = await run(text.replace("layers = 2", "layers = 2; norm = layer_norm(eps: 1e-3)"));
  expect(wrong.diagnostics.map(({ code, message }) => `${code} ${message}`).join()).toMatch(
    /^TFM7007 On cpu `forward` computes something else: `logits/,
  );
});
