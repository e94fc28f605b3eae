/**
 * `tfmc check FILE…`: diagnostics only.
 */
import type { Diagnostic } from "../compiler/diagnostics.js";
import type { Context, FailureDocument } from "./context.js";
import { failureDocument, failureText, log, printJson, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { Failure } from "./failure.js";
import type { ModelOptions } from "./load.js";
import { checkSource, settingsOf } from "./load.js";
import type { AddCommand } from "./options.js";
import { several } from "./options.js";
import { readSource } from "./source.js";

export const addCheck: AddCommand = (program, action) => {
  program
    .command("check")
    .description("report what is wrong with models, and nothing else")
    .argument("<file...>", "`.tfm` or `.json` files, or - for standard input")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "this model of the file only")
    .action(action(check));
};

type Finding = Diagnostic | FailureDocument;

async function check(context: Context, paths: readonly string[], options: ModelOptions): Promise<ExitCode> {
  const findings: Finding[] = [];
  for (const path of paths) findings.push(...(await checkFile(context, path, options)));
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (context.options.json) printJson(context, { diagnostics: findings });
  else if (errors === 0)
    log(context, `${paths.length === 1 ? paths[0] : `${paths.length} files`}: no errors`);
  return errors > 0 ? 1 : 0;
}

/** A file that cannot be read is one finding; the others are checked all the same. */
async function checkFile(
  context: Context,
  path: string,
  { set, model }: ModelOptions,
): Promise<readonly Finding[]> {
  try {
    const diagnostics = checkSource(context, await readSource(context, path), settingsOf(set), model);
    if (!context.options.json) reportDiagnostics(context, diagnostics);
    return diagnostics;
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === "usage") throw error;
    if (!context.options.json) context.host.stderr.write(`${failureText(error, context.style)}\n`);
    return [failureDocument(error)];
  }
}
