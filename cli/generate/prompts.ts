/**
 * -p and --input → the texts to begin with.
 */
import type { Context } from "../context.js";
import { fail } from "../failure.js";
import { decodeText, limits, readText } from "../files.js";
import type { GenerateOptions } from "./options.js";

export async function readPrompts(
  context: Context,
  { prompt, input }: Pick<GenerateOptions, "prompt" | "input">,
): Promise<readonly string[]> {
  const lines = input === undefined ? [] : linesOf(await textOf(context, input));
  const prompts = [...prompt, ...lines];
  if (prompts.length === 0)
    fail(
      "usage",
      input === undefined ? "there is no prompt" : `\`${input}\` is empty`,
      'give texts to begin with: `-p "Once"`, or `--input FILE` with one a line',
    );
  return prompts;
}

const textOf = async ({ host }: Context, input: string): Promise<string> =>
  input === "-" ? decodeText(await host.stdin(), "standard input") : readText(input, limits.text);

/** Line n of the output belongs to line n of the input, so an empty line is a text too; the last end of line begins none. */
const linesOf = (text: string): readonly string[] => {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
};
