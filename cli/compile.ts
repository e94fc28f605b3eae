/**
 * `tfmc compile FILE -o DIR`: writes the module of a model; shows what the passes did on request.
 */
import { basename, extname, join } from "node:path";
import type { CompileOptions } from "../compiler/index.js";
import { emitModule } from "../compiler/codegen/typescript.js";
import { printGraph } from "../compiler/ir/text.js";
import { log, print, printJson } from "./context.js";
import type { Context } from "./context.js";
import type { ExitCode } from "./failure.js";
import { inside, writeAllAtomic } from "./files.js";
import { loadModel } from "./load.js";
import type { Loaded, ModelOptions } from "./load.js";
import { several } from "./options.js";
import type { AddCommand } from "./options.js";
import { table } from "./terminal.js";

interface EmitOptions extends ModelOptions {
  readonly output: string | undefined;
  readonly dumpAfter: string | undefined;
  readonly timePasses: boolean;
  readonly O: string;
}

type Show = NonNullable<CompileOptions["show"]>;
type Shown = Parameters<Show>[0];

export const addCompile: AddCommand = (program, action) => {
  program
    .command("compile")
    .description("write a model as a typed module with its kernels")
    .argument("<file>", "a `.tfm` file, or - for standard input")
    .option("-o, --output <folder>", "where; dist/<name of the file> where nothing is said")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .option("--dump-after <pass>", "print the graphs after this pass, or after `all`, to stderr")
    .option("--time-passes", "print the time of each pass to stderr", false)
    .option("-O <level>", "0 as written, 1 without fusion of unlike kernels, 2 everything", level, "2")
    .action(action(compile));
};
