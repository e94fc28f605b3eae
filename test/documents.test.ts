/**
 * What the documents show is what happens: marked commands run, every model compiles. documents.ts says how to mark.
 */
import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { check } from "../compiler/index.js";
import type { Block } from "./documents.js";
import { readBlocks } from "./documents.js";

const root = fileURLToPath(new URL("..", import.meta.url));

function documents(): readonly string[] {
  const spec = readdirSync(join(root, "spec")).sort();
  return ["README.md", ...spec.filter((file) => file.endsWith(".md")).map((file) => `spec/${file}`)];
}

function errorsOf({ language, text }: Block): readonly string[] {
  const errors = check(text, { file: `model.${language}` }).filter(({ severity }) => severity === "error");
  return errors.map(({ code, message }) => `${code}: ${message}`);
}

/** JSON is a model where it is named, or refused. */
const isModel = ({ language, words }: Block): boolean =>
  language === "tfm" || (language === "json" && words.length > 0);

/** A folder in which `tfmc`, `npx tfmc` and `import "tfmc/runtime"` are this checkout's, as if installed. */
function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "document-"));
  const commands = join(folder, "node_modules/.bin");
  mkdirSync(commands, { recursive: true });
  symlinkSync(root, join(folder, "node_modules/tfmc"), "dir");
  const main = join(root, "dist/cli/main.js");
  writeFileSync(join(commands, "tfmc"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(folder, "package.json"), `{ "private": true, "type": "module" }\n`);
  return folder;
}

/** Without blocking: the runner gives up on a worker that is silent for a minute. */
async function runBlock(folder: string, { text }: Block): Promise<void> {
  const path = [join(folder, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, npm_config_offline: "true", NO_COLOR: "1" };
  try {
    await promisify(execFile)("bash", ["-euo", "pipefail", "-c", text], {
      cwd: folder,
      env,
      timeout: 240_000,
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${text}\n${stdout ?? ""}${stderr ?? error}`);
  }
}

/** A word with a dot names a file; it must stay inside the folder. */
function writeNamed(folder: string, { words, text }: Block): void {
  const file = words.find((word) => word.includes("."));
  if (!file || file.includes("..")) return;
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

for (const path of documents()) {
  const blocks = readBlocks(readFileSync(join(root, path), "utf8"));
  const commands = blocks.filter(({ language, words }) => language === "sh" && words.includes("test"));
  const models = blocks.filter(isModel);

  describe.runIf(models.length > 0)(`models of ${path}`, () => {
    test.each(models.map((block) => [block.line, block] as const))("line %i", (_, block) => {
      const { words } = block;
      const errors = errorsOf(block);
      if (words[0] !== "error") expect(errors).toEqual([]);
      else expect(errors.map((error) => error.split(":")[0])).toContain(words[1]);
    });
  });

  describe.runIf(commands.length > 0)(`commands of ${path}`, () => {
    const folder = createFolder();
    afterAll(() => rmSync(folder, { recursive: true }));
    for (const block of models) writeNamed(folder, block);
    test.each(commands.map((block) => [block.line, block] as const))(
      "line %i",
      (_, block) => runBlock(folder, block),
      300_000,
    );
  });
}

test("blocks are found with their info strings, indented and nested ones too", () => {
  const markdown =
    "```sh test\necho 1\n```\n- x\n  ~~~tfm error E1\n  model\n  ~~~\n````md\n```sh\n```\n````\n";
  expect(readBlocks(markdown)).toEqual([
    { line: 1, language: "sh", words: ["test"], text: "echo 1\n" },
    { line: 5, language: "tfm", words: ["error", "E1"], text: "model\n" },
    { line: 8, language: "md", words: [], text: "```sh\n```\n" },
  ]);
  expect(() => readBlocks("```sh\n")).toThrow(/line 1 never closes/);
});

test("a failing command fails with what it said", async () => {
  const folder = createFolder();
  try {
    const block = { line: 1, language: "sh", words: ["test"], text: "echo here >a.txt; cat a.txt; false\n" };
    await expect(runBlock(folder, block)).rejects.toThrow(/here/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
