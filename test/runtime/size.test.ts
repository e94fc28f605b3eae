import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { runtimeBundle } from "../../scripts/bundle.mjs";

const folder = fileURLToPath(new URL("../../runtime/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
const source = (name: string): string => readFileSync(folder + name, "utf8");

test("the whole runtime, as a page loads it, is under 30 kB gzipped", async () => {
  expect(gzipSync(await runtimeBundle(), { level: 9 }).length).toBeLessThan(30_000);
});

test("it imports its own files only; Dawn is loaded on demand in one file, and files of Node in one", () => {
  for (const name of files) {
    const imports = [...source(name).matchAll(/from "([^"]+)"/g)].map((match) => match[1]!);
    expect(imports.filter((path) => !path.startsWith("./"))).toEqual([]);
  }
  expect(files.filter((name) => /import\("webgpu"\)/.test(source(name)))).toEqual(["gpu.ts"]);
  expect(files.filter((name) => /"node:/.test(source(name)))).toEqual(["source.ts"]);
});
