// TypeScript modules that import each other -> one script. Run by itself, after tsc, it writes the runtime as a page loads it, and the
// parser's library as Node loads it best:
//
//   runtime/index.ts  ->  dist/runtime.min.js, what `tfmc/runtime` resolves to
//   chevrotain        ->  dist/compiler/parser/chevrotain.js: one file where there were seven hundred, half the time of a start
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * `module`: exports stay, small names; `script`: one function that runs, readable.
 * @param {string} entry of the repository @param {"module" | "script"} kind @returns {Promise<string>}
 */
export async function bundle(entry, kind) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    external: ["webgpu", "node:*"],
    bundle: true,
    write: false,
    minify: kind === "module",
    format: kind === "module" ? "esm" : "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
  });
  return /** @type {{ text: string }} */ (outputFiles[0]).text;
}

/** @returns {Promise<string>} */
export const runtimeBundle = () => bundle("runtime/index.ts", "module");

/** The package as one module, licences and all, in place of its many files. */
async function bundleParser() {
  const folder = join(root, "dist/compiler/parser");
  const { outputFiles } = await build({
    stdin: { contents: 'export { createToken, CstParser, EOF } from "chevrotain";', resolveDir: root },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    charset: "utf8",
    legalComments: "inline",
    banner: {
      js: "/*! chevrotain (Apache-2.0), with lodash-es (MIT): the packages of these names have the licences. */",
    },
  });
  writeFileSync(join(folder, "chevrotain.js"), /** @type {{ text: string }} */ (outputFiles[0]).text);
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".js"))) {
    const text = readFileSync(join(folder, name), "utf8");
    const own = text.replace(/from "chevrotain";$/m, 'from "./chevrotain.js";');
    if (own !== text) writeFileSync(join(folder, name), own);
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/runtime.min.js"), await runtimeBundle());
  await bundleParser();
}
