/**
 * Files of tests → those that need a process of their own: all that can reach a native driver, and all whose support modules
 * register hooks when they are loaded, which happens once a process.
 *
 * ```
 * test/ir/ops.test.ts            compiler, numbers                     runs beside others that have loaded the same modules
 * test/codegen/rows.test.ts      → codegen/run.ts → device.ts → Dawn   its own
 * ```
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** `import … from "x"`, `export … from "x"`, `import("x")`; types are erased. */
const IMPORT =
  /^(?:import|export) (?!type )[^"';]*?from "([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|^import "([^"]+)"/gms;
const HOOKS = /import \{[^}]*\b(?:before|after)(?:All|Each)\b[^}]*\} from "vitest"/;
const NATIVE = ["webgpu", "playwright-core"];

export function ownProcess(root: string): readonly string[] {
  const known = new Map<string, boolean>();
  const needs = (file: string): boolean => {
    const found = known.get(file);
    if (found !== undefined) return found;
    known.set(file, false); // what imports itself in a circle
    const text = readFileSync(file, "utf8");
    const names = [...text.matchAll(IMPORT)].map(([, a, b, c]) => a ?? b ?? c ?? "");
    const own =
      names.some((name) => NATIVE.includes(name)) ||
      (!file.endsWith(".test.ts") && HOOKS.test(text)) ||
      names.some((name) => {
        const path = join(dirname(file), name.replace(/\.js$/, ".ts"));
        return name.startsWith(".") && existsSync(path) && needs(path);
      });
    known.set(file, own);
    return own;
  };
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".test.ts") && needs(join(root, "test", file)))
    .map((file) => join("test", file))
    .sort();
}
