/** The runtime's modules as text, for modules that bring it along: name → text, `device.js` → … */
import { readdirSync, readFileSync } from "node:fs";

export function runtimeFiles(): ReadonlyMap<string, string> {
  const folder = new URL("../runtime/", import.meta.url);
  // Beside a built command lie .js and .d.ts, in a checkout .ts.
  const isModule = (name: string) => /\.[jt]s$/.test(name) && !name.endsWith(".d.ts");
  return new Map(
    readdirSync(folder)
      .filter(isModule)
      .map((name) => [name.replace(/ts$/, "js"), readFileSync(new URL(name, folder), "utf8")]),
  );
}
