/**
 * `tfmc generate RUN -p TEXT`: continues a text, token by token, to standard output.
 */
import { readWeights } from "../runtime/weights.js";
import { readCheckpoint } from "./checkpoint.js";
import { printJson, warn } from "./context.js";
import type { Context } from "./context.js";
import { fail } from "./failure.js";
import type { ExitCode } from "./failure.js";
import { languageModelOf } from "./language-model.js";
import { positive, real } from "./options.js";
import type { AddCommand } from "./options.js";
import { readRun } from "./run-folder.js";
import { generateText } from "./sample.js";
import { withSession } from "./session.js";
import { openRun } from "./train-plan.js";

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
    .option("--temperature <number>", "0 takes the likeliest token", real, 0.8)
    .option("--top-k <number>", "only the so many likeliest tokens", positive)
    .option("--top-p <number>", "only the likeliest tokens that make up this probability", real)
    .action(action(generate));
};

async function generate(context: Context, folder: string, options: GenerateOptions): Promise<ExitCode> {
  checkRanges(options);
  const run = readRun(folder);
  const checkpoint = readCheckpoint(folder, (message) => warn(context, message));
  const opened = openRun(context, run);
  if (!opened) return 1;
  const { program, tokenizer } = opened;
  const prompt = tokenizer.encode(options.prompt);
  if (prompt.length === 0) fail("usage", "the prompt is empty", "give at least one token: `-p \"Once\"`");
  const { json } = context.options;
  const write = (text: string): void => {
    if (!json) context.host.stdout.write(text);
  };
  write(options.prompt);
  const sampling = { ...options, prompt, seed: context.options.seed ?? 0 };
  const text = await withSession(context, program, readWeights(program, checkpoint.model), ["forward"], ({ session }) =>
    generateText(context.host, session, languageModelOf(program), tokenizer, sampling, write),
  );
  if (json) printJson(context, { prompt: options.prompt, text, step: checkpoint.state.step });
  else write("\n");
  return 0;
}

function checkRanges({ temperature, topP }: GenerateOptions): void {
  if (temperature < 0) fail("usage", `--temperature ${temperature} is below 0`);
  if (topP !== undefined && (topP <= 0 || topP > 1)) fail("usage", `--top-p ${topP} is not above 0 and up to 1`);
}
