import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../runtime/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
const source = (name: string): string => readFileSync(folder + name, "utf8");

test("the whole runtime, as a page gets it, is under 30 kB gzipped", async () => {
  const { outputFiles } = await build({
    entryPoints: [`${folder}index.ts`],
    external: ["webgpu"],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  expect(gzipSync(outputFiles[0]!.contents, { level: 9 }).length).toBeLessThan(30_000);
});

test("it imports its own files only; Dawn is loaded on demand in one file, and files of Node in one", () => {
  for (const name of files) {
    const imports = [...source(name).matchAll(/from "([^"]+)"/g)].map((match) => match[1]!);
    expect(imports.filter((path) => !path.startsWith("./"))).toEqual([]);
  }
  expect(files.filter((name) => /import\("webgpu"\)/.test(source(name)))).toEqual(["gpu.ts"]);
  expect(files.filter((name) => /"node:/.test(source(name)))).toEqual(["source.ts"]);
});
