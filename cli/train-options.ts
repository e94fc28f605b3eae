/**
 * The options of `tfmc train`, as commander gives them.
 */
import type { Command } from "commander";
import { Option } from "commander";
import type { ModelOptions } from "./load.js";
import { natural, positive, positiveReal, several } from "./options.js";

export interface TrainOptions extends ModelOptions {
  readonly data: string | undefined;
  readonly tokenizer: "bytes" | "chars";
  readonly steps: number | undefined;
  readonly batch: number | undefined;
  readonly length: number | undefined;
  readonly lr: number | undefined;
  readonly val: string;
  readonly evalEvery: number | undefined;
  readonly saveEvery: number | undefined;
  readonly output: string | undefined;
  readonly resume: string | undefined;
}

export const describeTrain = (program: Command): Command =>
  addTrainingOptions(
    program
      .command("train")
      .description("train a language model on text")
      .argument(
        "[file]",
        "a `.tfm` file, or - for standard input; with --resume the run's own model is used",
      ),
  )
    .option("--model <name>", "which model of the file")
    .option("-o, --output <run>", "the run folder to write; a new one under runs/ where nothing is said")
    .option("--resume <run>", "continue this run; --steps may extend it");

/** What says how a run goes: the same for `train` and for the runs of `compare`. */
export const addTrainingOptions = (command: Command): Command =>
  command
    .option("--data <path>", "a text file, or a folder of them")
    .addOption(
      new Option("--tokenizer <kind>", "what a token is").choices(["bytes", "chars"]).default("bytes"),
    )
    .option("--steps <number>", "optimizer steps; the model's recipe where nothing is said", positive)
    .option(
      "--batch <number>",
      "windows of text per step; the model's recipe where nothing is said",
      positive,
    )
    .option("--length <number>", "tokens per window; the model's context where nothing is said", positive)
    .option("--lr <number>", "learning rate; the model's recipe where nothing is said", positiveReal)
    .option(
      "--val <fraction|path>",
      "the end of the text that is kept for validation, or another text",
      "0.1",
    )
    .option("--eval-every <steps>", "validate this often; 0 for never before the end", natural)
    .option("--save-every <steps>", "write a checkpoint this often; 0 for never before the end", natural)
    .option("--set <name=value>", "an argument of the model (repeatable)", several, []);
