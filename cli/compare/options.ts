/**
 * The options of `tfmc compare`, as commander gives them.
 */
import type { Command } from "commander";
import { Option } from "commander";
import { positive } from "../options.js";
import type { TrainOptions } from "../train-options.js";
import { addTrainingOptions } from "../train-options.js";

export interface CompareOptions extends Omit<TrainOptions, "model" | "resume"> {
  readonly variants: readonly string[] | undefined;
  readonly seeds: number;
  readonly match: "params" | "flops" | undefined;
  readonly jobs: number;
  readonly reportOnly: string | undefined;
  /** Runs that another process of the same comparison asked this one for. */
  readonly only: readonly string[] | undefined;
}

const listed = (text: string): readonly string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

export const describeCompare = (program: Command): Command =>
  addTrainingOptions(
    program
      .command("compare")
      .description("train several models on the same data with several seeds; a table and a report")
      .argument("[file...]", "`.tfm` files, a model each; or one file, all of whose models are compared"),
  )
    .option("--variants <names>", "models of the file to compare with its first, separated by commas", listed)
    .option("--seeds <number>", "seeds 1 to this", positive, 3)
    .addOption(
      new Option(
        "--match <count>",
        "adjust the width of the feed-forward layers to the first's count",
      ).choices(["params", "flops"]),
    )
    .option("--jobs <number>", "runs at the same time, each in a process of its own", positive, 1)
    .option("-o, --output <folder>", "where runs and report go; runs/compare-NAME where nothing is said")
    .option("--report-only <folder>", "make table and report again from what the folder holds")
    .addOption(new Option("--only <runs>", "train these runs, report nothing").argParser(listed).hideHelp());
