/** `train`, `--resume` and `eval` for every task, as a user types them: a run in two parts ends with the bits of a whole one. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../cli/program.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-tasks-"));
  writeFileSync(join(folder, "models.tfm"), models);
  writeFileSync(join(folder, "text.txt"), "the cat sat on the mat. ".repeat(20));
  const digits = Array.from({ length: 40 }, (_, n) => String((n * 7919) % 10 ** (1 + (n % 4))));
  const backwards = (text: string): string => [...text].reverse().join("");
  writeFileSync(join(folder, "pairs.tsv"), digits.map((text) => `${text}\t${backwards(text)}\n`).join(""));
  writeFileSync(join(folder, "a.txt"), `${digits.join("\n")}\n`);
  writeFileSync(join(folder, "b.txt"), `${digits.map(backwards).join("\n")}\n`);
  const labelled = digits.map((text) => JSON.stringify({ text, label: text.length > 2 ? "long" : "short" }));
  writeFileSync(join(folder, "labelled.jsonl"), labelled.join("\n"));
  mkdirSync(join(folder, "pictures"));
  const pictures = Array.from({ length: 20 }, (_, n) => [n % 2 === 0 ? 255 : 0, 0, 0, n % 2 === 0 ? 0 : 255]);
  const head = (...values: readonly number[]) => values.flatMap((value) => [0, 0, 0, value]);
  const write = (name: string, bytes: readonly number[]): void =>
    writeFileSync(join(folder, "pictures", name), Uint8Array.from(bytes));
  write("train-images-idx3-ubyte", [0, 0, 8, 3, ...head(20, 2, 2), ...pictures.flat()]);
  write("train-labels-idx1-ubyte", [0, 0, 8, 1, ...head(20), ...pictures.map((_, n) => n % 2)]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const models = `
model stream : decoder { context = 8; d_model = 8; layers = 1; heads = 2; dropout = 0.1; train { batch = 2; steps = 4 } }
model masked : encoder { context = 8; d_model = 8; layers = 1; heads = 2; train { batch = 2; steps = 4 } }
model texts : encoder { context = 8; d_model = 8; layers = 1; heads = 2; task = classify; classes = 5; train { batch = 2; steps = 4 } }
model pairs : encoder_decoder { context = 8; d_model = 8; layers = 1; heads = 2; train { batch = 2; steps = 4; accumulate = 2 } }
model images(classes = 10) {
  input image[2, 2] : real
  input label : int(classes)
  param w[2, 2, classes] ~ normal(0.1)
  logits[c] = image[i, j] * w[i, j, c]
  output logits = logits
  loss label_cross_entropy(logits, label)
  train { optimizer = adamw(lr: 0.1); batch = 4; steps = 4 }
}
model strange { input x[t, 4] : real; param w[4] ~ ones; y[i] = x[i, m] * w[m]; output y = y }
`;

interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Where \`interrupt\` is given, the process is interrupted when a message begins with it. */
async function tfmc(argv: readonly string[], interrupt?: string): Promise<Outcome> {
  const host = createTestHost({
    temporaryFolder: folder,
    onMessage: (message) => {
      if (interrupt !== undefined && message.startsWith(interrupt)) host.interrupt();
    },
  });
  const exit = await run(["--device", "cpu", "--no-color", ...argv], host);
  return { exit, ...host.printed };
}

const at = (name: string): string => join(folder, name);
const train = (model: string, data: readonly string[], output: string): readonly string[] => [
  ...["train", at("models.tfm"), "--model", model, ...data, "-o", at(output)],
  ...["--tokenizer", "chars", "--eval-every", "2", "--save-every", "2"],
];
const bytesOf = (runFolder: string, name: string): string =>
  createHash("sha256")
    .update(readFileSync(join(at(runFolder), name)))
    .digest("hex");

const tasks = [
  [
    "stream",
    ["--data", "text.txt"],
    /tokens to train on.*4 steps of 2 × 8/,
    /^loss \S+ · perplexity \S+ · accuracy \S+ %/,
  ],
  ["masked", ["--data", "text.txt"], /tokens to train on.*4 steps of 2 × 8/, /accuracy \S+ %/],
  [
    "pairs",
    ["--data", "pairs.tsv"],
    /36 pairs to train on, 4 pairs .*4 steps of 2 × 2; .* % of a batch is padding/,
    /targets/,
  ],
  ["texts", ["--data", "labelled.jsonl"], /36 texts to train on/, /accuracy \S+ % · 40 targets/],
  [
    "images",
    ["--data", "pictures"],
    /18 pictures to train on, 2 pictures to validate/,
    /accuracy \S+ % · 20 targets/,
  ],
] as const;

