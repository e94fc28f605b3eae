/**
 * Program → the files of an emitted module: typed TypeScript, its JavaScript and declarations, kernels for reading.
 *
 * ```
 * program "nano" → nano.ts, nano.js, nano.d.ts, nano.wgsl, nano.cpu.js, nano.cpu.d.ts, program.json
 *                  standalone: nano.js, nano.d.ts, nano.wgsl, program.json; nano.js imports nothing
 * ```
 * The only file that imports ts-morph, and it does so when a module is emitted: loading it takes longer than compiling.
 */
import type { InterfaceDeclaration, SourceFile } from "ts-morph";
import type { DerivedInput, Input, Kernel, Program, Value } from "../../runtime/program.js";
import { bundle } from "./bundle.js";
import { outline } from "./outline.js";

export interface EmittedModule {
  /** The exported class: `Nano`. */
  readonly className: string;
  /** File name → text. */
  readonly files: Readonly<Record<string, string>>;
}

export interface EmitOptions {
  /** File name → text of the runtime's modules, `index.js` among them: the module then brings them along. */
  readonly runtime?: ReadonlyMap<string, string> | undefined;
}

export async function emitModule(program: Program, { runtime }: EmitOptions = {}): Promise<EmittedModule> {
  const { Project, ts, IndentationText, QuoteKind } = await import("ts-morph");
  const className = classNameOf(program.name);
  const base = fileNameOf(program.name);
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Double },
  });
  const source = project.createSourceFile(`${base}.ts`, "");
  writeModule(source, program, className, base);
  if (runtime) source.addExportDeclaration({ namedExports: ["tfmc"] });
  const text = source.getFullText();
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    isolatedDeclarations: true,
  };
  const options = { compilerOptions, fileName: `${base}.ts` };
  const script = runtime
    ? standalone(ts, program, { base, text, className, runtime })
    : ts.transpileModule(text, options).outputText;
  const parts = {
    [`${base}.ts`]: text,
    [`${base}.js`]: script,
    [`${base}.d.ts`]: ts.transpileDeclaration(text, options).outputText,
    [`${base}.wgsl`]: wgslText(program),
    [`${base}.cpu.js`]: cpuText(program),
    [`${base}.cpu.d.ts`]: cpuDeclaration,
    "program.json": `${outline(program, 4)}\n`,
  };
  const inside = runtime ? [`${base}.ts`, `${base}.cpu.js`, `${base}.cpu.d.ts`] : [];
  const files = Object.fromEntries(Object.entries(parts).filter(([name]) => !inside.includes(name)));
  return { className, files };
}

interface Parts {
  readonly base: string;
  readonly text: string;
  readonly className: string;
  readonly runtime: ReadonlyMap<string, string>;
}

/** One script: the module, its kernels and the runtime. */
function standalone(
  ts: typeof import("ts-morph").ts,
  program: Program,
  { base, text, className, runtime }: Parts,
): string {
  const modules = new Map([...runtime].map(([name, code]) => [`./${name}`, code]));
  modules.set("tfmc/runtime", runtime.get("index.js") ?? "");
  modules.set(`./${base}.cpu.js`, cpuText(program)).set("model", text);
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    esModuleInterop: false,
    removeComments: true,
  };
  // A name that says CommonJS; `import()` stays what it is.
  const toCommonJs = (code: string) =>
    ts.transpileModule(code, { compilerOptions, fileName: "module.cts" }).outputText;
  const top = header(program).map((line) => `// ${line}\n`);
  return top.join("") + bundle(modules, "model", [className, "tfmc"], toCommonJs);
}

function writeModule(source: SourceFile, program: Program, className: string, base: string): void {
  source.addStatements(header(program).map((line) => `// ${line}`));
  // A namespace, so that no name of the runtime can meet the model's own.
  source.addImportDeclaration({ namespaceImport: "tfmc", moduleSpecifier: "tfmc/runtime" });
  source.addImportDeclaration({ namedImports: ["kernels"], moduleSpecifier: `./${base}.cpu.js` });
  const forward = new Set(program.entries.forward.inputs);
  const types = source.addInterface({
    name: `${className}Inputs`,
    isExported: true,
    docs: ["What the model reads; the batch axis comes first."],
  });
  for (const input of program.inputs) addInput(types, input, forward.has(input.name));
  const outputs = source.addInterface({
    name: `${className}Outputs`,
    isExported: true,
    docs: ["What the model computes."],
  });
  for (const output of program.entries.forward.outputs)
    outputs.addProperty({
      name: propertyName(output.name),
      isReadonly: true,
      type: `tfmc.Tensor<${arrayTypes[output.dtype]}>`,
      docs: [axesText(output)],
    });
  writeClass(source, program, className);
  const code = outline(withoutJavascript(program), 4);
  source.addStatements([
    "/** What the compiler decided, as data; its JavaScript kernels are imported as code. */",
    `const program: tfmc.Program = ${code};`,
  ]);
}

