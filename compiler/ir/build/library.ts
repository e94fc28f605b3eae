/**
 * The library's texts → Models, read at the first use and never again: a constant, like the texts.
 *
 * ```
 * block layer_norm(x[t, d], …) { … }      in tfmc/library/layers.tfm
 * ```
 */
import { librarySources } from "../../library/sources.js";
import type { Model } from "../../parser/model.js";
import { readTfm } from "../../parser/read-tfm.js";

const PREFIX = "tfmc/library/";
export const isLibraryFile = (file: string): boolean => file.startsWith(PREFIX);

/** The library's texts under the names that diagnostics give its places. */
export const librarySourceFiles = (): ReadonlyMap<string, string> =>
  new Map(Object.entries(librarySources).map(([name, text]) => [`${PREFIX}${name}.tfm`, text]));

let models: readonly Model[] | undefined;

export function libraryModels(): readonly Model[] {
  models ??= [...librarySourceFiles()].map(([file, text]) => readOwn(text, file));
  return models;
}

function readOwn(text: string, file: string): Model {
  const { model, diagnostics } = readTfm(text, file);
  const [first] = diagnostics;
  if (first) throw new Error(`internal: the library does not parse: ${first.span.file} ${first.message}`);
  return model;
}
