/** Models as JSON on the command line: checked, converted, imported, trained; a run folder holds the language. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../cli/program.js";
import { compile } from "../../compiler/index.js";
import type { HostOptions } from "./host.js";
import { createTestHost } from "./host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-json-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function tfmc(argv: readonly string[], options: HostOptions = {}) {
  const host = createTestHost({ temporaryFolder: folder, ...options });
  const exit = await run(argv, host);
  return { exit, ...host.printed };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const tfm = `# Small.
model small : decoder {
  vocab = 8
  context = 8
  d_model = 8
  layers = 1
  heads = 2
}
`;
const json = `{
  "model": "decoder",
  "name": "small",
  "doc": "Small.",
  "vocab": 8,
  "context": 8,
  "d_model": 8,
  "layers": 1,
  "heads": 2
}
`;

test("fmt --to prints, writes where nothing is, and leaves the file as it is", async () => {
  const path = file("small.tfm", tfm);
  expect(await tfmc(["fmt", "--to", "json", path])).toEqual({ exit: 0, out: json, err: "" });
  const target = join(folder, "small.json");
  expect((await tfmc(["fmt", "--to", "json", path, "-o", target])).exit).toBe(0);
  expect(readFileSync(target, "utf8")).toBe(json);
  expect((await tfmc(["fmt", "--to", "json", path, "-o", target])).exit).toBe(2);
  expect((await tfmc(["fmt", "--to", "tfm", target])).out).toBe(tfm);
  expect(readFileSync(path, "utf8")).toBe(tfm);
  expect((await tfmc(["fmt", "--to", "json", "--check", path])).exit).toBe(2);
  expect((await tfmc(["fmt", "--to", "json", path, target])).exit).toBe(2);
  expect((await tfmc(["fmt", path, "-o", target])).exit).toBe(2);
});

test("fmt rewrites JSON in its canonical form, and warns of comments that do not travel", async () => {
  const path = file("small.json", JSON.stringify(JSON.parse(json)));
  expect((await tfmc(["fmt", "--check", path])).exit).toBe(1);
  expect((await tfmc(["fmt", path])).exit).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(json);
  expect((await tfmc(["fmt", "--check", path])).exit).toBe(0);
  const commented = file("commented.tfm", tfm.replace("vocab = 8", "vocab = 8  # letters"));
  const { exit, out, err } = await tfmc(["fmt", "--to", "json", commented]);
  expect([exit, out]).toEqual([0, json]);
  expect(err).toMatch(/warning TFM1110[\s\S]*commented\.tfm:3:14/);
});

test("check reads JSON, from standard input as well, and points into the string", async () => {
  expect((await tfmc(["check", file("small.json", json)])).exit).toBe(0);
  const wrong = json.replace('"heads": 2', '"heads": 2,\n  "norm": "rms_nrom(eps: 1e-5)"');
  const { exit, err } = await tfmc(["check", "-", "--stdin-filepath", "wrong.json"], { stdin: wrong });
  expect(exit).toBe(1);
  expect(err).toMatch(/TFM2001[\s\S]*wrong\.json:10:12[\s\S]*write `rms_norm`/);
});

test("imports go across, both ways", async () => {
  file("base.json", json);
  const variant = file("variant.tfm", 'import "base.json"\nvariant post : small { norm_at = post }\n');
  expect((await tfmc(["check", variant])).err).not.toContain("error T");
  file("base.tfm", tfm);
  const other = file(
    "other.json",
    '{ "model": "small", "name": "other", "imports": ["base.tfm"], "heads": 4 }',
  );
  expect((await tfmc(["check", other])).exit).toBe(0);
  expect(
    (await tfmc(["check", file("bad.json", '{ "model": "small", "name": "other", "heads": 4 }')])).exit,
  ).toBe(1);
});

test("a run of a JSON model keeps it as model.tfm, of which the program is the same", async () => {
  const source = file("small.json", json);
  const data = file("text.txt", "abcdefgh".repeat(40));
  const folderOfRun = join(folder, "run");
  const common = ["--device", "cpu", "-q"];
  const train = ["train", source, "--data", data, "--tokenizer", "chars", "--steps", "2", "--batch", "2"];
  expect((await tfmc([...train, "-o", folderOfRun, ...common])).err).not.toContain("error");
  const kept = readFileSync(join(folderOfRun, "model.tfm"), "utf8");
  expect(kept).toBe(tfm);
  const fromTfm = compile(kept, { file: "model.tfm" }).program;
  const fromJson = compile(json, { file: "small.json" }).program;
  expect({ ...fromTfm, source: "" }).toEqual({ ...fromJson, source: "" });
  expect((await tfmc(["generate", folderOfRun, "-p", "abc", "-n", "3", ...common])).exit).toBe(0);
  expect((await tfmc(["train", "--resume", folderOfRun, "--steps", "3", ...common])).exit).toBe(0);
  expect(existsSync(join(folderOfRun, "model.json"))).toBe(false);
});
