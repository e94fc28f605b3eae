/**
 * Commands as a new user types them, mistakes included: the exit code, what is said, and never a stack trace.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failures } from "../../cli/failure.js";
import { run } from "../../cli/program.js";
import { catalogue } from "../../compiler/catalogue.js";
import { version } from "../../compiler/version.js";
import { runtimeErrors } from "../../runtime/errors.js";
import type { TensorToWrite } from "../../runtime/safetensors.js";
import { readSafetensors, toFloat32, writeSafetensors } from "../../runtime/safetensors.js";
import type { HostOptions, TestHost } from "./host.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-commands-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

async function tfmc(argv: readonly string[], options: HostOptions = {}): Promise<Outcome> {
  const host: TestHost = createTestHost({ temporaryFolder: folder, ...options });
  const exit = await run(argv, host);
  const { out, err } = host.printed;
  expect(out + err).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return { exit, out, err };
}

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A whole model around one line that says what x becomes. */
const model = (
  line: string,
  parameters = "vocab = 16, context = 8, d = 8, layers = 2, heads = 2",
  name = "m",
): string => `
model ${name}(${parameters}) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat layers {
    ${line}
  }
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
}
`;
const good = model("x = x + attention(layer_norm(x), heads, mask: causal)");

describe("expand", () => {
  const config =
    "model m : decoder { d_model = 8; heads = 2; vocab = 16 }\nvariant post : m { norm_at = post }\n";
  test("one level down, to stdout or to a file, as text or JSON", async () => {
    const path = file("m.tfm", config);
    const { exit, out } = await tfmc(["expand", path, "--variant", "post"]);
    expect(exit).toBe(0);
    expect(out).toContain("x = layer_norm(x + mlp(x, hidden: 4 * d_model))");
    const to = join(folder, "out.tfm");
    expect(await tfmc(["expand", path, "--variant", "post", "-o", to])).toEqual({
      exit: 0,
      out: "",
      err: "",
    });
    expect(readFileSync(to, "utf8")).toBe(out);
    const json = JSON.parse((await tfmc(["expand", path, "--variant", "post", "--json"])).out);
    expect(json).toEqual({ schemaVersion: 1, level: "structure", text: out });
    expect(JSON.parse((await tfmc(["expand", to, "--json"])).out).level).toBe("index");
  });
  test("the lowest level is its own, and a note says so", async () => {
    const text = "model m {\n  input x[t, 4] : real\n  output y = 2 * x\n}\n";
    const { exit, out, err } = await tfmc(["expand", file("m.tfm", text)]);
    expect({ exit, out }).toEqual({ exit: 0, out: text });
    expect(err).toContain("uses nothing of the library");
  });
  test("a model as JSON", async () => {
    const path = file(
      "m.json",
      JSON.stringify({ model: "decoder", name: "m", d_model: 8, heads: 2, norm_at: "post" }),
    );
    const { exit, out } = await tfmc(["expand", path]);
    expect(exit).toBe(0);
    expect(out).toContain("x = layer_norm(x + attention(x, heads");
  });
  test("mistakes are reported", async () => {
    const { exit, err } = await tfmc(["expand", file("m.tfm", "model m : decoder { layrs = 2 }\n")]);
    expect(exit).toBe(1);
    expect(err).toContain("Did you mean `layers`?");
    expect((await tfmc(["expand", file("n.tfm", config), "--model", "x"])).exit).toBe(1);
  });
});

test("--variant is --model", async () => {
  const path = file("v.tfm", `${model("x = x + mlp(x, d)")}variant wide : m { d = 16 }\n`);
  const parameters = async (...options: string[]): Promise<string> =>
    (await tfmc(["summary", path, "--json", ...options])).out.replace(/"name": "\w+"/, "");
  expect(await parameters("--variant", "wide")).toBe(await parameters("--model", "wide"));
  expect(await parameters("--variant", "wide")).toBe(await parameters("--set", "d=16"));
  expect(await tfmc(["check", path, "--variant", "wide", "--model", "m"])).toMatchObject({ exit: 2 });
  expect((await tfmc(["check", path, "--variant", "wade"])).err).toContain("Did you mean `wide`?");
});

