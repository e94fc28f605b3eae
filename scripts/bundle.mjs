// TypeScript modules that import each other -> one script. Run by itself it writes the runtime as a page loads it:
//
//   runtime/index.ts  ->  dist/runtime.min.js, what `tfmc/runtime` resolves to
import { mkdirSync, writeFileSync } from "node:fs";
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

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/runtime.min.js"), await runtimeBundle());
}
