/**
 * `tfmc compile FILE -o DIR`: writes the module of a model; shows what the passes did on request.
 */
import { basename, extname, join } from "node:path";
import { emitModule } from "../compiler/codegen/typescript.js";
import { inferenceNames } from "../compiler/passes/schedule.js";
import { explanationOf, explanationText } from "./compile/explanation.js";
import type { Recording } from "./compile/passes.js";
import { checkPassName, dumpText, passTimes, recordPasses, timeTable } from "./compile/passes.js";
import type { Context } from "./context.js";
import { log, print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { inside, writeAllAtomic } from "./files.js";
import type { Format } from "./findings.js";
import { formatOption } from "./findings.js";
import type { Loaded, ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { levelOption, rematOption, several } from "./options.js";
import { runtimeFiles } from "./runtime-files.js";

interface EmitOptions extends ModelOptions {
  readonly output: string | undefined;
  readonly dumpAfter: string | undefined;
  readonly explainPass: string | undefined;
  readonly timePasses: boolean;
  readonly standalone: boolean;
  readonly inference: boolean;
  readonly format: Format | undefined;
}

export const addCompile: AddCommand = (program, action) => {
  program
    .command("compile")
    .description("write a model as a typed module with its kernels")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .option("-o, --output <folder>", "where; dist/<name of the file> where nothing is said")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .addOption(levelOption())
    .addOption(rematOption())
    .option("--dump-after <pass>", "print the graphs after this pass, or after `all`, to stderr")
    .option("--time-passes", "print the time of each pass to stderr, or with --json in the document", false)
    .option("--explain-pass <pass>", "likewise, what this pass rewrote, and where it did not fire and why")
    .option("--standalone", "one script that brings the runtime along and imports nothing", false)
    .option("--inference", "a module that trains nothing: its weights are prepared for inference", false)
    .addOption(formatOption())
    .action(action(compile));
};

async function compile(context: Context, path: string, options: EmitOptions): Promise<ExitCode> {
  const { format, dumpAfter, explainPass } = options;
  if (dumpAfter !== undefined && dumpAfter !== "all") checkPassName(dumpAfter);
  if (explainPass !== undefined) checkPassName(explainPass);
  const isAsked = options.timePasses || dumpAfter !== undefined || explainPass !== undefined;
  const recording = isAsked ? recordPasses() : undefined;
  const started = performance.now();
  const loaded = await loadModel(context, path, options, {
    ...{ ...recording, format },
    only: options.inference ? inferenceNames : undefined,
  });
  if (!loaded) return 1;
  const told = recording && reportPasses(context, recording, options, performance.now() - started);
  await writeModule(context, loaded, path, options, told ?? {});
  return 0;
}

/** To stderr, or with --json what belongs in the document; the graphs are text in any case. */
function reportPasses(
  context: Context,
  recording: Recording,
  { timePasses, dumpAfter, explainPass }: EmitOptions,
  total: number,
): Readonly<Record<string, unknown>> {
  const times = timePasses ? passTimes(recording.runs, total) : undefined;
  const explanation = explainPass === undefined ? undefined : explanationOf(recording, explainPass);
  if (dumpAfter !== undefined) context.host.stderr.write(dumpText(recording.runs, dumpAfter));
  if (context.options.json) return { milliseconds: times && total, passes: times, explanation };
  if (times) context.host.stderr.write(`${timeTable(times, total)}\n`);
  if (explanation) context.host.stderr.write(`${explanationText(explanation)}\n`);
  return {};
}

/** All files of the module appear together, or none does. */
async function writeModule(
  context: Context,
  { program }: Loaded,
  path: string,
  { output, standalone, format }: EmitOptions,
  told: Readonly<Record<string, unknown>>,
): Promise<void> {
  const stem = path === "-" ? program.name : basename(path, extname(path));
  const folder = output ?? join("dist", stem);
  const emitted = await emitModule(program, { runtime: standalone ? runtimeFiles() : undefined });
  const files = new Map(Object.entries(emitted.files).map(([name, text]) => [inside(folder, name), text]));
  writeAllAtomic(files);
  const names = Object.keys(emitted.files);
  const tell = format === "json" || format === "sarif" ? log : print; // stdout holds one document
  if (context.options.json && format === undefined)
    printJson(context, { folder, files: names, kernels: program.kernels.length, ...told });
  else tell(context, names.map((name) => join(folder, name)).join("\n"));
}