describe("usage", () => {
  test("an unknown command names the nearest one", async () => {
    const { exit, err } = await tfmc(["frobnicate"]);
    expect(exit).toBe(2);
    expect(err).toMatch(/there is no command `frobnicate`[\s\S]*the nearest is `tfmc \w+`/);
    expect((await tfmc(["sumary"])).err).toContain("`tfmc summary`");
  });

  test.each([
    [["check"]],
    [["check", "--nonsense", "x.tfm"]],
    [["summary", "x.tfm", "--batch", "none"]],
    [["--device", "abacus", "doctor"]],
    [["run", "x.tfm"]],
    [["train"]],
    [["train", "x.tfm", "--resume", "run"]],
    [["train", "--resume", "run", "--lr", "1"]],
    [["explain", "TFM9999"]],
  ])("%j is refused with exit code 2", async (argv) => {
    const { exit, out, err } = await tfmc(argv);
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toMatch(/error/);
  });

  test("help and version go to stdout", async () => {
    expect(await tfmc(["--version"])).toMatchObject({ exit: 0, out: `${version}\n` });
    const { exit, out } = await tfmc(["train", "--help"]);
    expect(exit).toBe(0);
    expect(out).toContain("--resume");
    expect(out).toContain("--device");
  });

  test("the version is the package's", () => {
    const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(version).toBe(manifest.version);
  });
});

describe("files", () => {
  test.each([
    ["a missing file", () => join(folder, "nano.tfm"), "TFM5001"],
    ["a folder", () => folder, "TFM5011"],
    [
      "binary garbage",
      () =>
        file(
          "x.tfm",
          Uint8Array.from({ length: 500 }, (_, n) => (n * 37) % 256),
        ),
      "TFM5007",
    ],
  ])("%s", async (_, path, code) => {
    for (const command of ["check", "summary", "graph", "fmt"]) {
      const { exit, err } = await tfmc([command, path()]);
      expect(exit).toBe(1);
      expect(err).toContain(code);
    }
  });

  test("--json lists what is wrong, files that cannot be read among it", async () => {
    const { exit, out, err } = await tfmc([
      "check",
      "--json",
      join(folder, "none.tfm"),
      file("a.tfm", "model m( {"),
    ]);
    expect([exit, err]).toEqual([1, ""]);
    const document = JSON.parse(out) as {
      schemaVersion: number;
      diagnostics: { code: string; message: string }[];
    };
    expect(document.schemaVersion).toBe(1);
    expect(document.diagnostics[0]!.code).toBe("TFM5001");
    expect(document.diagnostics.length).toBeGreaterThan(1);
  });
});

describe("models", () => {
  test("a good model: silence on stdout, exit 0", async () => {
    expect(await tfmc(["check", file("m.tfm", good)])).toMatchObject({ exit: 0, out: "" });
  });

  test.each([
    ["unknown name", model("x = x + attention(layer_nrom(x), heads)"), "TFM2001", "layer_norm"],
    ["indivisible heads", model("x = x + attention(x, 3)"), "TFM3001", "3"],
    ["axis mismatch across a residual", model("x = x + wte.table"), "TFM3002", "x"],
    ["a model of 10⁹ layers", good.replace("layers = 2", "layers = 1000000000"), "TFM4001", "1000000000"],
    ["100,000 open brackets", model(`x = ${"(".repeat(100_000)}`), "TFM4002", ""],
  ])("%s", async (_, text, code, said) => {
    const { exit, err } = await tfmc(["check", file("m.tfm", text)]);
    expect(exit).toBe(1);
    expect(err).toContain(code);
    expect(err).toContain("m.tfm:");
    expect(err.replaceAll(",", "")).toContain(said);
  });

  test("names are the user's business", async () => {
    const text = model(
      "y[i, θ] = x[i, θ] * 2\n    x = y",
      "vocab = 16, context = 8, d = 8, layers = 1",
      "attribute",
    );
    const path = file("m.tfm", text);
    expect((await tfmc(["check", path])).exit).toBe(0);
    expect((await tfmc(["compile", path, "-o", join(folder, "out")])).exit).toBe(0);
    expect(readdirSync(join(folder, "out"))).toContain("program.json");
  });

  test("standard input is named by --stdin-filepath", async () => {
    const { exit, err } = await tfmc(["check", "-", "--stdin-filepath", "typed.tfm"], { stdin: "model" });
    expect(exit).toBe(1);
    expect(err).toContain("typed.tfm:1:");
  });
});

