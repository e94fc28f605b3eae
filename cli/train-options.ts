/**
 * The options of `tfmc train`, as commander gives them.
 */
import type { Command } from "commander";
import type { ModelOptions } from "./load.js";
import { levelOption, natural, positive, positiveReal, rematOption, several } from "./options.js";
import { tokenizerChoice } from "./tokenizers.js";

export interface TrainOptions extends ModelOptions {
  readonly data: string | undefined;
  readonly target: string | undefined;
  readonly keys: string | undefined;
  readonly valTarget: string | undefined;
  readonly tokenizer: string;
  readonly steps: number | undefined;
  readonly batch: number | undefined;
  readonly length: number | undefined;
  readonly lr: number | undefined;
  readonly val: string;
  readonly evalEvery: number | undefined;
  readonly saveEvery: number | undefined;
  readonly weights?: string | undefined;
  readonly output: string | undefined;
  readonly resume: string | undefined;
}

export const describeTrain = (program: Command): Command =>
  addTrainingOptions(
    program
      .command("train")
      .description("train a model on text, pairs, labelled texts or pictures, whichever its inputs ask for")
      .argument(
        "[file]",
        "a `.tfm` or `.json` file, or - for standard input; with --resume the run's own model is used",
      ),
  )
    .option("--model <name>", "which model of the file")
    .option(
      "--weights <file>",
      "safetensors: begin with these parameters, as `import` writes them, instead of random ones",
    )
    .option("-o, --output <run>", "the run folder to write; a new one under runs/ where nothing is said")
    .option("--resume <run>", "continue this run; --steps may extend it");

/** What says how a run goes: the same for `train` and for the runs of `compare`. */
export const addTrainingOptions = (command: Command): Command =>
  command
    .option(
      "--data <path>",
      "a text file or a folder of them; `.tsv` or `.jsonl` of pairs or of labelled texts; a folder of pictures",
    )
    .option("--target <file>", "of pairs in two files: the targets, line by line beside --data")
    .option("--keys <a,b>", "of `.jsonl`: the fields of source and target, or of text and label")
    .option(
      "--tokenizer <kind>",
      "what a token is: bytes, chars, chars:unknown, bpe:N, or the path of a tokenizer.json",
      tokenizerChoice,
      "bytes",
    )
    .option("--steps <number>", "optimizer steps; the model's recipe where nothing is said", positive)
    .option(
      "--batch <number>",
      "windows of text, or examples, per step; the model's recipe where nothing is said",
      positive,
    )
    .option(
      "--length <number>",
      "tokens per window, or at most per source, target or labelled text; the model's context where nothing is said",
      positive,
    )
    .option("--lr <number>", "learning rate; the model's recipe where nothing is said", positiveReal)
    .option(
      "--val <fraction|path>",
      "the end of the text, or the share of examples, that is kept for validation, or other data",
      "0.1",
    )
    .option("--val-target <file>", "of pairs in two files: the targets beside --val")
    .option("--eval-every <steps>", "validate this often; 0 for never before the end", natural)
    .option("--save-every <steps>", "write a checkpoint this often; 0 for never before the end", natural)
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .addOption(levelOption())
    .addOption(rematOption());
