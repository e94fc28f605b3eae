/**
 * `tfmc eval RUN --data PATH`: loss and perplexity of a trained model on a text.
 */
import { evaluationBatches } from "../runtime/data.js";
import { evaluate } from "../runtime/evaluate.js";
import { readCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { print, printJson, warn } from "./context.js";
import type { ExitCode } from "./failure.js";
import { openRun, weightsOf } from "./open-run.js";
import type { AddCommand } from "./options.js";
import { positive } from "./options.js";
import { readRun } from "./run-folder.js";
import { withSession } from "./session.js";
import { count } from "./terminal.js";
import { readTextData } from "./text-data.js";

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
  const files = await readCheckpoint(folder, (message) => warn(context, message));
  const opened = openRun(context, run);
  if (!opened) return 1;
  const { program, tokenizer } = opened;
  const tokens = tokenizer.encode(readTextData(options.data));
  const { length: width, batch } = run.resolved;
  const batches = [...evaluationBatches(program, tokens, { length: width, batch: options.batch ?? batch })];
  const {
    loss,
    perplexity,
    count: counted,
  } = await withSession(context, program, weightsOf(program, files), ["loss"], ({ session }) =>
    evaluate(session, shown(context, batches)),
  );
  if (context.options.json) printJson(context, { loss, perplexity, tokens: counted });
  else
    print(
      context,
      `loss ${loss.toFixed(4)} · perplexity ${perplexity.toFixed(2)} · ${count(counted)} tokens`,
    );
  return 0;
}

/** The batches, with a live line of how many are done. */
function* shown<T>(context: Context, batches: readonly T[]): Generator<T> {
  const { progress, quiet, json } = context.options;
  const live = context.host.stderr.terminal && progress && !quiet && !json;
  for (const [n, batch] of batches.entries()) {
    if (live) context.live.update(`batch ${n + 1}/${batches.length}`);
    yield batch;
  }
}
