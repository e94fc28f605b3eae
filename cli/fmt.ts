/**
 * `tfmc fmt FILE…`: rewrites files in canonical form; `-` formats standard input to standard output.
 */
import { formatModel } from "../compiler/parser/format.js";
import { readTfm } from "../compiler/parser/read-tfm.js";
import type { Context } from "./context.js";
import { hasErrors, log, print, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { writeAtomic } from "./files.js";
import type { AddCommand } from "./options.js";
import { readSource } from "./source.js";

export const addFmt: AddCommand = (program, action) => {
  program
    .command("fmt")
    .description("rewrite files in canonical form")
    .argument("<file...>", "`.tfm` files, or - for standard input")
    .option("--check", "change nothing; exit 1 where a file is not in canonical form", false)
    .action(action(fmt));
};

async function fmt(
  context: Context,
  paths: readonly string[],
  options: { readonly check: boolean },
): Promise<ExitCode> {
  let exit: ExitCode = 0;
  for (const path of paths) if ((await formatFile(context, path, options.check)) !== 0) exit = 1;
  return exit;
}

async function formatFile(context: Context, path: string, check: boolean): Promise<ExitCode> {
  const { file, text } = await readSource(context, path);
  const { model, diagnostics } = readTfm(text, file);
  if (hasErrors(diagnostics)) return reportDiagnostics(context, diagnostics);
  const formatted = formatModel(model);
  if (check) return checkFile(context, file, text === formatted);
  if (path === "-") print(context, formatted);
  else if (text !== formatted) writeAtomic(path, formatted);
  if (path !== "-" && text !== formatted) log(context, `formatted ${file}`);
  return 0;
}

function checkFile(context: Context, file: string, canonical: boolean): ExitCode {
  if (canonical) return 0;
  print(context, `${file} is not in canonical form`);
  return 1;
}
