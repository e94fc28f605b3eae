/** Compiled models → a site of their emitted modules, with the runtime beside them and a page that runs tasks. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import ts from "typescript";
import type { Answer, Site } from "./chromium.js";
import { firstOf, serve, strictPolicy, typeOf } from "./chromium.js";
import type { Tasks } from "./page/tasks.js";

const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };

/** A folder of `.ts` modules as the scripts that they compile to. */
const scripts =
  (prefix: string, folder: URL): Answer =>
  (path) => {
    const name = path.startsWith(prefix) ? path.slice(prefix.length).replace(/\.js$/, ".ts") : "";
    if (!readdirSync(folder).includes(name) || !name.endsWith(".ts")) return undefined;
    const text = readFileSync(new URL(name, folder), "utf8");
    return { type: typeOf(path), body: ts.transpileModule(text, { compilerOptions }).outputText };
  };

const fixed =
  (files: ReadonlyMap<string, string | Uint8Array>): Answer =>
  (path) => {
    const body = files.get(path);
    return body === undefined ? undefined : { type: typeOf(path), body };
  };

export const runtimeTexts = (): ReadonlyMap<string, string> => {
  const folder = new URL("../../runtime/", import.meta.url);
  return new Map(
    readdirSync(folder).map((name) => [
      name.replace(/ts$/, "js"),
      readFileSync(new URL(name, folder), "utf8"),
    ]),
  );
};

const importMap = JSON.stringify({ imports: { "tfmc/runtime": "/runtime/index.js" } });
const hash = createHash("sha256").update(importMap).digest("base64");
const html = (head: string) =>
  `<!doctype html><title>page</title><link rel="icon" href="data:,">${head}<script type="module" src="/page/tasks.js"></script>`;

/** `/` has an import map for the runtime, allowed by its hash; `/strict` has none. Beside them the files, by their paths. */
export async function serveModules(files: ReadonlyMap<string, string | Uint8Array>): Promise<Site> {
  const answers = new Map(files);
  answers.set("/", html(`<script type="importmap">${importMap}</script>`));
  answers.set("/strict", html(""));
  const answer = firstOf(
    (path) =>
      ["/", "/strict"].includes(path) ? { type: typeOf("index.html"), body: answers.get(path)! } : undefined,
    fixed(answers),
    scripts("/runtime/", new URL("../../runtime/", import.meta.url)),
    scripts("/page/", new URL("page/", import.meta.url)),
  );
  return serve(answer, strictPolicy.replace("script-src 'self'", `script-src 'self' 'sha256-${hash}'`));
}

export async function runTask<K extends keyof Tasks>(
  page: Page,
  name: K,
  given: Parameters<Tasks[K]>[0],
): Promise<Awaited<ReturnType<Tasks[K]>>> {
  await page.waitForFunction("globalThis.runTask !== undefined");
  const call = `globalThis.runTask(${JSON.stringify(name)}, ${JSON.stringify(given)})`;
  return (await page.evaluate(call)) as Awaited<ReturnType<Tasks[K]>>;
}
