/**
 * Program → the files of an emitted module: typed TypeScript, its JavaScript and declarations, kernels for reading.
 *
 * ```
 * program "nano" → nano.ts, nano.js, nano.d.ts, nano.wgsl, nano.cpu.js, nano.cpu.d.ts, program.json
 * ```
 * The only file that imports ts-morph, and it does so when a module is emitted: loading it takes longer than compiling.
 */
import type { InterfaceDeclaration, SourceFile } from "ts-morph";
import type { Input, Kernel, Program, Value } from "../../runtime/program.js";
import { outline } from "./outline.js";

export interface EmittedModule {
  /** The exported class: `Nano`. */
  readonly className: string;
  /** File name → text. */
  readonly files: Readonly<Record<string, string>>;
}

export async function emitModule(program: Program): Promise<EmittedModule> {
  const { Project, ts, IndentationText, QuoteKind } = await import("ts-morph");
  const className = classNameOf(program.name);
  const base = fileNameOf(program.name);
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Double },
  });
  const source = project.createSourceFile(`${base}.ts`, "");
  writeModule(source, program, className, base);
  const text = source.getFullText();
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    isolatedDeclarations: true,
  };
  const options = { compilerOptions, fileName: `${base}.ts` };
  return {
    className,
    files: {
      [`${base}.ts`]: text,
      [`${base}.js`]: ts.transpileModule(text, options).outputText,
      [`${base}.d.ts`]: ts.transpileDeclaration(text, options).outputText,
      [`${base}.wgsl`]: wgslText(program),
      [`${base}.cpu.js`]: cpuText(program),
      [`${base}.cpu.d.ts`]: cpuDeclaration,
      "program.json": `${outline(program, 4)}\n`,
    },
  };
}

function writeModule(source: SourceFile, program: Program, className: string, base: string): void {
  source.addStatements(header(program).map((line) => `// ${line}`));
  // A namespace, so that no name of the runtime can meet the model's own.
  source.addImportDeclaration({ namespaceImport: "tfmc", moduleSpecifier: "tfmc/runtime" });
  source.addImportDeclaration({ namedImports: ["kernels"], moduleSpecifier: `./${base}.cpu.js` });
  const inputs = program.inputs.filter((input) => input.derived === null);
  const forward = new Set(program.entries.forward.inputs);
  const types = source.addInterface({
    name: `${className}Inputs`,
    isExported: true,
    docs: ["What the model reads; the batch axis comes first."],
  });
  for (const input of inputs) addInput(types, input, forward.has(input.name));
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
  to.addProperty({
    name: propertyName(input.name),
    isReadonly: true,
    // Targets and the like: only the loss reads them.
    hasQuestionToken: !needed,
    type: "tfmc.TensorLike",
    docs: [`${input.dtype} ${axesText(input)}${bound}`],
  });
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
    ...program.kernels.map(({ name, wgsl }, n) => `\n// ---- ${n}: ${name}\n${wgsl.code}`),
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