describe("fmt", () => {
  test("rewrites a file once; --check tells and changes nothing", async () => {
    const path = file("m.tfm", good.replace("x = wte(tokens)", "x=wte( tokens )"));
    const before = readFileSync(path, "utf8");
    expect(await tfmc(["fmt", "--check", path])).toMatchObject({ exit: 1 });
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(await tfmc(["fmt", path])).toMatchObject({ exit: 0, out: "" });
    expect(readFileSync(path, "utf8")).toContain("x = wte(tokens)");
    expect(await tfmc(["fmt", "--check", path])).toMatchObject({ exit: 0 });
  });

  test("- formats standard input to standard output", async () => {
    const { exit, out } = await tfmc(["fmt", "-"], { stdin: "mask near( i,j )=j<=i" });
    expect([exit, out]).toEqual([0, "mask near(i, j) = j <= i\n"]);
  });
});

describe("graph, summary, compile", () => {
  test("the graph in every form; an unknown pass names the nearest", async () => {
    const path = file("m.tfm", good);
    expect((await tfmc(["graph", path])).out).toContain("tokens");
    expect((await tfmc(["graph", path, "--format", "dot"])).out).toMatch(/^digraph/);
    expect((await tfmc(["graph", path, "--format", "mermaid", "--entry", "grad"])).out).toMatch(/^flowchart/);
    const document = JSON.parse((await tfmc(["graph", path, "--format", "json", "--after", "fuse"])).out);
    expect(document).toMatchObject({ schemaVersion: 1, graph: { name: "forward" } });
    const { exit, err } = await tfmc(["graph", path, "--after", "fusee"]);
    expect(exit).toBe(2);
    expect(err).toContain("the nearest is `fuse`");
  });

  test("the graphs that decode step by step, or why there are none", async () => {
    const path = file("m.tfm", good);
    expect((await tfmc(["graph", path, "--entry", "step"])).out).toMatch(/input\.cache .*C, /);
    const ahead = file("ahead.tfm", good.replace("mask: causal", "mask: full"));
    const { exit, err } = await tfmc(["graph", ahead, "--entry", "step"]);
    expect([exit, err]).toEqual([
      2,
      expect.stringMatching(/no `step` graph: `layers\.\*\.attention`.* later/),
    ]);
    expect((await tfmc(["graph", path, "--entry", "encode"])).err).toContain("nothing to do for it");
  });

  test("the summary adds up", async () => {
    const { out } = await tfmc(["summary", file("m.tfm", good), "--batch", "4", "--length", "8", "--json"]);
    const result = JSON.parse(out) as {
      parameters: number;
      weightBytes: number;
      optimizerBytes: number;
      cacheBytes: number;
      blocks: { name: string; parameters: number; flops: number }[];
      flops: { forward: number; train: number; decode: number };
    };
    // wte 16·8; a layer: norm 2·8, attention 4·(8·8 + 8)
    expect(result.parameters).toBe(16 * 8 + 2 * (2 * 8 + 4 * (8 * 8 + 8)));
    expect(result.weightBytes).toBe(4 * result.parameters);
    expect(result.cacheBytes).toBe(4 * 2 * 2 * 4 * 8 * 8); // f32, k and v, layers, batch, t, d
    const sum = result.blocks.reduce((total, { flops }) => total + flops, 0);
    expect(Math.abs(sum / result.flops.forward - 1)).toBeLessThan(0.02);
    expect(result.flops.train).toBeGreaterThan(2 * result.flops.forward);
    expect(result.flops.decode).toBeLessThan(result.flops.forward / 16);
  });

  test("GPT-2 small has its published size", async () => {
    const { out } = await tfmc(["summary", "examples/gpt2.tfm", "--batch", "1", "--length", "1024"]);
    expect(out).toMatch(/^parameters +124,439,808$/m);
    expect(out).toMatch(/^KV cache +72\.0 MiB$/m);
  });

  test("compile writes the module or, on an error, nothing", async () => {
    const out = join(folder, "out");
    expect((await tfmc(["compile", file("bad.tfm", model("x = x + nonsense(x)")), "-o", out])).exit).toBe(1);
    expect(readdirSync(folder)).not.toContain("out");
    expect((await tfmc(["compile", file("m.tfm", good), "-o", out, "--time-passes"])).exit).toBe(0);
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining(["m.ts", "m.js", "m.d.ts", "m.wgsl", "program.json"]),
    );
  });
});

