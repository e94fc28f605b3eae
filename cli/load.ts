/**
 * FILE argument and options → the compiler's result, or its diagnostics reported.
 */
import { dirname } from "node:path";
import type { Diagnostic } from "../compiler/diagnostics.js";
import type { Compiled, CompileOptions } from "../compiler/index.js";
import { buildSource, compile, expand, parse } from "../compiler/index.js";
import type { SettingValue } from "../compiler/ir/build.js";
import type { Built } from "../compiler/ir/graph.js";
import { diagnosticLimit } from "../compiler/parser/read-tfm.js";
import type { Program } from "../runtime/program.js";
import type { Context } from "./context.js";
import { hasErrors, reportDiagnostics } from "./context.js";
import { fail } from "./failure.js";
import type { Format } from "./findings.js";
import { reportFindings } from "./findings.js";
import { createImportResolver } from "./import-resolver.js";
import type { CompilingOptions } from "./options.js";
import type { Source } from "./source.js";
import { readSource } from "./source.js";

/** What every command that compiles takes. */
export interface ModelOptions extends CompilingOptions {
  readonly set: readonly string[];
  readonly model: string | undefined;
}

export type Loaded = Compiled & { readonly built: Built; readonly program: Program } & {
  readonly source: Source;
};

/** Undefined where the source has errors: they have been reported. */
export async function loadModel(
  context: Context,
  path: string,
  options: ModelOptions,
  more: Pick<CompileOptions, "hook" | "explain" | "only"> & { readonly format?: Format | undefined } = {},
): Promise<Loaded | undefined> {
  return compileSource(context, await readSource(context, path), settingsOf(options.set), {
    entry: options.model,
    level: options.O,
    remat: options.remat,
    ...more,
  });
}

export function compileSource(
  context: Context,
  source: Source,
  settings: Readonly<Record<string, SettingValue>>,
  more: Pick<CompileOptions, "level" | "remat" | "hook" | "explain" | "entry" | "norms" | "only"> & {
    readonly imports?: ReadonlyMap<string, string>;
    /** How diagnostics are reported; as every command does where nothing is said. */
    readonly format?: Format | undefined;
  } = {},
): Loaded | undefined {
  const { imports: kept, format, ...options } = more;
  const imports = createImportResolver(context, dirname(source.file), kept);
  const compiled = compile(source.text, {
    file: source.file,
    settings,
    resolve: imports.resolve,
    ...options,
  });
  const diagnostics = [...imports.diagnostics(), ...compiled.diagnostics];
  if (format === undefined) reportDiagnostics(context, diagnostics);
  else reportFindings(context, diagnostics, format);
  if (hasErrors(diagnostics)) return undefined;
  const { built, program } = compiled;
  if (!built || !program) throw new Error("internal: neither a program nor an error");
  return { ...compiled, built, program, source };
}

/** The front half of one model, to look at; its mistakes are left to whoever compiles it. */
export function buildQuietly(
  context: Context,
  { text, file }: Source,
  settings: Readonly<Record<string, SettingValue>>,
  entry: string | undefined,
): Built | undefined {
  const { resolve } = createImportResolver(context, dirname(file));
  const { built, diagnostics } = buildSource(text, { file, settings, entry, resolve });
  return hasErrors(diagnostics) ? undefined : built;
}

/** The front half of a source that imports nothing; undefined where it has mistakes, which have been reported. */
export function buildReported(context: Context, { text, file }: Source): Built | undefined {
  context.sources.set(file, text);
  const { built, diagnostics } = buildSource(text, { file });
  reportDiagnostics(context, diagnostics);
  return hasErrors(diagnostics) ? undefined : built;
}

/** The front half only, names and shapes and no kernels: of one model, or of every model of the file. */
export function checkSource(
  context: Context,
  source: Source,
  settings: Readonly<Record<string, SettingValue>>,
  entry: string | undefined,
): readonly Diagnostic[] {
  const imports = createImportResolver(context, dirname(source.file));
  const { text, file } = source;
  const entries = entry === undefined ? modelsOf(source) : [entry];
  const found = (entries.length > 0 ? entries : [undefined]).flatMap(
    (name) => buildSource(text, { file, settings, entry: name, resolve: imports.resolve }).diagnostics,
  );
  // What is wrong with the file itself is found with each of its models.
  const different = new Map([...imports.diagnostics(), ...found].map((d) => [JSON.stringify(d), d]));
  return [...different.values()].slice(0, diagnosticLimit);
}

/** A model one level down. */
export function expandSource(
  context: Context,
  { text, file }: Source,
  entry: string | undefined,
): ReturnType<typeof expand> {
  const imports = createImportResolver(context, dirname(file));
  const { expanded, diagnostics } = expand(text, { file, entry, resolve: imports.resolve });
  return { expanded, diagnostics: [...imports.diagnostics(), ...diagnostics] };
}

const modelsOf = ({ text, file }: Source): readonly string[] => [
  ...new Set(parse(text, file).model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []))),
];

/** `["layers=4", "norm=rms_norm"]` → settings. */
export const settingsOf = (texts: readonly string[]): Readonly<Record<string, SettingValue>> =>
  Object.fromEntries(texts.map(settingOf));

function settingOf(text: string): readonly [string, SettingValue] {
  const at = text.indexOf("=");
  const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at <= 0 || name === "" || value === "") fail("bad-setting", `\`--set ${text}\` is not \`name=value\``);
  if (value === "true" || value === "false") return [name, value === "true"];
  return [name, Number.isNaN(Number(value)) ? value : Number(value)];
}
