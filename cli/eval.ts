/**
 * `tfmc eval RUN --data PATH`: loss, perplexity and accuracy of a trained model; of pairs, what it makes of the sources.
 */
import { inferenceNames } from "../compiler/passes/schedule.js";
import { evaluate } from "../runtime/evaluate.js";
import type { Session } from "../runtime/session.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import { accuracyOf } from "./data/accuracy.js";
import type { DataBatch } from "./data/dataset.js";
import { encodeData, longestOf } from "./data/encode.js";
import { decodedAccuracy } from "./data/matches.js";
import { readRaw } from "./data/read.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { readRunOrImport } from "./imported-run.js";
import type { OpenedRun } from "./open-run.js";
import { filesOf, openRun, weightsOf } from "./open-run.js";
import type { AddCommand } from "./options.js";
import { positive } from "./options.js";
import type { Resolved } from "./run-folder.js";
import { withSession } from "./session.js";
import { count } from "./terminal.js";

interface EvalOptions {
  readonly data: string;
  readonly target: string | undefined;
  readonly keys: string | undefined;
  readonly batch: number | undefined;
  readonly beam: number | undefined;
}

export const addEval: AddCommand = (program, action) => {
  program
    .command("eval")
    .description("loss, perplexity and accuracy of a trained model")
    .argument("<run>", "a folder that `tfmc train` or `tfmc import` wrote")
    .requiredOption("--data <path>", "data of the kind that the run was trained on")
    .option("--target <file>", "of pairs in two files: the targets, line by line beside --data")
    .option("--keys <a,b>", "of `.jsonl`: the two fields; those of the training where nothing is said")
    .option("--batch <number>", "examples at a time; that of the training where nothing is said", positive)
    .option("--beam <number>", "of pairs: decode the sources as well, by a beam of so many", positive)
    .action(action(evaluateRun));
};

async function evaluateRun(context: Context, folder: string, options: EvalOptions): Promise<ExitCode> {
  const run = readRunOrImport(folder);
  const files = await filesOf(context, run);
  const opened = openRun(context, run, inferenceNames);
  if (!opened) return 1;
  const { program, task } = opened;
  if (options.beam !== undefined && task.kind !== "pairs")
    fail("usage", "`--beam` goes with models that have a source and a target");
  const batches = batchesOf(context, opened, run.resolved, options);
  const entries = ["loss", "forward"] as const;
  const found = await withSession(context, program, weightsOf(program, files), entries, ({ session }) =>
    measure(context, session, opened, batches, options.beam),
  );
  report(context, found);
  return 0;
}

/** Tokens of a window where nobody trained the model here: its context may be longer than memory. */
const importedLength = 1024;

function batchesOf(
  context: Context,
  opened: OpenedRun,
  resolved: Resolved,
  options: EvalOptions,
): readonly DataBatch[] {
  const keys = options.keys ?? resolved.keys;
  const raw = readRaw(opened.task, { data: options.data, target: options.target, keys });
  const { seed } = resolved;
  const longest = longestOf(opened.program, opened.task);
  const length = resolved.length > 0 ? resolved.length : Math.min(importedLength, longest);
  const batch = options.batch ?? resolved.batch;
  const data = encodeData({ context, ...opened }, raw, { length, batch, seed, name: "evaluation" });
  return [...data.inOrder({ batch })];
}

async function measure(
  context: Context,
  session: Session,
  { task, encoding }: OpenedRun,
  batches: readonly DataBatch[],
  beam: number | undefined,
) {
  const inputs = batches.map((batch) => batch.inputs);
  const losses = await evaluate(session, shown(context, inputs, "loss"));
  const accuracy = await accuracyOf(session, task, shown(context, batches, "accuracy"));
  const decoded =
    beam === undefined || task.kind !== "pairs"
      ? undefined
      : await decodedAccuracy(session, task, encoding.tokenizer!, shown(context, batches, "decoding"), beam);
  return { ...losses, accuracy: accuracy?.share, decoded };
}

function report(context: Context, found: Awaited<ReturnType<typeof measure>>): void {
  const { loss, perplexity, count: counted, accuracy, decoded } = found;
  if (context.options.json) {
    printJson(context, { loss, perplexity, tokens: counted, accuracy, ...decoded });
    return;
  }
  const parts = [`loss ${loss.toFixed(4)}`, `perplexity ${perplexity.toFixed(2)}`];
  if (accuracy !== undefined) parts.push(`accuracy ${percent(accuracy)}`);
  print(context, `${[...parts, `${count(counted)} targets`].join(" · ")}`);
  if (decoded)
    print(
      context,
      `decoded with a beam of ${decoded.beam}: exact ${percent(decoded.exactMatch)} of ${count(decoded.pairs)} pairs · tokens ${percent(decoded.decodedAccuracy)}`,
    );
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The batches, with a live line of how many are done. */
function* shown<T>(context: Context, batches: readonly T[], what: string): Generator<T> {
  const { progress, quiet, json } = context.options;
  const live = context.host.stderr.terminal && progress && !quiet && !json;
  for (const [n, batch] of batches.entries()) {
    if (live) context.live.update(`${what}: batch ${n + 1}/${batches.length}`);
    yield batch;
  }
}
