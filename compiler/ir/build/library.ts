/**
 * The library's texts → Models, read at the first use and never again: a constant, like the texts.
 *
 * ```
 * block layer_norm(x[t, d], …) { … }      in tfmc/library/layers.tfm
 * ```
 */
import { librarySources } from "../../library/sources.js";
import type { Model } from "../../parser/model.js";
import { unpackModel } from "../../parser/packed.js";
import { readTfm } from "../../parser/read-tfm.js";
import { hashText } from "../hash.js";
import { packedModels } from "./packed-library.js";

const PREFIX = "tfmc/library/";
export const isLibraryFile = (file: string): boolean => file.startsWith(PREFIX);
/** The name under which diagnostics speak of a text of the library. */
export const libraryFile = (name: string): string => `${PREFIX}${name}.tfm`;

/** The library's texts under the names that diagnostics give its places. */
export const librarySourceFiles = (): ReadonlyMap<string, string> =>
  new Map(Object.entries(librarySources).map(([name, text]) => [libraryFile(name), text]));

let models: readonly Model[] | undefined;

export function libraryModels(): readonly Model[] {
  models ??= Object.entries(librarySources).map(
    ([name, text]) => unpacked(name, text) ?? readOwn(text, libraryFile(name)),
  );
  return models;
}

/** The packed form, where it is of this very text: a text that was edited since is read. */
function unpacked(name: string, text: string): Model | undefined {
  const packed = packedModels[name];
  return packed?.of === hashText(text) ? unpackModel(packed.model, libraryFile(name)) : undefined;
}

function readOwn(text: string, file: string): Model {
  const { model, diagnostics } = readTfm(text, file);
  const [first] = diagnostics;
  if (first) throw new Error(`internal: the library does not parse: ${first.span.file} ${first.message}`);
  return model;
}
