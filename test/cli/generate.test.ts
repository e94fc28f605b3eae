/** `tfmc generate` on runs of every kind of model, each trained for a moment on something that it can learn. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../cli/program.js";
import type { HostOptions } from "./host.js";
import { createTestHost } from "./host.js";

// Each command compiles its model: on a busy machine that adds up.
vi.setConfig({ testTimeout: 240_000 });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-generate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function tfmc(argv: readonly string[], options: HostOptions = {}) {
  const host = createTestHost({ temporaryFolder: folder, ...options });
  const exit = await run([...argv, "--device", "cpu"], host);
  expect(host.printed.out + host.printed.err).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return { exit, ...host.printed };
}

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const recipe = "train { optimizer = adamw(lr: 2e-2); batch = 8; steps = 60 }";
const embedded = (input: string, vocab = "vocab"): string => `
  use wte = embedding(${vocab}, d, std: 0.3)
  x = wte(${input}) + learned_position(${input}, context, d, std: 0.3)`;

const models = {
  stream: `model stream(vocab = 16, context = 12, d = 16) {
  input tokens[t <= context] : int(vocab)${embedded("tokens")}
  x = x + attention(layer_norm(x), 2, mask: causal)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
  ${recipe}
}`,
  pairs: `model pairs(vocab = 16, context = 12, d = 16) {
  input source[s <= context] : int(vocab)
  input target[t <= context] : int(vocab)${embedded("target")}
  memory = wte(source) + learned_position(source, context, d, std: 0.3)
  x = x + attention(layer_norm(x), 2, mask: causal)
  x = x + attention(layer_norm(x), 2, memory: memory, mask: padding(valid(source)))
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(target))
  ${recipe}
}`,
  masked: `model hidden(vocab = 16, context = 12, d = 16) {
  input tokens[t <= context] : int(vocab)${embedded("tokens")}
  x = x + attention(layer_norm(x), 2)
  x = x + mlp(layer_norm(x), hidden: 32)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, original(tokens))
  ${recipe}
}`,
  texts: `model labels(vocab = 16, classes = 2, context = 12, d = 16) {
  input tokens[t <= context] : int(vocab)
  input label : int(classes)${embedded("tokens")}
  x = x + attention(layer_norm(x), 2, mask: padding(valid(tokens)))
  output logits = label_logits(pooled(x, valid(tokens), first), classes)
  loss label_cross_entropy(logits, label)
  ${recipe}
}`,
};

const trained = new Map<string, Promise<string>>();
/** The run folder of a model, trained when a test first asks for it. */
function runOf(
  kind: keyof typeof models,
  name: string,
  data: string,
  more: readonly string[] = [],
): Promise<string> {
  const train = async (): Promise<string> => {
    const out = join(folder, `run-${kind}`);
    const options = ["--data", file(name, data), "--tokenizer", "chars", "-o", out, "-q", ...more];
    const { exit, err } = await tfmc(["train", file(`${kind}.tfm`, models[kind]), ...options]);
    expect([exit, err]).toEqual([0, err]);
    return out;
  };
  trained.set(kind, trained.get(kind) ?? train());
  return trained.get(kind)!;
}

