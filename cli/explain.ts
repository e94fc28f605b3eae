/**
 * `tfmc explain CODE`: a diagnostic, at length.
 */
import { catalogue, explain as explainDiagnostic } from "../compiler/diagnostics.js";
import { runtimeErrors } from "../runtime/errors.js";
import { closest } from "./closest.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail, failures } from "./failure.js";
import type { AddCommand } from "./options.js";
import { runtimeExplanations } from "./runtime-failure.js";

export const addExplain: AddCommand = (program, action) => {
  program
    .command("explain")
    .description("explain a diagnostic at length")
    .argument("<code>", "as in `error TFM2001`")
    .action(action(explain));
};

function explain(context: Context, given: string): ExitCode {
  const code = given.toUpperCase();
  const text = fromCommandLine(code) ?? fromRuntime(code) ?? explainDiagnostic(code) ?? unknownCode(given);
  if (context.options.json) printJson(context, { code, text });
  else print(context, text);
  return 0;
}

function fromCommandLine(code: string): string | undefined {
  const found = Object.values(failures).find((failure) => failure.code === code);
  return found && `${code}: ${found.title}\n\n${found.explanation}`;
}

function fromRuntime(code: string): string | undefined {
  if (!isRuntimeCode(code)) return undefined;
  return `${code}: ${runtimeErrors[code]}\n\n${runtimeExplanations[code]}`;
}

const isRuntimeCode = (code: string): code is keyof typeof runtimeErrors =>
  Object.hasOwn(runtimeErrors, code);

function unknownCode(code: string): never {
  const codes = [
    ...Object.keys(catalogue),
    ...Object.keys(runtimeErrors),
    ...Object.values(failures).map((failure) => failure.code),
  ];
  return fail(
    "usage",
    `there is no diagnostic \`${code}\``,
    `the nearest code is \`${closest(code.toUpperCase(), codes)}\``,
  );
}
