/**
 * `tfmc fmt FILE…`: rewrites files in canonical form; `-` formats standard input to standard output.
 */
import { formatModel } from "../compiler/parser/format.js";
import { readTfm } from "../compiler/parser/read-tfm.js";
import type { Context } from "./context.js";
import { log, print, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { failures } from "./failure.js";
import { writeAtomic } from "./files.js";
import type { Finding, Format } from "./findings.js";
import { formatOf, formatOption, hasErrors, isDiagnostic, reportFindings } from "./findings.js";
import type { AddCommand } from "./options.js";
import { readSource } from "./source.js";

interface FmtOptions {
  readonly check: boolean;
  readonly format: Format | undefined;
}

export const addFmt: AddCommand = (program, action) => {
  program
    .command("fmt")
    .description("rewrite files in canonical form")
    .argument("<file...>", "`.tfm` files, or - for standard input")
    .option("--check", "change nothing; exit 1 where a file is not in canonical form", false)
    .addOption(formatOption())
    .action(action(fmt));
};

async function fmt(context: Context, paths: readonly string[], options: FmtOptions): Promise<ExitCode> {
  const findings: Finding[] = [];
  for (const path of paths) findings.push(...(await formatFile(context, path, options.check)));
  report(context, findings, options.format);
  return hasErrors(findings) ? 1 : 0;
}

async function formatFile(context: Context, path: string, check: boolean): Promise<readonly Finding[]> {
  const { file, text } = await readSource(context, path);
  const { model, diagnostics } = readTfm(text, file);
  if (hasErrors(diagnostics)) return diagnostics;
  const formatted = formatModel(model);
  if (check) return text === formatted ? [] : [notCanonical(file)];
  if (path === "-") print(context, formatted);
  else if (text !== formatted) writeAtomic(path, formatted);
  if (path !== "-" && text !== formatted) log(context, `formatted ${file}`);
  return [];
}

const notCanonical = (file: string): Finding => ({
  code: failures["not-canonical"].code,
  severity: "error",
  message: `${file} is not in canonical form`,
  file,
  hint: undefined,
});

/** A file that is not canonical is a result of `--check`, no error, to people: its line goes to stdout. */
function report(context: Context, findings: readonly Finding[], asked: Format | undefined): void {
  const format = formatOf(context, asked);
  if (format !== "pretty") {
    if (asked !== undefined || findings.length > 0) reportFindings(context, findings, format);
    return;
  }
  for (const finding of findings)
    if (isDiagnostic(finding)) reportDiagnostics(context, [finding]);
    else print(context, finding.message);
}
