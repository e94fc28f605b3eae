/**
 * `tfmc compare`: what stands in its table and folders, what a second call does again, what --match sets, what divergence costs.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nearestWidth } from "../../cli/compare/match.js";
import type { Norms, StepTime } from "../../cli/compare/observe.js";
import { gradientNorms, residualNorms } from "../../cli/compare/observe.js";
import { medianOf, spreadOf, spreadText } from "../../cli/compare/statistics.js";
import { run } from "../../cli/program.js";
import { tensor } from "../../runtime/tensor.js";
import type { HostOptions } from "./host.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-compare-"));
  writeFileSync(join(folder, "text.txt"), "the quick brown fox jumps over the lazy dog. ".repeat(40));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function tfmc(argv: readonly string[], options: HostOptions = {}) {
  const host = createTestHost({ temporaryFolder: folder, ...options });
  const exit = await run(["--device", "cpu", ...argv], host);
  return { exit, ...host.printed };
}

/** The arguments that every comparison here has. */
const common = (...more: readonly string[]): readonly string[] => [
  ...["--data", join(folder, "text.txt"), "--tokenizer", "chars", "--steps", "4", "--batch", "2"],
  ...["--eval-every", "2", "-o", join(folder, "out"), ...more],
];

const model = (name: string, hidden: number, lr = 0.01): string => `
model ${name}(vocab = 32, context = 8, d = 8, layers = 2, hidden = ${hidden}) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat layers { x = x + mlp(layer_norm(x), hidden: hidden) }
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
  train { optimizer = sgd(lr: ${lr}); batch = 2 }
}
`;

function file(name: string, ...texts: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, texts.join(""));
  return path;
}

