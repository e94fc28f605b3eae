/**
 * Prompts → what an encoder makes of them: likely tokens for each `<mask>`, or likely classes.
 *
 *   "the <mask> of France"   →   the ⟨king⟩ of France      king 0.61 · queen 0.12 · …
 */
import { logSum } from "../../runtime/beam.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import type { TensorLike } from "../../runtime/tensor.js";
import type { Tokenizer } from "../../runtime/tokenizer.js";
import { logitsFor } from "../data/accuracy.js";
import type { Encoding } from "../data/encode.js";
import type { Task, TaskOf } from "../data/task.js";
import { widthsOf } from "../data/task.js";
import { closed } from "../data/texts.js";
import { fail } from "../failure.js";

/** What may stand there, likeliest first. */
export interface Guess {
  readonly name: string;
  readonly probability: number;
}

const defaultGuesses = 5;
/** How a prompt spells the token that hides another. */
const maskSpelling = "<mask>";

/** The distributions at some places of one example, likeliest first. */
async function guessesAt(
  session: Session,
  task: Task,
  inputs: Readonly<Record<string, TensorLike>>,
  places: readonly number[],
): Promise<readonly (readonly { readonly id: number; readonly probability: number }[])[]> {
  const logits =
    logitsFor(session.program, task) ??
    fail("bad-data", `\`${session.program.name}\` has no output of logits to guess from`);
  const width = logits.shape.at(-1) as number;
  const read = places.map((place) => ({
    ...{ name: logits.name, as: String(place), from: place * width, count: width },
  }));
  const outputs = await session.run("forward", inputs, {}, { read });
  return places.map((place) => ranked(outputs[place] as Float32Array));
}

/** Every id with its probability, likeliest first. */
function ranked(logits: Float32Array) {
  const total = logSum(logits);
  const all = Array.from(logits, (logit, id) => ({ id, probability: Math.exp(logit - total) }));
  return all.sort((a, b) => b.probability - a.probability || a.id - b.id);
}

// ---------------------------------------------------------------- hidden tokens

export interface Filled {
  /** The prompt with the likeliest token in each gap. */
  readonly text: string;
  readonly gaps: readonly (readonly Guess[])[];
}

export async function fill(
  session: Session,
  task: TaskOf<"masked">,
  tokenizer: Tokenizer,
  { prompt, count = defaultGuesses }: { readonly prompt: string; readonly count?: number | undefined },
): Promise<Filled> {
  const ids = masked(tokenizer, prompt);
  checkWidth(session.program, task, ids.length, prompt);
  const places = ids.flatMap((id, at) => (id === tokenizer.specials.mask ? [at] : []));
  const found = await guessesAt(session, task, { [task.tokens.name]: [ids] }, places);
  const filled = [...ids];
  const gaps = found.map((guesses, n) => {
    // What stands for no text was never hidden.
    const spelled = guesses.filter(({ id }) => id < tokenizer.size && !isSpecial(tokenizer, id));
    filled[places[n]!] = spelled[0]!.id;
    return spelled
      .slice(0, count)
      .map(({ id, probability }) => ({ name: tokenizer.decode([id]), probability }));
  });
  return { text: tokenizer.decode(filled), gaps };
}

const isSpecial = ({ specials }: Tokenizer, id: number): boolean => Object.values(specials).includes(id);

/** The prompt's ids, the pieces between its masks encoded by themselves. */
function masked(tokenizer: Tokenizer, prompt: string): readonly number[] {
  const { mask } = tokenizer.specials;
  if (mask === undefined) return fail("broken-run", "the run's tokenizer has no token that hides another");
  const [first, ...others] = prompt.split(maskSpelling).map((piece) => [...tokenizer.encode(piece)]);
  const ids = [...first!, ...others.flatMap((piece) => [mask, ...piece])];
  if (!ids.includes(mask))
    fail(
      "usage",
      `nothing is hidden in ${JSON.stringify(prompt)}`,
      `write \`${maskSpelling}\` where a token is to be guessed`,
    );
  return ids;
}

function checkWidth(program: Program, task: TaskOf<"masked">, length: number, prompt: string): void {
  const { least, most } = widthsOf(task.tokens, program.lengths);
  if (length >= least && length <= most) return;
  const takes = least === most ? String(most) : `at most ${most}`;
  fail("usage", `${JSON.stringify(prompt)} has ${length} tokens; the model takes ${takes}`);
}

// ---------------------------------------------------------------- classes

/** The classes of a text, likeliest first. A text ends in eos, and a long one is cut, as in training. */
export async function classify(
  session: Session,
  task: TaskOf<"texts">,
  { tokenizer, labels }: Encoding,
  { prompt, count }: { readonly prompt: string; readonly count?: number | undefined },
): Promise<readonly Guess[]> {
  const { tokens, valid } = task;
  const { least, most } = widthsOf(tokens, session.program.lengths);
  const ids = closed(tokenizer!.encode(prompt), tokenizer!.specials.eos!, most);
  const width = Math.max(least, ids.length);
  const [data, there] = [new Int32Array(width), new Int32Array(width).fill(1, 0, ids.length)];
  data.set(ids);
  const inputs: Record<string, TensorLike> = { [tokens.name]: { data, shape: [1, width] } };
  if (valid !== undefined && session.program.entries.forward.inputs.includes(valid))
    inputs[valid] = { data: there, shape: [1, width] };
  const [classes] = await guessesAt(session, task, inputs, [0]);
  return classes!
    .slice(0, count)
    .map(({ id, probability }) => ({ name: labels[id] ?? String(id), probability }));
}
