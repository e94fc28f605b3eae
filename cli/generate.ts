/**
 * `tfmc generate RUN -p TEXT`: what a trained model makes of a text. It continues it, translates it, fills in what is hidden
 * in it, or names its class, as it was trained to.
 */
import { inferenceNames } from "../compiler/passes/schedule.js";
import type { Program } from "../runtime/program.js";
import { generatingEntries, nextTokenOf } from "../runtime/steps.js";
import type { Context } from "./context.js";
import { log, print, printJson } from "./context.js";
import type { TaskKind } from "./data/task.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import type { Guess } from "./generate/guesses.js";
import { classify, fill } from "./generate/guesses.js";
import type { GenerateOptions } from "./generate/options.js";
import { checkMeaning, checkTogether, describeGenerate } from "./generate/options.js";
import { readPrompts } from "./generate/prompts.js";
import type { Generated, Generation } from "./generate/texts.js";
import { continueLive, continueTexts, isLive, promptIds, translate } from "./generate/texts.js";
import { readRunOrImport } from "./imported-run.js";
import type { OpenedRun } from "./open-run.js";
import { filesOf, openRun, weightsOf } from "./open-run.js";
import type { AddCommand } from "./options.js";
import { withSession } from "./session.js";

export const addGenerate: AddCommand = (program, action) => {
  describeGenerate(program).action(action(generate));
};

async function generate(context: Context, folder: string, options: GenerateOptions): Promise<ExitCode> {
  checkTogether(options);
  const run = readRunOrImport(folder);
  const prompts = await readPrompts(context, options);
  const files = await filesOf(context, run);
  const opened = openRun(context, run, inferenceNames);
  if (!opened) return 1;
  const { program, task, encoding } = opened;
  checkMeaning(program.name, task.kind, options);
  const tokenizer =
    encoding.tokenizer ?? fail("broken-run", `\`${folder}\` has no tokenizer`, undefined, folder);
  if (task.kind === "stream") for (const [n, prompt] of prompts.entries()) promptIds(tokenizer, prompt, n);
  const stop = new AbortController();
  const stopListening = context.host.onInterrupt(() => stop.abort());
  const common = { tokenizer, options, seed: context.options.seed ?? 0, signal: stop.signal };
  try {
    const entries = growing(task.kind) ? generatingEntries(program) : (["forward"] as const);
    await withSession(context, program, weightsOf(program, files), entries, ({ session }) => {
      if (growing(task.kind) && context.options.verbose) log(context, `tokens: ${nextTokenText(program)}`);
      return answer(context, opened, { ...common, session }, prompts);
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stopListening();
  }
  return stop.signal.aborted ? 130 : 0;
}

const growing = (kind: TaskKind): boolean => kind === "stream" || kind === "pairs";

function nextTokenText(program: Program): string {
  const next = nextTokenOf(program);
  if (next.by === "steps") return "by steps";
  return `by whole passes${next.why ? `: ${next.why.code}: ${next.why.message}` : ""}`;
}

async function answer(
  context: Context,
  { task, encoding }: OpenedRun,
  generation: Generation,
  prompts: readonly string[],
): Promise<void> {
  const { session, tokenizer, options } = generation;
  const count = options.topK;
  switch (task.kind) {
    case "stream":
      if (isLive(prompts, options)) return live(context, generation, prompts[0]!);
      return showTexts(context, generation, prompts, await continueTexts(generation, prompts), true);
    case "pairs":
      return showTexts(context, generation, prompts, await translate(generation, prompts), false);
    case "masked": {
      const results = [];
      for (const prompt of prompts)
        results.push({ prompt, ...(await fill(session, task, tokenizer, { prompt, count })) });
      return show(context, results, ({ text, gaps }) => [text, ...gaps.map((gap) => `  ${guesses(gap)}`)]);
    }
    case "texts": {
      const results = [];
      for (const prompt of prompts)
        results.push({ prompt, classes: await classify(session, task, encoding, { prompt, count }) });
      return show(context, results, ({ classes }) => [guesses(classes)]);
    }
    case "images":
      throw new Error("internal: pictures are no texts");
    default:
      return task satisfies never;
  }
}

/** A single text, piece by piece. */
async function live(context: Context, generation: Generation, prompt: string): Promise<void> {
  const { json } = context.options;
  const write = (text: string): void => {
    if (!json) context.host.stdout.write(text);
  };
  write(prompt);
  const text = await continueLive(generation, prompt, write);
  const { program } = generation.session;
  if (json)
    printJson(context, { prompt, text, finished: !generation.signal.aborted, tokens: nextTokenOf(program) });
  else write("\n");
}

// ---------------------------------------------------------------- results

function show<T extends object>(
  context: Context,
  results: readonly T[],
  lines: (result: T) => readonly string[],
  between = "\n",
  more: Readonly<Record<string, unknown>> = {},
): void {
  if (context.options.json) printJson(context, { results, ...more });
  else print(context, results.map((result) => lines(result).join("\n")).join(between));
}

/**
 * The score stands before each text where several are asked for. A continued text has lines of its own and its prompt
 * before it; a translation is a line.
 */
function showTexts(
  context: Context,
  { session, options: { best } }: Generation,
  prompts: readonly string[],
  found: readonly (readonly Generated[])[],
  continued: boolean,
): void {
  const results = prompts.map((prompt, n) => ({ prompt, texts: found[n]! }));
  const line = (prompt: string, { text, score }: Generated): string =>
    `${best === undefined ? "" : `${score.toFixed(4)}\t`}${continued ? prompt : ""}${text}`;
  show(
    context,
    results,
    ({ prompt, texts }) => texts.map((text) => line(prompt, text)),
    continued ? "\n\n" : "\n",
    { tokens: nextTokenOf(session.program) },
  );
}

const guesses = (all: readonly Guess[]): string =>
  all.map(({ name, probability }) => `${shown(name)} ${probability.toFixed(3)}`).join(" · ");

/** A token of spaces would not be seen. */
const shown = (name: string): string => (name.trim() === name && name !== "" ? name : JSON.stringify(name));
