/**
 * The library's texts → its declarations, each read at its first use and never again: a constant, like the texts.
 *
 * ```
 * block layer_norm(x[t, d], …) { … }      in tfmc/library/layers.tfm → { kind: "block", name: layer_norm, read }
 * ```
 * A declaration starts at the left margin, so its place is known before it is read; a model names a third of the library.
 */
import { librarySources } from "../../library/sources.js";
import type { Declaration, Name } from "../../parser/model.js";
import { readDeclarations } from "../../parser/read-tfm.js";

const PREFIX = "tfmc/library/";
export const isLibraryFile = (file: string): boolean => file.startsWith(PREFIX);

/** The library's texts under the names that diagnostics give its places. */
export const librarySourceFiles = (): ReadonlyMap<string, string> =>
  new Map(Object.entries(librarySources).map(([name, text]) => [`${PREFIX}${name}.tfm`, text]));

/** What the library declares; laws, which nothing names, are not among it. */
export interface LibraryEntry {
  readonly kind: "block" | "mask" | "score" | "model";
  readonly name: Name;
  readonly read: () => Declaration;
}

let entries: readonly LibraryEntry[] | undefined;

export function libraryEntries(): readonly LibraryEntry[] {
  entries ??= [...librarySourceFiles()].flatMap(([file, text]) => entriesOf(text, file));
  return entries;
}

const head = /^(block|mask|score|model|variant|law)[ \t]+([\p{XID_Start}_][\p{XID_Continue}]*)/gmu;

function entriesOf(text: string, file: string): readonly LibraryEntry[] {
  const heads = [...text.matchAll(head)];
  return heads.flatMap((match, n): readonly LibraryEntry[] => {
    const [whole, keyword, name] = match;
    if (keyword === "law") return [];
    const end = match.index + whole.length;
    const span = { file, start: end - name!.length, end };
    const [from, to] = [startOfDoc(text, match.index), heads[n + 1]?.index ?? text.length];
    return [
      {
        kind: keyword === "variant" ? "model" : (keyword as LibraryEntry["kind"]),
        name: { text: name!, span },
        read: once(() => readOwn(text, file, from, to)),
      },
    ];
  });
}

/** Where the lines of comment right above a declaration begin. */
function startOfDoc(text: string, start: number): number {
  const above = start < 2 ? -1 : text.lastIndexOf("\n", start - 2);
  return text[above + 1] === "#" && above + 1 < start ? startOfDoc(text, above + 1) : start;
}

function readOwn(text: string, file: string, from: number, to: number): Declaration {
  const { declarations, diagnostics } = readDeclarations(text, file, from, to);
  const [first] = diagnostics;
  if (first) throw new Error(`internal: the library does not parse: ${first.span.file} ${first.message}`);
  const [declaration] = declarations;
  if (!declaration) throw new Error(`internal: the library declares nothing at ${from} of ${file}`);
  return declaration;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
