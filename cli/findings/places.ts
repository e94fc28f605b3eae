/**
 * A span → the file as a URI and the region as editors count it.
 *
 * ```
 * { file: "models/my nano.tfm", start: 17, end: 20 }  →  models/my%20nano.tfm, 2:3 – 2:6
 * ```
 */
import { isAbsolute, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { editorPosition } from "../../compiler/diagnostics.js";
import { isLibraryFile, librarySourceFiles } from "../../compiler/ir/build.js";
import type { Span } from "../../compiler/parser/model.js";

/** Lines and columns from 1, columns in UTF-16 units, the end exclusive. */
export interface Region {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface Places {
  /** Undefined where the span stands for its file as a whole, or the text is not at hand. */
  region(span: Span): Region | undefined;
  /** With `/`, relative to the folder in which tfmc was started where the file is below it. */
  path(file: string): string;
  uri(file: string): { readonly uri: string; readonly uriBaseId?: string };
}

export function createPlaces(sources: ReadonlyMap<string, string>): Places {
  const texts = new Map([...librarySourceFiles(), ...sources]);
  return { region: (span) => regionOf(span, texts.get(span.file)), path: pathOf, uri: uriOf };
}

function regionOf({ start, end }: Span, text: string | undefined): Region | undefined {
  if (text === undefined || (start === 0 && end === 0)) return undefined;
  const [from, to] = [editorPosition(text, start), editorPosition(text, end)];
  return { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
}

function pathOf(file: string): string {
  const below = isAbsolute(file) ? relative(process.cwd(), file) : file;
  const outside = isAbsolute(below) || below.startsWith("..");
  return (outside && isAbsolute(file) ? file : below).split(sep).join("/").replace(/^\.\//, "");
}

function uriOf(file: string): { readonly uri: string; readonly uriBaseId?: string } {
  const path = pathOf(file);
  if (isAbsolute(path)) return { uri: pathToFileURL(path).href };
  const uri = path.split("/").map(encodeURIComponent).join("/");
  return isLibraryFile(file) ? { uri } : { uri, uriBaseId: "%SRCROOT%" };
}
