/**
 * Modules that import each other → one script that imports nothing.
 *
 * ```
 * "model": import { a } from "./a.js"; export const b = a;     "./a.js": export const a = 1;
 *   →  const modules = { "model"(exports, require) {…}, "./a.js"(exports, require) {…} };  …  export const { b } = …;
 * ```
 * Each module stays a function of its own: no name of one can meet a name of another.
 */

/** `specifier` → text of each module as it is written; `toCommonJs` rewrites imports and exports to calls. */
export function bundle(
  modules: ReadonlyMap<string, string>,
  entry: string,
  exported: readonly string[],
  toCommonJs: (code: string) => string,
): string {
  const found = reachable(modules, entry, toCommonJs);
  const functions = [...found].map(
    ([name, code]) => `${JSON.stringify(name)}(exports, require) {\n${code}},\n`,
  );
  return `const modules = {
${functions.join("")}};
const loaded = {};
function load(name) {
  if (!(name in loaded)) modules[name]((loaded[name] = {}), load);
  return loaded[name];
}
export const { ${exported.join(", ")} } = load(${JSON.stringify(entry)});
`;
}

/** The entry and all that it imports, directly or not; modules of types alone are imported by nobody. */
function reachable(
  modules: ReadonlyMap<string, string>,
  entry: string,
  toCommonJs: (code: string) => string,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const text = modules.get(name);
    if (text === undefined) throw new Error(`internal: no module ${name} to bundle`);
    const code = toCommonJs(text);
    found.set(name, code);
    for (const [, wanted] of code.matchAll(/\brequire\("([^"]+)"\)/g)) visit(wanted!);
  };
  visit(entry);
  return found;
}
