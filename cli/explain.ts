/**
 * `tfmc explain CODE`: a diagnostic, at length, with a sample, what is said of it and its mend.
 *
 * `tfm2001`, `2001` and `TFM 2001` are TFM2001; `20` lists the codes that begin with TFM20.
 */
import { closest } from "./closest.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import { errorSamples } from "./error-samples.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import type { Meaning } from "./meaning.js";
import { allCodes, meaningOf } from "./meaning.js";
import type { AddCommand } from "./options.js";

export const addExplain: AddCommand = (program, action) => {
  program
    .command("explain")
    .description("explain a diagnostic at length")
    .argument("<code>", "as in `error TFM2001`; the first digits list what begins with them")
    .action(action(explain));
};

function explain(context: Context, given: string): ExitCode {
  const digits = given.replace(/^\s*tfm\s*/i, "");
  const code = `TFM${digits}`;
  const meaning = meaningOf(code);
  if (!meaning) return list(context, given, digits);
  const text = explanation(code, meaning);
  if (context.options.json) printJson(context, { code, text });
  else print(context, text);
  return 0;
}

/** The codes that begin with what was given. */
function list(context: Context, given: string, digits: string): ExitCode {
  const codes = /^\d+$/.test(digits) ? allCodes.filter((code) => code.startsWith(`TFM${digits}`)) : [];
  if (codes.length === 0)
    return fail(
      "usage",
      `there is no diagnostic \`${given}\``,
      `the nearest code is \`${closest(`TFM${digits}`.toUpperCase(), allCodes)}\``,
    );
  const titles = codes.map((code) => ({ code, title: meaningOf(code)!.title }));
  if (context.options.json) printJson(context, { codes: titles });
  else print(context, titles.map(({ code, title }) => `${code}  ${title}`).join("\n"));
  return 0;
}

function explanation(code: string, { title, explanation: paragraph, example }: Meaning): string {
  const parts = [`${code}: ${title}`, paragraph];
  if (example) parts.push("Instead of", indent(example.wrong), "write", indent(example.right));
  const sample = errorSamples[code];
  if (sample) {
    parts.push(sample.file.endsWith(".sh") ? "For example, after" : "For example, of", indent(sample.text));
    parts.push("tfmc says", indent(sample.said));
    if (sample.mended !== undefined) parts.push("and takes", indent(sample.mended));
  }
  return `${parts.join("\n\n")}\n`;
}

const indent = (text: string): string => text.trimEnd().replace(/^(?=.)/gm, "    ");
