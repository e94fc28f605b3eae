/** Every starter: its folder, its model checked and canonical, a few steps, and an answer. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reversedDigits } from "../../cli/init/digits.js";
import { drawnShapes, shapeSize } from "../../cli/init/shapes.js";
import type { StarterName } from "../../cli/init/starters.js";
import { starterNames, starters } from "../../cli/init/starters.js";
import { tales } from "../../cli/init/tales.js";
import { run } from "../../cli/program.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function tfmc(...argv: readonly string[]) {
  const host = createTestHost({ temporaryFolder: folder });
  const exit = await run([...argv, "--device", "cpu"], host);
  return { exit, ...host.printed };
}

async function works(...argv: readonly string[]): Promise<string> {
  const { exit, out, err } = await tfmc(...argv);
  expect(exit, `${argv.join(" ")}\n${err}`).toBe(0);
  return out;
}

const inside = (name: string): string => join(folder, "start", name);

/** What trains a starter small and fast, and what it answers then. */
const uses: Readonly<
  Record<StarterName, { data: string; train: readonly string[]; ask: readonly string[] }>
> = {
  "char-gpt": {
    data: "tales.txt",
    train: ["--tokenizer", "chars", "--set", "d_model=16", "--length", "16", "--batch", "2"],
    ask: ["-p", "the ", "-n", "8"],
  },
  "llama-mini": {
    data: "tales.txt",
    train: ["--tokenizer", "chars", "--set", "d_model=16", "--length", "16", "--batch", "2"],
    ask: ["-p", "the ", "-n", "8"],
  },
  seq2seq: {
    data: "pairs.tsv",
    train: ["--tokenizer", "chars", "--set", "d_model=16", "--batch", "2"],
    ask: ["-p", "31415", "-n", "4"],
  },
  vit: { data: "shapes", train: ["--set", "d=16", "--batch", "2"], ask: [] },
};

/** A text of the starter, cut to what a test has time for; pictures stay. */
function shorten(data: string): void {
  if (!data.includes(".")) return;
  const text = readFileSync(inside(data), "utf8");
  writeFileSync(inside(data), text.split("\n").slice(0, 60).join("\n"));
}

test.each(starterNames)(
  "%s: init, check, train, ask",
  async (name) => {
    await works("init", inside(""), "-t", name);
    const files = [...starters[name].files().keys()];
    expect(files.filter((file) => !file.includes("/")).sort()).toEqual(
      readdirSync(inside(""))
        .filter((file) => file.includes("."))
        .sort(),
    );
    await works("check", inside("model.tfm"));
    expect(await works("fmt", "--check", inside("model.tfm"))).toBe("");
    const { data, train, ask } = uses[name];
    shorten(data);
    const shared = ["--data", inside(data), "--steps", "2", "-o", inside("run"), "-q"];
    await works("train", inside("model.tfm"), ...shared, ...train);
    await works("eval", inside("run"), "--data", inside(data));
    if (ask.length > 0) await works("generate", inside("run"), ...ask);
    expect(readFileSync(inside("README.md"), "utf8")).toContain(`--data ${data}`);
  },
  180_000,
);

test("nothing is replaced: the files that are there are named, and none is written", async () => {
  writeFileSync(join(folder, "README.md"), "mine");
  const { exit, err } = await tfmc("init", folder, "-t", "seq2seq");
  expect(exit).toBe(2);
  expect(err).toContain("README.md` is already there");
  expect(readdirSync(folder)).toEqual(["README.md"]);
  expect((await tfmc("init", folder, "-t", "nonsense")).exit).toBe(2);
  expect((await tfmc("init", join(folder, "README.md"))).exit).toBe(2);
});

test("the data is the same every time", () => {
  expect(tales()).toBe(readFileSync("examples/data/tales.txt", "utf8"));
  const pairs = reversedDigits().trimEnd().split("\n");
  expect(pairs).toHaveLength(3000);
  for (const pair of pairs) {
    const [source, target] = pair.split("\t");
    expect([...source!].reverse().join("")).toBe(target);
  }
  expect(reversedDigits()).toBe(reversedDigits());
  const { images, labels } = drawnShapes();
  expect([...images.subarray(0, 16)]).toEqual([
    0,
    0,
    8,
    3,
    0,
    0,
    2,
    88,
    0,
    0,
    0,
    shapeSize,
    0,
    0,
    0,
    shapeSize,
  ]);
  expect(labels.subarray(8).filter((label) => label === 2)).toHaveLength(150);
  // Shapes are light on a dark ground, and none is empty.
  for (let n = 0; n < 600; n++) {
    const picture = images.subarray(16 + n * shapeSize ** 2, 16 + (n + 1) * shapeSize ** 2);
    expect(picture.filter((light) => light >= 160).length).toBeGreaterThan(8);
  }
});
