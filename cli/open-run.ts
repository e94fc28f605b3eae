/**
 * A run folder → the compiled model, its task, its tokenizer and labels, its weights.
 */
import { join } from "node:path";
import type { EntryName } from "../runtime/inputs.js";
import type { Program } from "../runtime/program.js";
import type { Weights } from "../runtime/weights.js";
import { readWeights } from "../runtime/weights.js";
import type { CheckpointFiles } from "./checkpoint.js";
import { readCheckpoint } from "./checkpoint.js";
import type { Context } from "./context.js";
import { warn } from "./context.js";
import type { Encoding } from "./data/encode.js";
import type { Task } from "./data/task.js";
import { taskOf } from "./data/task.js";
import { fail } from "./failure.js";
import { limits, readBytes } from "./files.js";
import { withEnds } from "./hugging-face/text-ends.js";
import { compileSource } from "./load.js";
import type { Run } from "./run-folder.js";
import type { Source } from "./source.js";
import { parseTokenizer } from "./tokenizers.js";

export interface OpenedRun {
  readonly program: Program;
  readonly task: Task;
  readonly encoding: Encoding;
}

/** `only`: the entries that are wanted, all where nothing is said. Undefined where its source no longer compiles: what is wrong has been reported. */
export function openRun(context: Context, run: Run, only?: readonly EntryName[]): OpenedRun | undefined {
  const source: Source = { file: join(run.folder, "model.tfm"), text: run.source };
  context.sources.set(source.file, source.text);
  const imports = new Map(Object.entries(run.resolved.imports));
  const loaded = compileSource(context, source, run.resolved.settings, {
    entry: run.resolved.model,
    level: run.resolved.level,
    remat: run.resolved.remat,
    imports,
    only,
  });
  if (!loaded) return undefined;
  const { program } = loaded;
  const task = taskOf(program.name, program.inputs);
  return { program, task, encoding: encodingOf(run, task) };
}

function encodingOf({ folder, tokenizer, beside, labels }: Run, { kind }: Task): Encoding {
  if (kind !== "images" && tokenizer === undefined)
    fail(
      "broken-run",
      beside
        ? `\`${folder}\` has no \`tokenizer.json\`, so it reads no text`
        : `\`${folder}\` is not a whole run folder: \`tokenizer.json\` is missing`,
      beside &&
        "put the file beside model.tfm: `AutoTokenizer.from_pretrained(…).save_pretrained(folder)` writes it",
      folder,
    );
  const read = tokenizer === undefined ? undefined : parseTokenizer(tokenizer, "tokenizer.json", beside);
  return {
    tokenizer: read && beside ? withEnds(read, folder, { pairs: kind === "pairs" }) : read,
    labels: labels === undefined ? [] : parseLabels(labels, folder),
  };
}

function parseLabels(text: string, folder: string): readonly string[] {
  try {
    const names = JSON.parse(text) as unknown;
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch {
    // said below
  }
  return fail("broken-run", `\`${join(folder, "labels.json")}\` is not a list of names`, undefined, folder);
}

/** The newest checkpoint of a run, or what was imported. */
export const filesOf = async (context: Context, run: Run): Promise<CheckpointFiles> =>
  run.beside
    ? new Map([["model.safetensors", readBytes(join(run.folder, "model.safetensors"), limits.tensors)]])
    : readCheckpoint(run.folder, (message) => warn(context, message));

export const weightsOf = (program: Program, files: CheckpointFiles): Weights =>
  readWeights(program, files.get("model.safetensors")!);
