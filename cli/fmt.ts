/**
 * `tfmc fmt FILE…`: rewrites files in canonical form; `-` formats standard input to standard output.
 *
 * `--to tfm|json` prints one file in that language instead; `-o FILE` writes it there, unless something is there.
 */
import { Option } from "commander";
import type { Language } from "../compiler/index.js";
import { format } from "../compiler/index.js";
import type { Context } from "./context.js";
import { log, print, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail, failures } from "./failure.js";
import { exists, writeAtomic } from "./files.js";
import type { Finding, Format } from "./findings.js";
import { formatOf, formatOption, hasErrors, isDiagnostic, reportFindings } from "./findings.js";
import type { AddCommand } from "./options.js";
import type { Source } from "./source.js";
import { readSource } from "./source.js";

interface FmtOptions {
  readonly check: boolean;
  readonly to: Language | undefined;
  readonly output: string | undefined;
  readonly format: Format | undefined;
}

export const addFmt: AddCommand = (program, action) => {
  program
    .command("fmt")
    .description("rewrite files in canonical form, or show one in the other language")
    .argument("<file...>", "`.tfm` or `.json` files, or - for standard input")
    .option("--check", "change nothing; exit 1 where a file is not in canonical form", false)
    .addOption(
      new Option("--to <language>", "print one file in this language; it stays as it is").choices([
        "tfm",
        "json",
      ]),
    )
    .option("-o, --output <file>", "with --to: write there instead; a file that exists is not replaced")
    .addOption(formatOption())
    .action(action(fmt));
};

async function fmt(context: Context, paths: readonly string[], options: FmtOptions): Promise<ExitCode> {
  const { check, to, output } = options;
  if (to !== undefined) {
    if (check) fail("usage", "--check does not go with --to");
    if (paths.length > 1) fail("usage", "--to takes one file", "call it once a file");
    return convert(context, await readSource(context, paths[0]!), to, output);
  }
  if (output !== undefined) fail("usage", "-o goes with --to", "without --to files are rewritten in place");
  const findings: Finding[] = [];
  for (const path of paths) findings.push(...(await formatFile(context, path, check)));
  report(context, findings, options.format);
  return hasErrors(findings) ? 1 : 0;
}

function convert(context: Context, source: Source, to: Language, output: string | undefined): ExitCode {
  if (output !== undefined && exists(output))
    fail("usage", `\`${output}\` is already there`, "choose another -o, or remove it", output);
  const { text, diagnostics } = format(source.text, source.file, to);
  const exit = reportDiagnostics(context, diagnostics);
  if (text === undefined) return exit;
  if (output === undefined) print(context, text);
  else {
    writeAtomic(output, text);
    log(context, `wrote ${output}`);
  }
  return exit;
}

async function formatFile(context: Context, path: string, check: boolean): Promise<readonly Finding[]> {
  const { file, text } = await readSource(context, path);
  const { text: formatted, diagnostics } = format(text, file);
  if (formatted === undefined) return diagnostics;
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
  const way = formatOf(context, asked);
  if (way !== "pretty") {
    if (asked !== undefined || findings.length > 0) reportFindings(context, findings, way);
    return;
  }
  for (const finding of findings)
    if (isDiagnostic(finding)) reportDiagnostics(context, [finding]);
    else print(context, finding.message);
}
