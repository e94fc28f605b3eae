/** What a user sees of the passes: graphs after them, their times, what they did and where they did not; and levels. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explanationOf, explanationText } from "../../cli/compile/explanation.js";
import { dumpText, recordPasses } from "../../cli/compile/passes.js";
import { run } from "../../cli/program.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import type { PassContext } from "../../compiler/passes/pass.js";
import { allPasses, runPipeline } from "../../compiler/passes/pipeline.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-passes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const source = `
model m(vocab = 16, context = 8, d = 8, heads = 2) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat 2 { x = x + attention(layer_norm(x), heads, mask: causal) }
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
}
`;
const names = allPasses.map(({ name }) => name);

async function tfmc(...argv: readonly string[]) {
  const host = createTestHost({ temporaryFolder: folder });
  const exit = await run(argv, host);
  return { exit, ...host.printed };
}

function model(): string {
  const path = join(folder, "m.tfm");
  writeFileSync(path, source);
  return path;
}

const compile = (...options: readonly string[]) =>
  tfmc("compile", model(), "-o", join(folder, "out"), ...options);

describe("compile", () => {
  test("--dump-after a pass prints every graph after it, and --dump-after all every pass", async () => {
    const one = (await compile("--dump-after", "fuse")).err;
    expect(one).toMatch(/^# forward after fuse\n/);
    expect(one).toContain("# train after fuse\n");
    expect(one).toContain("= fused(");
    expect(one).not.toContain("after simplify");
    const all = (await compile("--dump-after", "all")).err;
    for (const name of names) expect(all).toContain(`after ${name}`);
  });

  test("--time-passes has a row for each pass, as a table and as JSON", async () => {
    const { err } = await compile("--time-passes");
    const rows = err.split("\n").map((line) => line.split(/\s+/)[0]);
    expect(rows.filter((name) => names.includes(name!))).toEqual(names);
    expect(err).toMatch(/^pass +graphs +ms +nodes before +after +share$/m);
    const document = JSON.parse((await compile("--time-passes", "--json")).out) as {
      passes: readonly { pass: string; graphs: number; before: number; after: number; share: number }[];
      milliseconds: number;
    };
    expect(document.passes.map(({ pass }) => pass)).toEqual(names);
    for (const { graphs, before, after, share } of document.passes) {
      expect(Math.min(graphs, before, after)).toBeGreaterThan(0);
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThan(1);
    }
    expect(document.milliseconds).toBeGreaterThan(0);
  });

  test("--explain-pass says what a pass rewrote and where", async () => {
    const { err } = await compile("--explain-pass", "form_mix");
    expect(err).toMatch(/^form_mix: .*\n {2}rewrote\n/);
    expect(err).toMatch(/forward +.*repeat\.\*\.attention.*mix 0 → 1/);
    const { out } = await compile("--explain-pass", "form_mix", "--json");
    const { explanation } = JSON.parse(out) as {
      explanation: { pass: string; ran: boolean; rewrote: readonly { graph: string; ops: unknown }[] };
    };
    expect(explanation).toMatchObject({ pass: "form_mix", ran: true });
    expect(explanation.rewrote[0]).toMatchObject({ graph: "forward", ops: { mix: [0, 1] } });
    expect((await compile("--explain-pass", "simplify", "-O0")).err).toContain("does not run at this level");
  });

  test.each(["--dump-after", "--explain-pass"])(
    "%s of a pass that is none names the nearest",
    async (option) => {
      const { exit, err } = await compile(option, "simplfy");
      expect(exit).toBe(2);
      expect(err).toContain("the nearest is `simplify`");
      expect(existsSync(join(folder, "out"))).toBe(false);
    },
  );
});

test("what a pass leaves alone is told once for each place, with the graphs that have it", () => {
  const builder = createBuilder();
  const node = builder.exp(builder.input("parameter", "a.w", [{ name: "d", size: 4 }], "f32"));
  const recording = recordPasses();
  const shy = {
    name: "simplify",
    says: "x => x",
    from: 0 as const,
    run: (graph: Graph, { explain }: PassContext): Graph => {
      explain?.(graph.outputs[0]!.node, "it is no sum");
      explain?.(builder.neg(graph.outputs[0]!.node), "it is no sum either");
      return graph;
    },
  };
  for (const name of ["forward", "loss"])
    runPipeline({ name, outputs: [{ name: "y", node }] }, { level: 2, builder, passes: [shy], ...recording });
  const explanation = explanationOf(recording, "simplify");
  expect(explanation.left).toEqual([
    { place: "a", op: "exp", why: "it is no sum", graphs: ["forward", "loss"] },
    { place: "a", op: "neg", why: "it is no sum either", graphs: ["forward", "loss"] },
  ]);
  expect(explanationText(explanation)).toContain(
    "rewrote nothing in any graph\n  left as it is\n    a  exp  it is no sum",
  );
  expect(dumpText(recording.runs, "all")).toBe(
    "# forward after simplify: unchanged\n# loss after simplify: unchanged\n",
  );
});

describe("graph", () => {
  test("--after every pass that runs on the entry", async () => {
    for (const name of names) {
      const { exit, out } = await tfmc("graph", model(), "--after", name);
      expect([exit, out.includes("tokens")], name).toEqual([0, true]);
    }
  });

  test("a pass that the level leaves out is said to be", async () => {
    const { exit, err } = await tfmc("graph", model(), "--after", "simplify", "-O0");
    expect(exit).toBe(2);
    expect(err).toContain("does not run on `forward` at -O0");
  });

  test("as a picture", async () => {
    const { exit, out } = await tfmc("graph", model(), "--format", "svg");
    expect(exit).toBe(0);
    expect(out).toMatch(/^<\?xml[\s\S]*<svg /);
    expect(out).toContain("input tokens");
    expect(out.trimEnd()).toMatch(/<\/svg>$/);
  });

  test("nothing else loads Graphviz", () => {
    const sources = execFileSync("grep", ["-rlE", "wasm-graphviz", "cli", "compiler", "runtime"], {
      encoding: "utf8",
    });
    expect(sources.trim().split("\n")).toEqual(["cli/graph-svg.ts"]);
    expect(readFileSync("cli/graph-svg.ts", "utf8")).toContain('await import("@hpcc-js/wasm-graphviz")');
  });
});

test("a level that is none is refused wherever there are levels, and so is what gradients compute again", async () => {
  for (const command of ["compile", "run", "grad", "train", "graph", "summary", "compare"]) {
    const { exit, err } = await tfmc(command, model(), "-O3");
    expect(exit, command).toBe(2);
    expect(err, command).toMatch(/-O0, -O1 and -O2|required option/);
    const remat = await tfmc(command, model(), "--remat", "some");
    expect(remat.exit, command).toBe(2);
    expect(remat.err, command).toMatch(/none, layer|required option/);
  }
});

test("a run keeps its level and what it computes again; resumed, it takes others where they are given", async () => {
  const text = join(folder, "text.txt");
  writeFileSync(text, "the sea is calm and the moon is low. ".repeat(20));
  const out = join(folder, "run");
  const data = ["--data", text, "--set", "vocab=256"];
  const how = ["-O1", "--remat", "layer"];
  const trained = await tfmc("train", model(), ...data, "--steps", "2", "--batch", "2", "-o", out, ...how);
  expect(trained.exit, trained.err).toBe(0);
  const resolved = (): unknown => JSON.parse(readFileSync(join(out, "resolved.json"), "utf8"));
  expect(resolved()).toMatchObject({ level: 1, remat: "layer" });
  for (const level of [[], ["-O0", "--remat", "none"]]) {
    const { exit, err } = await tfmc(
      "train",
      "--resume",
      out,
      "--steps",
      level.length > 0 ? "4" : "3",
      ...level,
    );
    expect(exit, err).toBe(0);
  }
});