describe("runs", () => {
  test("a folder that is no run, an empty one, and none at all", async () => {
    mkdirSync(join(folder, "empty"));
    expect((await tfmc(["generate", join(folder, "none"), "-p", "a"])).err).toContain("TFM5001");
    expect((await tfmc(["generate", join(folder, "empty"), "-p", "a"])).err).toContain("TFM5020");
    expect((await tfmc(["train", "--resume", join(folder, "empty")])).err).toContain("TFM5020");
  });

  test("train, generate, evaluate, and what a truncated checkpoint says", async () => {
    const text = file("text.txt", "the sea is calm and the moon is low. ".repeat(20));
    const out = join(folder, "run");
    const path = file("m.tfm", good);
    const options = [
      "--data",
      text,
      "--tokenizer",
      "chars",
      "--steps",
      "3",
      "--batch",
      "2",
      "-o",
      out,
      "--device",
      "cpu",
    ];
    const trained = await tfmc(["train", path, ...options]);
    expect(trained.exit).toBe(0);
    expect(trained.err).toMatch(/`vocab` is \d+ instead of 16/);
    expect(trained.out).toContain("checkpoint: ");
    expect((await tfmc(["train", path, ...options])).err).toContain("TFM5021");
    const device = ["--device", "cpu"];
    const first = await tfmc(["generate", out, "-p", "the", "-n", "5", "--seed", "2", ...device]);
    expect(first.out).toMatch(/^the.{5}\n$/s);
    expect(await tfmc(["generate", out, "-p", "the", "-n", "5", "--seed", "2", ...device])).toEqual(first);
    expect((await tfmc(["generate", out, "-p", "ß", ...device])).err).toContain("TFM6201");
    expect((await tfmc(["eval", out, "--data", text, ...device])).out).toMatch(
      /^loss [\d.]+ · perplexity [\d.]+/,
    );
    for (const step of readdirSync(join(out, "checkpoints"))) {
      writeFileSync(join(out, "checkpoints", step, "model.safetensors"), "cut");
    }
    const broken = await tfmc(["generate", out, "-p", "the", ...device]);
    expect(broken.exit).toBe(1);
    expect(broken.err).toMatch(/damaged and not used: `model.safetensors` has 3 bytes[\s\S]*TFM5020/);
  });

  test("a run keeps the files that its model imports", async () => {
    const block = file("blocks.tfm", "block twice(x[t, d]) {\n  y = 2 * x\n  return y\n}\n");
    const path = file(
      "m.tfm",
      `import "blocks.tfm"\n${model("x = twice(x)", "vocab = 16, context = 8, d = 8, layers = 2")}`,
    );
    const out = join(folder, "run");
    const data = ["--data", file("text.txt", "a tale of the sea. ".repeat(20))];
    const device = ["--device", "cpu"];
    const train = ["train", path, ...data, "--tokenizer", "chars", "--steps", "1", "--batch", "1", "-o", out];
    expect((await tfmc([...train, ...device])).exit).toBe(0);
    rmSync(block);
    expect((await tfmc(["check", path])).err).toContain("TFM2011");
    expect((await tfmc(["generate", out, "-p", "a", "-n", "3", ...device])).exit).toBe(0);
  });

  test("a model too small for the tokenizer, and a text too short", async () => {
    const path = file("m.tfm", good.replace("vocab = 16, ", "").replaceAll("vocab", "16"));
    const train = (text: string) =>
      tfmc(["train", path, "--data", file("text.txt", text), "-o", join(folder, "run")]);
    expect((await train("the sea ".repeat(50))).err).toContain("TFM5022");
    expect((await train("")).err).toContain("TFM5005");
    expect((await train("abc")).err).toMatch(/TFM50(05|22)/);
  });
});

