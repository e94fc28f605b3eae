/**
 * `tfmc export RUN --to hf|safetensors -o DIR`: an imported model, or what training made of it, as a folder for others.
 */
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import type { Context } from "./context.js";
import { log, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { writeAllAtomic } from "./files.js";
import { exportFolder } from "./hugging-face/export.js";
import type { AddCommand } from "./options.js";

const targets = ["hf", "safetensors"] as const;
const later = ["pytorch", "onnx"];
type Target = (typeof targets)[number];

interface ExportOptions {
  readonly to: Target;
  readonly output: string;
}

export const addExport: AddCommand = (program, action) => {
  program
    .command("export")
    .description("write an imported model, or what training made of it, for other programs")
    .argument("<run>", "a folder that `tfmc import` wrote, or a run that was trained from one")
    .requiredOption("--to <form>", "hf: the Hugging Face folder; safetensors: its tensors alone", targetOf)
    .requiredOption("-o, --output <folder>", "where")
    .action(action(exportModel));
};

function targetOf(text: string): Target {
  const target = targets.find((one) => one === text);
  if (target) return target;
  if (later.includes(text))
    throw new InvalidArgumentError(`\`${text}\` is not there yet; there are ${targets.join(", ")}.`);
  throw new InvalidArgumentError(`It is one of ${targets.join(", ")}.`);
}

async function exportModel(context: Context, run: string, { to, output }: ExportOptions): Promise<ExitCode> {
  const files = await exportFolder(context, run, { tensorsOnly: to === "safetensors" });
  if (!files) return 1;
  writeAllAtomic(new Map([...files].map(([name, data]) => [join(output, name), data])));
  if (context.options.json) printJson(context, { folder: output, files: [...files.keys()] });
  else log(context, `wrote ${[...files.keys()].join(", ")} to ${output}`);
  return 0;
}
