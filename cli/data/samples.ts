/**
 * A trained model and its data → what it does, for people to read: a text, translations, guesses.
 */
import type { Session } from "../../runtime/session.js";
import type { Tokenizer } from "../../runtime/tokenizer.js";
import { generateText } from "../sample.js";
import { likeliest, logitsFor, targetsOf } from "./accuracy.js";
import type { DataBatch, Dataset } from "./dataset.js";
import { idsOf, rowsOf } from "./dataset.js";
import { closedRow, decode } from "./decode.js";
import type { Encoding } from "./encode.js";
import type { Ends } from "./pairs.js";
import type { Task, TaskOf } from "./task.js";

export interface Shown {
  readonly task: Task;
  readonly encoding: Encoding;
  readonly training: Dataset;
  readonly validation: Dataset | undefined;
  readonly seed: number;
}

/** Examples of the validation data, where there are any. */
const shownExamples = 3;
const shownBeam = 4;
/** Tokens of the text around hidden ones. */
const shownTokens = 64;

export async function sampleOf(session: Session, shown: Shown): Promise<string> {
  const { task, encoding, training, validation } = shown;
  const [batch] = (validation ?? training).inOrder({ batch: shownExamples, limit: shownExamples });
  switch (task.kind) {
    case "stream":
      return continued(session, task, shown);
    case "pairs":
      return translations(session, task, encoding.tokenizer!, batch!);
    case "masked":
      return filledIn(session, task, encoding.tokenizer!, batch!);
    case "texts":
    case "images":
      return classes(session, task, encoding, batch!);
    default:
      return task satisfies never;
  }
}

async function continued(
  session: Session,
  task: TaskOf<"stream">,
  { encoding, training, seed }: Shown,
): Promise<string> {
  const [first] = training.inOrder({ batch: 1, limit: 1 });
  const prompt = idsOf(first!, task.tokens.name).subarray(0, 1);
  const tokenizer = encoding.tokenizer!;
  const text = await generateText(session, tokenizer, { prompt, count: 200, seed, temperature: 0.7 });
  return tokenizer.decode(prompt) + text;
}

/** `ein Hund → a dog` and, where it is not that, `  (the cat)`. */
async function translations(
  session: Session,
  task: TaskOf<"pairs">,
  tokenizer: Tokenizer,
  batch: DataBatch,
): Promise<string> {
  const ends = tokenizer.specials as Ends;
  const targets = rowsOf(batch, task.next);
  const sources = rowsOf(batch, task.source.name).map((row) => closedRow(row, ends.eos));
  const longest = 2 * Math.max(...targets.map((target) => target.length));
  const decoded = await decode(session, sources, { ...ends, longest, beam: shownBeam });
  return sources
    .map((source, n) => {
      const right = textOf(tokenizer, targets[n]!);
      const found = textOf(tokenizer, decoded[n]!);
      return `${textOf(tokenizer, source)} → ${found}${found === right ? "" : `   (${right})`}`;
    })
    .join("\n");
}

/** Up to the end, if there is one; targets that do not count are no text. */
export function textOf(tokenizer: Tokenizer, ids: ArrayLike<number>): string {
  const all = Array.from(ids).filter((id) => id >= 0 && id < tokenizer.size);
  const end = all.indexOf(tokenizer.specials.eos ?? -1);
  return tokenizer.decode(end < 0 ? all : all.slice(0, end));
}

/** `the ⟨king⟩ of ⟨Troy≠France⟩`: guesses at hidden tokens, and what stood there where they are wrong. */
async function filledIn(
  session: Session,
  task: TaskOf<"masked">,
  tokenizer: Tokenizer,
  batch: DataBatch,
): Promise<string> {
  const logits = logitsFor(session.program, task);
  if (logits === undefined) return "";
  const guesses = await likeliest(session, logits, batch);
  const [tokens] = rowsOf(batch, task.tokens.name);
  const [original] = rowsOf(batch, task.original);
  const piece = (ids: readonly number[]): string => textOf(tokenizer, ids);
  let [text, plain]: [string, number[]] = ["", []];
  for (let n = 0; n < Math.min(shownTokens, tokens!.length); n++) {
    if (original![n]! < 0) {
      plain.push(tokens![n]!);
      continue;
    }
    const [guess, right] = [piece([guesses[n]!]), piece([original![n]!])];
    text += `${piece(plain)}⟨${guess}${guess === right ? "" : `≠${right}`}⟩`;
    plain = [];
  }
  return text + piece(plain);
}

/** `a fine film → good`, and where it is wrong `   (bad)`. */
async function classes(
  session: Session,
  task: TaskOf<"texts" | "images">,
  { tokenizer, labels }: Encoding,
  batch: DataBatch,
): Promise<string> {
  const logits = logitsFor(session.program, task);
  if (logits === undefined) return "";
  const guesses = await likeliest(session, logits, batch);
  const right = idsOf(batch, targetsOf(task)!);
  return Array.from(right, (label, n) => {
    const name =
      task.kind === "texts" ? textOf(tokenizer!, rowsOf(batch, task.tokens.name)[n]!) : "a picture";
    return `${name} → ${labels[guesses[n]!] ?? guesses[n]}${guesses[n] === label ? "" : `   (${labels[label]})`}`;
  }).join("\n");
}
