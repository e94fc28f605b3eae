/**
 * `tfmc generate RUN -p TEXT`: continues a text, token by token, to standard output.
 */
import { readCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { printJson, warn } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { openRun, weightsOf } from "./open-run.js";
import type { AddCommand } from "./options.js";
import { nonNegativeReal, positive, share } from "./options.js";
import { readRun } from "./run-folder.js";
import { generateText } from "./sample.js";
import { withSession } from "./session.js";

interface GenerateOptions {
  readonly prompt: string;
  readonly count: number;
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
}

export const addGenerate: AddCommand = (program, action) => {
  program
    .command("generate")
    .description("continue a text")
    .argument("<run>", "a folder that `tfmc train` wrote")
    .requiredOption("-p, --prompt <text>", "the text to continue")
    .option("-n, --count <tokens>", "how many tokens", positive, 200)
    .option("--temperature <number>", "0 takes the likeliest token", nonNegativeReal, 0.8)
    .option("--top-k <number>", "only the so many likeliest tokens", positive)
    .option("--top-p <number>", "only the likeliest tokens that make up this probability", share)
    .action(action(generate));
};

async function generate(context: Context, folder: string, options: GenerateOptions): Promise<ExitCode> {
  const run = readRun(folder);
  const files = await readCheckpoint(folder, (message) => warn(context, message));
  const opened = openRun(context, run);
  if (!opened) return 1;
  const { program, task, encoding } = opened;
  const { tokenizer } = encoding;
  if (task.kind !== "stream" || tokenizer === undefined)
    return fail("usage", `\`${program.name}\` does not continue a text: it is trained on ${task.kind}`);
  const prompt = tokenizer.encode(options.prompt);
  if (prompt.length === 0) fail("usage", "the prompt is empty", 'give at least one token: `-p "Once"`');
  const { json } = context.options;
  const write = (text: string): void => {
    if (!json) context.host.stdout.write(text);
  };
  write(options.prompt);
  const { count, temperature, topK, topP } = options;
  const stop = new AbortController();
  const stopListening = context.host.onInterrupt(() => stop.abort());
  const sampling = {
    prompt,
    count,
    temperature,
    topK,
    topP,
    seed: context.options.seed ?? 0,
    signal: stop.signal,
  };
  const text = await withSession(context, program, weightsOf(program, files), ["forward"], ({ session }) =>
    generateText(session, tokenizer, sampling, write),
  ).finally(stopListening);
  if (json) printJson(context, { prompt: options.prompt, text, finished: !stop.signal.aborted });
  else write("\n");
  return stop.signal.aborted ? 130 : 0;
}