describe.each(tasks)("%s", (model, [option, file], announced, evaluated) => {
  const data = () => [option, at(file)];

  test("a run in two parts ends with the bits of a whole one", async () => {
    const whole = await tfmc(train(model, data(), `${model}-whole`));
    expect([whole.exit, whole.err]).toEqual([0, expect.stringMatching(announced)]);
    expect(whole.out).toMatch(/^training loss \S+, validation loss \S+\n\n\S/);
    const parts = await tfmc(train(model, data(), `${model}-parts`), "step 2: validation");
    expect(parts.exit).toBe(130);
    expect(await tfmc(["train", "--resume", at(`${model}-parts`)])).toMatchObject({ exit: 0 });
    for (const name of ["model.safetensors", "optimizer.safetensors", "state.json"])
      expect(bytesOf(`${model}-parts`, name)).toBe(bytesOf(`${model}-whole`, name));
  });

  test("its run folder says what the task is; eval measures on data of that kind", async () => {
    const resolved = JSON.parse(readFileSync(at(`${model}-whole/resolved.json`), "utf8")) as { task: string };
    expect(resolved.task).toBe(model);
    const found = await tfmc(["eval", at(`${model}-whole`), ...data()]);
    expect(found).toMatchObject({ exit: 0, out: expect.stringMatching(evaluated) });
  });
});

test("pairs are decoded: exact matches and tokens, from two files as well", async () => {
  const both = ["--data", at("a.txt"), "--target", at("b.txt")];
  const { exit, out } = await tfmc(["eval", at("pairs-whole"), ...both, "--beam", "2", "--json"]);
  expect(exit).toBe(0);
  const found = JSON.parse(out) as Record<string, number>;
  expect(found).toMatchObject({ beam: 2, pairs: 40 });
  for (const name of ["exactMatch", "decodedAccuracy", "accuracy"]) {
    expect(found[name]).toBeGreaterThanOrEqual(0);
    expect(found[name]).toBeLessThanOrEqual(1);
  }
  expect(
    (await tfmc(["eval", at("texts-whole"), "--data", at("labelled.jsonl"), "--beam", "2"])).err,
  ).toMatch(/--beam/);
});

test("vocabulary and classes follow the data, also of models that inherit them; names of classes are kept", () => {
  const settings = (name: string) =>
    (JSON.parse(readFileSync(at(`${name}-whole/resolved.json`), "utf8")) as { settings: object }).settings;
  expect(settings("pairs")).toEqual({ vocab: 12 });
  expect(settings("texts")).toEqual({ vocab: 11, classes: 2 });
  expect(settings("images")).toEqual({ classes: 2 });
  expect(JSON.parse(readFileSync(at("texts-whole/labels.json"), "utf8"))).toEqual(["long", "short"]);
  expect(readdirSync(at("images-whole"))).not.toContain("tokenizer.json");
});

test("pairs that are too long are left out and counted", async () => {
  const argv = train(
    "pairs",
    ["--data", at("pairs.tsv"), "--length", "4", "--val", "0", "--steps", "1"],
    "short",
  );
  const { exit, err } = await tfmc(argv);
  expect(exit).toBe(0);
  expect(err).toMatch(/9 of 40 training pairs are too long and left out: a source takes 3 tokens and eos/);
  const none = await tfmc([...argv.slice(0, -1), "1", "--length", "1", "-o", at("none")]);
  expect(none).toMatchObject({
    exit: 1,
    err: expect.stringMatching(/no pair of the training data is short enough/),
  });
});

test("a model that no data feeds is told what there is", async () => {
  const { exit, err } = await tfmc(train("strange", ["--data", at("text.txt")], "strange"));
  expect(exit).toBe(1);
  expect(err).toMatch(
    /no kind of data feeds `strange`, whose inputs are `x\[t, \w+\] : real`[\s\S]*next\(target\)/,
  );
});

test("a run that diverges at once keeps its metrics, and its folder is free again", async () => {
  const argv = train("stream", ["--data", at("text.txt")], "wild");
  const wild = await tfmc([...argv, "--lr", "1e30"]);
  expect(wild).toMatchObject({ exit: 4, err: expect.stringMatching(/diverged at step/) });
  expect(readFileSync(at("wild/metrics.jsonl"), "utf8").trim().split("\n").at(-1)).toContain(
    '"diverged":true',
  );
  expect((await tfmc(argv)).exit).toBe(0);
  expect((await tfmc(argv)).err).toMatch(/already holds a run/);
});

test("a folder that cannot be made is an error, not a wait", async () => {
  const { exit, err } = await tfmc([
    ...train("images", ["--data", at("pictures")], "x").slice(0, -6),
    "-o",
    "/proc/x",
  ]);
  expect(exit).toBe(1);
  expect(err).toMatch(/`\/proc\/x` cannot be written/);
});
