import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../runtime/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
const source = (name: string): string => readFileSync(folder + name, "utf8");

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  removeComments: true,
};

test("the whole runtime is under 30 kB gzipped, even before it is minified", () => {
  const code = files.map((name) => ts.transpileModule(source(name), { compilerOptions }).outputText).join("");
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(30_000);
});

test("it imports its own files only; Dawn is loaded on demand in one file, and files of Node in one", () => {
  for (const name of files) {
    const imports = [...source(name).matchAll(/from "([^"]+)"/g)].map((match) => match[1]!);
    expect(imports.filter((path) => !path.startsWith("./"))).toEqual([]);
  }
  expect(files.filter((name) => /import\("webgpu"\)/.test(source(name)))).toEqual(["gpu.ts"]);
  expect(files.filter((name) => /"node:/.test(source(name)))).toEqual(["source.ts"]);
});