const linesOf = <T>(run: string, name: string): readonly T[] =>
  readFileSync(join(folder, "out/runs", run, name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

describe("a comparison", { timeout: 120_000 }, () => {
  test("all models of a file, two seeds: table, folders, report; nothing is done twice", async () => {
    const path = file("two.tfm", model("narrow", 8), model("wide", 16));
    const { exit, out, err } = await tfmc(["compare", path, ...common("--seeds", "2")]);
    expect([exit, err]).toEqual([0, expect.stringContaining("[4/4] wide, seed 2: step 4/4")]);
    expect(out).toMatch(/^variant +parameters .*\nnarrow +\d+ .* \d\.\d{4} ± \d\.\d{4} .*0 of 2\nwide /);
    expect(out).toContain(`report: ${join(folder, "out/report.html")}`);
    const losses = linesOf<{ step: number; validation_loss?: number }>("wide-2", "metrics.jsonl");
    expect(losses.flatMap((m) => (m.validation_loss === undefined ? [] : [m.step]))).toEqual([2, 4]);
    const times = linesOf<StepTime>("wide-2", "times.jsonl");
    expect(times.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(times.every(({ seconds }, n) => seconds >= (times[n - 1]?.seconds ?? 0))).toBe(true);
    const norms = linesOf<Norms>("wide-2", "norms.jsonl");
    expect(norms.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
    expect(norms[0]!.residual["layers.x"]).toHaveLength(3);
    expect(norms[0]!.gradient["layers"]).toHaveLength(2);

    const before = statSync(join(folder, "out/runs/wide-2/metrics.jsonl")).mtimeMs;
    const again = await tfmc(["compare", path, ...common("--seeds", "2")]);
    expect(again.out).toBe(out);
    expect(again.err).toContain("already there");
    expect(statSync(join(folder, "out/runs/wide-2/metrics.jsonl")).mtimeMs).toBe(before);

    rmSync(join(folder, "out/report.html"));
    expect(await tfmc(["compare", "--report-only", join(folder, "out")])).toMatchObject({ exit: 0, out });
    expect(existsSync(join(folder, "out/report.html"))).toBe(true);
  });

  test("--json is one document", async () => {
    const path = file("two.tfm", model("a", 8), model("b", 8));
    const { exit, out } = await tfmc(["--json", "compare", path, ...common("--seeds", "1")]);
    const document = JSON.parse(out) as { schemaVersion: number; variants: { finalValidation: object }[] };
    expect([exit, document.schemaVersion]).toEqual([0, 1]);
    expect(document.variants[0]!.finalValidation).toEqual({ mean: expect.any(Number), count: 1 });
    expect(document.variants[1]!.finalValidation).toEqual(document.variants[0]!.finalValidation);
  });

  test("runs are those of train: the same losses, bit for bit", async () => {
    const path = file("one.tfm", model("m", 8));
    await tfmc(["compare", path, ...common("--seeds", "2")]);
    const out = join(folder, "alone");
    await tfmc(["train", path, "--seed", "2", ...common().slice(0, -1), out]);
    const untimed = (path: string) => readFileSync(path, "utf8").replaceAll(/,"seconds":[\d.]+/g, "");
    expect(untimed(join(folder, "out/runs/m-2/metrics.jsonl"))).toBe(untimed(join(out, "metrics.jsonl")));
    expect(
      readFileSync(join(folder, "out/runs/m-2/model.safetensors")).equals(
        readFileSync(join(out, "model.safetensors")),
      ),
    ).toBe(true);
  });

  test("interrupted, it goes on where it stood and ends with the same numbers", async () => {
    const path = file("two.tfm", model("a", 8), model("b", 16));
    const whole = await tfmc([
      "compare",
      path,
      ...common("--seeds", "1").slice(0, -4),
      "-o",
      join(folder, "whole"),
      "--seeds",
      "1",
    ]);
    const host = createTestHost({
      onMessage: (text) => text.includes("b, seed 1: step 2:") && host.interrupt(),
    });
    const argv = ["--device", "cpu", "compare", path, ...common("--seeds", "1")];
    expect(await run(argv, host)).toBe(130);
    expect(host.printed.err).toContain("the same command goes on: tfmc compare");
    const { exit, out, err } = await tfmc(argv.slice(2));
    expect(exit).toBe(0);
    expect(err).toContain("b, seed 1: continuing after step 2 of 4");
    const figures = (text: string): readonly string[] => text.match(/\d\.\d{4}/g) ?? [];
    expect(figures(out)).toEqual(figures(whole.out));
    expect(linesOf<Norms>("b-1", "norms.jsonl").map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
    expect(linesOf<StepTime>("b-1", "times.jsonl").map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  test("--jobs trains in processes and ends with the same numbers", async () => {
    const path = file("two.tfm", model("a", 8), model("b", 16));
    const argv = ["compare", path, ...common("--seeds", "1")];
    const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
    if (!existsSync(main)) throw new Error("this test runs the built command: `npm run build` first");
    const words = [main, "--device", "cpu", ...argv, "--jobs", "2"];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { encoding: "utf8" });
    expect(stderr).toMatch(/\[1\/1\] a, seed 1: step 4\/4/);
    const again = await tfmc(argv);
    expect(again.err).not.toContain("step 1/4");
    expect(again.out).toBe(stdout);
  });

  test("a run that diverges is a result; only if all do it is the end", async () => {
    const path = file("two.tfm", model("calm", 8), model("wild", 8, 1e30));
    const { exit, out } = await tfmc(["compare", path, ...common("--seeds", "1")]);
    expect(exit).toBe(0);
    expect(out).toMatch(/^wild +.* – +– +– +1 of 1 \(step \d\)$/m);
    const all = file("wild.tfm", model("wild", 8, 1e30));
    expect(
      (
        await tfmc([
          "compare",
          all,
          ...common("--seeds", "1").slice(0, -4),
          "-o",
          join(folder, "all"),
          "--seeds",
          "1",
        ])
      ).exit,
    ).toBe(4);
  });

  test("other settings in the same folder are refused", async () => {
    const path = file("one.tfm", model("m", 8));
    await tfmc(["compare", path, ...common("--seeds", "1")]);
    const { exit, err } = await tfmc(["compare", path, ...common("--seeds", "1", "--lr", "0.5")]);
    expect(exit).toBe(1);
    expect(err).toMatch(
      /TFM5021.*holds a run that differs: its learningRate is 0\.01, and now it would be 0\.5/,
    );
  });

  test("variants that do not read the same data are told", async () => {
    const path = file("two.tfm", model("a", 8), model("b", 8).replace("context = 8", "context = 4"));
    const { err, out } = await tfmc(["--json", "compare", path, ...common("--seeds", "1")]);
    expect(err).toContain("`b` does not read the same data in the same order as `a`: length 8 and 4");
    expect(JSON.parse(out)).toMatchObject({ sameData: false });
  });
});

describe("--match", { timeout: 120_000 }, () => {
  test("sets the width and says so", async () => {
    const path = file("two.tfm", model("narrow", 16), model("wide", 64).replace("layers = 2", "layers = 4"));
    const { exit, out, err } = await tfmc(["compare", path, ...common("--seeds", "1", "--match", "flops")]);
    expect([exit, err]).toEqual([
      0,
      expect.stringMatching(/--match: `wide` is trained with `hidden=\d+`: .*FLOP a step/),
    ]);
    expect(out).toMatch(/wide: hidden=\d+, set by --match flops/);
  });

  test.each([
    [
      "no knob",
      model("b", 64).replaceAll("hidden = 64", "inner = 64").replace("hidden: hidden", "hidden: inner"),
      [],
      "it has no argument `hidden`",
    ],
    [
      "a knob that was given",
      model("b", 64).replace("d = 8", "d = 16"),
      ["--set", "hidden=12"],
      "`hidden` is given by --set",
    ],
  ])("refuses %s", async (_, second, more, why) => {
    const path = file("two.tfm", model("a", 8), second);
    const set = more.length > 0 ? more : [];
    const { exit, err } = await tfmc([
      "compare",
      path,
      ...common("--seeds", "1", "--match", "params", ...set),
    ]);
    expect(exit).toBe(1);
    expect(err).toMatch(/TFM5030: --match: `b` has [\d,]+ parameters, `a` [\d,]+ parameters/);
    expect(err).toContain(why);
  });

  test("the nearest width", () => {
    expect(nearestWidth((width) => 1000 + 7 * width, 2000)).toBe(143);
    expect(nearestWidth((width) => width * width, 1e6)).toBe(1000);
    expect(nearestWidth((width) => 1000 + width, 10)).toBe(1);
    expect(nearestWidth(() => undefined, 10)).toBeUndefined();
  });
});

describe("usage", () => {
  test.each([
    [["compare"], "needs a model"],
    [["compare", "-", "--data", "x"], "from files"],
    [["--seed", "1", "compare", "MODEL", "--data", "x"], "seeds 1 to --seeds"],
    [["compare", "MODEL"], "needs data"],
    [["compare", "MODEL", "--variants", "narow", "--data", "x"], "did you mean `narrow`"],
    [["compare", "MODEL", "MODEL", "--variants", "narrow", "--data", "x"], "one file"],
  ])("%j", async (argv, said) => {
    const path = file("m.tfm", model("narrow", 8));
    const { exit, err } = await tfmc(argv.map((word) => (word === "MODEL" ? path : word)));
    expect([exit, err]).toEqual([2, expect.stringContaining(said)]);
  });
});

test("mean, sample deviation and median", () => {
  expect(spreadOf([1, 2, 3, 4])).toEqual({ mean: 2.5, deviation: Math.sqrt(5 / 3), count: 4 });
  expect(spreadOf([])).toBeUndefined();
  expect(spreadText(spreadOf([2]))).toBe("2.0000");
  expect(spreadText(spreadOf([1, 3]))).toBe("2.0000 ± 1.4142");
  expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([])]).toEqual([2, 2.5, undefined]);
});

test("norms of layers from what a device gave back", () => {
  const values = (data: readonly number[], ...shape: readonly number[]) =>
    tensor(Float32Array.from(data), shape);
  expect(residualNorms({ "norm.layers.x": values([4, 9], 2), "norm.layers.x@before": values([1]) })).toEqual({
    "layers.x": [1, 2, 3],
  });
  expect(
    gradientNorms({
      "grad.wte.table": values([100], 1),
      "grad.layers.*.a": values([3, 0, 0, 2], 2, 2),
      "grad.layers.*@2.a": values([1, 1], 2, 1),
      "grad.layers.4.a": values([7], 1),
      "grad.layers.*.b": values([4, 0], 2, 1),
    }),
  ).toEqual({ layers: [5, 2, 1, 1, 7] });
});
