// The generated files of the repository, each made from one source of truth.
//
//   node scripts/generate.mjs                  writes all of them
//   node scripts/generate.mjs --from sources   writes those that need no build (the build needs them)
//   node scripts/generate.mjs --check          writes nothing; exits 1 and names the files that are out of date
//
// To add one, add a row to `generators`. `from: "build"` means that it imports compiled code out of dist;
// `make` returns the whole text, or undefined where there is nothing to make the file from.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * @typedef {{ path: string, from: "sources" | "build", make: () => string | undefined | Promise<string> }} Generator
 * @type {readonly Generator[]}
 */
const generators = [{ path: "compiler/library/sources.ts", from: "sources", make: librarySources }];

/** compiler/library/*.tfm -> one record, file name without its ending -> text. */
function librarySources() {
  const folder = join(root, "compiler/library");
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".tfm"))
    .sort();
  const entries = files.map((file) => {
    const text = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");
    return `  ${JSON.stringify(file.slice(0, -".tfm".length))}: \`${escapeTemplate(text)}\`,\n`;
  });
  return `// Generated from compiler/library/*.tfm by \`npm run generate\`. Edit those, not this.
export const librarySources: Readonly<Record<string, string>> = {
${entries.join("")}};
`;
}

/** @param {string} text */
function escapeTemplate(text) {
  return text.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${");
}

const checking = argv.includes("--check");
const sourcesOnly = argv.includes("--from") && argv[argv.indexOf("--from") + 1] === "sources";
let stale = 0;
for (const { path, from, make } of generators) {
  if (sourcesOnly && from !== "sources") continue;
  const target = join(root, path);
  const text = await make();
  if (text === undefined) continue;
  if (existsSync(target) && readFileSync(target, "utf8") === text) continue;
  stale++;
  if (checking) {
    console.error(`${path} is out of date: run \`npm run generate\``);
  } else {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    console.log(`wrote ${path}`);
  }
}
exit(checking && stale > 0 ? 1 : 0);
