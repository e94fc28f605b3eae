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
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundle } from "./bundle.mjs";
import { familiesDocument } from "./families-document.mjs";
import { huggingFaceDocument } from "./hugging-face-document.mjs";
import { schemaDocument, validatorModule } from "./model-schema.mjs";
import { optimisationsDocument } from "./optimisations-document.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * @typedef {{ path: string, from: "sources" | "build", make: () => string | undefined | Promise<string> }} Generator
 * @type {readonly Generator[]}
 */
const generators = [
  { path: "compiler/library/sources.ts", from: "sources", make: librarySources },
  { path: "cli/report/assets.ts", from: "sources", make: reportAssets },
  { path: "cli/error-samples.ts", from: "sources", make: errorSamples },
  { path: "compiler/ir/build/library-choices.ts", from: "build", make: libraryChoices },
  { path: "spec/ops.md", from: "build", make: opsDocument },
  { path: "spec/optimisations.md", from: "build", make: optimisationsPage },
  { path: "spec/families.md", from: "build", make: familiesPage },
  { path: "spec/hugging-face.md", from: "build", make: huggingFacePage },
  { path: "spec/errors.md", from: "build", make: errorsDocument },
  { path: "spec/model.schema.json", from: "build", make: async () => schemaDocument(await modelSchema()) },
  {
    path: "compiler/parser/json/validate.ts",
    from: "build",
    make: async () => validatorModule(await modelSchema()),
  },
];

/** The families of compiler/library, as JSON Schema. */
async function modelSchema() {
  const { modelSchema } = await built("compiler/parser/json/schema.js");
  const { familiesOf } = await built("compiler/parser/json/knobs.js");
  return modelSchema(familiesOf(libraryTexts()));
}

/**
 * A compiled module, by its path below dist.
 * @param {string} path
 */
const built = (path) => import(pathToFileURL(join(root, "dist", path)).href);

/** The rows of Hugging Face's families -> what is understood of each. */
async function huggingFacePage() {
  const { families } = await built("cli/hugging-face/families.js");
  return huggingFaceDocument(families);
}

/** The passes, and what was rejected -> one document. */
async function optimisationsPage() {
  const { allPasses } = await built("compiler/passes/pipeline.js");
  const rejected = readFileSync(join(root, "spec/rejected-optimisations.md"), "utf8").replaceAll(
    "\r\n",
    "\n",
  );
  return optimisationsDocument(allPasses, rejected);
}

/** The op table -> one table a kind: name, formula, attributes. */
async function opsDocument() {
  const { ops } = await built("compiler/ir/ops/index.js");
  /** @type {readonly (readonly [string, { kind: string, doc: string, attributes: Record<string, string> }])[]} */
  const rows = Object.entries(ops);
  const about = {
    map: "One formula over an abstract scalar, element by element: the reference, the derivative and the kernels all come from it.",
    primitive: "A reference over tensors and a gradient that builds graph.",
    composite: "Its expansion into other ops.",
    region: "Carries a body of its own.",
  };
  const sections = Object.entries(about).map(([kind, text]) => {
    const lines = rows
      .filter(([, row]) => row.kind === kind)
      .map(([name, { doc, attributes }]) => {
        const taken = Object.entries(attributes).map(([attribute, type]) => `\`${attribute}\`: ${type}`);
        return `| \`${name}\` | ${cell(doc)} | ${taken.join(", ")} |\n`;
      });
    return `\n## ${kind}\n\n${text}\n\n| op | computes | attributes |\n|---|---|---|\n${lines.join("")}`;
  });
  return `# Ops\n\nGenerated from compiler/ir/ops by \`npm run generate\`. Every node of a Graph is one of these.\n${sections.join("")}`;
}

/** The library's families -> one table a family. */
async function familiesPage() {
  const { librarySources: sources } = await built("compiler/library/sources.js");
  const { familiesOf } = await built("compiler/parser/json/knobs.js");
  const { readTfm } = await built("compiler/parser/read-tfm.js");
  const declarations = Object.entries(sources).flatMap(
    ([name, text]) => readTfm(text, name).model.declarations,
  );
  return familiesDocument(familiesOf(sources), declarations);
}

/** What every code means, with its sample -> one document, in the order of the codes. */
async function errorsDocument() {
  const { allCodes, meaningOf } = await built("cli/meaning.js");
  const { errorSamples: samples } = await built("cli/error-samples.js");
  return `# Errors

Generated from compiler/catalogue.ts, cli/failure.ts, runtime/errors.ts and test/samples/errors by \`npm run generate\`; \`tfmc explain CODE\` prints the same.
A code is never reused for something else.

| codes | concern |
|---|---|
| TFM1xxx | syntax |
| TFM2xxx | names and meaning |
| TFM3xxx | shapes and sizes |
| TFM4xxx | limits of the compiler |
| TFM5xxx | the command line |
| TFM6xxx | devices, weights, data and training at run time |
| TFM7xxx | laws and verification |
${/** @type {readonly string[]} */ (allCodes).map((code) => errorSection(code, meaningOf(code), samples[code])).join("")}`;
}

