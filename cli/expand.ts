/**
 * `tfmc expand FILE`: prints a model one level down, in the language itself.
 */
import type { Expanded } from "../compiler/index.js";
import type { Context } from "./context.js";
import { note, print, printJson, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { writeAtomic } from "./files.js";
import { expandSource } from "./load.js";
import type { AddCommand } from "./options.js";
import { readSource } from "./source.js";

interface ExpandOptions {
  readonly model: string | undefined;
  readonly output: string | undefined;
}

export const addExpand: AddCommand = (program, action) => {
  program
    .command("expand")
    .description("print a model one level down: settings become blocks, blocks their formulas")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .option("-o, --output <file>", "write it there")
    .option("--model <name>", "which model of the file")
    .action(action(expand));
};

async function expand(context: Context, path: string, options: ExpandOptions): Promise<ExitCode> {
  const source = await readSource(context, path);
  const { expanded, diagnostics } = expandSource(context, source, options.model);
  const exit = reportDiagnostics(context, diagnostics);
  if (!expanded || exit !== 0) return 1;
  write(context, expanded, options.output);
  if (expanded.lowest) note(context, `${source.file} uses nothing of the library: it is the lowest level`);
  return 0;
}

function write(context: Context, { text, level }: Expanded, output: string | undefined): void {
  if (output !== undefined) writeAtomic(output, text);
  if (context.options.json) printJson(context, { level, text });
  else if (output === undefined) print(context, text);
}
