/**
 * The options of `tfmc generate`, and which of them mean something for what a run was trained to do.
 */
import type { Command } from "commander";
import type { TaskKind } from "../data/task.js";
import { fail } from "../failure.js";
import { nonNegativeReal, positive, real, several, share } from "../options.js";

export interface GenerateOptions {
  readonly prompt: readonly string[];
  readonly input: string | undefined;
  readonly count: number | undefined;
  readonly temperature: number | undefined;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
  readonly beam: number | undefined;
  readonly lengthPenalty: number | undefined;
  readonly best: number | undefined;
}

export const describeGenerate = (program: Command): Command =>
  program
    .command("generate")
    .description("continue a text, translate it, fill in its <mask>, or name its class")
    .argument("<run>", "a folder that `tfmc train` or `tfmc import` wrote")
    .option("-p, --prompt <text>", "the text to begin with (repeatable)", several, [])
    .option("--input <file>", "texts to begin with, one a line; - for standard input")
    .option("-n, --count <tokens>", "at most so many tokens; 200, or 50 more than a source has", positive)
    .option(
      "--temperature <number>",
      "0 takes the likeliest token; 0.8 where a text is continued",
      nonNegativeReal,
    )
    .option("--top-k <number>", "only the so many likeliest tokens, or classes to name", positive)
    .option("--top-p <number>", "only the likeliest tokens that make up this probability", share)
    .option(
      "--beam <number>",
      "search with so many texts at a time; 4 where a source is translated",
      positive,
    )
    .option("--length-penalty <number>", "of a beam: the larger, the longer the texts; 0.6", real)
    .option("--best <number>", "of a beam: print the so many best, with their scores", positive);

type Name = Exclude<keyof GenerateOptions, "prompt" | "input">;
const spelled: Readonly<Record<Name, string>> = {
  count: "-n",
  temperature: "--temperature",
  topK: "--top-k",
  topP: "--top-p",
  beam: "--beam",
  lengthPenalty: "--length-penalty",
  best: "--best",
};
const names = Object.keys(spelled) as readonly Name[];

const meaning: Readonly<Record<TaskKind, { readonly does: string; readonly takes: readonly Name[] }>> = {
  stream: { does: "continues a text", takes: names },
  pairs: { does: "makes a target of a source", takes: names },
  masked: { does: "fills in what is hidden", takes: ["topK"] },
  texts: { does: "names the class of a text", takes: ["topK"] },
  images: { does: "names the class of a picture", takes: [] },
};

/** What no model makes sense of. */
export function checkTogether(options: GenerateOptions): void {
  const { beam, lengthPenalty, best, temperature, topP } = options;
  const searches = beam !== undefined || lengthPenalty !== undefined || best !== undefined;
  if (searches && (temperature !== undefined || options.topK !== undefined || topP !== undefined))
    fail("usage", "a beam searches; --temperature, --top-k and --top-p draw", "leave one of the two out");
  const most = beam ?? translationBeam;
  if ((best ?? 1) > most)
    fail("usage", `\`--best ${best}\` is more than the beam of ${most} holds`, `\`--beam ${best}\``);
}

/** What a model that was trained to do this makes no sense of. */
export function checkMeaning(model: string, kind: TaskKind, options: GenerateOptions): void {
  const { does, takes } = meaning[kind];
  if (kind === "images") fail("usage", `\`${model}\` ${does}; \`tfmc eval\` takes pictures`);
  for (const name of names)
    if (options[name] !== undefined && !takes.includes(name))
      fail("usage", `\`${spelled[name]}\` has no meaning for \`${model}\`, which ${does}`);
  const { beam, lengthPenalty, best } = options;
  if (kind === "stream" && beam === undefined && (lengthPenalty !== undefined || best !== undefined))
    fail("usage", "`--length-penalty` and `--best` belong to a beam", "add `--beam 4`");
}

/** Vaswani et al., 2017. */
export const translationBeam = 4;