const arrayTypes: Readonly<Record<Value["dtype"], string>> = {
  f32: "Float32Array",
  i32: "Int32Array",
  bool: "Uint32Array",
};

const header = (program: Program): readonly string[] => [
  `${program.name}: compiled by tfmc ${program.compiler}. Do not edit; compile the model again.`,
  `source sha256 ${program.source}`,
];

function addInput(to: InterfaceDeclaration, input: Input, needed: boolean): void {
  const bound = input.bound === null ? "" : `, below ${input.bound}`;
  const { derived } = input;
  const origin = derived === null ? "" : `: ${derivedText(derived)}`;
  to.addProperty({
    name: propertyName(input.name),
    isReadonly: true,
    // Targets and the like: only the loss reads them. What is derived the runtime makes.
    hasQuestionToken: !needed || derived !== null,
    type: "tfmc.TensorLike",
    docs: [docText(`${input.dtype} ${axesText(input)}${bound}${origin}`)],
  });
}

/** What a derived input holds where nobody gives it. */
function derivedText({ how, of }: DerivedInput): string {
  switch (how) {
    case "next":
      return `what follows each element of \`${of}\`, -1 where nothing does and nothing counts; \`${of}\` shifted by one unless given.`;
    case "valid":
      return `1 where \`${of}\` holds an element, 0 where it is padded; all 1 unless given.`;
    case "original":
      return `what stood in \`${of}\` where it was masked, -1 elsewhere; all -1 unless given.`;
    case "marks":
      return `of which kind each place of \`${of}\` is; all 0 unless given.`;
    default:
      return how satisfies never;
  }
}

const axesText = ({ axes, shape }: Value): string =>
  `[${axes.map((axis, n) => (typeof shape[n] === "number" ? `${axis}=${shape[n]}` : axis)).join(", ")}]`;

function writeClass(source: SourceFile, program: Program, className: string): void {
  const model = source.addClass({
    name: className,
    isExported: true,
    extends: `tfmc.Model<${className}Inputs, ${className}Outputs>`,
    docs: [`The model \`${docText(program.name)}\`, with weights on a device.`],
  });
  model.addMethod({
    name: "load",
    isStatic: true,
    isAsync: true,
    docs: [
      "Weights: a safetensors file (path, URL or bytes), tensors by name, or `{ seed }` for fresh parameters.",
    ],
    parameters: [
      { name: "weights", type: "tfmc.ModelWeights" },
      { name: "options", type: "tfmc.ModelOptions", hasQuestionToken: true },
    ],
    returnType: `Promise<${className}>`,
    statements: `return new ${className}(await tfmc.openModel(program, kernels, weights, options));`,
  });
}

const docText = (text: string): string => text.replaceAll("*/", "* /");

/** The CPU kernels come as code, so their text need not come twice. */
const withoutJavascript = (program: Program): Program => ({
  ...program,
  kernels: program.kernels.map(
    (kernel): Kernel => ({ ...kernel, javascript: { ...kernel.javascript, code: "" } }),
  ),
});

const wgslText = (program: Program): string =>
  [
    ...header(program).map((line) => `// ${line}`),
    ...program.kernels.flatMap(({ name, wgsl, variants = [] }, n) => [
      `\n// ---- ${n}: ${name}\n${wgsl.code}`,
      ...variants.map((variant, m) => `\n// ---- ${n}, variant ${m}: ${name}\n${variant.wgsl.code}`),
    ]),
  ].join("\n");

const cpuText = (program: Program): string =>
  [
    ...header(program).map((line) => `// ${line}`),
    "export const kernels = [",
    ...program.kernels.map(({ name, javascript }, n) => `// ${n}: ${name}\n${javascript.code},`),
    "];",
    "",
  ].join("\n");

const cpuDeclaration = `import type { KernelFunction } from "tfmc/runtime";
export declare const kernels: readonly KernelFunction[];
`;

const isIdentifier = (name: string): boolean => /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name);
const propertyName = (name: string): string => (isIdentifier(name) ? name : JSON.stringify(name));

/** Names that the emitted text itself uses. */
const taken: ReadonlySet<string> = new Set(["Promise", "Float32Array", "Int32Array", "Uint32Array"]);

/** The model's name in PascalCase: `char-gpt` → `CharGpt`, `θmodel` → `Θmodel`, `3d` → `Model3d`. */
export function classNameOf(name: string): string {
  const words = name.split(/[^\p{ID_Continue}$]+|_+/u).filter((word) => word.length > 0);
  const pascal = words.map((word) => [...word][0]!.toUpperCase() + [...word].slice(1).join("")).join("");
  return isIdentifier(pascal) && !taken.has(pascal) ? pascal : `Model${pascal}`;
}

/** A file name that every system takes; `program` would collide with `program.json` only in the eye. */
export function fileNameOf(name: string): string {
  const safe = name.replace(/[^\p{ID_Continue}.-]+/gu, "-").replace(/^[.-]+|[.-]+$/g, "");
  return safe || "model";
}
