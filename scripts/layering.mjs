// Source tree -> the imports that break the layers of ARCHITECTURE.md, one line each.
//
//   compiler/ir/graph.ts: imports compiler/passes/plan.ts, but ir may import only parser
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * One import or re-export. `target` is a file of the tree, or a package's name where `external`.
 * @typedef {{ target: string, specifier: string, external: boolean, typeOnly: boolean, lazy: boolean }} Import
 * @typedef {{ path: string, imports: readonly Import[], banned: readonly string[] }} Source
 */

const roots = ["compiler", "runtime", "cli"];

/** Which layers a layer of the compiler may know, itself apart. Everyone may know the ground: compiler/*.ts. */
const layers = new Map([
  ["ground", []],
  ["parser", []],
  ["library", []],
  ["ir", ["parser"]],
  ["passes", ["ir"]],
  ["codegen", ["passes", "ir"]],
  ["laws", ["parser", "ir", "passes"]],
  ["index", ["parser", "library", "ir", "passes", "codegen", "laws"]],
]);

/** The one place where a third-party library may be named. The command line may name any that is declared. */
const doors = new Map([
  ["chevrotain", /^compiler\/parser\//],
  ["ajv", /^compiler\/parser\//],
  ["jsonc-parser", /^compiler\/parser\//],
  ["ts-morph", /^compiler\/codegen\/typescript\.ts$/],
  ["binaryen", /^compiler\/codegen\/wasm\.ts$/],
  ["webgpu", /^runtime\//],
  ["commander", /^cli\//],
]);

/** @param {string} path */
function layerOf(path) {
  if (path === "compiler/index.ts") return "index";
  const folder = path.split("/")[1];
  return folder.endsWith(".ts") ? "ground" : folder;
}

/** @param {string} root @returns {readonly Source[]} */
function readSources(root) {
  const paths = roots
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) =>
        posix.join(folder, path.replaceAll("\\", "/")),
      ),
    )
    .filter((path) => path.endsWith(".ts"))
    .sort();
  return paths.map((path) => readSource(path, readFileSync(join(root, path), "utf8")));
}

/** @param {string} path @param {string} text @returns {Source} */
function readSource(path, text) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
  /** @type {Import[]} */
  const imports = [];
  /** @type {string[]} */
  const banned = [];
  /** @param {ts.Expression} specifier @param {boolean} typeOnly @param {boolean} lazy */
  const add = (specifier, typeOnly, lazy) => {
    if (ts.isStringLiteral(specifier)) imports.push({ ...resolve(path, specifier.text), typeOnly, lazy });
  };
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword, false);
    if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      add(node.moduleSpecifier, node.isTypeOnly, false);
    if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    )
      add(node.argument.literal, true, false);
    if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments.length > 0
    )
      add(node.arguments[0], false, true);
    if (ts.isEnumDeclaration(node)) banned.push("an enum");
    if (ts.isExportAssignment(node) || isDefaultExport(node)) banned.push("a default export");
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, imports, banned };
}

/** @param {ts.Node} node */
function isDefaultExport(node) {
  if (ts.isExportSpecifier(node)) return node.name.text === "default";
  if (!ts.canHaveModifiers(node)) return false;
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) ?? false;
}

/** @param {string} from @param {string} specifier */
function resolve(from, specifier) {
  if (!specifier.startsWith(".")) {
    const parts = specifier.split("/");
    const target = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
    return { target, specifier, external: true };
  }
  const target = posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
  return { target, specifier, external: false };
}

/** @param {string} from @param {Import} imported @returns {string | undefined} what is wrong with it */
function judge(from, imported) {
  return imported.external ? judgeExternal(from, imported) : judgeInternal(from, imported);
}

/** @param {string} from @param {Import} imported */
function judgeExternal(from, { target, lazy, typeOnly }) {
  const inCli = from.startsWith("cli/");
  if (target.startsWith("node:")) return inCli ? undefined : "built-ins of Node belong to cli alone";
  if (target === "webgpu" && from.startsWith("runtime/"))
    return lazy ? undefined : "the runtime loads it on demand only: await import";
  const door = doors.get(target);
  if (door ? door.test(from) : inCli) return undefined;
  if (from.startsWith("runtime/")) return "the runtime has no dependencies";
  return door ? `its one door is ${door.source}${typeOnly ? ", for types too" : ""}` : "it has no door";
}

