/**
 * A folder that `tfmc import` wrote → what a run folder says, as far as using the model needs it.
 */
import { join } from "node:path";
import { parse } from "../compiler/index.js";
import { version } from "../compiler/version.js";
import { exists, limits, readText } from "./files.js";
import { isImported } from "./hugging-face/record.js";
import type { Resolved, Run } from "./run-folder.js";
import { readRun } from "./run-folder.js";
import { filesBeside } from "./tokenizers.js";

/** What was trained from an imported folder is a run like any other. */
export const readRunOrImport = (folder: string): Run =>
  isImported(folder) && !exists(join(folder, "resolved.json")) ? readImport(folder) : readRun(folder);

function readImport(folder: string): Run {
  const file = join(folder, "model.tfm");
  const source = readText(file, limits.model);
  const tokenizer = join(folder, "tokenizer.json");
  return {
    folder,
    source,
    tokenizer: exists(tokenizer) ? readText(tokenizer, limits.text) : undefined,
    beside: filesBeside(folder),
    resolved: { ...untrained, file, model: modelIn(source, file) },
  };
}

const modelIn = (source: string, file: string): string =>
  parse(source, file).model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []))[0] ??
  "model";

const untrained: Omit<Resolved, "file" | "model"> = {
  format: 1,
  compiler: version,
  settings: {},
  imports: {},
  data: "",
  dataSha256: "",
  tokenizer: "tokenizer.json",
  validation: "",
  batch: 8,
  length: 0,
  steps: 0,
  learningRate: 0,
  scheduleSteps: 0,
  seed: 1,
  evalEvery: 0,
  saveEvery: 0,
};
