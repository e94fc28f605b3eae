/**
 * `import "attention.tfm"` in a file → that file's Model, read once.
 *
 * Paths are relative to the importing file. A broken import yields its own diagnostics here, beside those of `build`.
 */
import { dirname, isAbsolute, join, relative } from "node:path";
import type { Diagnostic } from "../compiler/diagnostics.js";
import type { Model } from "../compiler/parser/model.js";
import { read as readModel } from "../compiler/parser/read.js";
import type { Context } from "./context.js";
import { hasErrors } from "./context.js";
import { Failure } from "./failure.js";
import { limits, readText } from "./files.js";

export interface ImportResolver {
  readonly resolve: (path: string, from: string) => Model | undefined;
  /** Syntax diagnostics of the imported files. */
  readonly diagnostics: () => readonly Diagnostic[];
}

/** `kept` holds texts by their path relative to `root`; they come before what is on disk. */
export function createImportResolver(
  context: Context,
  root: string,
  kept: ReadonlyMap<string, string> = new Map(),
): ImportResolver {
  const models = new Map<string, Model | undefined>();
  const diagnostics: Diagnostic[] = [];
  const load = (file: string): Model | undefined => {
    const text = kept.get(relative(root, file)) ?? readIfThere(file);
    if (text === undefined) return undefined;
    const read = readModel(text, file);
    // Whatever it is, it is no model: nothing of what it holds is shown.
    if (read.model.declarations.length === 0 && hasErrors(read.diagnostics)) return undefined;
    context.sources.set(file, text);
    diagnostics.push(...read.diagnostics);
    return read.model;
  };
  return {
    resolve(path, from) {
      const file = isAbsolute(path) ? path : join(dirname(from), path);
      if (!models.has(file)) models.set(file, load(file));
      return models.get(file);
    },
    diagnostics: () => diagnostics,
  };
}

/** `build` says at the import that the file cannot be read. */
function readIfThere(file: string): string | undefined {
  try {
    return readText(file, limits.model);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