/** @param {string} from @param {Import} imported */
function judgeInternal(from, { target, typeOnly }) {
  const [here, there] = [from.split("/")[0], target.split("/")[0]];
  if (here === "cli") return roots.includes(there) ? undefined : "that is outside the product";
  if (here === "runtime")
    return there === "runtime" ? undefined : "the runtime imports nothing outside itself";
  if (there === "runtime")
    return target === "runtime/program.ts" && typeOnly
      ? undefined
      : "of the runtime only program.ts, and its types";
  if (there !== "compiler") return "that is outside the compiler";
  return judgeLayers(from, target, typeOnly);
}

/** @param {string} from @param {string} target @param {boolean} typeOnly */
function judgeLayers(from, target, typeOnly) {
  const [layer, other] = [layerOf(from), layerOf(target)];
  const known = layers.get(layer);
  if (!known) return `${layer} is no layer`;
  if (layer === other || other === "ground" || known.includes(other)) return undefined;
  if (layer === "ground" && other === "parser" && typeOnly) return undefined; // a diagnostic has a Span
  if (other === "library" && /^compiler\/ir\/build(\.ts|\/)/.test(from)) return undefined;
  return `${layer} may import ${known.length > 0 ? `only ${known.join(" and ")}` : "no other layer"}`;
}

/**
 * The first cycle through each file that has one. Types are left out: they cost no order of evaluation, and types that
 * speak of each other (a row of an op, the builder it gets) may live in two files.
 * @param {readonly Source[]} sources @returns {readonly string[]}
 */
function cycles(sources) {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter((i) => !i.external && !i.typeOnly && !i.lazy).map((i) => i.target),
    ]),
  );
  const done = new Set();
  /** @type {string[]} */
  const found = [];
  /** @param {string} path @param {readonly string[]} trail */
  const walk = (path, trail) => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`import cycle: ${[...trail.slice(start), path].join(" -> ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

/** @param {string} root @param {readonly Source[]} sources @returns {readonly string[]} */
function undeclared(root, sources) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const shipped = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
  return sources.flatMap(({ path, imports }) =>
    imports
      .filter((i) => i.external && !i.typeOnly && !i.target.startsWith("node:") && !shipped.has(i.target))
      .map((i) => `${path}: imports ${i.target}, which is not among the dependencies of package.json`),
  );
}

/** @param {readonly Source[]} sources @returns {readonly string[]} */
function secondDoors(sources) {
  const files = sources.filter(
    ({ path, imports }) => path.startsWith("runtime/") && imports.some((i) => i.target === "webgpu"),
  );
  return files
    .slice(1)
    .map(({ path }) => `${path}: imports webgpu, and so does ${files[0].path}: one file may`);
}

/** @param {string} root @returns {readonly string[]} */
export function layeringViolations(root) {
  const sources = readSources(root);
  const wrongImports = sources.flatMap(({ path, imports }) =>
    imports.flatMap((imported) => {
      const reason = judge(path, imported);
      return reason ? [`${path}: imports ${imported.target}, but ${reason}`] : [];
    }),
  );
  const banned = sources.flatMap(({ path, banned }) => banned.map((what) => `${path}: holds ${what}`));
  const strangers = sources
    .filter(({ path }) => /^compiler\/library\/(?!sources\.ts$)/.test(path))
    .map(({ path }) => `${path}: compiler/library holds .tfm text and the generated sources.ts only`);
  return [
    ...wrongImports,
    ...banned,
    ...strangers,
    ...secondDoors(sources),
    ...undeclared(root, sources),
    ...cycles(sources),
  ];
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const violations = layeringViolations(join(dirname(fileURLToPath(import.meta.url)), ".."));
  for (const violation of violations) console.error(violation);
  process.exit(violations.length > 0 ? 1 : 0);
}