describe("run and grad", () => {
  test("shapes of outputs, probes and gradients; a descent along the gradient lowers the loss", async () => {
    const path = file("m.tfm", good.replace("output logits", "probe last = x\n  output logits"));
    const out = join(folder, "run");
    const text = file("text.txt", "abcdefgh".repeat(30));
    const train = ["--data", text, "--tokenizer", "chars", "--set", "vocab=16", "--steps", "1", "-o", out];
    expect((await tfmc(["train", path, ...train, "--device", "cpu"])).exit).toBe(0);
    const tokens = { data: Int32Array.from({ length: 18 }, (_, n) => (n * 5) % 16), shape: [2, 9] };
    const inputs = file("i.safetensors", writeSafetensors(new Map([["tokens", tokens]])));
    const compute = async (command: string, weights: string, ...more: readonly string[]) => {
      const outputs = join(folder, `${command}.safetensors`);
      const files = ["--weights", weights, "--inputs", inputs, "--outputs", outputs];
      const { exit, err } = await tfmc([command, path, ...files, "--device", "cpu", ...more]);
      expect([exit, err]).toEqual([0, expect.any(String)]);
      return readSafetensors(new Uint8Array(readFileSync(outputs))).tensors;
    };
    const shapes = (tensors: ReadonlyMap<string, { shape: readonly number[] }>) =>
      Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));

    const weights = join(out, "model.safetensors");
    expect(shapes(await compute("run", weights))).toEqual({ logits: [2, 8, 16] });
    const probed = await compute("run", weights, "--probe", "last");
    expect(shapes(probed)).toEqual({ logits: [2, 8, 16], last: [2, 8, 8] });

    const parameters = readSafetensors(new Uint8Array(readFileSync(weights))).tensors;
    const gradients = await compute("grad", weights);
    const wanted = Object.entries(shapes(parameters)).map(([name, shape]) => [`grad.${name}`, shape]);
    expect(shapes(gradients)).toEqual({ loss: [], ...Object.fromEntries(wanted) });

    const loss = (tensors: typeof gradients): number => toFloat32(tensors.get("loss")!)[0]!;
    let square = 0;
    const step = 1e-2;
    const moved = [...parameters].map(([name, stored]): [string, TensorToWrite] => {
      const slope = toFloat32(gradients.get(`grad.${name}`)!);
      for (const value of slope) square += value * value;
      return [
        name,
        { data: toFloat32(stored).map((value, n) => value - step * slope[n]!), shape: stored.shape },
      ];
    });
    const lower = loss(await compute("grad", file("w.safetensors", writeSafetensors(new Map(moved)))));
    const fallen = loss(gradients) - lower;
    expect(fallen / (step * square)).toBeGreaterThan(0.9); // first order: the loss falls by step · ‖gradient‖²
    expect(fallen / (step * square)).toBeLessThan(1.1);
  });

  test("wrong weights and inputs are named", async () => {
    const path = file("m.tfm", good);
    const none = file("none.safetensors", writeSafetensors(new Map()));
    const cut = file("cut.safetensors", writeSafetensors(new Map()).subarray(0, 5));
    const files = (weights: string) => [
      "--weights",
      weights,
      "--inputs",
      none,
      "--outputs",
      join(folder, "o"),
    ];
    expect((await tfmc(["run", path, ...files(none)])).err).toMatch(/TFM6102: .*Missing: `/);
    expect((await tfmc(["run", path, ...files(cut)])).err).toContain("TFM6101");
    expect((await tfmc(["run", path, ...files(none), "--probe", "x"])).err).toContain("no probe `x`");
    expect(readdirSync(folder)).not.toContain("o");
  });
});

describe("explain, doctor, internal errors", () => {
  test("every code of the three tables is explained, in a range of its own", async () => {
    const tables = [
      [/^TFM[1-47]\d{3}$/, Object.keys(catalogue)],
      [/^TFM5\d{3}$/, Object.values(failures).map(({ code }) => code)],
      [/^TFM6\d{3}$/, Object.keys(runtimeErrors)],
    ] as const;
    for (const [range, codes] of tables) {
      expect(new Set(codes).size).toBe(codes.length);
      for (const code of codes) {
        expect(code).toMatch(range);
        const { exit, out } = await tfmc(["explain", code.toLowerCase()]);
        expect(exit).toBe(0);
        expect(out.length, code).toBeGreaterThan(60);
      }
    }
  });

  test("doctor always has the CPU", async () => {
    const { exit, out } = await tfmc(["doctor", "--device", "cpu", "--json"]);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, version });
  });

  test("a bug of ours: exit 70, a reproducer, and the stack only with -v", async () => {
    const host = createTestHost({ temporaryFolder: folder });
    const broken = { ...host, stdin: () => Promise.reject(new Error("internal: the stream is a teapot")) };
    expect(await run(["check", "-"], broken)).toBe(70);
    expect(host.printed.err).toContain("internal error: the stream is a teapot");
    expect(host.printed.err).not.toContain("    at ");
    const [name] = readdirSync(folder);
    expect(host.printed.err).toContain(name);
    expect(JSON.parse(readFileSync(join(folder, name!), "utf8"))).toMatchObject({
      compiler: version,
      argv: ["check", "-"],
    });
    expect(await run(["check", "-", "-v"], broken)).toBe(70);
    expect(host.printed.err).toContain("    at ");
  });
});