/** test/samples/errors -> the shortest sample of each code, with what is said of it and its mend. */
function errorSamples() {
  const folder = join(root, "test/samples/errors");
  if (!existsSync(folder)) return undefined;
  /** @param {string} file */
  const read = (file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");
  /** @type {Map<string, { file: string, text: string, said: string, mended?: string }>} */
  const chosen = new Map();
  for (const file of readdirSync(folder).sort()) {
    const [, stem, code, kind] = /^((TFM\d{4})-[a-z0-9-]+)\.(tfm|json|sh)$/.exec(file) ?? [];
    if (stem === undefined || code === undefined || !existsSync(join(folder, `${stem}.txt`))) continue;
    const mended = `${stem}.mended.${kind}`;
    const sample = { file, text: read(file), said: read(`${stem}.txt`) };
    if (sample.text.length >= (chosen.get(code)?.text.length ?? 800)) continue;
    chosen.set(code, existsSync(join(folder, mended)) ? { ...sample, mended: read(mended) } : sample);
  }
  const entries = [...chosen].map(([code, sample]) => {
    const fields = Object.entries(sample).map(
      ([name, text]) => `    ${name}: \`${escapeTemplate(text)}\`,\n`,
    );
    return `  ${code}: {\n${fields.join("")}  },\n`;
  });
  return `// Generated from test/samples/errors by \`npm run generate\`. Edit those, not this.
export interface ErrorSample {
  readonly file: string;
  readonly text: string;
  /** What tfmc says of it. */
  readonly said: string;
  /** Where the fix that is proposed does not say it. */
  readonly mended?: string;
}

export const errorSamples: Readonly<Record<string, ErrorSample>> = {
${entries.join("")}};
`;
}

/**
 * @param {string} code
 * @param {{ title: string, explanation: string, example?: { wrong: string, right: string } }} meaning
 * @param {{ file: string, text: string, said: string, mended?: string } | undefined} sample
 */
function errorSection(code, { title, explanation, example }, sample) {
  /** @param {string} text */
  const fenced = (text) => `\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
  const short = example ? `\nInstead of\n${fenced(example.wrong)}\nwrite\n${fenced(example.right)}` : "";
  const whole = sample
    ? `\n${sample.file.endsWith(".sh") ? "For example, after" : "For example, of"}\n${fenced(sample.text)}\ntfmc says\n${fenced(sample.said)}`
    : "";
  const mend = sample?.mended ? `\nand takes\n${fenced(sample.mended)}` : "";
  return `\n## ${code}: ${title}\n\n${explanation}\n${short}${whole}${mend}`;
}

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** compiler/library/*.tfm -> one record, file name without its ending -> text. */
function librarySources() {
  const entries = Object.entries(libraryTexts()).map(
    ([name, text]) => `  ${JSON.stringify(name)}: \`${escapeTemplate(text)}\`,\n`,
  );
  return `// Generated from compiler/library/*.tfm by \`npm run generate\`. Edit those, not this.
export const librarySources: Readonly<Record<string, string>> = {
${entries.join("")}};
`;
}

/** The library's declarations -> the choices that they know, which a model may use without naming the declaration. */
async function libraryChoices() {
  const { readTfm } = await built("compiler/parser/read-tfm.js");
  const { collectChoices } = await built("compiler/ir/build/choices.js");
  /** @type {readonly unknown[]} */
  const declarations = Object.values(libraryTexts()).flatMap((text) => readTfm(text, "").model.declarations);
  const { names, compared, starts } = collectChoices(declarations);
  return `// Generated from compiler/library/*.tfm by \`npm run generate\`. Edit those, not this.
export const libraryChoices = {
  names: ${JSON.stringify(names)},
  compared: ${JSON.stringify(compared)},
  starts: ${JSON.stringify(starts)},
} as const;
`;
}

/** cli/report/page -> the script and the style of report.html, as text. */
async function reportAssets() {
  const folder = join(root, "cli/report/page");
  const script = await bundle("cli/report/page/main.ts", "script");
  const style = readFileSync(join(folder, "style.css"), "utf8").replaceAll("\r\n", "\n");
  return `// Generated from cli/report/page by \`npm run generate\`. Edit that, not this.
export const pageScript = \`${escapeTemplate(script)}\`;
export const pageStyle = \`${escapeTemplate(style)}\`;
`;
}

/** compiler/library/*.tfm by file name without its ending. */
function libraryTexts() {
  const folder = join(root, "compiler/library");
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".tfm"))
    .sort();
  return Object.fromEntries(
    files.map((file) => [
      file.slice(0, -".tfm".length),
      readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n"),
    ]),
  );
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
