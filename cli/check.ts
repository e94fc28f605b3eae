/**
 * `tfmc check FILE…`: diagnostics only.
 */
import type { Context } from "./context.js";
import { failureDocument, log } from "./context.js";
import type { ExitCode } from "./failure.js";
import { Failure } from "./failure.js";
import type { Finding, Format } from "./findings.js";
import { formatOf, formatOption, hasErrors, reportFindings } from "./findings.js";
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
    .addOption(formatOption())
    .action(action(check));
};

interface CheckOptions extends ModelOptions {
  readonly format: Format | undefined;
}

async function check(context: Context, paths: readonly string[], options: CheckOptions): Promise<ExitCode> {
  const findings: Finding[] = [];
  for (const path of paths) findings.push(...(await checkFile(context, path, options)));
  const format = formatOf(context, options.format);
  reportFindings(context, findings, format);
  const failed = hasErrors(findings);
  if (!failed && format === "pretty")
    log(context, `${paths.length === 1 ? paths[0] : `${paths.length} files`}: no errors`);
  return failed ? 1 : 0;
}

/** A file that cannot be read is one finding; the others are checked all the same. */
async function checkFile(
  context: Context,
  path: string,
  { set, model }: ModelOptions,
): Promise<readonly Finding[]> {
  try {
    return checkSource(context, await readSource(context, path), settingsOf(set), model);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === "usage") throw error;
    return [failureDocument(error)];
  }
}
