/**
 * A path → one text; a share of it → its training and its validation part.
 */
import { fail } from "../failure.js";
import { isFolder, limits, readText, textFilesIn } from "../files.js";

/** A text file, or all text files of a folder, one after the other. */
export function readTextData(path: string): string {
  if (!isFolder(path)) return nonEmpty(readText(path, limits.text), path);
  const files = textFilesIn(path);
  if (files.length === 0)
    fail("bad-data", `\`${path}\` holds no text file`, "give a `.txt` file, or a folder of them", path);
  return nonEmpty(files.map((file) => readText(file, limits.text)).join("\n"), path);
}

function nonEmpty(text: string, path: string): string {
  return text.length > 0 ? text : fail("bad-data", `\`${path}\` is empty`, undefined, path);
}

/** The share is taken from the end. */
export function splitText(
  text: string,
  fraction: number,
): { readonly training: string; readonly validation: string } {
  const cut = boundary(text, Math.round(text.length * (1 - fraction)));
  return { training: text.slice(0, cut), validation: text.slice(cut) };
}

/** Never between the halves of a surrogate pair. */
const boundary = (text: string, at: number): number => {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
};