describe("a model of streams", () => {
  const stream = () => runOf("stream", "text.txt", "the sea is calm. ".repeat(60));

  test("one prompt as it comes, several in a batch, from options and from standard input", async () => {
    const options = ["-n", "13", "--temperature", "0"];
    const one = await tfmc(["generate", await stream(), "-p", "the ", ...options]);
    expect(one.out).toBe("the sea is calm. \n");
    const several = ["generate", await stream(), "-p", "calm", "--input", "-", ...options];
    const { out } = await tfmc(several, { stdin: "the \nsea is\n" });
    expect(out.split("\n\n").map((text) => text.slice(0, 10))).toEqual([
      "calm. the ",
      "the sea is",
      "sea is cal",
    ]);
  });

  test("-v and --json say how the next token is computed", async () => {
    const options = ["-p", "the ", "-n", "2", "--temperature", "0"];
    expect((await tfmc(["generate", await stream(), ...options, "-v"])).err).toContain("tokens: by steps\n");
    const document = JSON.parse((await tfmc(["generate", await stream(), ...options, "--json"])).out);
    expect(document).toMatchObject({ text: "se", tokens: { by: "steps" } });
    const ahead = models.stream.replace("mask: causal", "mask: full").replace("steps = 60", "steps = 2");
    const run = join(folder, "ahead");
    const data = file("ahead.txt", "the sea is calm. ".repeat(60));
    const training = ["--data", data, "--tokenizer", "chars", "-o", run, "-q"];
    await tfmc(["train", file("ahead.tfm", ahead), ...training]);
    const { err, out } = await tfmc(["generate", run, ...options, "-v"]);
    expect(err).toMatch(/tokens: by whole passes: TFM4101: `attention`/);
    expect(out).toMatch(/^the /);
    expect(
      JSON.parse((await tfmc(["generate", run, "-p", "a", "-p", "s", "-n", "1", "--json"])).out),
    ).toMatchObject({
      tokens: { by: "whole passes", why: { code: "TFM4101" } },
    });
  });

  test("a beam, its best, and --json", async () => {
    const out = await stream();
    const found = await tfmc(["generate", out, "-p", "the ", "-n", "8", "--beam", "3", "--best", "2"]);
    const lines = found.out.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^-?\d+\.\d{4}\tthe sea is c$/);
    expect(Number.parseFloat(lines[0]!)).toBeGreaterThanOrEqual(Number.parseFloat(lines[1]!));
    const { results } = JSON.parse(
      (await tfmc(["generate", out, "-p", "the ", "-p", "the sea", "-n", "3", "--beam", "2", "--json"])).out,
    ) as { results: { prompt: string; texts: { text: string; score: number; finished: boolean }[] }[] };
    expect(results.map(({ prompt, texts }) => [prompt, texts[0]!.text, texts[0]!.finished])).toEqual([
      ["the ", "sea", false],
      ["the sea", " is", false],
    ]);
  });

  test.each([
    [[], "there is no prompt"],
    [["-p", "a", "-p", ""], "prompt 2 is empty"],
    [["-p", "a", "--beam", "2", "--temperature", "1"], "leave one of the two out"],
    [["-p", "a", "--length-penalty", "1"], "belong to a beam"],
    [["-p", "a", "--beam", "2", "--best", "3"], "more than the beam of 2"],
    [["-p", "a", "--beam", "0"], "whole number from 1 up"],
  ])("%j is refused", async (options, message) => {
    const { exit, err } = await tfmc(["generate", await stream(), ...options]);
    expect([exit, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("a model of pairs", () => {
  const pairs = () => {
    const lines = ["ab", "ba", "aab", "bbab", "a", "abba"].map(
      (source) => `${source}\t${source[0] === "a" ? "xy" : "zzz"}`,
    );
    return runOf("pairs", "pairs.tsv", `${lines.join("\n")}\n`.repeat(8), ["--length", "8"]);
  };

  test("gives each source its target, by a beam or by drawing, a line each", async () => {
    const out = await pairs();
    const sources = file("sources.txt", "ab\nbbab\naab\n");
    for (const options of [[], ["--beam", "2", "--length-penalty", "0"], ["--temperature", "0"]])
      expect((await tfmc(["generate", out, "--input", sources, ...options])).out).toBe("xy\nzzz\nxy\n");
    const best = await tfmc(["generate", out, "-p", "ba", "--best", "2"]);
    expect(best.out).toMatch(/^-0\.\d+\tzzz\n-\d\.\d+\t.*\n$/);
    const { results } = JSON.parse((await tfmc(["generate", out, "-p", "ba", "-n", "2", "--json"])).out);
    expect(results).toMatchObject([{ prompt: "ba", texts: [{ text: "zz", finished: false }] }]);
  });

  test("a source that is too long is refused by its length", async () => {
    const { exit, err } = await tfmc(["generate", await pairs(), "-p", "a", "-p", "ab".repeat(20)]);
    expect([exit, err]).toEqual([
      1,
      expect.stringMatching(/source \(number 2\) has 41 tokens; `source` holds at most 12/),
    ]);
  });
});

describe("a model of hidden tokens", () => {
  const masked = () => runOf("masked", "letters.txt", "aaaaaaab".repeat(80), ["--length", "12"]);

  test("fills in each <mask> and says what it thought of", async () => {
    const out = await masked();
    const { out: text } = await tfmc(["generate", out, "-p", "aa<mask>ab<mask>aaaab", "--top-k", "2"]);
    const [filled, first, second, ...rest] = text.trimEnd().split("\n");
    expect(filled).toBe("aaaabaaaaab");
    expect(first).toMatch(/^ {2}a 0\.\d{3} · b 0\.\d{3}$/);
    expect(second).toMatch(/^ {2}a 0\.\d{3} · b 0\.\d{3}$/);
    expect(rest).toEqual([]);
    const { results } = JSON.parse((await tfmc(["generate", out, "-p", "a<mask>aa", "--json"])).out);
    expect(results[0]).toMatchObject({
      prompt: "a<mask>aa",
      text: "aaaa",
      gaps: [[{ name: "a" }, { name: "b" }]],
    });
  });

  test.each([
    [["-p", "aa"], "write `<mask>`"],
    [["-p", `${"aaab".repeat(5)}<mask>`], "has 21 tokens; the model takes at most 12"],
    [["-p", "a<mask>", "--beam", "2"], "`--beam` has no meaning for `hidden`"],
  ])("%j is refused", async (options, message) => {
    const { exit, err } = await tfmc(["generate", await masked(), ...options]);
    expect([exit, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

test("a model of classes names them with their probabilities", async () => {
  const lines = ["ab", "aab", "aba", "ba", "bba", "bab"].map(
    (text) => `${text}\t${text[0] === "a" ? "first" : "second"}`,
  );
  const out = await runOf("texts", "texts.tsv", `${lines.join("\n")}\n`.repeat(8));
  const { out: text } = await tfmc(["generate", out, "-p", "abb", "-p", "bb"]);
  const [a, b] = text.trimEnd().split("\n");
  expect(a).toMatch(/^first (0\.9\d\d|1\.000) · second 0\.\d{3}$/);
  expect(b).toMatch(/^second (0\.9\d\d|1\.000) · first 0\.\d{3}$/);
  const { results } = JSON.parse((await tfmc(["generate", out, "-p", "a", "--top-k", "1", "--json"])).out);
  expect(results).toMatchObject([{ prompt: "a", classes: [{ name: "first" }] }]);
  expect(results[0].classes).toHaveLength(1);
  expect((await tfmc(["generate", out, "-p", "a", "--temperature", "1"])).err).toContain(
    "names the class of a text",
  );
});
