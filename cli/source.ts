/**
 * FILE argument → source text and the name under which diagnostics speak of it.
 */
import { format } from "../compiler/index.js";
import { isJson } from "../compiler/parser/read.js";
import type { Context } from "./context.js";
import { decodeText, limits, readText } from "./files.js";

export interface Source {
  readonly file: string;
  readonly text: string;
}

/** `-` is standard input, under the name of --stdin-filepath. */
export async function readSource(context: Context, path: string): Promise<Source> {
  const source: Source =
    path === "-"
      ? {
          file: context.options.stdinFilepath,
          text: decodeText(await context.host.stdin(), "standard input"),
        }
      : { file: path, text: readText(path, limits.model) };
  context.sources.set(source.file, source.text);
  return source;
}

/** The source as a run folder keeps it: in the language, whatever it was written in. */
export function tfmTextOf({ file, text }: Source): string {
  return isJson(file) ? (format(text, file, "tfm").text ?? text) : text;
}
