/**
 * --data PATH → text; --val → its training and validation parts.
 */
import { fail } from "./failure.js";
import { isFolder, limits, readText, sha256, textFilesIn } from "./files.js";

export interface TextData {
  readonly training: string;
  readonly validation: string;
  readonly sha256: string;
}

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

/** `validation` is a fraction taken from the end, or another path. */
export function splitText(path: string, validation: string): TextData {
  const text = readTextData(path);
  const fraction = Number(validation);
  if (validation.trim() === "" || Number.isNaN(fraction)) {
    return { training: text, validation: readTextData(validation), sha256: sha256(text) };
  }
  if (fraction < 0 || fraction >= 1)
    fail("usage", `\`--val ${validation}\` is not a fraction from 0 up to but not including 1`);
  const cut = boundary(text, Math.round(text.length * (1 - fraction)));
  return { training: text.slice(0, cut), validation: text.slice(cut), sha256: sha256(text) };
}

/** Never between the halves of a surrogate pair. */
const boundary = (text: string, at: number): number => {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
};
