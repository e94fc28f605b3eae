/**
 * What the files hold, a tokenizer and the names of classes → a dataset of the task.
 */
import type { Program } from "../../runtime/program.js";
import type { Tokenizer } from "../../runtime/tokenizer.js";
import type { Context } from "../context.js";
import { note } from "../context.js";
import { fail } from "../failure.js";
import { count } from "../terminal.js";
import type { Dataset } from "./dataset.js";
import { imageDataset } from "./images.js";
import { labelNumbers } from "./labels.js";
import { maskedDataset, ordinaryIds } from "./masked.js";
import { fits, pairDataset, pairLimits } from "./pairs.js";
import type { Raw } from "./read.js";
import type { TextRecord } from "./read-records.js";
import { streamDataset } from "./stream.js";
import type { Task, TaskOf } from "./task.js";
import { widthsOf } from "./task.js";
import { closed, textsDataset } from "./texts.js";

/** How text and names of classes become numbers. */
export interface Encoding {
  /** Undefined where no text is read. */
  readonly tokenizer: Tokenizer | undefined;
  readonly labels: readonly string[];
}

export interface DatasetOptions {
  /** Tokens of a window; of pairs and texts the most that one may have. 0 for pictures. */
  readonly length: number;
  readonly batch: number;
  readonly seed: number;
  /** What it is for; a text to evaluate may be shorter than a window. */
  readonly name: "training" | "validation" | "evaluation";
}

/** The longest window, text, source or target of the model; 0 for pictures. */
export function longestOf(program: Program, task: Task): number {
  switch (task.kind) {
    case "stream":
    case "masked":
    case "texts":
      return widthsOf(task.tokens, program.lengths).most;
    case "pairs": {
      const { source, target } = pairLimits(program, task, undefined);
      return Math.max(source, target);
    }
    case "images":
      return 0;
    default:
      return task satisfies never;
  }
}

export interface Encoder {
  readonly context: Context;
  readonly program: Program;
  readonly task: Task;
  readonly encoding: Encoding;
}

export function encodeData(
  { context, program, task, encoding }: Encoder,
  raw: Raw,
  options: DatasetOptions,
): Dataset {
  switch (task.kind) {
    case "stream":
      return streamDataset(program, windowTokens(encoding, raw, options), options);
    case "masked": {
      const { specials, size } = encoding.tokenizer!;
      const hiding = { mask: specials.mask!, ordinary: ordinaryIds(size, Object.values(specials)) };
      return maskedDataset(task, windowTokens(encoding, raw, options), hiding, options);
    }
    case "pairs":
      return encodePairs(context, program, task, encoding, raw, options);
    case "texts":
      return encodeTexts(context, program, task, encoding, raw, options);
    case "images":
      return imageDataset(task, encodeImages(encoding, raw), options);
    default:
      return task satisfies never;
  }
}

/** A window needs one token behind its end. */
function windowTokens({ tokenizer }: Encoding, raw: Raw, { length, name }: DatasetOptions): Int32Array {
  if (raw.kind !== "text") throw new Error("internal: a stream is made of text");
  const tokens = tokenizer!.encode(raw.text);
  if (tokens.length >= length + 1 || name === "evaluation") return tokens;
  return fail(
    "bad-data",
    `the ${name} text has ${tokens.length} tokens; one window takes ${length + 1}`,
    name === "training"
      ? "use a longer text or a smaller --length"
      : "use a larger --val or a smaller --length; `--val 0` does without",
  );
}

function encodePairs(
  context: Context,
  program: Program,
  task: TaskOf<"pairs">,
  { tokenizer }: Encoding,
  raw: Raw,
  { length, name, batch, seed }: DatasetOptions,
): Dataset {
  if (raw.kind !== "pairs") throw new Error("internal: pairs are made of pairs");
  const all = raw.pairs.map(([source, target]) => ({
    source: tokenizer!.encode(source),
    target: tokenizer!.encode(target),
  }));
  const limits = pairLimits(program, task, length);
  const pairs = all.filter((pair) => fits(pair, limits));
  const limit = `a source takes ${limits.source - 1} tokens and eos, a target bos and ${limits.target - 1}`;
  if (pairs.length === 0)
    fail(
      "bad-data",
      `no pair of the ${name} data is short enough: ${limit}`,
      "use a larger context or --length",
    );
  if (pairs.length < all.length)
    note(
      context,
      `${count(all.length - pairs.length)} of ${count(all.length)} ${name} pairs are too long and left out: ${limit}`,
    );
  if (task.sourceValid === undefined && new Set(pairs.map(({ source }) => source.length)).size > 1)
    note(
      context,
      `the model does not ask \`valid(${task.source.name})\`, so it reads the padding of shorter sources as tokens 0`,
    );
  const { bos, eos } = tokenizer!.specials as { readonly bos: number; readonly eos: number };
  return pairDataset(program, task, pairs, { batch, seed, bos, eos });
}

function encodeTexts(
  context: Context,
  program: Program,
  task: TaskOf<"texts">,
  { tokenizer, labels }: Encoding,
  raw: Raw,
  { length, name, batch, seed }: DatasetOptions,
): Dataset {
  if (raw.kind !== "labelled") throw new Error("internal: labelled texts are made of labelled texts");
  const ids = raw.texts.map(([text]) => tokenizer!.encode(text));
  const cut = ids.filter((tokens) => tokens.length + 1 > length).length;
  if (cut > 0)
    note(
      context,
      `${count(cut)} of ${count(ids.length)} ${name} texts are longer than ${length - 1} tokens and are cut there`,
    );
  if (task.valid === undefined && new Set(ids.map((tokens) => tokens.length)).size > 1)
    note(
      context,
      `the model does not ask \`valid(${task.tokens.name})\`, so it reads the padding of shorter texts as tokens 0`,
    );
  const numbers = labelNumbers(raw.texts.map(labelOf), labels);
  const texts = ids.map((tokens, n) => ({
    tokens: closed(tokens, tokenizer!.specials.eos!, length),
    label: numbers[n]!,
  }));
  return textsDataset(program, task, texts, { batch, seed });
}

const labelOf = ([, label]: TextRecord): string => label;

function encodeImages({ labels }: Encoding, raw: Raw) {
  if (raw.kind !== "images") throw new Error("internal: pictures are made of pictures");
  const { pixels, shape } = raw.images;
  return { pixels, shape, labels: labelNumbers(raw.images.labels, labels) };
}
