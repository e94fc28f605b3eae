/**
 * FILE… and --variants → what is compared: a model of a file each, under a name of its own.
 *
 * ```
 * nano.tfm post-ln.tfm              nano, post_ln      the first model of each
 * gpt.tfm --variants post,rms       gpt, post, rms     the file's first, and these
 * gpt.tfm                           all models of the file
 * ```
 */
import { basename, extname } from "node:path";
import { parse } from "../../compiler/index.js";
import { nearest } from "../../compiler/nearest.js";
import type { Context } from "../context.js";
import { reportDiagnostics } from "../context.js";
import { fail } from "../failure.js";
import type { Source } from "../source.js";
import { readSource } from "../source.js";
import type { CompareOptions } from "./options.js";

export interface Variant {
  /** Unique here; also the name of its run folders. */
  readonly name: string;
  readonly source: Source;
  readonly model: string;
}

/** Undefined where a file has errors: they have been reported. */
export async function variantsOf(
  context: Context,
  files: readonly string[],
  { variants }: CompareOptions,
): Promise<readonly Variant[] | undefined> {
  if (files.length === 0)
    fail("usage", "`compare` needs a model", "`tfmc compare FILE… --data PATH`, or `--report-only FOLDER`");
  if (files.includes("-"))
    fail("usage", "`compare` reads its models from files", "save it under a name first");
  if (variants && files.length > 1)
    fail("usage", "--variants speaks of one file", "give one file, or several without --variants");
  const sources: Source[] = [];
  for (const file of files) sources.push(await readSource(context, file));
  const read = sources.map((source) => ({ source, ...parse(source.text, source.file) }));
  if (
    reportDiagnostics(
      context,
      read.flatMap(({ diagnostics }) => diagnostics),
    ) !== 0
  )
    return undefined;
  const found = read.flatMap(({ source, model }) => {
    const names = model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []));
    if (names.length === 0) fail("usage", `\`${source.file}\` has no model`, undefined, source.file);
    const chosen = files.length > 1 ? [names[0]!] : variants ? chosenOf(source, names, variants) : names;
    return chosen.map((name) => ({ source, model: name }));
  });
  return distinct(found);
}

function chosenOf(
  { file }: Source,
  names: readonly string[],
  variants: readonly string[],
): readonly string[] {
  for (const name of variants) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    fail(
      "usage",
      `\`${file}\` has no model \`${name}\``,
      near === undefined ? `it has ${names.join(", ")}` : `did you mean \`${near}\`?`,
      file,
    );
  }
  return [...new Set([names[0]!, ...variants])];
}

/** The model's name, else with the file's before it, else numbered. */
function distinct(found: readonly Omit<Variant, "name">[]): readonly Variant[] {
  const taken = new Set<string>();
  return found.map(({ source, model }) => {
    const file = basename(source.file, extname(source.file));
    const shared = found.filter((other) => other.model === model).length > 1;
    const base = (shared ? `${file}.${model}` : model).replace(/[^\p{L}\p{N}_.-]/gu, "_");
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    return { name, source, model };
  });
}
