/**
 * `tfmc import HF_DIR -o DIR`: a Hugging Face folder as a model in the language, with its parameters.
 */
import { join } from "node:path";
import type { Context } from "./context.js";
import { log, note, print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { exists, filesIn, isFolder, writeAllAtomic } from "./files.js";
import { importFolder } from "./hugging-face/import.js";
import { recordName } from "./hugging-face/record.js";
import type { AddCommand } from "./options.js";
import { count } from "./terminal.js";

export const addImport: AddCommand = (program, action) => {
  program
    .command("import")
    .description("a Hugging Face folder as a model in the language, with its weights")
    .argument("<folder>", "what `save_pretrained` wrote: config.json and model.safetensors")
    .requiredOption("-o, --output <folder>", "where model.tfm, model.safetensors and the tokenizer go")
    .action(action(importModel));
};

function importModel(context: Context, folder: string, { output }: { readonly output: string }): ExitCode {
  refuseOthers(output);
  const imported = importFolder(context, folder, join(output, "model.tfm"));
  if (!imported) return 1;
  const { files, text, built, notes, modelType, architecture } = imported;
  writeAllAtomic(new Map([...files].map(([name, data]) => [join(output, name), data])));
  const lines = text.split("\n").filter((line) => line.trim() !== "").length;
  const parameters = built.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((size, axis) => size * Number(axis.size), 1),
    0,
  );
  if (context.options.json) {
    printJson(context, {
      modelType,
      architecture,
      folder: output,
      lines,
      parameters,
      notes,
      files: [...files.keys()],
    });
    return 0;
  }
  for (const one of notes) note(context, one);
  print(context, text);
  log(
    context,
    `wrote ${join(output, "model.tfm")}: ${lines} lines, ${count(parameters)} parameters, from ${architecture}`,
  );
  return 0;
}

/** What stands in a folder that is neither empty nor an import's stays. */
function refuseOthers(output: string): void {
  if (!isFolder(output) || exists(join(output, recordName)) || filesIn(output).length === 0) return;
  fail("usage", `\`${output}\` is not empty and no import wrote it`, "choose another `-o`", output);
}
