/**
 * A run folder → the compiled model, its tokenizer, its weights.
 */
import { join } from "node:path";
import type { Program } from "../runtime/program.js";
import type { Tokenizer } from "../runtime/tokenizer.js";
import type { Weights } from "../runtime/weights.js";
import { readWeights } from "../runtime/weights.js";
import type { CheckpointFiles } from "./checkpoint.js";
import type { Context } from "./context.js";
import { compileSource } from "./load.js";
import type { Run } from "./run-folder.js";
import type { Source } from "./source.js";
import { parseTokenizer } from "./tokenizers.js";

export interface OpenedRun {
  readonly program: Program;
  readonly tokenizer: Tokenizer;
}

/** Undefined where its source no longer compiles: what is wrong has been reported. */
export function openRun(context: Context, run: Run): OpenedRun | undefined {
  const source: Source = { file: join(run.folder, "model.tfm"), text: run.source };
  context.sources.set(source.file, source.text);
  const imports = new Map(Object.entries(run.resolved.imports));
  const loaded = compileSource(context, source, run.resolved.settings, {
    entry: run.resolved.model,
    imports,
  });
  return loaded && { program: loaded.program, tokenizer: parseTokenizer(run.tokenizer) };
}

export const weightsOf = (program: Program, files: CheckpointFiles): Weights =>
  readWeights(program, files.get("model.safetensors")!);
