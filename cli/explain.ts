/**
 * `tfmc explain CODE`: a diagnostic, at length.
 */
import { catalogue } from "../compiler/diagnostics.js";
import { print, printJson } from "./context.js";
import type { Context } from "./context.js";
import { fail, failures } from "./failure.js";
import type { ExitCode } from "./failure.js";
import { closest } from "./nearest.js";
import type { AddCommand } from "./options.js";

interface Entry {
  readonly code: string;
  readonly title: string;
  readonly explanation: string;
}

const entries = (): readonly Entry[] => [...Object.values(catalogue), ...Object.values(failures)];

export const addExplain: AddCommand = (program, action) => {
  program
    .command("explain")
    .description("explain a diagnostic at length")
    .argument("<code>", "as in `error[CODE]`")
    .action(action(explain));
};

function explain(context: Context, code: string): ExitCode {
  const found = entries().find((entry) => entry.code.toLowerCase() === code.toLowerCase());
  if (!found) return unknownCode(code);
  const { title, explanation } = found;
  if (context.options.json) printJson(context, { code: found.code, title, explanation });
  else print(context, `${context.outStyle.bold(found.code)}: ${title}\n\n${explanation}`);
  return 0;
}

function unknownCode(code: string): never {
  const codes = entries().map((entry) => entry.code);
  return fail("usage", `there is no diagnostic \`${code}\``, `the nearest code is \`${closest(code.toUpperCase(), codes)}\``);
}
