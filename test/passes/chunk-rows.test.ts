/** Projection and loss in chunks of rows: the same numbers in f64 and on the devices, and nothing of all rows and all columns. */
import { describe, expect, it, test } from "vitest";
import { buildSource } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { elementCount, evaluateSize } from "../../compiler/ir/shape.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { verify } from "../../compiler/ir/verify.js";
import { chunkRows } from "../../compiler/passes/chunk_rows.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { pipeline, runPipeline } from "../../compiler/passes/pipeline.js";
import type { Schedule } from "../../compiler/passes/schedule.js";
import { compiled, meaning, chunkedSource as source, VOCAB } from "../support/chunked.js";
import type { DeviceKind } from "../support/program-runs.js";
import { numbersBy, numbersOn, randomBatch } from "../support/program-runs.js";

const models = {
  plain: "",
  smoothing: "smoothing = 0.1",
  "soft cap": "final_soft_cap = 3",
  "untied, with a bias": "tied = false\n  head_bias = true",
  "all of it": "tied = false\n  head_bias = true\n  smoothing = 0.1\n  final_soft_cap = 3",
};

/** Rows: fewer than a chunk of 4, as many, one more, one fewer than two, several chunks. */
const batches = [
  { batch: 1, length: 3 },
  { batch: 1, length: 4 },
  { batch: 1, length: 5 },
  { batch: 1, length: 7 },
  { batch: 3, length: 5 },
];

function expectClose(
  found: Readonly<Record<string, { readonly data: ArrayLike<number> }>>,
  wanted: typeof found,
  within: number,
): void {
  for (const name of Object.keys(found)) {
    const want = wanted[name]!.data;
    const scale = Math.max(1, ...Array.from(want, Math.abs));
    Array.from(found[name]!.data).forEach((value, n) => {
      expect(Math.abs(value - want[n]!) / scale, `${name}[${n}]`).toBeLessThan(within);
    });
  }
}

const regions = (graph: Graph | undefined): number =>
  graph ? topological(graph).filter((node) => node.op === "repeat").length : 0;

/** Kernels of a software adapter take seconds each to compile: one model has them all. */
const devices = (name: string): readonly DeviceKind[] => (name === "all of it" ? ["cpu", "webgpu"] : ["cpu"]);

describe.each(Object.entries(models))("%s", (name, settings) => {
  const text = source(settings);
  const whole = compiled(text, undefined);
  const chunked = meaning(text, 4);

  it("is one region in every entry that has the loss", () => {
    const { loss, grad, train, accumulate } = chunked.entries!;
    expect([loss, grad, train, accumulate].map(regions)).toEqual([1, 1, 1, 1]);
    expect(verify(train!)).toEqual([]);
  });

  test.each(batches)("means the same in f64 at %o", (lengths) => {
    const batch = randomBatch(whole, { ...lengths, vocab: VOCAB });
    const [found, wanted] = [numbersBy(chunked, batch), numbersBy(whole, batch)];
    for (const entry of ["loss", "grad", "train"] as const) expectClose(found[entry], wanted[entry], 1e-11);
  });

  test.each(devices(name))("computes the same on %s", async (kind: DeviceKind) => {
    const program = compiled(text, 4);
    for (const lengths of [batches[0]!, batches[4]!]) {
      const batch = randomBatch(program, { ...lengths, vocab: VOCAB });
      const found = await numbersOn(program, kind, batch, ["grad"]);
      expectClose(found.grad!, numbersBy(whole, batch).grad, 1e-5);
    }
  });
});

/** Elements of the largest temporary of an entry that is as wide as the vocabulary, in rows. */
function mostRows({ entries, slots }: Schedule, name: string): number {
  const lengths = { B: 64, T: 8, P: 0 };
  const { steps } = entries.find((entry) => entry.name === name)!;
  const wide = steps.flatMap(({ body, writes }) =>
    body.outputs.flatMap(({ node }, n) => {
      const isTemporary = slots[writes[n]!.slot]!.role === "temporary";
      const last = node.shape.at(-1);
      return isTemporary && last?.size === VOCAB ? [evaluateSize(elementCount(node.shape), lengths)] : [];
    }),
  );
  return Math.max(0, ...wide) / VOCAB;
}

describe("memory", () => {
  const text = source("tied = false");
  test.each(["loss", "grad", "train", "accumulate"])("%s holds a chunk of rows, or the matrix", (name) => {
    expect(mostRows(compiled(text, undefined).schedule!, name)).toBe(64 * 8);
    expect(mostRows(compiled(text, 4).schedule!, name)).toBeLessThanOrEqual(6);
  });

  it("holds one tensor of rows and columns, which becomes its own gradient in place", () => {
    for (const chunk of [undefined, 4]) {
      const { entries } = compiled(text, chunk).schedule!;
      const { steps } = entries.find((entry) => entry.name === "train")!;
      const isWide = ({ shape }: { shape: Built["forward"]["outputs"][number]["node"]["shape"] }): boolean =>
        shape.length > 1 && shape.at(-1)!.size === VOCAB && shape[0]!.size !== 6;
      const writers = steps.filter(({ body }) => body.outputs.some(({ node }) => isWide(node)));
      expect(writers).toHaveLength(2);
      const slots = writers.flatMap(({ body, writes }) =>
        body.outputs.flatMap(({ node }, n) => (isWide(node) ? [writes[n]!.slot] : [])),
      );
      expect(new Set(slots).size).toBe(1);
    }
  });
});

describe("what it leaves", () => {
  const text = source("");
  const builder = createBuilder();
  const { built } = buildSource(text, {}, builder);
  const { train, forward } = deriveEntries(built!, builder);
  const before = pipeline.slice(
    0,
    pipeline.findIndex(({ name }) => name === "chunk_rows"),
  );
  const run = (graph: Graph, budget: number, told?: (why: string) => void): Graph =>
    chunkRows(budget).run(runPipeline(graph, { builder, level: 2, passes: before }), {
      builder,
      level: 2,
      lengths: { B: 64, T: 8 },
      explain: told && ((_, why) => told(why)),
    });

  it("changes nothing the second time", () => {
    const once = run(train!, 4 * VOCAB * 4);
    const context = { builder, level: 2 as const, lengths: { B: 64, T: 8 } };
    expect(chunkRows(4 * VOCAB * 4).run(once, context)).toBe(once);
    expect(printGraph(parseGraph(printGraph(once)))).toBe(printGraph(once));
  });

  it("leaves what fits the budget", () => {
    expect(regions(run(train!, 4 * VOCAB * 64 * 8))).toBe(0);
  });

  it("leaves logits that are an output, and says so", () => {
    const told: string[] = [];
    expect(regions(run(forward, 4 * VOCAB * 4, (why) => told.push(why)))).toBe(0);
    expect(told.join("\n")).toContain("its columns leave the graph");
  });
});
