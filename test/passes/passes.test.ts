/** Every pass on random graphs: valid after it, the same meaning, and a second run changes nothing more. */
import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { printGraph } from "../../compiler/ir/text.js";
import type { Pass } from "../../compiler/passes/pass.js";
import { modelPasses, pipeline, runPipeline } from "../../compiler/passes/pipeline.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { differs, meaningOf, randomLeaves } from "./support/meaning.js";
import { createRandom, randomNumber } from "./support/random.js";
import { randomGraph } from "./support/random-graphs.js";

/** Graphs per test; a soak run (`npm run test:soak`) multiplies them. */
const SCALE = Number(process.env.SOAK ?? 1);
const FORWARD = 4000 * SCALE;
const GRADIENT = 1000 * SCALE;

const passes = [...modelPasses, ...pipeline];

interface Tally {
  graphs: number;
  undecided: number;
  /** How often each pass changed a graph. */
  readonly changed: Map<string, number>;
}

/** Runs the pipeline over one graph, checking it after every pass. */
function check(graph: Graph, builder: Builder, seed: number, tally: Tally): void {
  const leaves = randomLeaves(graph, createRandom(seed + 1));
  const before = meaningOf(graph, leaves);
  const stages: { readonly pass: Pass; readonly after: Graph }[] = [];
  runPipeline(graph, {
    level: 2,
    builder,
    verify: true,
    passes,
    hook: (name, from, after) => {
      const pass = passes.find((one) => one.name === name)!;
      if (graphKey(from) === graphKey(after)) return;
      tally.changed.set(name, (tally.changed.get(name) ?? 0) + 1);
      stages.push({ pass, after });
    },
  });
  tally.graphs++;
  for (const { pass, after } of stages) {
    const found = differs(before, meaningOf(after, leaves));
    if (found === "undecided") tally.undecided++;
    else
      expect(
        found,
        `seed ${seed}: ${pass.name} changed the meaning of\n${printGraph(graph)}\n→\n${printGraph(after)}`,
      ).toBeUndefined();
    if (pass.name === "fuse") continue;
    const again = pass.run(after, { builder, level: 2 });
    expect(graphKey(again), `seed ${seed}: ${pass.name} is not idempotent`).toBe(graphKey(after));
  }
}

/** What these look for is no random graph: attention in full, projections of one value, rows of a loss, parameters before a projection. */
const elsewhere: readonly string[] = ["form_mix", "merge_projections", "chunk_rows", "fold_gain"];
const passNames = passes.map((pass) => pass.name).filter((name) => !elsewhere.includes(name));

/** Graphs a test: short enough for the runner to be heard from in between. */
const PART = 500;

/** Tests of `count` graphs in parts, and one of what all of them together have shown. */
function inParts(
  what: string,
  count: number,
  run: (n: number, tally: Tally) => void,
  all: (tally: Tally) => void,
): void {
  const tally: Tally = { graphs: 0, undecided: 0, changed: new Map() };
  for (let from = 0; from < count; from += PART)
    it(`keep the meaning of ${what} ${from} to ${from + PART - 1}`, {
      timeout: 120_000 * SCALE,
    }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      for (let n = from; n < from + PART; n++) run(n, tally);
    });
  it(`are shown by ${what} that leave next to nothing undecided`, () => {
    expect(tally.graphs).toBe(count);
    expect(tally.undecided).toBeLessThan(0.02 * tally.graphs * passes.length);
    all(tally);
  });
}

describe("passes on random graphs", () => {
  inParts(
    "graphs",
    FORWARD,
    (seed, tally) => {
      const random = createRandom(seed);
      const builder = createBuilder();
      check(randomGraph(builder, random, { nodes: randomNumber(random, 1, 30) }), builder, seed, tally);
    },
    ({ changed }) =>
      expect([...changed.keys()].sort()).toEqual(expect.arrayContaining([...passNames].sort())),
  );
  inParts(
    "gradients",
    GRADIENT,
    (n, tally) => {
      const seed = 1_000_000 + n;
      const random = createRandom(seed);
      const builder = createBuilder();
      const graph = randomGraph(builder, random, { nodes: randomNumber(random, 1, 16), smooth: true });
      check(withGradients(graph, builder), builder, seed, tally);
    },
    ({ changed }) => expect(changed.size).toBeGreaterThan(3),
  );
});

/** The sum of the real outputs, and its gradients by the real leaves. */
function withGradients(graph: Graph, b: Builder): Graph {
  const sums = graph.outputs
    .filter(({ node }) => node.dtype === "f32")
    .map(({ node }) =>
      b.sum(
        node,
        node.shape.map((_, axis) => axis),
      ),
    );
  const loss = sums.reduce((total, one) => b.add(total, one), b.const(0, "f32"));
  const withLoss: Graph = { name: "loss", outputs: [{ name: "loss", node: loss }] };
  const wrt = topological(withLoss).filter((node) => node.op === "input" && node.dtype === "f32");
  const { graph: forward, gradients } = differentiate(withLoss, { loss: "loss", wrt }, b);
  return {
    name: "gradients",
    outputs: [...forward.outputs, ...gradients.map((node, n) => ({ name: `d${n}`, node }))],
  };
}
