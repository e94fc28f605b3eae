/**
 * `tfmc eval RUN --data PATH`: loss and perplexity of a trained model on a text.
 */
import { readWeights } from "../runtime/weights.js";
import { readCheckpoint } from "./checkpoint.js";
import { print, printJson, warn } from "./context.js";
import type { Context } from "./context.js";
import { evaluate } from "./evaluation.js";
import { fail } from "./failure.js";
import type { ExitCode } from "./failure.js";
import { languageModelOf } from "./language-model.js";
import type { AddCommand } from "./options.js";
import { positive } from "./options.js";
import { readRun } from "./run-folder.js";
import { withSession } from "./session.js";
import { count } from "./terminal.js";
import { readTextData } from "./text-data.js";
import { openRun } from "./train-plan.js";

interface EvalOptions {
  readonly data: string;
  readonly batch: number | undefined;
}

export const addEval: AddCommand = (program, action) => {
  program
    .command("eval")
    .description("loss and perplexity of a trained model on a text")
    .argument("<run>", "a folder that `tfmc train` wrote")
    .requiredOption("--data <path>", "a text file, or a folder of them")
    .option("--batch <number>", "windows at a time; that of the training where nothing is said", positive)
    .action(action(evaluateRun));
};

async function evaluateRun(context: Context, folder: string, options: EvalOptions): Promise<ExitCode> {
  const run = readRun(folder);
  const checkpoint = readCheckpoint(folder, (message) => warn(context, message));
  const opened = openRun(context, run);
  if (!opened) return 1;
  const { program, tokenizer } = opened;
  const tokens = tokenizer.encode(readTextData(options.data));
  const { length: width, seed } = run.resolved;
  if (tokens.length <= width) fail("bad-data", `\`${options.data}\` has ${tokens.length} tokens; one window takes ${width + 1}`);
  const live = context.host.stderr.terminal && context.options.progress && !context.options.quiet && !context.options.json;
  const result = await withSession(context, program, readWeights(program, checkpoint.model), ["loss"], ({ session }) =>
    evaluate(session, languageModelOf(program), tokens, {
      batch: options.batch ?? run.resolved.batch,
      length: width,
      seed,
      windows: Number.POSITIVE_INFINITY,
      onProgress: (done, windows) => {
        if (live) context.live.update(`window ${done}/${windows}`);
      },
    }),
  );
  const perplexity = Math.exp(result.loss);
  if (context.options.json) printJson(context, { ...result, perplexity, step: checkpoint.state.step });
  else print(context, `loss ${result.loss.toFixed(4)} · perplexity ${perplexity.toFixed(2)} · ${count(result.tokens)} tokens · step ${checkpoint.state.step}`);
  return 0;
}
