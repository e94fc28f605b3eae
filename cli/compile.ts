/**
 * `tfmc compile FILE -o DIR`: writes the module of a model; shows what the passes did on request.
 */
import { basename, extname, join } from "node:path";
import { emitModule } from "../compiler/codegen/typescript.js";
import type { CompileOptions } from "../compiler/index.js";
import type { Graph } from "../compiler/ir/graph.js";
import { printGraph } from "../compiler/ir/text.js";
import { closest } from "./closest.js";
import type { Context } from "./context.js";
import { log, print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { inside, writeAllAtomic } from "./files.js";
import type { Format } from "./findings.js";
import { formatOption } from "./findings.js";
import type { Loaded, ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { several } from "./options.js";
import { runtimeFiles } from "./runtime-files.js";
import { table } from "./terminal.js";

interface EmitOptions extends ModelOptions {
  readonly output: string | undefined;
  readonly dumpAfter: string | undefined;
  readonly timePasses: boolean;
  readonly O: string;
  readonly standalone: boolean;
  readonly format: Format | undefined;
}

type Hook = NonNullable<CompileOptions["hook"]>;

export const addCompile: AddCommand = (program, action) => {
  program
    .command("compile")
    .description("write a model as a typed module with its kernels")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .option("-o, --output <folder>", "where; dist/<name of the file> where nothing is said")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .option("--dump-after <pass>", "print the graphs after this pass, or after `all`, to stderr")
    .option("--time-passes", "print the time of each pass to stderr", false)
    .option("--standalone", "one script that brings the runtime along and imports nothing", false)
    .option("-O <level>", "0 as written, 1 without fusion of unlike kernels, 2 everything", "2")
    .addOption(formatOption())
    .action(action(compile));
};

async function compile(context: Context, path: string, options: EmitOptions): Promise<ExitCode> {
  const times = new Map<string, number>();
  const hook: Hook = (pass, _before, after, milliseconds) => {
    const key = `${after.name} ${pass}`;
    times.set(key, (times.get(key) ?? 0) + milliseconds);
    if (options.dumpAfter === "all" || options.dumpAfter === pass) dump(context, pass, after);
  };
  const { format } = options;
  const loaded = await loadModel(context, path, options, { level: levelOf(options.O), hook, format });
  if (!loaded) return 1;
  checkPassName(options.dumpAfter, times);
  if (options.timePasses) context.host.stderr.write(`${timeTable(times)}\n`);
  await writeModule(context, loaded, path, options);
  return 0;
}

/** All files of the module appear together, or none does. */
async function writeModule(
  context: Context,
  { program }: Loaded,
  path: string,
  { output, standalone, format }: EmitOptions,
): Promise<void> {
  const stem = path === "-" ? program.name : basename(path, extname(path));
  const folder = output ?? join("dist", stem);
  const emitted = await emitModule(program, { runtime: standalone ? runtimeFiles() : undefined });
  const files = new Map(Object.entries(emitted.files).map(([name, text]) => [inside(folder, name), text]));
  writeAllAtomic(files);
  const names = Object.keys(emitted.files);
  const tell = format === "json" || format === "sarif" ? log : print; // stdout holds one document
  if (context.options.json && format === undefined)
    printJson(context, { folder, files: names, kernels: program.kernels.length });
  else tell(context, names.map((name) => join(folder, name)).join("\n"));
}

function dump(context: Context, pass: string, after: Graph): void {
  context.host.stderr.write(`# ${after.name} after ${pass}\n${printGraph(after)}\n`);
}

function checkPassName(name: string | undefined, times: ReadonlyMap<string, number>): void {
  const passes = [...new Set([...times.keys()].map((key) => key.slice(key.indexOf(" ") + 1)))];
  if (name === undefined || name === "all" || passes.includes(name)) return;
  fail(
    "usage",
    `there is no pass \`${name}\``,
    `the nearest is \`${closest(name, passes)}\`; there are ${passes.join(", ")}`,
  );
}

function timeTable(times: ReadonlyMap<string, number>): string {
  const rows = [...times].sort(([, a], [, b]) => b - a).map(([key, time]) => [key, `${time.toFixed(1)} ms`]);
  return table(rows, ["left", "right"]);
}

function levelOf(text: string): 0 | 1 | 2 {
  switch (text) {
    case "0":
      return 0;
    case "1":
      return 1;
    case "2":
      return 2;
    default:
      return fail("usage", `\`-O${text}\` is no level`, "levels are -O0, -O1 and -O2");
  }
}
