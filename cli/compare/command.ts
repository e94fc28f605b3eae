/**
 * Options → the words of a command that says the same.
 */
import type { Level } from "../../compiler/passes/pass.js";
import type { Context } from "../context.js";
import type { Resolved } from "../run-folder.js";
import type { CompareOptions } from "./options.js";

const option = (name: string, value: string | number | undefined): readonly string[] =>
  value === undefined ? [] : [name, String(value)];

export function compareCommand(
  context: Context,
  files: readonly string[],
  options: CompareOptions,
  folder: string,
): readonly string[] {
  const {
    variants,
    data,
    target,
    keys,
    valTarget,
    tokenizer,
    val,
    steps,
    batch,
    length,
    lr,
    evalEvery,
    saveEvery,
    set,
  } = options;
  return [
    ...["compare", ...files],
    ...option("--variants", variants?.join(",")),
    ...option("--data", data),
    ...option("--target", target),
    ...option("--keys", keys),
    ...option("--tokenizer", tokenizer),
    ...option("--val", val),
    ...option("--val-target", valTarget),
    ...option("--steps", steps),
    ...option("--batch", batch),
    ...option("--length", length),
    ...option("--lr", lr),
    ...option("--eval-every", evalEvery),
    ...option("--save-every", saveEvery),
    ...set.flatMap((setting) => ["--set", setting]),
    ...levelWords(options.O),
    ...option("--remat", options.remat),
    ...option("--seeds", options.seeds),
    ...option("--match", options.match),
    ...option("--device", context.options.device),
    ...option("--output", folder),
  ];
}

const levelWords = (level: Level | undefined): readonly string[] =>
  level === undefined ? [] : [`-O${level}`];

/** The command that trains one run by itself. */
export function trainCommand(resolved: Resolved): readonly string[] {
  const { file, model, data, tokenizer, validation, steps, batch, length, learningRate, settings } = resolved;
  return [
    ...["train", file, "--model", model, "--data", data],
    ...option("--target", resolved.target),
    ...option("--keys", resolved.keys),
    ...(tokenizer === "none" ? [] : option("--tokenizer", tokenizer)),
    ...option("--val", validation),
    ...option("--val-target", resolved.validationTarget),
    ...option("--steps", steps),
    ...option("--batch", batch),
    ...(length === 0 ? [] : option("--length", length)),
    ...option("--lr", learningRate),
    ...Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ...option("--seed", resolved.seed),
    ...levelWords(resolved.level),
    ...option("--remat", resolved.remat),
  ];
}

/** For a POSIX shell. */
export const shellText = (words: readonly string[]): string =>
  [
    "tfmc",
    ...words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)),
  ].join(" ");
