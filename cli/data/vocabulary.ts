/**
 * Tokenizer and classes of the data → settings under which the model takes them: `vocab` and `classes`, where nobody set
 * them, follow.
 *
 *   `model nano(vocab = 256)`, a tokenizer of 40 characters   →   { vocab: 40 }
 *
 * What follows is found by trying: the settings whose model has inputs of the right bounds. So it does not matter whether
 * a model states its arguments itself or inherits them.
 */
import type { SettingValue } from "../../compiler/ir/build.js";
import type { Program } from "../../runtime/program.js";
import type { Context } from "../context.js";
import { note } from "../context.js";
import { fail } from "../failure.js";
import type { Encoding } from "./encode.js";
import type { DataInput, Task } from "./task.js";

export type Settings = Readonly<Record<string, SettingValue>>;
/** The inputs of the model under these settings; undefined where it does not have them or is wrong with them. */
export type InputsUnder = (settings: Settings) => readonly DataInput[] | undefined;

export interface Vocabulary {
  readonly task: Task;
  readonly encoding: Encoding;
  /** The tokenizer's name, as it was asked for. */
  readonly tokenizer: string;
}

/** Arguments that are tried, the first that fit. */
const vocabularyArguments = [
  ["vocab"],
  ["vocab", "source_vocab", "target_vocab"],
  ["source_vocab", "target_vocab"],
];
const classArguments = [["classes"]];

export const tokenInputs = (task: Task): readonly DataInput[] => {
  if (task.kind === "pairs") return [task.source, task.target];
  return task.kind === "images" ? [] : [task.tokens];
};
const labelInputs = (task: Task): readonly DataInput[] => ("label" in task ? [task.label] : []);

export function reconcile(
  context: Context,
  { task, encoding, tokenizer }: Vocabulary,
  settings: Settings,
  inputsUnder: InputsUnder,
): Settings {
  const size = encoding.tokenizer?.size;
  const grows = tokenizer === "bytes" || !/^(chars|bpe:)/.test(tokenizer);
  const tokens = { inputs: tokenInputs(task), size, grows, candidates: vocabularyArguments };
  const classes = {
    inputs: labelInputs(task),
    size: encoding.labels.length,
    grows: false,
    candidates: classArguments,
  };
  const one = following(settings, tokens, inputsUnder);
  if (one)
    note(
      context,
      `the tokenizer \`${tokenizer}\` has ${size} tokens, so ${said(one, settings, tokens.inputs)}`,
    );
  const two = following(one ?? settings, classes, inputsUnder);
  if (two)
    note(context, `the data has ${classes.size} classes, so ${said(two, one ?? settings, classes.inputs)}`);
  return two ?? one ?? settings;
}

interface Wanted {
  readonly inputs: readonly DataInput[];
  readonly size: number | undefined;
  /** Whether a bound that is larger may stay. */
  readonly grows: boolean;
  readonly candidates: readonly (readonly string[])[];
}

const fitting = ({ bound }: DataInput, size: number, grows: boolean): boolean =>
  bound === null || bound === size || (grows && bound > size);

/** Settings with which all these inputs fit; undefined where they do already, or nothing that is tried makes them. */
function following(settings: Settings, wanted: Wanted, inputsUnder: InputsUnder): Settings | undefined {
  const { inputs, size, grows, candidates } = wanted;
  if (size === undefined || inputs.every((input) => fitting(input, size, grows))) return undefined;
  const names = inputs.map(({ name }) => name);
  return candidates
    .filter((candidate) => !candidate.some((name) => name in settings))
    .map((candidate) => ({ ...settings, ...Object.fromEntries(candidate.map((name) => [name, size])) }))
    .find((tried) => {
      const found = inputsUnder(tried)?.filter(({ name }) => names.includes(name));
      return found?.every((input) => fitting(input, size, grows));
    });
}

function said(settings: Settings, before: Settings, inputs: readonly DataInput[]): string {
  const added = Object.keys(settings).filter((name) => !(name in before));
  const bounds = [...new Set(inputs.map(({ bound }) => bound))].join(" and ");
  const names = added.map((name) => `\`${name}\``).join(", ");
  return `${names} ${added.length > 1 ? "are" : "is"} ${settings[added[0]!]} instead of ${bounds}`;
}

/** What did not follow and does not fit is an error. */
export function checkVocabulary(program: Program, { task, encoding, tokenizer }: Vocabulary): void {
  const bound = (input: DataInput): number =>
    program.inputs.find(({ name }) => name === input.name)?.bound ?? Number.POSITIVE_INFINITY;
  const size = encoding.tokenizer?.size ?? 0;
  for (const input of tokenInputs(task))
    if (bound(input) < size)
      fail(
        "vocabulary-mismatch",
        `the tokenizer \`${tokenizer}\` has ${size} tokens, but the model takes ids below ${bound(input)}`,
        `set the size of its vocabulary to ${size}, for example \`--set vocab=${size}\``,
      );
  for (const input of labelInputs(task))
    if (bound(input) < encoding.labels.length)
      fail(
        "vocabulary-mismatch",
        `the data has ${encoding.labels.length} classes, but \`${input.name}\` is below ${bound(input)}`,
        `for example \`--set classes=${encoding.labels.length}\``,
      );
}
